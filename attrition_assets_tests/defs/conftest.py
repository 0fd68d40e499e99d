"""A small company's months, walked once through the real jobs; tests look at what that left."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from dagster import DagsterInstance

from attrition_assets.demo import Loop, MonthResult, prepare_home
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.faults import DuplicatedFile, apply_faults
from attrition_assets.simulation.shifts import PayInflation
from attrition_assets.simulation.shipped import write_company

DRIFT, FAULT, RETRAINED, LAST = "2025-02", "2025-03", "2025-04", "2025-05"
UNSEEN = "2025-06"


@dataclass(frozen=True)
class Walked:
    """The state that a walk left, and the rows of its table.

    `unseen` is the snapshot of the month after the last, which was not sent; its departures were.
    """

    settings: Settings
    loop: Loop
    results: list[MonthResult]
    said: list[str]
    unseen: pd.DataFrame

    def copy_to(self, home: Path) -> Settings:
        """The same state in another home, for a test that changes it."""
        shutil.copytree(self.settings.home, home, symlinks=True)
        return Settings.from_environment(
            {"ATTRITION_HOME": str(home), "ATTRITION_DATA": str(self.settings.data)}
        )


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Fifteen months of history, then pay up by 40 % in 2025-02, and last month's file in 2025-03.

    The first model is as of 2025-01, so the cool-down of three months ends in 2025-04.
    """
    data, home = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("home")
    company = simulate_company(
        first_month=parse_month("2023-11"),
        months=20,
        seed=11,
        headcount=400,
        shifts=(PayInflation(parse_month(DRIFT), 0.4),),
        burn_in_months=120,
    )
    unseen = company.snapshots.pop(parse_month(UNSEEN))
    write_company(apply_faults(company, [DuplicatedFile(parse_month(FAULT))], 11), data)
    prepare_home(home)
    settings = Settings.from_environment(
        {"ATTRITION_HOME": str(home), "ATTRITION_DATA": str(data), "ATTRITION_TRIALS": "3"}
    )
    said: list[str] = []
    loop = Loop(settings, said.append)
    with DagsterInstance.from_config(str(home)) as instance:
        results = loop.walk(instance)
    return Walked(settings, loop, results, said, unseen)


@pytest.fixture
def instance(walked: Walked) -> Iterator[DagsterInstance]:
    """The walked instance, to read from."""
    with DagsterInstance.from_config(str(walked.settings.home)) as instance:
        yield instance
