"""A month's metrics: data, model and operations as rows of one long table.

What the metrics are is in `metric_catalogue`; where the table lies is for `adapters`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.monitoring.data_metrics import FormerMonth, Measured, measure_snapshot
from attrition_assets.monitoring.metric_catalogue import BY_NAME, FIELDS, METRICS
from attrition_assets.monitoring.model_metrics import measure_model
from attrition_assets.monitoring.report import DriftReport

DTYPES = {each.name: each.dtype for each in FIELDS}
KEY = ["month", "area", "metric", "subject"]


@dataclass(frozen=True)
class Operations:
    """How the month was processed until now.

    `asset_seconds` is of the newest making of each asset, None where its run is not known any more;
    `run_seconds` of this run. `runs` are those that ended, and this one. `checks` says of each
    whether it passed.
    """

    asset_seconds: Mapping[str, float | None]
    run_seconds: float | None
    runs: int
    failed_runs: int
    checks: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class MonthFacts:
    """All that a month's metrics are made of: tables have a row a person.

    `importance` is each feature's mean absolute contribution to the month's scores, None if it is
    not known.
    """

    snapshot: pd.DataFrame
    scores: pd.DataFrame
    report: DriftReport
    operations: Operations
    former: FormerMonth | None = None
    importance: Mapping[str, float] | None = None
    refused_files: int = 0
    waived_checks: int = 0


def measure_month(facts: MonthFacts, contract: Contract, min_people: int) -> pd.DataFrame:
    """The month's rows, in the order of the catalogue: `FIELDS` are the columns.

    What is unknown, or would tell of fewer than `min_people` people, has no row. All but operations
    is the same whenever it is made.
    """
    place = {metric.name: number for number, metric in enumerate(METRICS)}
    known = [each for each in _measure(facts, contract, min_people) if each.value is not None]
    known.sort(key=lambda each: place[each.metric])  # stable: subjects stay in their order
    report = facts.report
    rows = [
        {
            "month": report.month,
            "area": str(BY_NAME[each.metric].area),
            "metric": each.metric,
            "subject": each.subject,
            "value": each.value,
            "unit": BY_NAME[each.metric].unit,
            "champion_version": report.champion_version,
            "snapshot_version": report.snapshot_version,
            "people": each.people,
        }
        for each in known
    ]
    return pd.DataFrame(rows, columns=list(DTYPES)).astype(DTYPES)


def _measure(facts: MonthFacts, contract: Contract, min_people: int) -> Iterator[Measured]:
    yield from measure_snapshot(facts.snapshot, facts.former, contract, min_people)
    yield Measured("refused_files", facts.refused_files)
    yield Measured("waived_checks", facts.waived_checks)
    yield from measure_model(facts.scores, facts.report, facts.importance, min_people)
    yield from _measure_operations(facts.operations)


def _measure_operations(done: Operations) -> Iterator[Measured]:
    for asset, seconds in done.asset_seconds.items():
        yield Measured("asset_seconds", seconds, asset)
    told = [seconds for seconds in done.asset_seconds.values() if seconds is not None]
    # Of some assets only, the sum would look like a faster month.
    whole = sum(told) if told and len(told) == len(done.asset_seconds) else None
    yield Measured("processing_seconds", whole)
    yield Measured("run_seconds", done.run_seconds)
    yield Measured("runs", done.runs)
    yield Measured("failed_runs", done.failed_runs)
    yield Measured("error_rate", done.failed_runs / done.runs)
    yield Measured("checks", len(done.checks))
    yield Measured("failed_checks", sum(not passed for passed in done.checks.values()))
    for check, passed in done.checks.items():
        yield Measured("check_failed", float(not passed), check)


def find_wrong_types(table: pd.DataFrame) -> tuple[str, ...]:
    """How the columns differ from the schema, in words; nothing if they do not."""
    dtypes = {str(name): str(dtype) for name, dtype in table.dtypes.items()}
    return (
        *(f"no column {name}" for name in DTYPES if name not in dtypes),
        *(f"an unknown column {name}" for name in dtypes if name not in DTYPES),
        *(
            f"{name} is {dtypes[name]}, not {dtype}"
            for name, dtype in DTYPES.items()
            if dtypes.get(name, dtype) != dtype
        ),
        *(
            f"{each.name} is missing in {lacking} rows"
            for each in FIELDS
            if not each.nullable
            and each.name in dtypes
            and (lacking := int(table[each.name].isna().sum()))
        ),
    )


def find_faults(
    table: pd.DataFrame, month: str, contract: Contract, min_people: int
) -> tuple[str, ...]:
    """What is wrong with a month's rows or lacks from them, in words; nothing if they are whole.

    The columns must be those of the schema.
    """
    found = [
        f"{count} rows of {other}"
        for other, count in table["month"].value_counts().items()
        if other != month
    ]
    if unknown := set(table["metric"]) - set(BY_NAME):
        found.append(f"unknown metrics {', '.join(sorted(unknown))}")
    if repeated := int(table.duplicated(KEY).sum()):
        found.append(f"{repeated} rows repeated")
    if endless := int((~np.isfinite(table["value"])).sum()):
        found.append(f"{endless} values that are no numbers")
    held = set(zip(table["metric"], table["subject"], strict=True))
    wanted = [(each.name, "") for each in METRICS if each.always and not each.subject]
    wanted += [("missing_share", name) for name in contract.monitored]
    scored = table.loc[table["metric"] == "scored_people", "value"]
    if (scored >= min_people).any():
        wanted += [("flagged_share", ""), ("mean_probability", "")]
    lacking = [" of ".join(filter(None, each)) for each in wanted if each not in held]
    return (*found, *(f"no {each}" for each in lacking))
