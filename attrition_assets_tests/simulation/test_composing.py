"""A company ordered by name: what is planted where, and what an order may not be."""

from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.errors import AttritionError
from attrition_assets.months import parse_month
from attrition_assets.simulation.composing import PLANTED, list_planted, parse_order
from attrition_assets.simulation.faults import FAULTS, DuplicatedFile, LateFile, UnitError
from attrition_assets.simulation.shifts import (
    SHIFTS,
    GradualConceptShift,
    OvertimeCrunch,
    PayInflation,
)
from attrition_assets_tests.seen import attrition

from .conftest import read_bytes

JUNE = parse_month("2026-06")


@pytest.mark.parametrize(
    ("order", "planted"),
    [
        ("pay-inflation@2026-06=0.05", PayInflation(JUNE, 0.05)),
        ("overtime-crunch@2026-06", OvertimeCrunch(JUNE)),
        ("unit-error@2026-06=0.2", UnitError(JUNE, 0.2)),
        ("duplicated-file@2026-06", DuplicatedFile(JUNE)),
        ("gradual-concept-shift@2026-06=0.5", GradualConceptShift(JUNE, 0.5)),
        ("late-file@2026-06", LateFile(JUNE)),
    ],
)
def test_an_order_names_what_when_and_how_much(order: str, planted: object) -> None:
    assert parse_order(order) == planted


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_named_as_it_was_ordered(name: str) -> None:
    planted = parse_order(f"{name}@2026-06")
    assert str(planted).partition("=")[0] == f"{name}@2026-06"
    assert parse_order(str(planted)) == planted


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("inflation@2026-06", "'inflation' is none of pay-inflation, concept-shift, "),
        ("pay-inflation", "'pay-inflation' is none of"),
        ("pay-inflation@june", "'june' is not a month"),
        ("pay-inflation@2026-06=lots", "'lots' is no number"),
        ("pay-inflation@2026-06=", "'' is no number"),
        ("pay-inflation@2026-06=nan", "'nan' is no number"),
        ("duplicated-file@2026-06=2", "duplicated-file has no size"),
        ("late-file@2026-06=2", "late-file has no size"),
    ],
)
def test_what_cannot_be_planted_says_how_to_write_it(order: str, said: str) -> None:
    with pytest.raises(AttritionError) as raised:
        parse_order(order)
    assert f"cannot plant {order!r}: " in str(raised.value)
    assert said.removesuffix(", ") in str(raised.value)
    assert "write NAME@MONTH or NAME@MONTH=SIZE" in str(raised.value)


def test_every_name_is_listed_with_what_it_does() -> None:
    lines = list_planted()
    assert [line.split()[0] for line in lines] == list(PLANTED)
    assert all(len(line) > 40 and line.endswith(".") for line in lines)


def test_the_command_writes_what_was_ordered_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    folder, home = tmp_path / "company", tmp_path / "home"
    words = ("simulate", str(folder), "--first-month", "2026-01", "--months", "3")
    few = ("--headcount", "100", "--plant", "hiring-wave@2026-03=0.5")
    said = attrition(home, tmp_path, *words, *few)
    assert said.exit_code == 0, said.output
    sizes = {
        path.stem: len(pd.read_parquet(path)) for path in sorted((folder / "snapshots").iterdir())
    }
    assert list(sizes) == ["2026-01", "2026-02", "2026-03"]
    assert sizes["2026-02"] == 100
    assert sizes["2026-03"] == 150
    again = attrition(home, tmp_path, *words)
    assert (again.exit_code, "choose another, or add --replace" in again.output) == (1, True)
    outside = attrition(home, tmp_path, "simulate", str(tmp_path / "other"), "--months", "2", *few)
    assert "2026-03" in outside.output and outside.exit_code == 1
    assert not (tmp_path / "other").exists()
    assert attrition(home, tmp_path, "simulate").exit_code == 2
    assert "hiring-wave " in attrition(home, tmp_path, "simulate", "--list").output


@pytest.mark.slow
def test_all_scenarios_at_once_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    words = ("--first-month", "2026-01", "--months", "8", "--headcount", "200")
    shifts = [f"{name}@2026-03" for name in SHIFTS]
    faults = [f"{name}@2026-0{2 + place}" for place, name in enumerate(reversed(FAULTS))]
    orders = [*shifts, "morale-drop@2026-03=0.5", "hiring-wave@2026-03=0.33", *faults]
    written = []
    for place, given in enumerate((orders, orders[::-1], orders[1::2] + orders[::2])):
        folder = tmp_path / str(place)
        plants = [word for order in given for word in ("--plant", order)]
        said = attrition(tmp_path / "home", tmp_path, "simulate", str(folder), *words, *plants)
        assert said.exit_code == 0, said.output
        assert "files of 2026-02, 2026-03 come a month later" in said.output
        written.append(read_bytes(folder))
    assert len(written[0]) == 7 + 1 + 2 + 1
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("missing-values@2026-02=1.5", "hit a share of 1.5: choose a share from 0 to 1"),
        ("reorganisation@2026-02=2", "move a share of 2.0: choose a share from 0 to 1"),
        ("gradual-concept-shift@2026-02=90", "choose a size with which it stays from -10 to 10"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    order: str, said: str, tmp_path: Path
) -> None:
    words = ("--first-month", "2026-01", "--months", "2", "--headcount", "50", "--plant", order)
    refused = attrition(tmp_path / "home", tmp_path, "simulate", str(tmp_path / "x"), *words)
    assert refused.exit_code == 1
    assert said in refused.output
    assert f"Error: {order}" in refused.output
    assert not (tmp_path / "x").exists()
