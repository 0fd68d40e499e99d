#!/bin/sh
# What every image runs first: passwords of databases, and Dagster's configuration.
set -eu
# libpq reads a password's file only if it is its user's own and nobody else's, which a mounted
# secret is not. A copy in memory, and no password in the environment.
umask 077
cat /dev/null $(find /run/secrets -name '*.pgpass' 2>/dev/null) >"$PGPASSFILE"
# Dagster looks for its configuration in its home, which is a volume.
if [ -n "${DAGSTER_HOME:-}" ] && [ ! -e "$DAGSTER_HOME/dagster.yaml" ]; then
    ln -sfn /app/dagster.yaml "$DAGSTER_HOME/dagster.yaml"
fi
exec "$@"
