#!/bin/sh
# Creates the namespace when it is missing. Its retention is how long the UI shows what has ended; decisions and their
# evidence lie in Cosignet's own database.
set -eu
if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
	temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 30d
fi
