"""A small home as the drift API finds it: a champion's bundle, its reference data, three months.

Of 300 people drawn by seed. 2025-02 was judged and is calm, 2025-03 was judged and drifted, 2025-04
was refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import skops.io

from attrition_assets.adapters.bundles import Bundles
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import content_digest, write_atomically
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.registry import ModelVersion, Registry
from attrition_assets.adapters.snapshot_store import JudgedSnapshot, SnapshotStore
from attrition_assets.adapters.snapshots import RawSnapshot
from attrition_assets.contract import Contract
from attrition_assets.monitoring.judge import judge_month
from attrition_assets.monitoring.people import PeopleHistory
from attrition_assets.monitoring.policy import read_policy
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets.training.families import Family
from attrition_assets.training.reference import LABEL, STEP_LABEL, ReferenceData
from attrition_assets.training.search import train_model
from attrition_assets.validation.verdicts import Fault, SnapshotVerdict

from ..conftest import MakeSnapshot

AS_OF, CALM, DRIFTED, REFUSED = "2025-01", "2025-02", "2025-03", "2025-04"
PEOPLE = 300
NOW = datetime(2025, 5, 1, tzinfo=UTC)
MakeHome = Callable[[Path], "Home"]


@dataclass(frozen=True)
class Home:
    """The settings of a home, and the tables that were put there."""

    settings: Settings
    contract: Contract
    version: ModelVersion
    baseline: pd.DataFrame
    tables: dict[str, pd.DataFrame]

    @cached_property
    def reports(self) -> dict[str, DriftReport]:
        """The reports as they are stored, read without the API."""
        months = (CALM, DRIFTED)
        paths = {
            month: DriftReports(self.settings.home).path(parse_month(month)) for month in months
        }
        return {
            month: DriftReport.model_validate_json(path.read_bytes())
            for month, path in paths.items()
        }

    def rows(self, table: pd.DataFrame) -> list[dict[str, Any]]:
        """A table as the API takes it."""
        monitored = table[list(self.contract.monitored)]
        return cast(list[dict[str, Any]], monitored.to_dict("records"))


@dataclass(frozen=True)
class OneVersion:
    """What a bundle is written from, in place of MLflow."""

    version: ModelVersion
    model: bytes

    def load(self, number: int) -> ModelVersion:
        assert number == self.version.version
        return self.version

    def read_model(self, number: int) -> bytes:
        assert number == self.version.version
        return self.model


@pytest.fixture(scope="session")
def make_home(contract: Contract, make_snapshot: MakeSnapshot) -> MakeHome:
    """Makes the home in a folder; the champion is trained once."""
    months = {name: make_snapshot(name, PEOPLE, seed) for seed, name in enumerate((AS_OF, CALM))}
    overtime = np.where(np.arange(PEOPLE) % 4, "Yes", "No")
    months[DRIFTED] = make_snapshot(DRIFTED, PEOPLE, 2).assign(OverTime=overtime)
    months[REFUSED] = make_snapshot(REFUSED, PEOPLE, 3)
    left = (months[AS_OF]["OverTime"] == "Yes").to_numpy() & (np.arange(PEOPLE) % 2 == 0)
    table = months[AS_OF].drop(columns=contract.label)
    table = table.assign(**{LABEL: left.astype(float), STEP_LABEL: left.astype(float)})
    reference = ReferenceData(table, parse_month(AS_OF), contract)
    trained = train_model(reference, contract, trials=1, families=(Family.LOGISTIC,))
    model = skops.io.dumps(trained.pipeline)

    def make(folder: Path) -> Home:
        settings = Settings.from_environment({"ATTRITION_HOME": str(folder)})
        version = ModelVersion(
            version=7,
            run_id="none",
            as_of=reference.as_of,
            reference_digest=ReferenceStore(folder, contract).keep(reference),
            threshold=0.3,
            pipeline=trained.pipeline,
            held_out=pd.DataFrame(),
            contract=contract,
            recipe=trained.recipe,
            params=trained.params,
            importance=trained.importance,
            model_sha256=content_digest(model),
        )
        registry = cast(Registry, OneVersion(version, model))
        Bundles(settings.serving_folder).write(registry, 7, folder / "card.md", NOW)
        home = Home(settings, contract, version, reference.newest, months)
        for month in (CALM, DRIFTED):
            _judge(home, month)
        _keep(home, REFUSED, accepted=False)
        return home

    return make


def _judge(home: Home, month: str) -> None:
    """Store a month's snapshot, its report and a page, as the assets do."""
    folder, table, version = home.settings.home, home.tables[month], home.version
    _keep(home, month, accepted=True)
    report = judge_month(
        month=parse_month(month),
        contract=home.contract,
        policy=read_policy(home.settings.contract),
        champion_version=version.version,
        champion_as_of=version.as_of,
        reference_digest=version.reference_digest,
        threshold=version.threshold,
        baseline=home.baseline.assign(probability=version.score(home.baseline)),
        current=table.assign(probability=version.score(table)),
        history=PeopleHistory(frozenset(), lambda month: home.tables[str(month)]),
        concept="not yet",
        performance="not yet",
        importance=version.importance,
    )
    content = report.model_dump_json().encode()
    write_atomically(DriftReports(folder).path(parse_month(month)), content)
    page = folder / "reports" / month / "drift.html"
    write_atomically(page, f"<!DOCTYPE html><title>{month}</title>".encode())


def _keep(home: Home, month: str, *, accepted: bool) -> None:
    raw = RawSnapshot(f"{month}.parquet", b"as it was sent")
    fault = () if accepted else (Fault.UNIT_CHANGE,)
    verdict = SnapshotVerdict(holds=accepted, explanation="of a test", faults=fault)
    table = home.tables[month] if accepted else None
    judged = JudgedSnapshot(parse_month(month), raw, month, {"units_unchanged": verdict}, table)
    SnapshotStore(home.settings.home, home.contract).keep(judged)
