import calendar

import pandas as pd
import pytest

from attrition_assets.months import last_day, months_between, parse_month, partition_key

MONTHS = list(pd.period_range("1999-01", "2030-12", freq="M"))


@pytest.mark.parametrize("text", ["2026-01", "2026-01-01"])
def test_a_month_and_its_partition_key_are_the_same_month(text: str) -> None:
    assert parse_month(text) == pd.Period("2026-01", freq="M")


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13", "2026-00", "2026-1", "2026-01-31", "01-2026", " 2026-01", "2026-01\n"],
)
def test_what_is_no_month_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(ValueError, match="is not a month: write 2026-01, or 2026-01-01") as caught:
        parse_month(text)
    assert repr(text) in str(caught.value)


def test_every_month_survives_its_partition_key() -> None:
    assert [parse_month(partition_key(month)) for month in MONTHS] == MONTHS
    assert partition_key(MONTHS[0]) == "1999-01-01"


def test_the_last_day_is_that_of_the_calendar() -> None:
    for month in MONTHS:
        _, days = calendar.monthrange(month.year, month.month)
        assert last_day(month) == pd.Timestamp(month.year, month.month, days)


def test_months_between_undoes_adding_months() -> None:
    for step in range(-30, 31):
        assert months_between(MONTHS[100], MONTHS[100] + step) == step
