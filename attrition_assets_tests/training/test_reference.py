import numpy as np
import pandas as pd
import pytest

from attrition_assets.errors import TrainingError
from attrition_assets.months import last_day
from attrition_assets.training import reference as reference_module
from attrition_assets.training.reference import LABEL, STEP_LABEL, ReferenceData, build_reference
from attrition_assets_tests.conftest import declare_contract

PAY = {"kind": "continuous", "role": "feature", "range": [0, 10]}
CONTRACT = declare_contract(Pay=PAY)
DECEMBER = pd.Period("2025-12", freq="M")
YEAR = list(pd.period_range("2025-01", "2025-12", freq="M"))
NOBODY = pd.DataFrame({"Id": [0], "DepartureDate": pd.to_datetime(["2020-01-01"])})


def read(month: pd.Period) -> pd.DataFrame:
    """Ten people a month; the tenth is told by the snapshot itself to have left."""
    return pd.DataFrame(
        {"Id": range(1, 11), "Date": last_day(month), "Left": ["No"] * 9 + ["Yes"], "Pay": 5.0}
    )


def build(
    as_of: pd.Period = DECEMBER,
    *,
    accepted: list[pd.Period] = YEAR,
    departures: pd.DataFrame | None = NOBODY,
    window_months: int = 24,
) -> ReferenceData:
    return build_reference(
        as_of,
        accepted=accepted,
        read=read,
        departures=departures,
        contract=CONTRACT,
        window_months=window_months,
    )


def months_of(table: pd.DataFrame) -> list[str]:
    return [str(date)[:7] for date in table["Date"].unique()]


def leaving(*dates: str) -> pd.DataFrame:
    """Person 1 left on the first date, person 2 on the second, and so on."""
    return pd.DataFrame({"Id": range(1, len(dates) + 1), "DepartureDate": pd.to_datetime(dates)})


def test_the_newest_month_and_each_horizon_before_it_go_in() -> None:
    reference = build()
    assert months_of(reference.labelled) == ["2025-03", "2025-06", "2025-09"]
    assert months_of(reference.newest) == ["2025-12"]
    assert list(reference.table) == ["Id", "Date", "Pay", LABEL, STEP_LABEL]


def test_the_months_between_lend_their_outcomes_within_the_step_and_train_nothing() -> None:
    left = leaving("2025-04-10", "2025-05-10", "2025-12-10")
    reference = build(departures=left)
    assert months_of(reference.table) == [f"2025-{month:02}" for month in range(3, 13)]
    between = reference.table[~reference.table["Date"].dt.month.isin([3, 6, 9, 12])]
    assert between[LABEL].isna().all()
    outcomes = reference.outcomes
    assert months_of(outcomes.head(30)) == months_of(reference.labelled)
    assert months_of(outcomes.iloc[30:]) == months_of(between)
    told = outcomes[outcomes[STEP_LABEL] == 1]
    assert [(str(row.Date)[:7], row.Id) for row in told.itertuples()] == [
        ("2025-03", 1),
        ("2025-04", 2),
        ("2025-11", 3),
    ]


def test_of_a_large_company_the_months_between_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reference_module, "FEW_PEOPLE", 9)
    assert months_of(build().table) == ["2025-03", "2025-06", "2025-09", "2025-12"]
    monkeypatch.setattr(reference_module, "FEW_PEOPLE", 10)
    assert len(months_of(build().table)) == 10


@pytest.mark.parametrize("window", range(1, 13))
def test_labelled_months_reach_back_as_far_as_the_window(window: int) -> None:
    long = list(pd.period_range("2020-01", "2025-12", freq="M"))
    labelled = build(accepted=long, window_months=window).labelled
    oldest = pd.Period(months_of(labelled)[0], freq="M")
    assert oldest + CONTRACT.horizon_months + window > DECEMBER
    assert len(months_of(labelled)) == (window + 2) // 3


def test_a_month_that_was_not_accepted_is_replaced_by_the_next_older() -> None:
    accepted = [
        month for month in YEAR if str(month) not in ("2025-09", "2025-05", "2025-04", "2025-03")
    ]
    reference = build(accepted=accepted)
    assert months_of(reference.labelled) == ["2025-02", "2025-08"]
    assert months_of(reference.newest) == ["2025-12"]


def test_no_departure_counts_twice_whatever_months_were_accepted() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        accepted = [month for month in YEAR if month == YEAR[0] or rng.random() < 0.6]
        days = [pd.Timestamp("2025-01-01") + pd.Timedelta(days=37 * each) for each in range(10)]
        table = build(accepted=accepted, departures=leaving(*map(str, days))).table
        assert table.groupby("Id")[LABEL].sum().max() == 1


def test_months_that_have_not_matured_are_unknown_and_nobody_in_them_stayed() -> None:
    reference = build(
        pd.Period("2025-11", freq="M"), departures=leaving("2025-06-15", "2025-09-15")
    )
    by_month = reference.labelled.groupby("Date")[LABEL]
    assert months_of(reference.labelled) == ["2025-02", "2025-05", "2025-08"]
    assert by_month.sum().tolist() == [0, 1, 1]
    assert by_month.size().tolist() == [10, 10, 10]
    assert months_of(reference.newest) == ["2025-11"]
    assert reference.newest[[LABEL, STEP_LABEL]].isna().all(axis=None)


def test_a_month_between_step_and_horizon_is_known_within_the_step_alone() -> None:
    accepted = [pd.Period("2025-08", freq="M"), pd.Period("2025-11", freq="M")]
    left = leaving("2025-12-01", "2025-09-30", "2025-10-01")
    reference = build(accepted=accepted, departures=left)
    old, new = (group for _, group in reference.table.groupby("Date"))
    assert old[LABEL].tolist()[:4] == [0, 1, 1, 0]
    assert old[STEP_LABEL].tolist()[:4] == [0, 1, 0, 0]
    assert new[LABEL].isna().all()
    assert new[STEP_LABEL].tolist()[:4] == [1, 0, 0, 0]
    assert months_of(reference.labelled) == ["2025-08"]


def test_nothing_after_as_of_goes_in_neither_a_month_nor_a_departure() -> None:
    as_of = pd.Period("2025-06", freq="M")
    left = leaving("2025-05-15", "2025-07-01", "2025-12-01")
    known = left[left["DepartureDate"] <= last_day(as_of)]
    reference = build(as_of, departures=left)
    assert months_of(reference.table) == ["2025-03", "2025-04", "2025-05", "2025-06"]
    pd.testing.assert_frame_equal(
        reference.table, build(as_of, accepted=YEAR[:6], departures=known).table
    )


def test_months_that_carry_their_own_labels_are_all_taken() -> None:
    reference = build(departures=None)
    assert months_of(reference.table) == [str(month) for month in YEAR]
    assert months_of(reference.labelled) == [str(month) for month in YEAR[:9]]
    assert "Left" not in reference.table
    assert reference.labelled[LABEL].sum() == 9
    pd.testing.assert_series_equal(
        reference.table[LABEL], reference.table[STEP_LABEL], check_names=False
    )


@pytest.mark.parametrize("departures", [NOBODY, None])
def test_without_known_labels_there_is_no_reference_and_the_reason_is_told(
    departures: pd.DataFrame | None,
) -> None:
    with pytest.raises(TrainingError) as caught:
        build(accepted=YEAR[10:], departures=departures)
    assert str(caught.value) == (
        "no labels are known as of 2025-12: a model needs an accepted snapshot of 2025-09 or "
        "earlier (accepted so far: 2025-11, 2025-12); materialize employee_snapshot for one"
    )
    with pytest.raises(TrainingError, match="accepted so far: none"):
        build(accepted=[])


def test_no_month_between_is_read_of_a_company_known_to_be_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    was_read: list[pd.Period] = []

    def note(month: pd.Period) -> pd.DataFrame:
        was_read.append(month)
        return read(month)

    monkeypatch.setattr(reference_module, "FEW_PEOPLE", 9)
    reference = build_reference(
        DECEMBER,
        accepted=YEAR,
        read=note,
        departures=NOBODY,
        contract=CONTRACT,
        window_months=24,
        count=lambda month: 10,
    )
    assert [str(month) for month in was_read] == ["2025-03", "2025-06", "2025-09", "2025-12"]
    pd.testing.assert_frame_equal(reference.table, build().table)
    assert np.shares_memory(reference.table["Pay"].to_numpy(), reference.labelled["Pay"].to_numpy())
