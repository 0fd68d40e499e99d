"""The demo: a company's months through the real jobs, the sensor asked after each.

It decides nothing by itself but when a person would promote; everything else is what runs in
production, over a fresh instance.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from dagster import (
    AssetKey,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
    build_sensor_context,
)
from dagster._core.definitions.sensor_definition import SensorExecutionData
from sklearn.metrics import roc_auc_score

from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import read_parquet
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.source import open_source
from attrition_assets.contract import Contract, read_contract
from attrition_assets.definitions import build_definitions
from attrition_assets.defs.io_managers import partition_path
from attrition_assets.defs.partition_keys import month_key, read_key_month
from attrition_assets.defs.promotion import find_objection, promote_version
from attrition_assets.defs.retraining import retraining_config
from attrition_assets.defs.runs import REASON_TAG, explain_failure
from attrition_assets.errors import AttritionError, SettingsError
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.monitoring.summary import describe_findings
from attrition_assets.outcomes import label_snapshot
from attrition_assets.settings import PROJECT_ROOT, Settings

MARKER = "made-by-demo"
# What a home holds that was opened and never used: nothing of it is missed.
INSTANCE_ONLY = {"dagster.yaml", "history", "schedules", "storage", ".logs_queue"} | {
    *("logs", "service-logs", "mlflow", "reports", "commands"),
}
FIRST_MONTHS = 15
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
RUN_KEY_TAG, SENSOR_TAG = "dagster/run_key", "dagster/sensor_name"
RETRAIN, SUMMARIZE = "retrain_on_drift", "summarize_news"


@dataclass(frozen=True)
class MonthResult:
    """A row of the demo's table: what a month brought."""

    month: pd.Period
    rows: int | None
    version: int | None
    found: str
    action: str


def prepare_home(home: Path) -> None:
    """Make `home` a fresh instance, replacing an earlier demo's.

    Raises SettingsError if something else than a demo's state is there.
    """
    held = {path.name for path in home.iterdir()} if home.exists() else set()
    if not held <= INSTANCE_ONLY and MARKER not in held:
        raise SettingsError(
            f"{home} holds state that no demo made: set ATTRITION_HOME to another folder, or "
            "move it away"
        )
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / MARKER).touch()
    link_instance_config(home)


def link_instance_config(home: Path) -> None:
    """Let Dagster find its instance's configuration in `home`."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "dagster.yaml"
    if not path.exists():
        path.unlink(missing_ok=True)  # a link to where the project was before it moved
        path.symlink_to(PROJECT_ROOT / "dagster.yaml")


class Loop:
    """The walk: each method is one thing that happens, as a real Dagster run."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.say = say
        self.contract: Contract = read_contract(settings.contract)
        self.source = open_source(settings, self.contract)
        self.store = SnapshotStore(settings.home, self.contract)
        self.registry = Registry(settings.mlflow_uri, settings.home, self.contract, settings.unit)
        self.definitions: Definitions = build_definitions(settings)
        self.cursors: dict[str, str | None] = {}

    def walk(self, instance: DagsterInstance) -> list[MonthResult]:
        """Backfill, first champion, then month by month."""
        history, as_of, later = self.plan()
        self.say(f"{history[0]} to {history[-1]}: {len(history)} months checked and stored ...")
        for month in history:
            self.run(instance, "monthly", month, assets=["employee_snapshot"])
        self.say(f"{as_of}: the first model is trained ...")
        first = self.run(
            instance,
            "retraining",
            run_config=retraining_config(as_of),
            tags={REASON_TAG: "the first model"},
        )
        if not first.success:
            raise AttritionError(
                f"the first training failed: {explain_failure(instance, first.run_id)}"
            )
        self.say("version 1 is champion: there was none to compare it with")
        return [self.walk_month(instance, month) for month in later]

    def plan(self) -> tuple[list[pd.Period], pd.Period, list[pd.Period]]:
        """The months of history, the month of the first training, and the months after."""
        months = self.source.months()
        if not months:
            raise SettingsError(
                f"no snapshot in {self.source.place}: run `make data`, or set ATTRITION_DATA"
            )
        dated = self.source.departures(known_by=months[-1]) is not None
        history = months[:FIRST_MONTHS] if dated else months[:1]
        as_of = history[-1] if dated else history[-1] + self.contract.horizon_months
        later = months[len(history) :]
        if not later:
            raise SettingsError(
                f"{len(months)} months are too few: the demo needs more than {len(history)}"
            )
        return history, as_of, later

    def walk_month(self, instance: DagsterInstance, month: pd.Period) -> MonthResult:
        """One month through its job, then the sensor, then what it asks for."""
        result = self.run(instance, "monthly", month)
        if not result.success:
            ledger = self.store.ledger(month)
            if ledger is None or ledger.accepted:
                why = explain_failure(instance, result.run_id)
                raise AttritionError(f"{month} failed: {why}")
            found = f"refused: {', '.join(ledger.faults)}"
            row = MonthResult(month, None, None, found, "quarantined, not scored")
        else:
            report = self.read_report(month)
            row = MonthResult(
                month,
                report.current_rows,
                report.champion_version,
                describe_findings(report),
                self.ask_sensor(instance, month),
            )
        self.write_summaries(instance)
        self.say(f"{row.month}  {row.found}; {row.action}")
        return row

    def ask_sensor(self, instance: DagsterInstance, month: pd.Period) -> str:
        """Evaluate the retraining sensor once and do what it asks; say what that was."""
        tick = self.evaluate(instance, RETRAIN)
        if not tick.run_requests:
            skipped = (tick.skip_message or "").removeprefix(f"{month}: ")
            return "sensor: not needed" if "is not needed" in skipped else f"sensor: {skipped}"
        return self.retrain(instance, tick.run_requests[0])

    def evaluate(self, instance: DagsterInstance, name: str) -> SensorExecutionData:
        """One tick of a sensor, as the daemon would make it."""
        held = self.definitions.resources or {}
        context = build_sensor_context(
            instance=instance,
            cursor=self.cursors.get(name),
            definitions=self.definitions,
            resources={"settings": held["settings"]},
        )
        tick = self.definitions.resolve_sensor_def(name).evaluate_tick(context)
        self.cursors[name] = tick.cursor or self.cursors.get(name)
        return tick

    def write_summaries(self, instance: DagsterInstance) -> None:
        """Write anew the summaries that the second sensor asks for."""
        for request in self.evaluate(instance, SUMMARIZE).run_requests or ():
            month = read_key_month(str(request.partition_key))
            result = self.run(instance, "summary", month, tags=_as_sensor(request, SUMMARIZE))
            if not result.success:
                raise AttritionError(
                    f"the summary of {month} failed: {explain_failure(instance, result.run_id)}"
                )

    def retrain(self, instance: DagsterInstance, request: RunRequest) -> str:
        """Run the requested retraining, then promote its challenger as a person would."""
        result = self.run(
            instance,
            "retraining",
            run_config=dict(request.run_config),
            tags=_as_sensor(request, RETRAIN),
        )
        if not result.success:
            return f"sensor: retraining failed: {explain_failure(instance, result.run_id)}"
        version = self.registry.challenger_version()
        if version is None:
            raise AttritionError(f"run {result.run_id} succeeded but registered no challenger")
        self.say(f"the sensor retrained: version {version} waits for promotion")
        override = find_objection(self.registry, version) is not None
        if told := self.registry.read_evidence(version).comparison:
            self.say(f"against the champion: {told.verdict}: {'; '.join(told.reasons)}")
        command = f"attrition promote --version {version}" + (
            " --override --reason TEXT" if override else ""
        )
        self.say(f"promoting it, as a person would with: {command}")
        promote_version(
            instance,
            self.registry,
            version,
            who="the demo",
            why="promoted by the demo" + (", whatever was advised" if override else ""),
            now=datetime.now(UTC),
            override=override,
        )
        return f"sensor: retrained, version {version} promoted"

    def run(
        self,
        instance: DagsterInstance,
        job: str,
        month: pd.Period | None = None,
        *,
        assets: list[str] | None = None,
        run_config: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
    ) -> ExecuteInProcessResult:
        """Run a job of the definitions in this process; what happens is in Dagster's event log."""
        unit = self.settings.unit
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=unit if month is None else month_key(month, unit),
            asset_selection=[AssetKey(name) for name in assets] if assets else None,
            run_config={**(run_config or {}), **QUIET},
            tags=tags,
            raise_on_error=False,
        )

    def read_report(self, month: pd.Period) -> DriftReport:
        """A judged month's report."""
        report = DriftReports(self.settings.home).read(month)
        if report is None:
            raise AttritionError(f"{month} was not judged: look at its run in `make ui`")
        return report

    def measure_auc(self, month: pd.Period, known_by: pd.Period) -> float | None:
        """AUC of a month's scores as given at the time; None until its outcomes are known."""
        path = partition_path(self.settings.home, "predictions", month_key(month), ".parquet")
        if not path.is_file():
            return None
        scores = read_parquet(path).set_index(self.contract.id)["probability"]
        snapshot = self.store.read(month)
        left = label_snapshot(
            snapshot,
            month,
            departures=self.source.departures(known_by=known_by),
            known_by=known_by,
            contract=self.contract,
        )
        if left.nunique() < 2:
            return None
        return float(roc_auc_score(left, scores.loc[snapshot[self.contract.id]]))


def _as_sensor(request: RunRequest, sensor: str) -> dict[str, str]:
    """The tags by which the daemon knows that a sensor's request was carried out."""
    return {**request.tags, RUN_KEY_TAG: str(request.run_key), SENSOR_TAG: sensor}


def render_table(loop: Loop, results: list[MonthResult]) -> str:
    """The demo's result as a Markdown table, a row a month."""
    last = results[-1].month
    lines = ["| month | rows | version | AUC | found | action |", "|---|---|---|---|---|---|"]
    for row in results:
        auc = loop.measure_auc(row.month, last)
        cells = [
            str(row.month),
            "-" if row.rows is None else str(row.rows),
            "-" if row.version is None else str(row.version),
            "-" if auc is None else f"{auc:.3f}",
            row.found,
            row.action,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
