#!/bin/sh
# Brings Temporal's two databases to the schema of this version, at every start.
set -eu
prepare() {
	tool="temporal-sql-tool --plugin postgres12 --ep $POSTGRES_SEEDS -u temporal -p 5432 --db $1"
	$tool setup-schema -v 0.0
	$tool update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}
prepare temporal temporal
prepare temporal_visibility visibility
