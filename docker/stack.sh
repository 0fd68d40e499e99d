#!/usr/bin/env bash
# The stack of docker-compose.yml:  docker/stack.sh up | down | images | backup | restore FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
SECRETS=docker/secrets
DATABASES="dagster mlflow predictions"

fail() {
    echo "stack: $*" >&2
    exit 1
}

# The project's name, which COMPOSE_PROJECT_NAME may change.
name() { docker compose config --format json | grep -m 1 -o '"name": "[^"]*"' | cut -d '"' -f 4; }

runs() { docker ps --quiet --filter "label=attrition.stack=$(name)" "$@"; }

make_secret() { # name, what stands before the password
    [ -e "$SECRETS/$1" ] || printf '%s%s\n' "$2" "$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')" >"$SECRETS/$1"
}

prepare() {
    docker/engine.sh
    [ -e .env ] || install -m 600 .env.example .env
    grep -q '^HOST_FOLDER=' .env || printf '\n# Found by make up.\nHOST_FOLDER=%s\nDOCKER_GID=%s\n' \
        "$PWD" "$(stat -Lc %g /var/run/docker.sock)" >>.env
    if [ ! -e "$SECRETS/postgres" ]; then
        if docker volume inspect "$(name)_postgres" >/dev/null 2>&1; then
            fail "the volume $(name)_postgres is there and $SECRETS, its passwords, is not: bring the" \
                "folder back, or begin anew: docker volume rm $(name)_postgres $(name)_mlflow $(name)_state"
        fi
        # Others' eyes are kept out by the folder: each container's user must read the files in it.
        install -d -m 700 "$SECRETS"
        for database in $DATABASES; do
            make_secret "$database.pgpass" "postgres:5432:$database:$database:"
        done
        make_secret postgres ""  # the last: where it is, all are
        chmod 444 "$SECRETS"/*
    fi
}

up() {
    prepare
    REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)
    export REVISION
    docker compose build --quiet
    docker compose up --detach --wait --remove-orphans
    local service
    for service in webserver:3000 mlflow:5001 api:8000 drift-api:8001 frontend:8501; do
        printf '%-10s http://%s\n' "${service%:*}" "$(docker compose port "${service%:*}" "${service#*:}")"
    done
    echo "A key to sign in with: docker compose exec code attrition key add NAME --scope read"
}

# Runs are no part of the composed stack, and would keep its network. The volumes stay.
down() {
    docker compose stop daemon
    local left
    left=$(runs --all)
    [ -z "$left" ] || docker rm --force $left >/dev/null
    docker compose down --remove-orphans
}

# Images of the newest version, by this machine's Docker, which no container of the stack reaches: the
# asset `images` in a home of its own, with what it reads of the stack's state. The stack is told what
# came out. One at a time.
images() {
    local work registry mlflow contract names
    docker version >/dev/null
    [ -n "$(docker compose ps --quiet code)" ] || fail "the stack is not up here: make up"
    exec 9<.env && flock 9
    registry=$(sed -n 's/^IMAGE_REGISTRY=//p' .env)
    mlflow=$(docker compose port mlflow 5001)
    contract=$(docker compose exec -T code printenv ATTRITION_CONTRACT || true)
    work=$(mktemp -d)
    trap "rm -rf '$work'" EXIT
    docker compose exec -T code sh -c \
        'cd /state && mkdir -p images reports/models && tar -cf - images reports/models' | tar -C "$work" -xf -
    [ -z "$contract" ] || docker compose exec -T code cat "$contract" >"$work/contract.yaml"
    names=$(compgen -e | sed -n 's/^ATTRITION_/--unset=&/p')
    env $names ATTRITION_HOME="$work" DAGSTER_HOME="$work" ATTRITION_MLFLOW_URI="http://$mlflow" \
        ATTRITION_IMAGES=build ${registry:+ATTRITION_IMAGES=push "ATTRITION_IMAGE_REGISTRY=$registry"} \
        ${contract:+"ATTRITION_CONTRACT=$work/contract.yaml"} \
        .venv/bin/dagster asset materialize -m attrition_assets.definitions --select images
    docker compose exec -T code attrition record-images \
        <"$(ls -t "$work"/images/[0-9]*.json | head -n 1)"
}

# The three databases first, then the files: what a row names was written before the row was.
# No run may be under way; the APIs go on.
backup() {
    local folder
    folder=backups/$(date -u +%Y-%m-%dT%H%M%SZ)
    docker compose stop daemon
    trap 'docker compose start daemon' EXIT
    [ -z "$(runs)" ] || fail "a run is under way: wait until it has ended, then make backup again"
    install -d -m 700 backups "$folder.tmp"
    for database in $DATABASES; do
        docker compose exec -T postgres pg_dump --username postgres --format custom "$database" \
            >"$folder.tmp/$database.dump"
    done
    docker compose exec -T code tar -C /state -cf - . >"$folder.tmp/state.tar"
    docker compose exec -T mlflow tar -C /state -cf - . >"$folder.tmp/mlflow.tar"
    (cd "$folder.tmp" && sha256sum -- * >SHA256SUMS)
    mv "$folder.tmp" "$folder"
    echo "backed up in $folder; it holds personal data, and no password: make restore FROM=$folder"
}

restore() {
    local folder=${1:-}
    [ -f "$folder/SHA256SUMS" ] || fail "name a folder that make backup made: make restore FROM=backups/..."
    (cd "$folder" && sha256sum --quiet --check SHA256SUMS) || fail "$folder is not as it was written"
    prepare
    down
    docker compose up --detach --wait postgres
    for database in $DATABASES; do
        docker compose exec -T postgres dropdb --username postgres --if-exists --force "$database"
        docker compose exec -T postgres createdb --username postgres --owner "$database" "$database"
        docker compose exec -T postgres psql --username postgres --quiet --command \
            "REVOKE ALL ON DATABASE $database FROM PUBLIC"
        docker compose exec -T postgres pg_restore --username postgres --exit-on-error \
            --dbname "$database" <"$folder/$database.dump"
    done
    fill code <"$folder/state.tar"
    fill mlflow <"$folder/mlflow.tar"
    up
}

fill() { # service: its volume becomes what comes on standard input
    docker compose run --rm --no-deps -T "$1" sh -c 'find /state -mindepth 1 -delete && tar -C /state -xf -'
}

case ${1:-} in
up) up ;;
down) down ;;
images) images ;;
backup) backup ;;
restore) restore "${2:-}" ;;
*) fail "'${1:-}' is not known; accepted are up, down, images, backup and restore FOLDER" ;;
esac
