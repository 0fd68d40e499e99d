"""The verdict on a month's features: what the people and the rows tell, at one level together.

The level of a month is shared by four tests. An alarm that nobody answered stands. What an alarm
leads to is for `decision`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.drift_detection import DriftDetector, describe_drift
from attrition_assets.monitoring.people import (
    BY_PERSON,
    JOINERS,
    ROWS_SHARE,
    SHARES,
    PeopleComparison,
    PeopleHistory,
    compare_people,
)
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import (
    DataQuality,
    Detectable,
    Evidence,
    FeatureDrift,
    FeatureTest,
    Finding,
)
from attrition_assets.monitoring.row_test import name_causes, order_tests
from attrition_assets.monitoring.table_summary import TableSummary

# Of the baseline and of the current month.
Summaries = tuple[TableSummary, TableSummary]


@dataclass(frozen=True)
class PastAlarm:
    """A drift alarm of an earlier month: the columns that moved, and whether the model uses any."""

    month: pd.Period
    columns: tuple[str, ...]
    reaches_model: bool
    snapshot_version: int = 1


@dataclass(frozen=True)
class StandingAlarm:
    """Alarms that nobody answered, as one: of the months `since` to `last`."""

    since: pd.Period
    last: pd.Period
    columns: tuple[str, ...]
    reaches_model: bool

    @property
    def named(self) -> str:
        """What moved, in words."""
        return ", ".join(self.columns) or "many columns"


def find_standing(
    alarms: Iterable[PastAlarm],
    *,
    month: pd.Period,
    champion_as_of: pd.Period,
    answered: Collection[tuple[pd.Period, int]] = (),
) -> StandingAlarm | None:
    """What nobody answered of the alarms before `month`; None if all were answered.

    A champion that was trained on the alarm's month or later answers it, or a person: `answered`
    are months with the version of their snapshot that raised the alarm.
    """
    unanswered = sorted(
        (
            alarm
            for alarm in alarms
            if champion_as_of < alarm.month < month
            and (alarm.month, alarm.snapshot_version) not in answered
        ),
        key=lambda alarm: alarm.month,
    )
    if not unanswered:
        return None
    return StandingAlarm(
        unanswered[0].month,
        unanswered[-1].month,
        tuple(dict.fromkeys(name for alarm in unanswered for name in alarm.columns)),
        any(alarm.reaches_model for alarm in unanswered),
    )


def judge_features(
    *,
    month: pd.Period,
    baseline: pd.DataFrame,
    current: pd.DataFrame,
    history: PeopleHistory,
    standing: StandingAlarm | None,
    contract: Contract,
    policy: MonitoringPolicy,
    importance: Mapping[str, float] | None = None,
    summaries: Summaries | None = None,
    seed: int = 0,
) -> tuple[FeatureDrift, DataQuality]:
    """Judge a month's monitored columns for drift, and for faults.

    The month's people are compared with themselves and with those of a year before, where the
    history has them, and its rows with the rows of `baseline`. Each test has its part of the
    month's level, so that together they alarm no more often than it says; the rows have the parts
    of those that cannot be used, without a history the whole level. If the tables are the rows of
    some people only, `summaries` of the whole tables are compared instead of them. Tables that
    cannot be compared give `cannot_tell`.
    """
    try:
        require_people(baseline, current, policy)
        people = compare_people(month, history, contract, policy, seed)
        unused = sum(share for method, share in SHARES.items() if method not in people.used)
        level = policy.feature_level * (ROWS_SHARE + unused)
        detector = DriftDetector(level, policy=policy, contract=contract, seed=seed)
        rows, quality = (
            detector.compare_summaries(*summaries, importance)
            if summaries
            else detector.compare_features(
                reference_data=select_monitored(baseline, contract, "baseline"),
                current_data=select_monitored(current, contract, "current month"),
                importance=importance,
            )
        )
    except DriftInputError as error:
        unknown = FeatureDrift(finding=Finding.CANNOT_TELL, reason=str(error))
        return _let_stand(unknown, standing, month), DataQuality(
            finding=Finding.CANNOT_TELL, reason=str(error)
        )
    people = people.without(frozenset(fault.column for fault in quality.faults))
    tests = order_tests(name_causes([*people.tests, *rows.tests]), importance)
    drifted = [test for test in tests if test.drifted]
    alarmed = rows.alarmed or people.alarmed
    evidence = (*people.evidence, *rows.evidence)
    p_value = _add_up(evidence, policy)
    drift = FeatureDrift(
        finding=Finding.DRIFT if alarmed else rows.finding,
        reason=_describe(tests, alarmed, people, rows, quality, p_value, policy),
        p_value=p_value,
        level=policy.feature_level,
        alarmed=alarmed,
        reaches_model=people.many_joiners
        or (rows.alarmed and not rows.drifted_features)
        or any(each.used_by_model for each in drifted),
        evidence=evidence,
        tests=tests,
        detectable=_merge_detectable(people.detectable, rows.detectable, contract, importance),
    )
    return _let_stand(drift, standing, month), quality


def require_people(baseline: pd.DataFrame, current: pd.DataFrame, policy: MonitoringPolicy) -> None:
    """Raise DriftInputError, with the numbers, if a month has too few people to be judged."""
    for table, name in ((baseline, "baseline"), (current, "current month")):
        if len(table) < policy.min_people:
            raise DriftInputError(
                f"the {name} has {len(table)} rows, too few to tell: {policy.min_people} people "
                "are needed"
            )


def _add_up(evidence: Sequence[Evidence], policy: MonitoringPolicy) -> float:
    """The p-value of all tests together: the smallest, each multiplied by what its level lacks."""
    weighed = [
        each.p_value * policy.feature_level / each.level
        for each in evidence
        if each.p_value is not None and each.level is not None
    ]
    return min([1.0, *weighed])


def _describe(
    tests: Sequence[FeatureTest],
    alarmed: bool,
    people: PeopleComparison,
    rows: FeatureDrift,
    quality: DataQuality,
    p_value: float,
    policy: MonitoringPolicy,
) -> str:
    drifted = any(test.drifted for test in tests)
    numbers = f"p = {p_value:.2g} for all tests together, drift is up to {policy.feature_level:.2g}"
    alone = ""
    if not set(people.used) & set(BY_PERSON):
        used = " and ".join(["rows", *people.used])
        alone = f"; by {used} alone, without a year of people: {_find_lack(people)}"
    if alarmed:
        named = [] if people.many_joiners and not drifted else [describe_drift(tests)]
        if people.many_joiners:
            named.append(next(each.note for each in people.evidence if each.method == JOINERS))
        return f"{'; '.join(named)} ({numbers}{alone})"
    if rows.finding == Finding.CANNOT_TELL and rows.p_value is None:
        return f"{rows.reason}{alone}"
    broken = ", ".join(fault.column for fault in quality.faults)
    none = f"the data of {broken} are broken, and no other" if broken else "no"
    return f"{none} column moved beyond its limits ({numbers}{alone})"


def _find_lack(people: PeopleComparison) -> str:
    return next((each.note for each in people.evidence if each.p_value is None), "")


def _merge_detectable(
    by_person: Mapping[str, Detectable],
    by_rows: Sequence[Detectable],
    contract: Contract,
    importance: Mapping[str, float] | None,
) -> tuple[Detectable, ...]:
    """The smaller shift of each column, what matters to the model first."""
    smallest = {each.column: each for each in by_rows}
    for name, shift in by_person.items():
        by_its_rows = smallest.get(name)
        if by_its_rows and by_its_rows.unit == shift.unit and shift.shift < by_its_rows.shift:
            smallest[name] = shift
    weights = importance or {}
    return tuple(
        sorted(
            smallest.values(),
            key=lambda each: (each.column not in contract.features, -weights.get(each.column, 0.0)),
        )
    )


def _let_stand(
    drift: FeatureDrift, standing: StandingAlarm | None, month: pd.Period
) -> FeatureDrift:
    """The verdict, with an earlier alarm that nobody answered."""
    if standing is None:
        return drift
    last = month if drift.alarmed else standing.last
    stands = (
        f"the alarm of {standing.since} ({standing.named}) stands until a model trained since is "
        f"promoted, or `attrition acknowledge {last} --reason TEXT`"
    )
    return drift.model_copy(
        update={
            "finding": Finding.DRIFT,
            "reason": f"{stands}; this month: {drift.reason}",
            "standing_since": str(standing.since),
            "reaches_model": drift.reaches_model or standing.reaches_model,
        }
    )


def describe_power(drift: FeatureDrift) -> str:
    """What would have been found: the most important amount, then the most important share.

    Empty if nothing is known of it.
    """
    units = ("%", "points")
    first = [next((each for each in drift.detectable if each.unit == unit), None) for unit in units]
    named = [str(each) for each in first if each]
    if not named:
        return ""
    return f"a shift of {' or '.join(named)}, or more, would have been seen with 80 % probability"


def select_monitored(table: pd.DataFrame, contract: Contract, name: str) -> pd.DataFrame:
    """The columns whose drift is tested, and the ids if there are any.

    Raises DriftInputError that names the columns it lacks.
    """
    if lacking := [column for column in contract.monitored if column not in table]:
        raise DriftInputError(
            f"the {name} lacks {', '.join(lacking)}: give every monitored column of the contract "
            f"{contract.name}"
        )
    return table[[name for name in (contract.id, *contract.monitored) if name in table]]
