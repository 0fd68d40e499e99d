"""A company whose next month calls for retraining, undisturbed: a home for each stage of its way.

They are made once, and no process that a round starts has seen them: MLflow would remember paths.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dagster import DagsterInstance

from attrition_assets.adapters.outbox import Outbox
from attrition_assets.defs.retraining import retraining_config
from attrition_assets.demo import RETRAIN, RUN_KEY_TAG, SENSOR_TAG, Loop, prepare_home
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.shifts import PayInflation, Shift
from attrition_assets.simulation.shipped import write_company

from .forked import command, do
from .site import copy_home

# Pay rises in 2025-04; the first model is as of 2025-01, so its cool-down of three months is over.
FIRST, FAILING, AFTER = "2025-01", "2025-04", "2025-05"
PROMOTE = ("promote", "--version", "2", "--override", "--reason", "a new pay scale", "--who", "Ada")
ROLL_BACK = ("rollback", "--reason", "a complaint", "--who", "Ada")


@dataclass(frozen=True)
class Stages:
    """The homes, by what was done last, and the seconds that it took with nothing disturbed.

    `ready`: months to 2025-03 accepted, a first model. Then one after the other: `judged`, 2025-04
    was run; `retrained`, as the sensor asked; `promoted`, version 2 by a person; `rolled back`; and
    2025-05 `scored by 2` and `scored by 1`, after the promotion and after the rollback.
    """

    folder: Path

    def settings(self, stage: str) -> Settings:
        return Settings.from_environment(
            {
                "ATTRITION_HOME": str(self.folder / stage / "home"),
                "ATTRITION_DATA": str(self.folder / "data"),
                "ATTRITION_TRIALS": "1",
            }
        )

    def seconds(self, stage: str) -> float:
        took: dict[str, float] = json.loads((self.folder / "seconds.json").read_text())
        return took[stage]

    def issues(self, stage: str) -> list[tuple[str, str]]:
        """Title and state of each issue that tells the stage's months."""
        waiting = Outbox(self.settings(stage).home).waiting()
        return [(each.title, "open" if each.is_open else "closed") for each in waiting]


def simulate(*shifts: Shift) -> Company:
    """The company from 2023-11 to 2026-05; months before a shift are the same without it."""
    return simulate_company(
        first_month=parse_month("2023-11"),
        months=31,
        seed=11,
        headcount=400,
        shifts=shifts,
        burn_in_months=120,
    )


def make_stages(folder: Path) -> Stages:
    """Make all homes, each by what a person or the sensor would do next."""
    stages, took = Stages(folder), {}
    write_company(simulate(PayInflation(parse_month(FAILING), 0.4)), folder / "data")
    (folder / "ready").mkdir()
    do(make_ready, stages.settings("ready"))

    def follow(stage: str, before: str, function: Callable[..., None], *given: str) -> None:
        copied = copy_home(stages.settings(before), make_folder(folder / stage) / "home")
        took[stage] = do(function, copied, *given)

    follow("judged", "ready", command, "run", FAILING)
    follow("retrained", "judged", retrain_as_sensor)
    follow("promoted", "retrained", command, *PROMOTE)
    follow("rolled back", "promoted", command, *ROLL_BACK)
    follow("scored by 2", "promoted", command, "run", AFTER)
    follow("scored by 1", "rolled back", command, "run", AFTER)
    (folder / "seconds.json").write_text(json.dumps(took))
    return stages


def make_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def make_ready() -> None:
    """What the first stage's process does."""
    loop = open_loop()
    prepare_home(loop.settings.home)
    with DagsterInstance.from_config(str(loop.settings.home)) as instance:
        for month in loop.source.months():
            if month < parse_month(FAILING):
                loop.run(instance, "monthly", month, assets=["employee_snapshot"])
        first = retraining_config(parse_month(FIRST))
        assert loop.run(instance, "retraining", run_config=first).success


def retrain_as_sensor() -> None:
    """One tick of the sensor, and the retraining that it requests, in one process."""
    loop = open_loop()
    with DagsterInstance.from_config(str(loop.settings.home)) as instance:
        tick = loop.evaluate(instance, RETRAIN)
        assert tick.run_requests, tick.skip_message
        (request,) = tick.run_requests
        own = {RUN_KEY_TAG: str(request.run_key), SENSOR_TAG: RETRAIN}
        config = dict(request.run_config)
        made = loop.run(instance, "retraining", run_config=config, tags={**request.tags, **own})
        assert made.success


def open_loop() -> Loop:
    """The loop of this process's settings."""
    from attrition_assets.settings import load_settings

    return Loop(load_settings(), print)
