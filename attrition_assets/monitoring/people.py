"""What a company's months tell because they show the same people: three tests beside the rows'.

Next month's people are this month's people, so rows are not independent; what a person contributes
is. Which months to compare is settled here, by what was accepted and where an alarm was raised. The
test of sums is in `person_sums`; how all evidence adds up is for `feature_drift`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from scipy import stats

from attrition_assets.contract import Contract
from attrition_assets.monitoring.person_sums import (
    Inputs,
    Matrix,
    PersonSums,
    choose_inputs,
    compare_sums,
    find_smallest_shifts,
)
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import Aspect, Detectable, Evidence, FeatureTest

YEAR = 12
LONGEST_GAP = 3
FEWEST_COUNTS = 6
FEWEST_JOINERS = 10
CHANGES, MEANS, JOINERS = "changes of the same people", "means by person", "number of joiners"
BY_PERSON = {CHANGES: Aspect.CHANGE, MEANS: Aspect.MEAN}
# How a month's level is shared by the tests; the rows' own test gets the rest, and the part of each
# test that cannot be used.
SHARES = {CHANGES: 0.40, MEANS: 0.25, JOINERS: 0.10}
ROWS_SHARE = 0.25


@dataclass(frozen=True)
class PeopleHistory:
    """What a month is compared with: the accepted months, how to read them, past alarms.

    `read` is asked for the same month more than once; `read_ids`, by default `read`, for the ids of
    each month of a year. `incidents` are months in which a drift alarm was raised: what moved then
    is no base.
    """

    accepted: frozenset[pd.Period]
    read: Callable[[pd.Period], pd.DataFrame]
    incidents: frozenset[pd.Period] = frozenset()
    read_ids: Callable[[pd.Period], pd.DataFrame] | None = None


@dataclass(frozen=True)
class PeopleComparison:
    """What the three tests found, each piece of evidence at its own part of the level."""

    evidence: tuple[Evidence, ...]
    tests: tuple[FeatureTest, ...]
    detectable: Mapping[str, Detectable]

    @property
    def alarmed(self) -> bool:
        """Whether any of the tests found something beyond its level and its floor."""
        return any(each.alarmed for each in self.evidence)

    @property
    def many_joiners(self) -> bool:
        """Whether too many people joined."""
        return any(each.alarmed for each in self.evidence if each.method == JOINERS)

    @property
    def used(self) -> tuple[str, ...]:
        """The methods of the tests that could be used."""
        return tuple(each.method for each in self.evidence if each.p_value is not None)

    def without(self, columns: frozenset[str]) -> Self:
        """What is left if nothing is said of some columns."""
        tests = tuple(test for test in self.tests if test.column not in columns)
        evidence = tuple(
            each.model_copy(update=_sum_up(tests, BY_PERSON[each.method]))
            if each.method in BY_PERSON and each.p_value is not None
            else each
            for each in self.evidence
        )
        return replace(self, tests=tests, evidence=evidence)


def compare_people(
    month: pd.Period,
    history: PeopleHistory,
    contract: Contract,
    policy: MonitoringPolicy,
    seed: int = 0,
) -> PeopleComparison:
    """Compare a month with a year before it, person by person.

    Changes: [x(t) - x(t-1)] - [x(t-12) - x(t-13)] of those present in all four months: what always
    moves cancels, and April meets April. Means: mean(t) - mean(t-12), one contribution a person.
    Joiners: how many joined, against the last twelve months. Months around an alarm are no base. A
    test that finds no base, or fewer than `min_rows` people, is not used, and its evidence says so.
    """
    months = _Months(month, history, contract, policy)
    evidence: list[Evidence] = []
    tests: list[FeatureTest] = []
    detectable: dict[str, Detectable] = {}
    for method, add_up in ((CHANGES, _sum_changes), (MEANS, _sum_means)):
        level = policy.feature_level * SHARES[method]
        found = add_up(months)
        if isinstance(found, str):
            evidence.append(Evidence(method=method, note=found))
            continue
        sums, note = found
        compared = compare_sums(sums, level, policy.people_floor, seed)
        tests += compared
        told = Evidence(method=method, level=level, note=note)
        evidence.append(told.model_copy(update=_sum_up(compared, sums.aspect)))
        smallest = find_smallest_shifts(sums, level, policy.people_floor, months.now)
        for name, shift in smallest.items():
            if name not in detectable or shift.shift < detectable[name].shift:
                detectable[name] = shift
    evidence.append(_compare_joiners(months))
    return PeopleComparison(tuple(evidence), tuple(tests), detectable)


def _sum_up(tests: Iterable[FeatureTest], aspect: Aspect) -> dict[str, object]:
    """The smallest p-value of the tests of an aspect, and whether any of them drifted."""
    own = [test for test in tests if test.aspect == aspect]
    adjusted = [test.adjusted_p_value for test in own if test.adjusted_p_value is not None]
    return {"p_value": min(adjusted, default=1.0), "alarmed": any(test.drifted for test in own)}


@dataclass(frozen=True)
class _Months:
    """The months at hand."""

    month: pd.Period
    history: PeopleHistory
    contract: Contract
    policy: MonitoringPolicy

    @cached_property
    def inputs(self) -> Inputs:
        return choose_inputs(self.history.read(self.month), self.contract)

    @cached_property
    def now(self) -> pd.DataFrame:
        return self.encode(self.month)

    def encode(self, month: pd.Period) -> pd.DataFrame:
        return self.inputs.encode(self.history.read(month), f"snapshot of {month}")

    def ids(self, month: pd.Period) -> pd.Series:
        read = self.history.read_ids or self.history.read
        return read(month)[self.contract.id]

    def explain_few(self, people: int, *months: pd.Period) -> str:
        named = ", ".join(map(str, months))
        return f"{people} people are in all of {named}; {self.policy.min_rows} are needed"


def _sum_changes(months: _Months) -> tuple[PersonSums, str] | str:
    bases = _find_change_base(months)
    if isinstance(bases, str):
        return bases
    gap, base = bases
    four = (base - gap, base, months.month - gap, months.month)
    earlier, then, before = (months.encode(each) for each in four[:3])
    now = months.now
    people = now.index.intersection(before.index).intersection(then.index)
    people = people.intersection(earlier.index)
    if len(people) < months.policy.min_rows:
        return months.explain_few(len(people), *four)

    def subtract(later: pd.DataFrame, sooner: pd.DataFrame) -> Matrix:
        return np.asarray(later.loc[people].to_numpy() - sooner.loc[people].to_numpy())

    change = subtract(now, before) - subtract(then, earlier)
    contributions = np.nan_to_num(change, copy=False) / len(people)
    spread = now.std(ddof=0).to_numpy()
    note = f"{len(people)} people, {four[2]} to {four[3]} against {four[0]} to {four[1]}"
    return PersonSums(Aspect.CHANGE, contributions, spread, months.inputs), note


def _find_change_base(months: _Months) -> tuple[int, pd.Period] | str:
    """The gap to the last accepted month, and the month a year or two before with the same gap."""
    accepted, month = months.history.accepted, months.month
    gap = next((k for k in range(1, LONGEST_GAP + 1) if month - k in accepted), None)
    if gap is None:
        return f"none of the {LONGEST_GAP} months before {month} was accepted"
    for base in (month - YEAR, month - 2 * YEAR):
        spanned = {base - k for k in range(gap)}
        if {base, base - gap} <= accepted and not spanned & months.history.incidents:
            return gap, base
    return f"{month - YEAR - gap} and {month - YEAR} are needed, accepted and without an alarm"


def _sum_means(months: _Months) -> tuple[PersonSums, str] | str:
    month, base = months.month, months.month - YEAR
    if base not in months.history.accepted:
        return f"{base} is needed, accepted"
    if since := [each for each in months.history.incidents if base < each < month]:
        return f"{base} comes before the alarm of {max(since)}"
    now, then = months.now, months.encode(base)
    shared = int(now.index.isin(then.index).sum())
    if shared < months.policy.min_rows:
        return months.explain_few(shared, base, month)
    pooled = pd.concat([now, then])
    centre, spread = pooled.mean(), pooled.std(ddof=0).to_numpy()
    people = now.index.union(then.index)
    gained, lost = (
        (side - centre).fillna(0.0).reindex(people, fill_value=0.0).to_numpy() / len(side)
        for side in (now, then)
    )
    note = f"{len(now)} people in {month} against {len(then)} in {base}, {shared} of them in both"
    return PersonSums(Aspect.MEAN, gained - lost, spread, months.inputs), note


def _compare_joiners(months: _Months) -> Evidence:
    """Hold the month's joiners against the shares that joined in the last twelve months.

    By Student's t with their own dispersion, at least Poisson's: hiring comes in bursts. Not below
    ten joiners a month, where that is too rough to keep its level.
    """
    month, history = months.month, months.history
    past = [
        each
        for each in (month - k for k in range(1, YEAR + 1))
        if {each, each - 1} <= history.accepted and each not in history.incidents
    ]
    if month - 1 not in history.accepted or len(past) < FEWEST_COUNTS:
        why = f"{month - 1} and {FEWEST_COUNTS} pairs of months before it are needed, accepted"
        return Evidence(method=JOINERS, note=why)
    size, joined = len(months.ids(month)), _count_joiners(months, month)
    if size - joined < months.policy.min_rows:
        why = months.explain_few(size - joined, month - 1, month)
        return Evidence(method=JOINERS, note=why)
    counts = np.array([_count_joiners(months, each) for each in past], dtype=float)
    sizes = np.array([len(months.ids(each)) for each in past], dtype=float)
    share = counts.sum() / sizes.sum()
    expected = share * size
    if expected < FEWEST_JOINERS:
        why = f"{expected:.0f} joiners a month are too few to tell a wave; {FEWEST_JOINERS} needed"
        return Evidence(method=JOINERS, note=why)
    chi_square = float(((counts - share * sizes) ** 2 / (share * sizes)).sum())
    dispersion = max(1.0, chi_square / (len(past) - 1))
    error = np.sqrt(dispersion * expected * (1 + size / sizes.sum()))
    p_value = float(stats.t.sf((joined - expected) / error, len(past) - 1))
    level = months.policy.feature_level * SHARES[JOINERS]
    return Evidence(
        method=JOINERS,
        p_value=p_value,
        level=level,
        note=f"{joined} joined in {month}, {expected:.0f} were to be expected",
        alarmed=bool(p_value <= level and joined - expected >= months.policy.joiner_floor * size),
    )


def _count_joiners(months: _Months, month: pd.Period) -> int:
    return int((~months.ids(month).isin(months.ids(month - 1))).sum())
