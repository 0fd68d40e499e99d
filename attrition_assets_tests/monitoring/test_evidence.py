from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract
from attrition_assets.monitoring.evidence import ChampionEvidence, History, gather_outcomes
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.months import last_day, months_between
from attrition_assets.training.reference import build_reference
from attrition_assets_tests.conftest import declare_contract, with_horizon

AS_OF = pd.Period("2024-06", freq="M")
MONTHS = list(pd.period_range("2023-06", "2026-06", freq="M"))
PEOPLE = 400
CONTRACT = declare_contract(
    Month={"kind": "continuous", "role": "feature", "range": [0, 9999]},
    Person={"kind": "continuous", "role": "protected", "range": [0, 9999]},
    Note={"kind": "nominal", "role": "ignored", "levels": ["x"]},
)

Samples = list[OutcomeSample]


class Company:
    """A third of the people leave, each on one day; `Month` and `Person` say who is which row."""

    def __init__(self, contract: Contract = CONTRACT, *, inline: bool = False) -> None:
        rng = np.random.default_rng(0)
        days = pd.Timestamp("2023-06-15") + pd.to_timedelta(rng.integers(0, 1000, PEOPLE), unit="D")
        self.contract, self.inline, self.was_read = contract, inline, list[pd.Period]()
        self.left = pd.DataFrame({"Id": range(PEOPLE), "DepartureDate": days}).head(PEOPLE // 3)
        self.champions: dict[tuple[pd.Period, ...], ChampionEvidence] = {}

    def read(self, month: pd.Period) -> pd.DataFrame:
        self.was_read.append(month)
        gone = self.left.loc[self.left["DepartureDate"] <= last_day(month), "Id"]
        ids = np.setdiff1d(np.arange(PEOPLE), gone)
        table = pd.DataFrame(
            {"Id": ids, "Date": last_day(month), "Month": month.ordinal, "Person": ids, "Note": "x"}
        )
        label = np.where(ids % 7 == 0, "Yes", "No").astype(object)
        label[ids % 7 == 1] = None
        return table.assign(Left=label) if self.inline else table

    def champion(self, accepted: list[pd.Period]) -> ChampionEvidence:
        if held := self.champions.get(tuple(accepted)):
            return held
        reference = build_reference(
            AS_OF,
            accepted=accepted,
            read=self.read,
            departures=None if self.inline else self.left,
            contract=self.contract,
            window_months=12,
        )
        self.was_read.clear()
        rows = len(reference.outcomes)
        champion = ChampionEvidence(reference, np.linspace(0.1, 0.9, rows), score_people)
        self.champions[tuple(accepted)] = champion
        return champion

    def gather(
        self,
        month: pd.Period,
        *,
        accepted: list[pd.Period] = MONTHS,
        departures: pd.DataFrame | None = None,
    ) -> tuple[dict[int, OutcomeSample] | str, OutcomeSample | str]:
        """The current windows for concept drift and sample for performance, or why not."""
        champion = self.champion([each for each in accepted if each <= AS_OF])
        left = self.left if departures is None else departures
        history = History(accepted, self.read, None if self.inline else left)
        concept, performance = gather_outcomes(month, champion, history, self.contract)
        return (
            concept if isinstance(concept, str) else concept[1],
            performance if isinstance(performance, str) else performance[1],
        )


def score_people(table: pd.DataFrame) -> pd.Series:
    assert len(table), "a model scores no empty table"
    return (table["Id"] % 10 / 10).rename("probability")


def months_of(sample: OutcomeSample | str) -> list[pd.Period]:
    assert isinstance(sample, OutcomeSample), sample
    return [pd.Period(ordinal=each, freq="M") for each in sample.features["Month"].unique()]


def span(first: int, last: int) -> list[pd.Period]:
    return [AS_OF + each for each in range(first, last + 1)]


def leavers_of(sample: OutcomeSample | str) -> list[int]:
    assert isinstance(sample, OutcomeSample), sample
    return sorted(sample.features.loc[sample.left, "Person"])


def windows_of(windows: dict[int, OutcomeSample] | str) -> dict[int, list[pd.Period]]:
    assert isinstance(windows, dict), windows
    return {length: months_of(sample) for length, sample in windows.items()}


def list_samples(judged: tuple[dict[int, OutcomeSample] | str, OutcomeSample | str]) -> Samples:
    windows, performance = judged
    assert isinstance(windows, dict), windows
    assert isinstance(performance, OutcomeSample), performance
    return [*windows.values(), performance]


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("age", [-2, 0, 2, 3, 4, 5, 6, 8, 9, 11])
def test_outcomes_are_judged_every_third_month_and_the_verdict_stands_until_the_next(
    age: int, inline: bool
) -> None:
    company = Company(inline=inline)
    judged = company.gather(AS_OF + age)
    if age < 3:
        assert set(judged) == {"judged every 3 months from 2024-06; first in 2024-09"}
        return
    due = company.gather(AS_OF + age // 3 * 3)
    for sample, of_due_month in zip(list_samples(judged), list_samples(due), strict=True):
        pd.testing.assert_frame_equal(sample.features, of_due_month.features)
        np.testing.assert_array_equal(sample.left, of_due_month.left)


@pytest.mark.parametrize(
    ("age", "windows"),
    [
        (3, {3: span(0, 2)}),
        (5, {3: span(0, 2)}),
        (6, {3: span(3, 5), 6: span(0, 5)}),
        (9, {3: span(6, 8), 6: span(3, 8)}),
        (14, {3: span(9, 11), 6: span(6, 11)}),
    ],
)
def test_concept_drift_is_judged_by_the_last_quarter_and_from_six_months_on_by_two(
    age: int, windows: dict[int, list[pd.Period]]
) -> None:
    assert windows_of(Company().gather(AS_OF + age)[0]) == windows


def test_labels_inside_snapshots_are_judged_once_they_have_matured() -> None:
    company = Company(inline=True)
    assert windows_of(company.gather(AS_OF + 3)[0]) == {3: span(0, 0)}
    assert windows_of(company.gather(AS_OF + 6)[0]) == {3: span(1, 3), 6: span(0, 3)}
    assert months_of(company.gather(AS_OF + 6)[1]) == span(0, 3)


def test_a_longer_window_without_another_month_is_none() -> None:
    accepted = [month for month in MONTHS if not AS_OF <= month < AS_OF + 3]
    assert windows_of(Company().gather(AS_OF + 6, accepted=accepted)[0]) == {3: span(3, 5)}


def test_where_the_last_quarter_was_refused_the_six_months_have_what_is_known() -> None:
    accepted = [month for month in MONTHS if not AS_OF + 3 <= month < AS_OF + 6]
    assert windows_of(Company().gather(AS_OF + 6, accepted=accepted)[0]) == {6: span(0, 2)}


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("horizon", [1, 2, 3, 4, 6])
def test_no_snapshot_is_judged_by_the_last_quarter_of_two_evaluations_or_twice_in_a_window(
    horizon: int, inline: bool
) -> None:
    company = Company(with_horizon(CONTRACT, horizon), inline=inline)
    seen: list[pd.Period] = []
    for age in range(3, 16, 3):
        concept, _ = company.gather(AS_OF + age)
        if not isinstance(concept, str):
            windows = windows_of(concept)
            seen += windows[3]
            for months in windows.values():
                assert months == sorted(set(months))
    assert seen == sorted(set(seen))
    assert seen == [AS_OF + each for each in range(len(seen))]
    assert len(seen) >= 9


def test_each_departure_since_the_champions_month_counts_once_over_all_evaluations() -> None:
    company = Company()
    days = company.left["DepartureDate"]
    expected = company.left[(days > last_day(AS_OF)) & (days <= last_day(AS_OF + 12))]["Id"]
    quarters = [list_samples(company.gather(AS_OF + age))[0] for age in (3, 6, 9, 12)]
    counted = [each for quarter in quarters for each in leavers_of(quarter)]
    assert len(expected) > 30
    assert sorted(counted) == sorted(expected)
    halves = [list_samples(company.gather(AS_OF + age))[1] for age in (6, 12)]
    assert sorted(each for half in halves for each in leavers_of(half)) == sorted(expected)


def test_performance_is_judged_by_all_months_since_the_champions_a_horizon_apart() -> None:
    company = Company()
    _, performance = company.gather(AS_OF + 9)
    assert months_of(performance) == [AS_OF, AS_OF + 3, AS_OF + 6]
    days = company.left["DepartureDate"]
    expected = company.left[(days > last_day(AS_OF)) & (days <= last_day(AS_OF + 9))]["Id"]
    assert leavers_of(performance) == sorted(expected)


@pytest.mark.parametrize("inline", [False, True])
def test_nothing_that_is_known_only_later_changes_what_a_month_sees(inline: bool) -> None:
    month, company = AS_OF + 6, Company(inline=inline)
    then = company.gather(
        month,
        accepted=[each for each in MONTHS if each <= month],
        departures=company.left[company.left["DepartureDate"] <= last_day(month)],
    )
    company.was_read.clear()
    now = company.gather(month)
    for before, after in zip(list_samples(then), list_samples(now), strict=True):
        pd.testing.assert_frame_equal(before.features, after.features)
        np.testing.assert_array_equal(before.left, after.left)
        np.testing.assert_array_equal(before.probability, after.probability)
    maturing = 3 if inline else 1
    assert all(months_between(each, month) >= maturing for each in company.was_read)


@pytest.mark.parametrize("inline", [False, True])
def test_what_the_champion_learned_from_does_not_judge_it(inline: bool) -> None:
    company = Company(inline=inline)
    learned = company.champion(MONTHS[: MONTHS.index(AS_OF) + 1]).reference.labelled
    known = {
        (date.to_period("M"), person)
        for date, person in zip(learned["Date"], learned["Id"], strict=True)
    }
    for sample in list_samples(company.gather(AS_OF + 12)):
        assert min(months_of(sample)) >= AS_OF
        pairs = zip(sample.features["Month"], sample.features["Person"], strict=True)
        assert not known & {(pd.Period(ordinal=month, freq="M"), person) for month, person in pairs}


def test_what_is_unknown_judges_nobody() -> None:
    for sample in list_samples(Company(inline=True).gather(AS_OF + 6)):
        people = sample.features["Person"].to_numpy()
        assert (people % 7 != 1).all()
        np.testing.assert_array_equal(sample.left, people % 7 == 0)


def test_months_that_were_not_accepted_are_left_out() -> None:
    accepted = [month for month in MONTHS if month not in (AS_OF + 1, AS_OF + 3)]
    company = Company()
    assert windows_of(company.gather(AS_OF + 3, accepted=accepted)[0]) == {3: [AS_OF, AS_OF + 2]}
    assert months_of(company.gather(AS_OF + 9, accepted=accepted)[1]) == [AS_OF, AS_OF + 6]


def without_labels(company: Company) -> Callable[[pd.Period], pd.DataFrame]:
    def read(month: pd.Period) -> pd.DataFrame:
        table = company.read(month)
        return table if month < AS_OF else table.drop(columns="Left", errors="ignore")

    return read


@pytest.mark.parametrize("inline", [False, True])
def test_where_no_outcome_is_known_the_reason_is_told(inline: bool) -> None:
    company = Company(inline=inline)
    champion = company.champion([each for each in MONTHS if each <= AS_OF])
    history = (
        History(MONTHS, without_labels(company), None)
        if inline
        else History([each for each in MONTHS if each < AS_OF], company.read, company.left)
    )
    reason = "no snapshot since 2024-06 has known outcomes in 2024-09"
    assert gather_outcomes(AS_OF + 3, champion, history, CONTRACT) == (reason, reason)


def test_the_promise_is_the_held_out_score_of_all_rows_with_a_known_outcome() -> None:
    company = Company()
    champion = company.champion(MONTHS[: MONTHS.index(AS_OF) + 1])
    history = History(MONTHS, company.read, company.left)
    concept, performance = gather_outcomes(AS_OF + 3, champion, history, CONTRACT)
    assert not isinstance(concept, str)
    assert not isinstance(performance, str)
    labelled, outcomes = champion.reference.labelled, champion.reference.outcomes
    assert len(outcomes) > 2 * len(labelled)
    for promised, rows, label in (
        (concept[0], outcomes, "left_within_step"),
        (performance[0], labelled, "left_within_horizon"),
    ):
        np.testing.assert_array_equal(promised.left, rows[label] == 1)
        pd.testing.assert_frame_equal(promised.features, rows[["Month", "Person"]])
    np.testing.assert_allclose(performance[0].probability, champion.held_out[: len(labelled)])
    # Three months at a constant hazard are one month three times.
    np.testing.assert_allclose(1 - (1 - concept[0].probability) ** 3, champion.held_out)


def test_of_a_model_that_scored_the_labelled_rows_alone_those_are_the_promise() -> None:
    company = Company()
    champion = company.champion(MONTHS[: MONTHS.index(AS_OF) + 1])
    labelled = champion.reference.labelled
    older = replace(champion, held_out=champion.held_out[: len(labelled)])
    history = History(MONTHS, company.read, company.left)
    concept, _ = gather_outcomes(AS_OF + 3, older, history, CONTRACT)
    assert not isinstance(concept, str)
    np.testing.assert_array_equal(concept[0].left, labelled["left_within_step"] == 1)


def test_the_present_is_scored_by_the_champion() -> None:
    *concept, performance = list_samples(Company().gather(AS_OF + 6))
    np.testing.assert_allclose(performance.probability, performance.features["Person"] % 10 / 10)
    for sample in concept:
        np.testing.assert_allclose(
            1 - (1 - sample.probability) ** 3, sample.features["Person"] % 10 / 10
        )


def test_only_monitored_columns_are_compared() -> None:
    for sample in list_samples(Company().gather(AS_OF + 6)):
        assert list(sample.features) == ["Month", "Person"]
