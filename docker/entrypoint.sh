#!/bin/sh
# What every image runs first: passwords of databases, and Dagster's configuration.
set -eu
umask 077
# libpq reads a password's file only if nobody else may, which is not so of a mounted secret. A copy
# in memory, and no password in the environment.
find /run/secrets -name '*.pgpass' -exec cat {} + 2>/dev/null >"$PGPASSFILE" || true
# Dagster looks for its configuration in its home, which is a volume. What is mounted in /run/dagster
# is added; a run's container has nothing there, and leaves it as it is.
if [ -n "${DAGSTER_HOME:-}" ] && { [ -d /run/dagster ] || [ ! -e "$DAGSTER_HOME/dagster.yaml" ]; }; then
    cat /app/dagster.yaml $(ls /run/dagster/*.yaml 2>/dev/null) >"$DAGSTER_HOME/.dagster.yaml.$$.$(hostname)"
    mv "$DAGSTER_HOME/.dagster.yaml.$$.$(hostname)" "$DAGSTER_HOME/dagster.yaml"
fi
exec "$@"
