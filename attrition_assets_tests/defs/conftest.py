"""A small company's months, walked once through the real jobs; tests look at what that left."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import pandas as pd
import pytest
from dagster import DagsterInstance, ExecuteInProcessResult

from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.registry import AUDIT_FILE, MODEL_NAME, Registry
from attrition_assets.defs.promotion import roll_back
from attrition_assets.defs.retraining import retraining_config
from attrition_assets.defs.runs import explain_failure
from attrition_assets.demo import Loop, MonthResult, prepare_home
from attrition_assets.governance.comparison import Difference, Recommendation
from attrition_assets.governance.fairness_report import FairnessVerdict
from attrition_assets.months import parse_month, partition_key
from attrition_assets.settings import Settings
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.faults import DuplicatedFile, apply_faults
from attrition_assets.simulation.shifts import PayInflation
from attrition_assets.simulation.shipped import write_company
from attrition_assets.status import collect_status, render_status

DRIFT, FAULT, RETRAINED, LAST = "2025-02", "2025-03", "2025-04", "2025-05"
UNSEEN = "2025-06"
NOW = datetime(2025, 6, 10, tzinfo=UTC)
ADA: dict[str, Any] = {"who": "Ada", "why": "seen and found right", "now": NOW}


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


@pytest.fixture
def instance(walked: Walked) -> Iterator[DagsterInstance]:
    """The walked instance, to read from."""
    with DagsterInstance.from_config(str(walked.settings.home)) as instance:
        yield instance


@dataclass(frozen=True)
class Place:
    """A copy of the walked state, with data of its own that a test may change."""

    settings: Settings
    loop: Loop
    instance: DagsterInstance

    def run(self, month: str, *assets: str) -> ExecuteInProcessResult:
        return self.loop.run(
            self.instance, "monthly", parse_month(month), assets=list(assets) or None
        )

    def retrain(self, as_of: str) -> ExecuteInProcessResult:
        return self.loop.run(
            self.instance, "retraining", run_config=retraining_config(parse_month(as_of))
        )

    def reference_dates(self, as_of: str) -> set[pd.Timestamp]:
        """The months, by their last days, in reference data made now."""
        config = retraining_config(parse_month(as_of))
        made = self.loop.run(
            self.instance, "retraining", assets=["reference_data"], run_config=config
        )
        table, _ = ReferenceStore(self.settings.home, self.loop.contract).read_newest()
        assert made.success
        return set(table.table["SnapshotDate"])

    def why(self, result: ExecuteInProcessResult) -> str:
        assert not result.success
        return explain_failure(self.instance, result.run_id)

    def asset(self, name: str, month: str, suffix: str = ".parquet") -> Path:
        key = partition_key(parse_month(month))
        return self.settings.home / "assets" / name / f"{key}{suffix}"

    def sent(self, month: str) -> Path:
        return self.settings.data / "snapshots" / f"{month}.parquet"

    def correct(self, month: str) -> None:
        """Send the month again with one person's pay corrected."""
        table = pd.read_parquet(self.sent(month))
        table["MonthlyIncome"] += 7 * (table.index == 0)
        table.to_parquet(self.sent(month), index=False)

    def summary(self, month: str) -> str:
        return (self.settings.home / "reports" / month / "summary.md").read_text("utf-8")

    def status(self) -> str:
        return render_status(collect_status(self.settings, self.instance, NOW))


@pytest.fixture
def place(walked: Walked, tmp_path: Path) -> Iterator[Place]:
    yield from open_place(walked, tmp_path)


def open_place(walked: Walked, folder: Path) -> Iterator[Place]:
    shutil.copytree(walked.settings.data, folder / "data")
    settings = walked.copy_to(folder / "home").model_copy(
        update={"data": folder / "data", "trials": walked.settings.trials}
    )
    with DagsterInstance.from_config(str(settings.home)) as instance:
        yield Place(settings, Loop(settings, lambda line: None), instance)


@pytest.fixture
def registry(place: Place) -> Registry:
    """Version 2 waits, and version 1, which it was compared with, is champion again."""
    registry = place.loop.registry
    assert roll_back(place.instance, registry, **ADA) == (1, 2)
    return registry


def set_tag(registry: Registry, version: int, **tags: str) -> None:
    for name, value in tags.items():
        registry.client.set_model_version_tag(MODEL_NAME, str(version), name, value)


def find_audit(registry: Registry, version: int) -> Path:
    """The file of a version's audit. (MLflow's client may still write into another copy.)"""
    uri = str(registry.client.get_run(registry.load(version).run_id).info.artifact_uri)
    return Path(url2pathname(urlparse(uri).path)) / AUDIT_FILE


def set_verdicts(registry: Registry, version: int, **verdicts: str) -> None:
    """As if a version's audit had found this of some attributes, and nothing of the others."""
    audit = registry.read_audit(version)
    assert audit is not None
    parts = tuple(
        part.model_copy(update={"verdict": FairnessVerdict(verdicts.get(part.name, "pass"))})
        for part in audit.partitions
    )
    found = audit.model_copy(update={"partitions": parts})
    find_audit(registry, version).write_text(found.model_dump_json())
    set_tag(registry, version, fairness=json.dumps(found.by_part))


def advise(registry: Registry, verdict: Recommendation) -> None:
    """Give version 2 the comparison that a larger company would have had."""
    held = registry.read_evidence(2).comparison
    assert held is not None
    loss = Difference(value=-0.001, error=0.001, low=-0.003, high=0.001)
    told = held.model_copy(
        update={"verdict": verdict, "p_value": 0.01, "log_loss_difference": loss}
    )
    set_tag(registry, 2, comparison=told.model_dump_json())
