#!/usr/bin/env bash
# A month by the workflow monthly.yml: at the deployment that is named, else by the stack of
# docker-compose.yml on this machine, unless the machine and the state with it end with the job.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -n "${DEPLOYMENT:-}" ]; then
    url=$DEPLOYMENT
elif [ "${RUNNER_KIND:-}" = self-hosted ]; then
    make up
    url=http://$(docker compose port webserver 3000)
else
    echo "REFUSED: this runner ends with the job, and all state would with it: models, months and" \
        "decisions. Set the secret ATTRITION_DEPLOYMENT to the address of a Dagster that runs" \
        "elsewhere, or the variable ATTRITION_RUNNER to the labels of a runner of your own, such" \
        'as ["self-hosted", "attrition"]: docs/deployment.md' >&2
    exit 1
fi
.venv/bin/attrition run ${MONTH:+"$MONTH"} --at "$url"
# Of the stack here; of a deployment elsewhere they are its own affair.
[ -n "${DEPLOYMENT:-}" ] || ! grep -q '^IMAGE_REGISTRY=.' .env || make images
