#!/bin/sh
# Install the PostgreSQL server that the tests start, or say how.
set -e
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql
else
    echo "The tests start a PostgreSQL server of their own. Install the package postgresql, then run make test again." >&2
    exit 1
fi
