"""What tests of the walked company share: copies that they may change, and what is set in them."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
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
from attrition_assets.demo import Loop
from attrition_assets.governance.comparison import Difference, Recommendation
from attrition_assets.governance.fairness_report import FairnessVerdict
from attrition_assets.months import parse_month, partition_key
from attrition_assets.settings import Settings
from attrition_assets.status import collect_status, render_status

from ..walking import DRIFT, FAULT, LAST, NOW, RETRAINED, UNSEEN, Walked

__all__ = ["DRIFT", "FAULT", "LAST", "NOW", "RETRAINED", "UNSEEN", "Walked"]

ADA: dict[str, Any] = {"who": "Ada", "why": "seen and found right", "now": NOW}


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
