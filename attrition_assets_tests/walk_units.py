"""Two business units walked side by side in one Dagster instance; tests look at what that left.

A process of its own: the units are read from the environment as the definitions are imported.
"""

import json
import sys
from datetime import UTC, datetime

from dagster import (
    AssetKey,
    DagsterInstance,
    ExecuteInProcessResult,
    build_schedule_context,
    build_sensor_context,
)

from attrition_assets.definitions import defs
from attrition_assets.defs.partition_keys import month_key
from attrition_assets.defs.retraining import retraining_config
from attrition_assets.demo import QUIET, prepare_home
from attrition_assets.months import parse_month
from attrition_assets.settings import load_settings
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.shipped import write_company

FIRST, HISTORY, MONTH, SEEDS = "2023-11", 15, "2025-02", {"north": 11, "south": 12}


def simulate() -> None:
    """Sixteen months of two companies that share nothing, not even the numbers of people."""
    for settings in load_settings().by_unit():
        seed = SEEDS[str(settings.unit)]
        company = simulate_company(
            first_month=parse_month(FIRST),
            months=HISTORY + 2,
            seed=seed,
            headcount=300 + 10 * seed,
            burn_in_months=120,
        )
        write_company(company, settings.data)


def run(
    instance: DagsterInstance, job: str, key: str, as_of: str = "", *assets: str
) -> ExecuteInProcessResult:
    config = retraining_config(parse_month(as_of)) if as_of else {}
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance,
        partition_key=key,
        asset_selection=[AssetKey(name) for name in assets] or None,
        run_config={**config, **QUIET},
        raise_on_error=False,
    )


def walk() -> None:
    """History, a first model and a month of each unit, the runs in turns; then the sensors."""
    settings, month = load_settings(), parse_month(MONTH)
    prepare_home(settings.home)
    simulate()
    said: dict[str, object] = {}
    with DagsterInstance.from_config(str(settings.home)) as instance:
        for before in range(HISTORY, 0, -1):
            for unit in settings.units:
                key = month_key(month - before, unit)
                assert run(instance, "monthly", key, "", "employee_snapshot").success, key
        for unit in settings.units:
            assert run(instance, "retraining", unit, str(month - 1)).success, unit
        for unit in settings.units:
            assert run(instance, "monthly", month_key(month, unit)).success, unit
        for name in ("retrain_on_drift", "summarize_news", "send_issues", "tag_champion"):
            held = {"settings": (defs.resources or {})["settings"]}
            context = build_sensor_context(instance=instance, definitions=defs, resources=held)
            tick = defs.resolve_sensor_def(name).evaluate_tick(context)
            keys = [request.partition_key for request in tick.run_requests or ()]
            said[name] = {"said": tick.skip_message, "keys": keys, "cursor": tick.cursor}
    print(json.dumps(said))


def list_scheduled() -> None:
    """What the schedule asks for on the first of November 2026."""
    due = build_schedule_context(scheduled_execution_time=datetime(2026, 11, 1, tzinfo=UTC))
    tick = defs.resolve_schedule_def("monthly_schedule").evaluate_tick(due)
    print(json.dumps([dict(request.tags) for request in tick.run_requests or ()]))


if __name__ == "__main__":
    {"walk": walk, "scheduled": list_scheduled}[sys.argv[1]]()
