"""A company whose next month will call for retraining; each test gets a copy of its home."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.scheduler.instigation import TickStatus

from attrition_assets.defs.retraining import retraining_config
from attrition_assets.defs.runs import is_retraining
from attrition_assets.demo import Loop, prepare_home
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.shifts import PayInflation
from attrition_assets.simulation.shipped import write_company
from attrition_assets_tests.processes import wait_until

# Pay rises in 2025-02; the first model is as of 2025-01, so its cool-down ends in 2025-04.
FIRST, FAILING, AFTER = "2025-01", "2025-04", "2025-05"
SENSORS = ("retrain_on_drift", "summarize_news")


@dataclass(frozen=True)
class Site:
    """A home of its own, with Dagster's instance in it."""

    settings: Settings
    instance: DagsterInstance

    def retrainings(self) -> list[DagsterRun]:
        """The retrainings after the first, the oldest first."""
        runs = [run for run in self.instance.get_runs() if is_retraining(run)]
        return runs[::-1][1:]

    def statuses(self) -> list[str]:
        """How the retrainings after the first ended, or where they stand."""
        return [run.status.value for run in self.retrainings()]

    def ticks(self, sensor: str = "retrain_on_drift") -> list[str]:
        """What the sensor's ended ticks said, the newest first: a skip's reason, or REQUESTED."""
        states = self.instance.all_instigator_state()
        return [
            "REQUESTED"
            if tick.status == TickStatus.SUCCESS
            else tick.skip_reason or str(tick.status)
            for state in states
            if state.instigator_name == sensor
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id)
            if tick.status != TickStatus.STARTED
        ]

    def wait_for(self, *statuses: str) -> None:
        """Wait until the retrainings stand exactly so."""
        wait_until(
            lambda: self.statuses() == list(statuses), f"retrainings {statuses}: {self.statuses()}"
        )

    def wait_for_ticks(self, more: int) -> None:
        """Wait until both sensors have ended some more ticks."""
        goal = {sensor: len(self.ticks(sensor)) + more for sensor in SENSORS}
        wait_until(
            lambda: all(len(self.ticks(sensor)) >= goal[sensor] for sensor in SENSORS),
            f"{more} more ticks of both sensors",
        )

    def summary(self, month: str) -> str:
        """A month's summary; empty if there is none."""
        path = self.settings.home / "reports" / month / "summary.md"
        return path.read_text("utf-8") if path.is_file() else ""

    def decisions(self) -> list[str]:
        """What is on record as decided, the newest first."""
        found = self.instance.fetch_observations(AssetKey("drift_report"), limit=100).records
        return [
            str(record.asset_observation.metadata["action"].value)
            for record in found
            if record.asset_observation
        ]

    def month_run(self, month: str) -> DagsterRun:
        """The newest run of a month that was no rewriting of its summary."""
        runs = self.instance.get_runs(RunsFilter(tags={"dagster/partition": f"{month}-01"}))
        return next(run for run in runs if run.job_name != "summary")


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Months to 2025-03 accepted, a first model as of 2025-01; 2025-04 has not been run."""
    data, home = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("home")
    company = simulate_company(
        first_month=parse_month("2023-11"),
        months=19,
        seed=11,
        headcount=400,
        shifts=(PayInflation(parse_month("2025-02"), 0.4),),
        burn_in_months=120,
    )
    write_company(company, data)
    prepare_home(home)
    settings = Settings.from_environment(
        {"ATTRITION_HOME": str(home), "ATTRITION_DATA": str(data), "ATTRITION_TRIALS": "1"}
    )
    loop = Loop(settings, lambda line: None)
    with DagsterInstance.from_config(str(home)) as instance:
        for month in loop.source.months()[:-2]:
            loop.run(instance, "monthly", month, assets=["employee_snapshot"])
        first = retraining_config(parse_month(FIRST))
        assert loop.run(instance, "retraining", run_config=first).success
    return settings


@pytest.fixture
def site(ready: Settings, tmp_path: Path) -> Iterator[Site]:
    home = tmp_path / "home"
    shutil.copytree(ready.home, home, symlinks=True)
    settings = ready.model_copy(
        update={"home": home, "mlflow_uri": f"sqlite:///{home}/mlflow/mlflow.db"}
    )
    with DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_runs_count(RunsFilter(statuses=[DagsterRunStatus.SUCCESS])) == 18
        yield Site(settings, instance)
