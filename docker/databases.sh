#!/bin/bash
# Run by PostgreSQL's image when it first starts: a database and a role for each store. None can
# connect to another's.
set -euo pipefail
for name in dagster mlflow predictions; do
    password=$(cut -d: -f5 "/run/secrets/$name.pgpass")
    psql --username postgres --no-password --quiet --set ON_ERROR_STOP=1 <<SQL
CREATE ROLE $name LOGIN PASSWORD '$password';
CREATE DATABASE $name OWNER $name;
REVOKE ALL ON DATABASE $name FROM PUBLIC;
SQL
done
