"""A home of its own with Dagster's instance in it, and what is asked of both."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml
from dagster import AssetKey, DagsterEventType, DagsterInstance, DagsterRun, RunsFilter
from dagster._core.scheduler.instigation import TickStatus

from attrition_assets.defs.runs import is_retraining
from attrition_assets.settings import PROJECT_ROOT, Settings
from attrition_assets_tests.processes import wait_until
from attrition_assets_tests.walking import point_to_own_artifacts

SENSORS = ("retrain_on_drift", "summarize_news")


@dataclass(frozen=True)
class Site:
    """A home of its own, with Dagster's instance in it."""

    settings: Settings
    instance: DagsterInstance

    @property
    def home(self) -> Path:
        return self.settings.home

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

    def wipe_cursors(self) -> None:
        """Forget all that the sensors' ticks said, and up to where they had read."""
        for state in self.instance.all_instigator_state():
            if state.instigator_name in SENSORS:
                self.instance.delete_instigator_state(state.instigator_origin_id, state.selector_id)

    def summary(self, month: str) -> str:
        """A month's summary; empty if there is none."""
        path = self.home / "reports" / month / "summary.md"
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

    def monitor_closely(self, seconds: int) -> None:
        """The shipped instance, but it gives up on a run after some seconds and looks often."""
        path = self.home / "dagster.yaml"
        config = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text("utf-8"))
        config["run_monitoring"] |= {
            "max_runtime_seconds": seconds,
            "poll_interval_seconds": 5,
            "free_slots_after_run_end_seconds": 1,
        }
        path.unlink()
        path.write_text(yaml.safe_dump(config), "utf-8")

    def process_of(self, run_id: str) -> int | None:
        """The process of a run that the daemon launched; None before it has started."""
        for event in self.instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT):
            data = event.dagster_event and event.dagster_event.engine_event_data
            if data and "pid" in data.metadata:
                return int(str(data.metadata["pid"].value))
        return None

    def steps(self) -> list[str]:
        """The steps that the newest retraining has entered."""
        runs = self.retrainings()
        stats = self.instance.get_run_step_stats(runs[-1].run_id) if runs else []
        return [each.step_key for each in stats]

    def struck_step(self) -> str:
        """Where the newest run stood when its process was killed."""
        (newest,) = self.instance.get_runs(limit=1)
        if newest.is_finished:
            return "outside of a run"
        begun = self.instance.get_run_step_stats(newest.run_id)
        return next((each.step_key for each in begun if not each.end_time), "between steps")


def copy_home(settings: Settings, home: Path, data: Path | None = None) -> Settings:
    """The same state in another home, its artifacts too; its data may be another's."""
    shutil.copytree(settings.home, home, symlinks=True)
    point_to_own_artifacts(home, settings.home)
    uri = f"sqlite:///{home}/mlflow/mlflow.db"
    changed = {"home": home, "mlflow_uri": uri, "data": data or settings.data}
    return settings.model_copy(update=changed)


def month_files(home: Path, month: str) -> dict[str, bytes]:
    """A month's predictions and verdict, with all former versions, by where they lie."""
    folders = [home / "assets" / name for name in ("predictions", "drift_report")]
    return {
        str(path.relative_to(home)): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if f"{month}-01" in str(path) and path.is_file()
    }
