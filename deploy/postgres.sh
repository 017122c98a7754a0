#!/bin/sh
# Runs once, when the volume is empty: two roles, each the owner of its own databases and a stranger to the other's.
set -eu
psql --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
	--set=cosignet="$COSIGNET_DB_PASSWORD" --set=temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE cosignet LOGIN PASSWORD :'cosignet';
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE cosignet OWNER cosignet;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE cosignet, temporal, temporal_visibility FROM PUBLIC;
SQL
