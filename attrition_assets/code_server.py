"""Dagster's code server in a container, which also tells what each run's container is given.

The launcher knows neither settings nor secrets: it is told them with the code (Dagster's container
context), so that they stand in one place, the code server's own in docker-compose.yml. STACK is the
name of that; a secret is a file that is mounted from the host, and HOST_SECRETS its folder there.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrition_assets.settings import PREFIX

SECRETS = Path("/run/secrets")
LABEL = "attrition.stack"  # by which docker/stack.sh finds the containers of runs
COMMAND = (
    *("dagster", "api", "grpc", "--host", "0.0.0.0", "--port", "4000"),
    *("--module-name", "attrition_assets.definitions"),
)


def describe_container(environment: Mapping[str, str], secrets: list[str]) -> dict[str, Any]:
    """What a run's container is given: settings, network, state, and the files of `secrets`."""
    settings = {name: environment[name] for name in environment if name.startswith(PREFIX)}
    stack, folder = environment["STACK"], environment["HOST_SECRETS"]
    mounted = [f"{folder}/{name}:{SECRETS / name}:ro" for name in sorted(secrets)]
    return {
        "env_vars": [f"{name}={value}" for name, value in sorted(settings.items())],
        "docker": {
            "networks": [stack],
            "container_kwargs": {
                "labels": {LABEL: stack},
                "volumes": [f"{stack}_state:/state", *mounted],
            },
        },
    }


if __name__ == "__main__":
    context = describe_container(os.environ, [path.name for path in SECRETS.iterdir()])
    os.execvpe(
        COMMAND[0], COMMAND, {**os.environ, "DAGSTER_CONTAINER_CONTEXT": json.dumps(context)}
    )
