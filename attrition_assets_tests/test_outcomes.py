import calendar

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract
from attrition_assets.months import last_day
from attrition_assets.outcomes import label_snapshot, step_months

from .conftest import declare_contract, with_horizon

# With a leap day, and with turns of the year at every distance.
MONTHS = list(pd.period_range("2022-10", "2025-03", freq="M"))
HORIZONS = [1, 2, 3, 12]
PAY = {"kind": "continuous", "role": "feature", "range": [0, 10]}


@pytest.fixture
def small() -> Contract:
    return declare_contract(Pay=PAY)


def departures(*rows: tuple[int, str | pd.Timestamp]) -> pd.DataFrame:
    ids, dates = [row[0] for row in rows], [row[1] for row in rows]
    return pd.DataFrame({"Id": ids, "DepartureDate": pd.to_datetime(pd.Series(dates))})


def people(count: int, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"Id": range(count), **columns})


def final_day(month: pd.Period, months_later: int) -> pd.Timestamp:
    """The last day of a later month, by the calendar of the standard library."""
    years, index = divmod(month.month - 1 + months_later, 12)
    year = month.year + years
    return pd.Timestamp(year, index + 1, calendar.monthrange(year, index + 1)[1])


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("inline", [True, False])
def test_no_label_is_known_before_the_whole_horizon_has_passed(inline: bool, horizon: int) -> None:
    contract = with_horizon(declare_contract(Pay=PAY), horizon)
    everyone = people(3, Left=["Yes", "No", "Yes"])
    for month in MONTHS:
        left = departures((0, final_day(month, 0) + pd.Timedelta(days=1)))
        for age in range(-2, horizon + 3):
            labels = label_snapshot(
                everyone,
                month,
                departures=None if inline else left,
                known_by=month + age,
                contract=contract,
            )
            if final_day(month, age) < final_day(month, horizon):
                assert labels.isna().all(), f"{month} is known in {month + age}"
            else:
                assert labels.tolist() == ([1, 0, 1] if inline else [1, 0, 0])


@pytest.mark.parametrize("horizon", HORIZONS)
def test_leaving_counts_from_the_day_after_the_snapshot_to_the_horizons_last_day(
    horizon: int,
) -> None:
    contract = with_horizon(declare_contract(Pay=PAY), horizon)
    day = pd.Timedelta(days=1)
    for month in MONTHS:
        start, end = final_day(month, 0), final_day(month, horizon)
        left = departures((0, start), (1, start + day), (2, end), (3, end + day))
        labels = label_snapshot(
            people(5), month, departures=left, known_by=month + 30, contract=contract
        )
        assert labels.tolist() == [0, 1, 1, 0, 0], month


def test_the_leap_day_is_the_last_day_of_a_horizon(small: Contract) -> None:
    november = pd.Period("2023-11", freq="M")
    left = departures((0, "2024-02-29"), (1, "2024-03-01"))
    labels = label_snapshot(
        people(2), november, departures=left, known_by=november + 3, contract=small
    )
    assert labels.tolist() == [1, 0]


def test_what_happens_after_known_by_changes_no_label(small: Contract) -> None:
    rng = np.random.default_rng(0)
    days = pd.to_datetime("2022-10-01") + pd.to_timedelta(rng.integers(0, 1000, 200), unit="D")
    left = pd.DataFrame({"Id": range(200), "DepartureDate": days})
    for month in MONTHS:
        for known_by in (month + 2, month + 3, month + 4):
            seen, all_of_them = (
                label_snapshot(
                    people(200), month, departures=each, known_by=known_by, contract=small
                )
                for each in (left[left["DepartureDate"] <= last_day(known_by)], left)
            )
            pd.testing.assert_series_equal(seen, all_of_them)


def test_a_label_once_known_never_changes(small: Contract) -> None:
    month = pd.Period("2023-12", freq="M")
    left = departures((0, "2024-03-31"), (1, "2024-04-01"), (2, "2024-01-01"))
    known = [
        label_snapshot(
            people(4), month, departures=left, known_by=month + age, contract=small
        ).tolist()
        for age in (3, 4, 9, 40)
    ]
    assert known == [[1, 0, 1, 0]] * 4


def test_somebody_who_left_came_back_and_left_again_left(small: Contract) -> None:
    month = pd.Period("2024-01", freq="M")
    left = departures((0, "2023-05-05"), (0, "2024-02-02"), (0, "2025-05-05"))
    labels = label_snapshot(people(1), month, departures=left, known_by=month + 9, contract=small)
    assert labels.tolist() == [1]


def test_a_label_inside_the_snapshot_that_is_missing_stays_unknown(small: Contract) -> None:
    month = pd.Period("2024-01", freq="M")
    everyone = people(4, Left=["Yes", None, np.nan, "No"])
    labels = label_snapshot(everyone, month, departures=None, known_by=month + 3, contract=small)
    np.testing.assert_array_equal(labels, [1, np.nan, np.nan, 0])


def test_without_departures_and_without_labels_nothing_is_ever_known(small: Contract) -> None:
    month = pd.Period("2024-01", freq="M")
    labels = label_snapshot(people(3), month, departures=None, known_by=month + 99, contract=small)
    assert labels.isna().all()


def test_departures_go_before_labels_inside_the_snapshot(small: Contract) -> None:
    month = pd.Period("2024-01", freq="M")
    everyone = people(2, Left=["Yes", "No"])
    left = departures((1, "2024-02-02"))
    labels = label_snapshot(everyone, month, departures=left, known_by=month + 3, contract=small)
    assert labels.tolist() == [0, 1]


def test_labels_stand_beside_their_rows_whatever_the_index(small: Contract) -> None:
    month = pd.Period("2024-01", freq="M")
    everyone = people(3).set_axis([30, 10, 20])
    left = departures((2, "2024-02-02"))
    labels = label_snapshot(everyone, month, departures=left, known_by=month + 3, contract=small)
    assert labels.to_dict() == {30: 0, 10: 0, 20: 1}


def test_a_shorter_horizon_is_known_earlier_where_departures_are_dated(small: Contract) -> None:
    month = pd.Period("2024-01", freq="M")
    left = departures((0, "2024-02-29"), (1, "2024-03-01"))
    labels = label_snapshot(
        people(2), month, departures=left, known_by=month + 1, contract=small, horizon_months=1
    )
    assert labels.tolist() == [1, 0]
    assert (step_months(left, small), step_months(None, small)) == (1, 3)


def test_labels_inside_snapshots_have_no_other_horizon(small: Contract) -> None:
    month = pd.Period("2024-01", freq="M")
    with pytest.raises(ValueError, match="labels inside snapshots are for 3 months"):
        label_snapshot(
            people(1, Left="Yes"),
            month,
            departures=None,
            known_by=month + 9,
            contract=small,
            horizon_months=1,
        )
