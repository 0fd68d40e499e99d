"""A small company's months, walked once through the real jobs; tests look at what that left."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.faults import DuplicatedFile, apply_faults
from attrition_assets.simulation.shifts import PayInflation
from attrition_assets.simulation.shipped import write_company

if TYPE_CHECKING:
    from attrition_assets.demo import Loop, MonthResult

DRIFT, FAULT, RETRAINED, LAST = "2025-02", "2025-03", "2025-04", "2025-05"
UNSEEN = "2025-06"
NOW = datetime(2025, 6, 10, tzinfo=UTC)


@dataclass(frozen=True)
class Walked:
    """The state that a walk left, and the rows of its table.

    `unseen` is the snapshot of the month after the last, which was not sent; its departures were.
    """

    settings: Settings
    loop: "Loop"
    results: "list[MonthResult]"
    said: list[str]
    unseen: pd.DataFrame

    def copy_to(self, home: Path) -> Settings:
        """The same state in another home, its artifacts too, for a test that changes it."""
        shutil.copytree(self.settings.home, home, symlinks=True)
        point_to_own_artifacts(home, self.settings.home)
        return Settings.from_environment(
            {"ATTRITION_HOME": str(home), "ATTRITION_DATA": str(self.settings.data)}
        )


def point_to_own_artifacts(home: Path, original: Path) -> None:
    """MLflow records whole paths: those of a copied home lead to the other one."""
    places = {
        "runs": "artifact_uri",
        "experiments": "artifact_location",
        "logged_models": "artifact_location",
        "model_versions": "storage_location",
    }
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as database, database:
        for table, column in places.items():
            database.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(original), str(home))
            )


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Fifteen months of history, then pay up by 40 % in 2025-02, and last month's file in 2025-03.

    The first model is as of 2025-01, so the cool-down of three months ends in 2025-04.
    """
    from dagster import DagsterInstance  # here: it takes seconds, and few tests need it

    from attrition_assets.demo import Loop, prepare_home

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
        {"ATTRITION_HOME": str(home), "ATTRITION_DATA": str(data), "ATTRITION_TRIALS": "1"}
    )
    said: list[str] = []
    loop = Loop(settings, said.append)
    with DagsterInstance.from_config(str(home)) as instance:
        results = loop.walk(instance)
    return Walked(settings, loop, results, said, unseen)
