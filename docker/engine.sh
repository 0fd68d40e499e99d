#!/usr/bin/env bash
# Makes a Docker engine usable here, where it can; quick if there is one already.
#
#   docker/engine.sh              an engine that answers, compose v2, buildx, the two base images
#   docker/engine.sh --registry   and a registry on 127.0.0.1:5000
#   docker/engine.sh stop         ends the engine and the registry that it started itself
#   docker/engine.sh stop-registry   ends that registry alone
#
# What is there is used as it is. What is absent is installed only as root on Debian. Ends with 69
# where no engine can be had: whoever called it then says "skipped", never "passed".
# Logs and process ids lie in $ATTRITION_ENGINE, by default a folder of the user's cache.
set -euo pipefail

UNAVAILABLE=69
STATE=${ATTRITION_ENGINE:-${XDG_CACHE_HOME:-$HOME/.cache}/attrition-docker}
# Where docker itself looks for plugins: who calls this needs no variable.
PLUGINS=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins
BASE=python:3.11-slim-bookworm
POSTGRES=postgres:15
STAND_IN=attrition.stand-in
REGISTRY=127.0.0.1:5000
REGISTRY_NAME=attrition-registry # of the container, where it is one
export DEBIAN_FRONTEND=noninteractive
mkdir -p "$STATE"

say() { echo "engine: $*"; }

give_up() {
    echo "engine: NO DOCKER HERE: $*" >&2
    exit "$UNAVAILABLE"
}

# An engine or registry that this script started: its process id is kept with its name.
started() {
    local file=$STATE/$1.pid
    [ -s "$file" ] && alive "$(cat "$file")" "$2"
}

# One that ended and was not yet fetched has its name still, and no program.
alive() { # process id, name
    [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ] && readlink "/proc/$1/exe" >/dev/null
}

wait_for() { # what, seconds, command ...
    local what=$1 until=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || give_up "$what does not answer; its log is in $STATE"
        sleep 0.2
    done
}

install() { # packages
    [ "$(id -u)" = 0 ] || give_up "$* must be installed, which takes root: install Docker by hand"
    command -v apt-get >/dev/null || give_up "$* must be installed, and this is no Debian: do it by hand"
    say "installing $*"
    # RUNLEVEL=1 keeps packages from starting services of their own.
    { apt-get -o DPkg::Lock::Timeout=300 update &&
        RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"; } \
        >"$STATE/apt.log" 2>&1 || give_up "apt cannot install $*: see $STATE/apt.log"
}

mirror() { # of this machine's own apt sources
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' |
        grep -v -- -security | sed 's#/*$##' | head -n 1
}

start_engine() {
    docker version >/dev/null 2>&1 && return
    command -v dockerd >/dev/null || install docker.io iptables
    [ "$(id -u)" = 0 ] || give_up "no engine answers, and starting one takes root: start Docker"
    say "starting dockerd, log in $STATE/dockerd.log"
    # One that was killed leaves its number, which another process may have by now.
    alive "$(cat /var/run/docker.pid 2>/dev/null)" dockerd || rm -f /var/run/docker.pid
    nohup setsid dockerd >>"$STATE/dockerd.log" 2>&1 &
    echo $! >"$STATE/dockerd.pid"
    wait_for dockerd 60 docker version
}

add_plugins() {
    docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1 && return
    grep -q '^VERSION_CODENAME=bookworm' /etc/os-release ||
        give_up "docker compose and docker buildx are absent: install Docker's two plugins"
    [ "$(id -u)" = 0 ] || give_up "docker compose and docker buildx are absent: install the plugins"
    # bookworm has neither; those of the next release need only libc. Nothing of it is installed:
    # apt looks at it in a state of its own.
    say "taking compose and buildx from the next Debian release, into $PLUGINS"
    local own=$STATE/next
    mkdir -p "$own/lists/partial" "$own/cache/archives/partial" "$PLUGINS"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) trixie main" \
        >"$own/sources.list"
    (
        cd "$own"
        apt=(apt-get -o "Dir::Etc::sourcelist=$own/sources.list" -o Dir::Etc::sourceparts=-
            -o "Dir::State::lists=$own/lists" -o "Dir::Cache=$own/cache" -o APT::Sandbox::User=root)
        "${apt[@]}" update && "${apt[@]}" download docker-compose docker-buildx &&
            for package in docker-*.deb; do dpkg -x "$package" unpacked; done
    ) >"$STATE/plugins.log" 2>&1 || give_up "the plugins cannot be had: see $STATE/plugins.log"
    cp "$own"/unpacked/usr/libexec/docker/cli-plugins/docker-{compose,buildx} "$PLUGINS/"
    rm -rf "$own"
    docker compose version >/dev/null && docker buildx version >/dev/null ||
        give_up "the plugins in $PLUGINS do not run"
}

# Found here, or pulled; else a stand-in is made, and that is said each time. With STAND_INS=1, for
# machines that reach no registry, none is asked.
need_image() { # name, what makes the stand-in
    local made
    if ! docker image inspect "$1" >/dev/null 2>&1; then
        if [ "${STAND_INS:-}" = 1 ]; then
            echo "not tried: STAND_INS=1" >"$STATE/pull.log"
        else
            timeout 600 docker pull --quiet "$1" >"$STATE/pull.log" 2>&1 && return
        fi
        [ "$(id -u)" = 0 ] && grep -q '^VERSION_CODENAME=bookworm' /etc/os-release ||
            give_up "$1 cannot be pulled ($(tail -n 1 "$STATE/pull.log"))"
        say "$1 cannot be pulled: making a stand-in"
        "$2" >"$STATE/stand-in.log" 2>&1 || give_up "no stand-in of $1: see $STATE/stand-in.log"
    fi
    made=$(docker image inspect --format "{{index .Config.Labels \"$STAND_IN\"}}" "$1")
    if [ -n "$made" ]; then
        say "!!! $1 IS A STAND-IN, made of Debian's packages: it proves the Dockerfile, not that base"
    fi
}

make_base() {
    command -v debootstrap >/dev/null || install debootstrap
    local root=$STATE/base
    rm -rf "$root"
    debootstrap --variant=minbase \
        --include=python3,python3-venv,python3-pip,ca-certificates,netbase,tzdata \
        bookworm "$root" "$(mirror)"
    ln -s ../../bin/python3 "$root/usr/local/bin/python"
    ln -s ../../bin/python3 "$root/usr/local/bin/python3"
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    # What this machine trusts, the build must trust: it may sit behind a proxy of its own.
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" || true
    chroot "$root" update-ca-certificates
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" -c . | docker import --change "LABEL $STAND_IN=$BASE" \
        --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' \
        --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' \
        --change 'ENV REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt' \
        --change 'CMD ["python3"]' - "$BASE"
    rm -rf "$root"
}

# The variables, folders and signals of the official image, as far as docker-compose.yml needs them.
make_postgres() {
    local context=$STATE/postgres
    rm -rf "$context"
    mkdir -p "$context"
    cat >"$context/Dockerfile" <<END
FROM $BASE
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \\
    && apt-get update && apt-get install -y --no-install-recommends postgresql-15 gosu locales \\
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15 \\
    && localedef -i en_US -c -f UTF-8 -A /usr/share/locale/locale.alias en_US.UTF-8 \\
    && mkdir -p /docker-entrypoint-initdb.d \\
    && install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data \\
    && install -d -o postgres -g postgres -m 3777 /var/run/postgresql
ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/usr/lib/postgresql/15/bin LANG=en_US.UTF-8 PGDATA=/var/lib/postgresql/data
COPY --chmod=755 docker-entrypoint.sh /usr/local/bin/
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
EXPOSE 5432
LABEL $STAND_IN=$POSTGRES
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
END
    cat >"$context/docker-entrypoint.sh" <<'END'
#!/bin/bash
set -euo pipefail
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" && chown postgres "$PGDATA" /var/run/postgresql && chmod 700 "$PGDATA"
    exec gosu postgres "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    export POSTGRES_USER=${POSTGRES_USER:-postgres}
    password=${POSTGRES_PASSWORD:-$(cat "$POSTGRES_PASSWORD_FILE")}
    initdb --username="$POSTGRES_USER" --pwfile=<(echo "$password") ${POSTGRES_INITDB_ARGS:-}
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    for file in /docker-entrypoint-initdb.d/*.sh; do
        [ ! -e "$file" ] || PGPASSWORD=$password bash "$file"
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@" -c listen_addresses='*'
END
    DOCKER_BUILDKIT=1 docker build --progress=plain --tag "$POSTGRES" "$context"
    rm -rf "$context"
}

start_registry() {
    local answers=(curl --silent --fail "http://$REGISTRY/v2/")
    command -v curl >/dev/null || install curl
    "${answers[@]}" >/dev/null 2>&1 && return
    if ! command -v docker-registry >/dev/null && [ "${STAND_INS:-}" != 1 ] &&
        docker run --detach --rm --name "$REGISTRY_NAME" --publish "$REGISTRY:5000" registry:2 \
            >"$STATE/registry.log" 2>&1; then
        wait_for "the registry" 30 "${answers[@]}"
        return
    fi
    command -v docker-registry >/dev/null || install docker-registry
    mkdir -p "$STATE/registry"
    cat >"$STATE/registry.yml" <<END
version: 0.1
storage:
  filesystem: {rootdirectory: $STATE/registry}
  delete: {enabled: true}
http: {addr: $REGISTRY}
END
    say "starting a registry on $REGISTRY, log in $STATE/registry.log"
    nohup setsid docker-registry serve "$STATE/registry.yml" >"$STATE/registry.log" 2>&1 &
    echo $! >"$STATE/registry.pid"
    wait_for "the registry" 30 "${answers[@]}"
}

stop() { # what, the name of its process
    started "$1" "$2" || return 0
    say "stopping $1"
    kill "$(cat "$STATE/$1.pid")"
    while started "$1" "$2"; do sleep 0.2; done
    rm -f "$STATE/$1.pid"
}

stop_registry() {
    stop registry docker-registry
    docker rm --force "$REGISTRY_NAME" >/dev/null 2>&1 || true
}

case ${1:-} in
stop)
    stop_registry
    stop dockerd dockerd
    exit
    ;;
stop-registry)
    stop_registry
    exit
    ;;
"" | --registry) ;;
*)
    echo "engine: $1 is not known; accepted are stop, stop-registry and --registry" >&2
    exit 2
    ;;
esac

start_engine
add_plugins
need_image "$BASE" make_base
need_image "$POSTGRES" make_postgres
[ "${1:-}" != --registry ] || start_registry
say "ready: $(docker version --format 'engine {{.Server.Version}}'), compose $(docker compose version --short)"
