"""Tables that stay where they are: the same whole numbers from every engine and from the rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import SecretStr

from attrition_assets.adapters import engine_columns, engine_summary
from attrition_assets.adapters.engine import TableEngine
from attrition_assets.adapters.engine_summary import summarize_table
from attrition_assets.errors import DriftInputError, SnapshotError
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.pairing import ComparedColumn
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import FeatureTest
from attrition_assets.monitoring.row_test import Limits, compare_summaries
from attrition_assets.monitoring.table_summary import TableSummary, summarize_rows
from attrition_assets_tests.conftest import declare_contract
from attrition_assets_tests.engines import Held, write_halves

CONTRACT = declare_contract(
    # More numbers than codes, from below 0 on.
    Pay={"kind": "continuous", "role": "feature", "range": [-500, 400_000], "integer": True},
    Bonus={
        "kind": "continuous",
        "role": "feature",
        "range": [0, 5000],
        "integer": True,
        "missing": True,
    },
    Mood={"kind": "ordinal", "role": "feature", "levels": [1, 2, 3, 4], "missing": True},
    Grade={"kind": "ordinal", "role": "feature", "levels": ["low", "middle", "high"]},
    Team={"kind": "nominal", "role": "feature", "levels": ["Été", "o'clock", "b", "B", "none"]},
    Over={"kind": "nominal", "role": "feature", "levels": ["No", "Yes"], "missing": True},
    Site={"kind": "nominal", "role": "protected", "levels": [7, 12, 30]},
)
BARE = TableEngine(SecretStr("duckdb://"))


def draw(rows: int, seed: int, *, pay: float = 1.0) -> pd.DataFrame:
    """People whose columns depend on each other, as a warehouse stores them: some as floats."""
    rng = np.random.default_rng(seed)
    grade = rng.integers(0, 3, rows)
    wage = (2000 * (1 + grade) * pay * rng.lognormal(0, 0.4, rows) - 500).astype(int)
    table = pd.DataFrame(
        {
            "Id": rng.permutation(rows) * 3 + 2**33,
            "Pay": wage.clip(-500, 400_000),
            "Bonus": (wage // 10).clip(0, 5000).astype(float),
            "Mood": rng.integers(1, 5, rows).astype(float),
            "Grade": np.array(["low", "middle", "high"], dtype=object)[grade],
            "Team": rng.choice(["Été", "o'clock", "b", "B"], rows).astype(object),
            "Over": np.where(rng.random(rows) < 0.2 + 0.1 * grade, "Yes", "No").astype(object),
            "Site": rng.choice([7, 12, 30], rows, p=[0.6, 0.39, 0.01]),
        }
    )
    for column, share in (("Bonus", 0.2), ("Mood", 0.1), ("Over", 0.05)):
        table[column] = table[column].where(rng.random(rows) >= share)
    return table


def check_same(found: TableSummary, expected: TableSummary) -> None:
    assert expected.list_differences(found) == []
    assert found.to_json() == expected.to_json()


@pytest.mark.parametrize("one_in", [1, 8])
def test_every_engine_comes_to_the_whole_numbers_of_the_rows(held: Held, one_in: int) -> None:
    table = draw(4000, 0)
    found = held.engine.summarize(held.put(table), CONTRACT, one_in=one_in)
    check_same(found, summarize_rows(table, CONTRACT, one_in=one_in))
    assert found.rows == 4000
    assert found.counts["Bonus"].missing == table["Bonus"].isna().sum()
    assert found.added.sample.rows.max() == pytest.approx(4000, rel=0.1)


def test_sums_beyond_what_floats_hold_are_whole_in_every_engine(held: Held) -> None:
    """Of three million rows with the largest code: a float would round their sum of squares."""
    pay = declare_contract(
        Pay={"kind": "continuous", "role": "feature", "range": [0, 65_535], "integer": True}
    )
    rows = 3_000_000 - 1
    table = pd.DataFrame({"Id": np.arange(rows), "Pay": np.full(rows, 65_533)})
    if held.engine.name == "postgresql":
        place = held.put(table[:1])
        con = held.engine.backend
        con.raw_sql(f"INSERT INTO {place} SELECT g, 65533 FROM generate_series(1, {rows - 1}) g")
        con.con.commit()
    else:
        place = held.put(table)
    found = held.engine.summarize(place, pay)
    assert found.added.sums.products[0, 0] == rows * 65_533**2 > 2**53


def test_the_verdict_from_an_engines_summaries_is_that_of_the_rows(held: Held) -> None:
    before, now = draw(12_000, 1), draw(11_000, 2, pay=1.15)
    limits = _limits(0.05)
    by_rows, _ = DriftDetector(0.05, contract=CONTRACT).compare_features(
        reference_data=before, current_data=now
    )
    sides = [held.engine.summarize(held.put(side), CONTRACT) for side in (before, now)]
    columns = ComparedColumn.of_contract(CONTRACT)
    found = compare_summaries(columns, sides[0], sides[1], limits)
    assert by_rows.evidence[0].method == found.method
    assert found.drifted == by_rows.alarmed
    assert found.drifted
    assert found.p_value == pytest.approx(by_rows.p_value, rel=1e-12, abs=0)
    expected = _by_name(by_rows.tests)
    assert _by_name(found.tests).keys() == expected.keys()
    for name, test in _by_name(found.tests).items():
        other = expected[name]
        assert test.drifted == other.drifted
        assert test.note == other.note
        assert test.p_value == pytest.approx(other.p_value, rel=1e-9, abs=1e-12)
        assert test.effect == pytest.approx(other.effect, abs=1e-12)


def test_a_reference_of_two_parts_is_their_summaries_merged(tmp_path: Path) -> None:
    whole = draw(6000, 3)
    one, other = (
        BARE.summarize(_put(part, tmp_path / f"{place}.parquet"), CONTRACT, one_in=2)
        for place, part in enumerate((whole[:2500], whole[2500:]))
    )
    check_same(one.merge(other), summarize_rows(whole, CONTRACT, one_in=2))
    folder = write_halves(whole, tmp_path / "parts")
    check_same(BARE.summarize(folder, CONTRACT, one_in=2), one.merge(other))
    fewer = declare_contract(Pay=CONTRACT.columns["Pay"].model_dump())
    with pytest.raises(DriftInputError, match="different contracts"):
        one.merge(summarize_rows(whole, fewer))


def test_a_summary_is_kept_as_text_and_is_the_same_again() -> None:
    summary = summarize_rows(draw(3000, 4), CONTRACT)
    check_same(TableSummary.from_json(summary.to_json()), summary)


def test_levels_of_too_many_combinations_are_counted_pair_by_pair(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = draw(2000, 5)
    expected = summarize_rows(table, CONTRACT, one_in=1)
    place = _put(table, tmp_path / "table.parquet")
    for most in (1, 20, 40, 600):
        monkeypatch.setattr(engine_summary, "MOST_CELLS", most)
        monkeypatch.setattr(engine_summary, "MOST_SUMS", most)
        check_same(BARE.summarize(place, CONTRACT, one_in=1), expected)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Pay": None}, "lacks Pay: give every monitored column"),
        ({"Id": None}, "lacks Id: give every monitored column"),
        ({"Pay": 1000.5}, "fractions or infinite values .* whole .*: Pay in 300 rows; round them"),
        ({"Pay": np.inf}, "fractions or infinite values .*: Pay in 300 rows"),
        ({"Pay": 1e300}, "fractions or infinite values .*: Pay in 300 rows"),
        ({"Id": [None, *range(299)]}, "1 rows have no Id: give each row an id, a whole number"),
        ({"Id": 1.5}, "fractions or infinite values .*: Id in 300 rows"),
        ({"Pay": "much"}, "Pay is string, not a whole number: send the types"),
        ({"Team": 3}, "Team is int64, not text: send the types"),
        ({"Id": "E1"}, "Id is string, not a whole number"),
        ({"Pay": 400_001}, r"Pay has 300 rows that are not -500 to 400000 \(400001\)"),
        ({"Mood": 5}, r"Mood has 300 rows that are not one of \[1, 2, 3, 4\] \(5\)"),
        ({"Team": "C"}, r"Team has 300 rows that are not one of .* \('C'\)"),
        ({"Grade": "top", "Team": "C"}, "Grade has 300 rows .*; Team has 300 rows"),
        ({"Team": pd.array([None] * 300, "string")}, "Team is missing in 300 rows"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(
    changed: Mapping[str, Any], said: str, tmp_path: Path
) -> None:
    table = draw(300, 6)
    for column, value in changed.items():
        table = table.drop(columns=column) if value is None else table.assign(**{column: value})
    place = _put(table, tmp_path / "table.parquet")
    with pytest.raises(SnapshotError, match=said) as refused:
        BARE.summarize(place, CONTRACT)
    assert str(place) in str(refused.value)


def test_columns_of_too_many_values_and_of_declared_fractions_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = _put(draw(900, 7), tmp_path / "table.parquet")
    fractions = declare_contract(Pay={**CONTRACT.columns["Pay"].model_dump(), "integer": False})
    with pytest.raises(
        SnapshotError, match=r"Pay of the contract small may have fractions, .*cents"
    ):
        BARE.summarize(place, fractions)
    monkeypatch.setattr(engine_columns, "MOST_VALUES", 500)
    with pytest.raises(SnapshotError, match="column Pay: more than 500 different values cannot"):
        BARE.summarize(place, CONTRACT)


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    """Also those that a query gives to its own results, and one with a quote and a space."""
    names = {"Pay": "rows", "Bonus": "sum 0", "Mood": "code 1", "Team": "value", "Over": 'a "b" c'}
    renamed = {names.get(name, name): column for name, column in CONTRACT.columns.items()}
    contract = CONTRACT.model_copy(update={"columns": renamed})
    table = draw(500, 9).rename(columns=names)
    found = BARE.summarize(_put(table, tmp_path / "table.parquet"), contract, one_in=1)
    check_same(found, summarize_rows(table, contract, one_in=1))


def test_a_table_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Another process adds rows between the counts and the sums."""
    place = _put(draw(500, 9), tmp_path / "table.parquet")
    engine = TableEngine(SecretStr("duckdb://"))
    queries: list[Any] = []

    class Interrupted:
        def to_pyarrow(self, expression: Any) -> Any:
            if len(queries) == len(CONTRACT.monitored) + 2:
                _put(draw(600, 9), place)
            queries.append(expression)
            return engine.backend.to_pyarrow(expression)

    table = engine.read(place)
    with pytest.raises(SnapshotError, match="changed while it was read: try again"):
        summarize_table(Interrupted(), table, CONTRACT, "the table")


@pytest.mark.parametrize("kept", [["Pay"], ["Team"], ["Team", "Over"], ["Pay", "Bonus"], ["Mood"]])
def test_contracts_of_few_columns_are_summarized_as_well(kept: list[str], tmp_path: Path) -> None:
    few = declare_contract(**{name: CONTRACT.columns[name].model_dump() for name in kept})
    table = draw(400, 10)
    for column in set(kept) & {"Bonus", "Mood", "Over"}:
        table[column] = table[column].where(table.index < 0)  # nobody has one
    place = _put(table.astype({"Over": "string"}), tmp_path / "table.parquet")
    check_same(BARE.summarize(place, few), summarize_rows(table, few))


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "empty.parquet"
    parquet.write_table(pa.Table.from_pandas(draw(10, 0), preserve_index=False)[:0], place)
    with pytest.raises(SnapshotError, match=r"empty\.parquet is empty: give a table with rows"):
        BARE.summarize(place, CONTRACT)


def _put(table: pd.DataFrame, path: Path) -> Path:
    table.to_parquet(path, index=False)
    return path


def _limits(level: float) -> Limits:
    policy = MonitoringPolicy()
    return Limits(level, policy.effect_floor, policy.relation_floor)


def _by_name(tests: tuple[FeatureTest, ...]) -> dict[tuple[str, str], FeatureTest]:
    return {(test.column, str(test.aspect)): test for test in tests}


def test_summaries_of_contracts_that_differ_in_a_level_are_not_compared() -> None:
    """Their counts are of the same length, and mean other levels."""
    team = CONTRACT.columns["Team"].model_dump()
    levels = [*team["levels"][:-1], "other"]
    other = declare_contract(
        **{name: CONTRACT.columns[name].model_dump() for name in CONTRACT.monitored}
        | {"Team": {**team, "levels": levels}}
    )
    table = draw(6000, 11)
    one, two = summarize_rows(table, CONTRACT), summarize_rows(table, other)
    with pytest.raises(DriftInputError, match="different contracts"):
        one.merge(two)
    detector = DriftDetector(contract=other)
    with pytest.raises(DriftInputError, match="of another contract, which says otherwise of Team"):
        detector.compare_summaries(one, two)
    drift, _ = detector.compare_summaries(two, two)
    assert drift.finding == "no_drift"


def test_a_range_too_wide_for_its_values_is_refused_and_of_rows_their_own_is_taken(
    tmp_path: Path,
) -> None:
    """In steps of the range's 65,536th part all values would be one, and a relation unseen."""
    wide = declare_contract(
        **{
            name: {
                "kind": "continuous",
                "role": "feature",
                "range": [0, 1_000_000_000],
                "integer": True,
            }
            for name in ("One", "Other")
        }
    )
    rng = np.random.default_rng(12)
    sides = []
    for sign in (1, -1):
        one, rest = rng.normal(size=(2, 12_000))
        other = 0.5 * sign * one + rest
        numbers = {
            name: (20_000 + 1000 * each).astype(int)
            for name, each in (("One", one), ("Other", other))
        }
        sides.append(pd.DataFrame({"Id": np.arange(12_000), **numbers}))
    drift, _ = DriftDetector(contract=wide).compare_features(
        reference_data=sides[0], current_data=sides[1]
    )
    assert drift.finding == "drift"
    with pytest.raises(
        SnapshotError, match="values of One, Other lie in a small part of the range"
    ):
        BARE.summarize(_put(sides[0], tmp_path / "table.parquet"), wide)


def test_ids_that_do_not_tell_rows_apart_are_refused_and_of_rows_their_numbers_are_taken(
    tmp_path: Path,
) -> None:
    sides = [draw(40_000, seed).assign(Id=1) for seed in (13, 14)]
    with pytest.raises(SnapshotError, match="values of Id do not tell rows apart"):
        BARE.summarize(_put(sides[0], tmp_path / "table.parquet"), CONTRACT)
    shuffled = sides[1].assign(Bonus=np.random.default_rng(0).permutation(sides[1]["Bonus"]))
    drift, _ = DriftDetector(contract=CONTRACT).compare_features(
        reference_data=sides[0], current_data=shuffled
    )
    assert drift.finding == "drift"


def test_the_contract_alone_decides_what_is_added_up() -> None:
    found = summarize_rows(draw(500, 8), CONTRACT)
    numbers = [each.column for each in found.added.inputs if each.level is None]
    levels = [each.column for each in found.added.inputs if each.level is not None]
    assert numbers == ["Pay", "Bonus", "Mood", "Grade"]
    assert levels == ["Team"] * 5 + ["Over"] * 2 + ["Site"] * 3
