"""What follows the champion's alias: a process that writes the bundle of each new champion.

MLflow is asked here and nowhere else in serving: it costs seconds to import, and is slow to answer
now and then; the API only looks at the folder that is written here.
"""

import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime

from attrition_assets.adapters.bundles import Bundles
from attrition_assets.adapters.files import alone, write_atomically
from attrition_assets.adapters.registry import Registry
from attrition_assets.contract import read_contract
from attrition_assets.errors import AttritionError
from attrition_assets.serving.logs import log_json_lines
from attrition_assets.settings import Settings, load_settings
from attrition_assets.values import Value

SECONDS = 2.0
_LOG = logging.getLogger(__name__)


class Watch(Value):
    """How the registry was found the last time: by when, and what was wrong; nothing if all was."""

    at: AwareDatetime
    fault: str = ""


def follow_once(registry: Registry, folder: Path, home: Path, now: datetime) -> Watch:
    """Let the current bundle be the champion's; the last good one stays if that cannot be."""
    bundles = Bundles(folder)
    fault = ""
    try:
        version = registry.champion_version()
        with alone(folder / "lock"):  # each API has a follower, and all write here
            current = bundles.current()
            if version and (current is None or not current.name.startswith(f"{version}-")):
                card = home / "reports" / "models" / str(version) / "card.md"
                bundles.write(registry, version, card, now)
                _LOG.warning("version %s is served from now on", version)
    except AttritionError as error:
        fault = str(error)
    watch = Watch(at=now, fault=fault)
    write_atomically(folder / "watch.json", watch.model_dump_json().encode())
    return watch


def follow(settings: Settings, parent: int) -> None:
    """Follow the champion until the process that started this one, `parent`, is gone."""
    registry = Registry(
        settings.mlflow_uri, settings.home, read_contract(settings.contract), settings.unit
    )
    known = ""
    while os.getppid() == parent:
        found = follow_once(registry, settings.serving_folder, settings.home, datetime.now(UTC))
        if found.fault not in ("", known):
            _LOG.warning("the champion cannot be followed: %s", found.fault)
        known = found.fault
        time.sleep(SECONDS)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is ended by the API that started it
    log_json_lines(logging.WARNING)
    unit = sys.argv[2] if sys.argv[2:] else None
    follow(load_settings().choose_unit(unit), int(sys.argv[1]))
