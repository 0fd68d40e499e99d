"""A sensor's tick over every business unit: each is evaluated for itself, and the tick tells all.

Without units it is the evaluation itself. What each asks for is decided elsewhere.
"""

import json
from collections.abc import Callable, Mapping

from dagster import (
    AssetCheckEvaluation,
    AssetMaterialization,
    AssetObservation,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
)

from attrition_assets.settings import Settings

Told = RunRequest | SensorResult | SkipReason
Evaluate = Callable[[Settings, str | None], Told]
Event = AssetObservation | AssetMaterialization | AssetCheckEvaluation


def evaluate_units(context: SensorEvaluationContext, group: Settings, evaluate: Evaluate) -> Told:
    """What `evaluate` makes of each unit's settings and cursor.

    A unit that fails keeps no other from being served: its error is logged, and it is asked again
    at the next tick, with the cursor it had. The tick fails only if nothing came of the others.
    """
    cursors = _read_cursors(context.cursor)
    if not group.units:
        return evaluate(group, None if cursors else context.cursor)
    told: dict[str, Told] = {}
    failed: dict[str, Exception] = {}
    for settings in group.by_unit():
        unit = str(settings.unit)
        try:
            told[unit] = evaluate(settings, cursors.get(unit))
        except Exception as error:  # whatever it is: it is raised below, or by a later tick
            context.log.exception(f"{unit} failed")
            failed[unit] = error
    result = _join(told, failed, cursors)
    if failed and not (result.run_requests or result.asset_events or result.cursor):
        said = "; ".join(f"{unit}: {error}" for unit, error in failed.items())
        raise ExceptionGroup(said, list(failed.values()))
    return result


def _join(
    told: Mapping[str, Told], failed: Mapping[str, Exception], before: Mapping[str, str]
) -> SensorResult:
    """What all units ask for, in one result; its cursor is each one's, by name."""
    requests: list[RunRequest] = []
    events: list[Event] = []
    said, cursors = [f"{unit}: failed: {error}" for unit, error in failed.items()], dict(before)
    for unit, each in told.items():
        result = each if isinstance(each, SensorResult) else SensorResult()
        requests += [each] if isinstance(each, RunRequest) else result.run_requests or ()
        events += result.asset_events
        cursors |= {unit: result.cursor} if result.cursor else {}
        skip = each if isinstance(each, SkipReason) else result.skip_reason
        said += [f"{unit}: {skip.skip_message}"] if skip else []
    return SensorResult(
        run_requests=requests,
        skip_reason=SkipReason("\n".join(said)) if said and not requests else None,
        cursor=json.dumps(cursors) if cursors != before else None,
        asset_events=events,
    )


def _read_cursors(cursor: str | None) -> dict[str, str]:
    """The units' cursors by name; none are in the cursor of a time without units."""
    return dict(json.loads(cursor)) if cursor and cursor.startswith("{") else {}
