"""The checks of a table that stays where it is say what those of its rows in memory say."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attrition_assets.adapters.engine_checks import examine_table, read_people
from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import Contract
from attrition_assets.errors import EngineError, SnapshotError
from attrition_assets.monitoring.table_summary import draw_sample
from attrition_assets.months import last_day, parse_month
from attrition_assets.validation.checks import check_snapshot
from attrition_assets.validation.continuity import EarlierMonth, Previous
from attrition_assets.validation.counted import check_counted
from attrition_assets.validation.verdicts import SnapshotVerdict, list_faults
from attrition_assets_tests.broken_files import TABLES
from attrition_assets_tests.conftest import MakeSnapshot, spoil
from attrition_assets_tests.engines import Held

MONTH, PEOPLE = parse_month("2026-02"), 300
# What is asked of every row; the other checks look at people, whom a broken table does not give.
OF_ROWS = (
    "contract_holds",
    "one_row_per_employee",
    "dates_match_month",
    "nothing_from_the_future",
    "volume_plausible",
)
ALL = (*OF_ROWS, "not_sent_before", "units_unchanged", "missing_values_usual", "leavers_recorded")
MORE: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "nothing wrong": lambda table: table,
    "a date that is lacking": lambda table: spoil(table, "SnapshotDate", pd.NaT, [3]),
    "a date that is none": lambda table: spoil(
        table.assign(SnapshotDate=table["SnapshotDate"].dt.strftime("%Y-%m-%d")),
        "SnapshotDate",
        "soon",
        [3, 4],
    ),
    "dates of the month before": lambda table: table.assign(
        SnapshotDate=table["SnapshotDate"] - pd.offsets.MonthEnd(1)
    ),
    "an id that is lacking": lambda table: table.assign(
        EmployeeNumber=table["EmployeeNumber"].astype("Int64").mask(table.index == 7)
    ),
    "no date at all": lambda table: table.drop(columns="SnapshotDate"),
    "no id at all": lambda table: table.drop(columns="EmployeeNumber"),
    "a half of a year": lambda table: table.assign(Age=table["Age"] + 0.5 * (table.index == 2)),
    "an infinite distance": lambda table: spoil(
        table.astype({"DistanceFromHome": float}), "DistanceFromHome", np.inf, [2]
    ),
    "all who were there are gone": lambda table: table.assign(
        EmployeeNumber=table["EmployeeNumber"] + 10_000
    ),
    "not one row": lambda table: table.head(0),
}
BEYOND_DUCKDB = {
    "nothing wrong",
    "text in a number",
    "some employees doubled",
    "dates of the month before",
    "an id that is lacking",
}
WAYS = {name: spoil_table for name, (spoil_table, _) in TABLES.items()} | MORE


def judge(
    held: Held, sent: pd.DataFrame, contract: Contract, before: pd.DataFrame
) -> tuple[dict[str, SnapshotVerdict], dict[str, SnapshotVerdict], bool]:
    """The verdicts by the rows and by the engine, and whether there was a summary."""
    earlier = (EarlierMonth(month="2026-01", rows=PEOPLE, content="another"),)
    previous = Previous(MONTH - 1, cast_to_contract(before, contract))
    departures = pd.DataFrame({"EmployeeNumber": [1], "DepartureDate": [last_day(MONTH)]})
    more: dict[str, Any] = {"previous": previous, "departures": departures}
    by_rows = check_snapshot(sent, contract, MONTH, "its own", earlier, **more)
    place = held.put(sent)
    table, summary = examine_table(held.engine, place, contract)
    kept = read_people(held.engine, place, contract, 1) if summary else None
    found = check_counted(table, kept, contract, MONTH, "its own", earlier, **more)
    return dict(by_rows), dict(found), summary is not None


@pytest.mark.parametrize("how", WAYS)
def test_each_way_to_be_broken_is_named_as_it_is_in_memory(
    how: str, held: Held, make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    if held.engine.name != "duckdb" and how not in BEYOND_DUCKDB:
        pytest.skip("what other engines may do otherwise is in a few of them")
    before = make_snapshot("2026-01", PEOPLE, 1).drop(columns="Attrition", errors="ignore")
    sent = WAYS[how](before.assign(SnapshotDate=last_day(MONTH)))
    by_rows, found, summarized = judge(held, sent, contract, before)
    for name in ALL if summarized else OF_ROWS:
        one, other = by_rows[name], found[name]
        assert (other.holds, other.faults, other.value) == (one.holds, one.faults, one.value), name
        assert other.explanation == re.sub(r" \(rows [\d, ]+\)", "", one.explanation)
    assert all(each.holds for each in found.values()) == (how == "nothing wrong")
    assert list(found) == list(by_rows)
    if not summarized:
        assert set(list_faults(found.values())) <= set(list_faults(by_rows.values()))


def test_the_rows_of_the_same_people_are_kept_whatever_the_engine(
    held: Held, make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 2_000, 1).sample(frac=1, random_state=0)
    kept = read_people(held.engine, held.put(table), contract, 5)
    chosen = table[draw_sample(table["EmployeeNumber"].to_numpy(), 5)]
    expected = cast_to_contract(chosen.sort_values("EmployeeNumber"), contract)
    pd.testing.assert_frame_equal(cast_to_contract(kept, contract), expected.reset_index(drop=True))
    assert 300 < len(kept) < 500


def test_a_table_that_the_engine_cannot_add_up_is_refused_and_one_that_is_absent_an_error(
    held: Held, make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    sound = make_snapshot("2026-02", PEOPLE, 1).drop(columns="Attrition", errors="ignore")
    for broken, why in (
        (sound.astype({"Age": str}), "Age is string, not a whole number"),
        (sound.astype({"EmployeeNumber": str}), "EmployeeNumber is string, not a whole number"),
        (sound.assign(EmployeeNumber=sound["EmployeeNumber"] + 0.5), "has fractions"),
    ):
        table, summary = examine_table(held.engine, held.put(broken), contract)
        more: dict[str, Any] = {"previous": None, "departures": None}
        found = check_counted(table, None, contract, MONTH, "its own", (), **more)
        assert summary is None
        assert why in found["contract_holds"].explanation
        assert not any(found[name].holds for name in ALL[-4:])
    with pytest.raises((SnapshotError, EngineError), match="absent"):
        examine_table(held.engine, "absent", contract)
