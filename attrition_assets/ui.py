"""`make ui` and `make serve`: several services at once, all on 127.0.0.1.

The first are Dagster's webserver and daemon, MLflow and the reports; the others the two APIs, the
pages and MLflow.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from attrition_assets.errors import AttritionError, SettingsError
from attrition_assets.settings import PROJECT_ROOT, Settings

HOST = "127.0.0.1"
PORTS = {
    **{"dagster": 3000, "mlflow": 5001, "reports": 5002},
    **{"predictions": 8000, "drift": 8001, "frontend": 8501},
}
SHOWN = {
    "dagster-webserver": ("Dagster", "dagster"),
    "mlflow": ("MLflow", "mlflow"),
    "reports": ("reports", "reports"),
    "predictions": ("prediction API", "predictions"),
    "drift": ("drift API", "drift"),
    "frontend": ("pages", "frontend"),
}


def list_served(settings: Settings) -> dict[str, list[str]]:
    """The commands of `make serve`, by name."""
    attrition = str(Path(sys.executable).parent / "attrition")
    unit = [] if settings.unit is None else ["--unit", settings.unit]
    apis = {
        name: [attrition, *unit, "serve", name] for name in ("predictions", "drift", "frontend")
    }
    return {"mlflow": list_services(settings)["mlflow"], **apis}


def list_services(settings: Settings) -> dict[str, list[str]]:
    """The commands of `make ui`, by name."""
    bin_folder, workspace = Path(sys.executable).parent, str(PROJECT_ROOT / "workspace.yaml")
    reports = settings.instance_home / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    for each in settings.by_unit():  # where `reports_url` of a unit leads
        if each.unit is not None and not (reports / each.unit).is_symlink():
            if (reports / each.unit).exists():
                raise SettingsError(
                    f"{reports / each.unit} is there, where the reports of the unit {each.unit} "
                    "are to be seen: move it away"
                )
            (reports / each.unit).symlink_to(each.home / "reports")
    return {
        "dagster-webserver": [
            *(str(bin_folder / "dagster-webserver"), "--workspace", workspace),
            *("--host", HOST, "--port", str(PORTS["dagster"])),
        ],
        "dagster-daemon": [str(bin_folder / "dagster-daemon"), "run", "--workspace", workspace],
        "mlflow": [
            *(str(bin_folder / "mlflow"), "server", "--backend-store-uri", settings.mlflow_uri),
            *("--host", HOST, "--port", str(PORTS["mlflow"]), "--workers", "1"),
        ],
        "reports": [
            *(sys.executable, "-m", "http.server", str(PORTS["reports"])),
            *("--bind", HOST, "--directory", str(reports)),
        ],
    }


def run_services(
    settings: Settings, services: dict[str, list[str]], say: Callable[[str], None]
) -> None:
    """Run services until interrupted, their output in `home/service-logs`.

    Raises AttritionError, and stops the others, if one of them ends.
    """
    logs = settings.home / "service-logs"  # Dagster empties a folder called logs
    logs.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(settings.instance_home),
        "ATTRITION_HOME": str(settings.instance_home),
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # MLflow's job runner, for evaluating language models, would start five processes.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    running: dict[str, subprocess.Popen[bytes]] = {}
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        for name, command in services.items():
            with (logs / f"{name}.log").open("wb") as log:
                running[name] = subprocess.Popen(
                    command, env=environment, cwd=PROJECT_ROOT, stdout=log, stderr=log
                )
        for title, port in (SHOWN[name] for name in services if name in SHOWN):
            say(f"{title:<15} http://{HOST}:{PORTS[port]}")
        say(f"State in {settings.home}, logs in {logs}. Ready in about 20 seconds; Ctrl-C stops.")
        while True:
            for name, process in running.items():
                if process.poll() is not None:
                    raise AttritionError(
                        f"{name} ended with code {process.returncode}: see {logs / name}.log (is "
                        "its port taken?)"
                    )
            time.sleep(1)
    except KeyboardInterrupt:
        say("stopping ...")
    finally:
        _stop(running)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _stop(running: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in running.values():
        process.terminate()
    for process in running.values():
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
