from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract, Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.pairing import ColumnPair, pair_columns, read_numbers
from attrition_assets_tests.conftest import declare_contract

Change = Callable[[pd.DataFrame], object]


def small(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"Age": [30, 40, 50], "OverTime": ["Yes", "No", "No"], **columns})


def found_kinds(
    reference: pd.DataFrame, current: pd.DataFrame, contract: Contract, **kinds: Kind
) -> dict[str, Kind]:
    return {pair.column: pair.kind for pair in pair_columns(reference, current, contract, kinds)}


def test_kinds_come_from_the_contract_then_the_declaration_then_the_values(
    contract: Contract,
) -> None:
    table = small(Grade=[1, 2, 3], Shoe=[40, 41, 42], Team=["a", "b", "a"])
    table["Education"] = [1, 2, 3]
    assert found_kinds(table, table, contract, Grade=Kind.ORDINAL, Age=Kind.NOMINAL) == {
        "Age": Kind.CONTINUOUS,
        "OverTime": Kind.NOMINAL,
        "Grade": Kind.ORDINAL,
        "Shoe": Kind.CONTINUOUS,
        "Team": Kind.NOMINAL,
        "Education": Kind.ORDINAL,
    }


def test_label_id_date_and_ignored_columns_are_left_out_and_may_be_absent(
    contract: Contract,
) -> None:
    reference = small(
        Attrition=["Yes", "No", "No"],
        EmployeeNumber=[1, 2, 3],
        SnapshotDate=["2026-01-31"] * 3,
        Over18=["Y"] * 3,
        badge=[7, 8, 9],
        hired=pd.to_datetime(["2020-01-01"] * 3),
    )
    current = small(badge=[1, 2, 3])
    assert list(found_kinds(reference, current, contract, badge=Kind.ID)) == ["Age", "OverTime"]


def test_levels_declared_as_text_are_ordered_as_declared() -> None:
    column = pd.Series(["high", None, "low"])
    numbers = read_numbers(column, "here", ("low", "middle", "high"))
    np.testing.assert_array_equal(numbers, [2, np.nan, 0])


def test_numbers_kept_as_objects_are_numbers(contract: Contract) -> None:
    table = small(Shoe=pd.Series([40, None, 42], dtype=object))
    pairs = {pair.column: pair for pair in pair_columns(table, table, contract, {})}
    assert pairs["Shoe"].kind == Kind.CONTINUOUS
    np.testing.assert_array_equal(pairs["Shoe"].reference, [40, np.nan, 42])
    assert pairs["Shoe"].missing[0].tolist() == [False, True, False]


def pair_one(reference: pd.Series, current: pd.Series, contract: Contract) -> ColumnPair:
    name = str(reference.name)
    return pair_columns(reference.to_frame(), current.to_frame(name), contract, {})[0]


@pytest.mark.parametrize(
    ("values", "expected", "stored"),
    [
        (pd.Series([40, 41], dtype="int32"), [40, 41], np.int64),
        (pd.Series([40, 41], dtype="uint64"), [40, 41], np.float64),
        (pd.Series([40, None], dtype="Int64"), [40, np.nan], np.float64),
        (pd.Series([40.5, None]), [40.5, np.nan], np.float64),
    ],
)
def test_numbers_are_whole_where_their_type_says_so_and_floats_elsewhere(
    values: pd.Series, expected: list[float], stored: type, contract: Contract
) -> None:
    pair = pair_one(values.rename("Age"), values, contract)
    np.testing.assert_array_equal(pair.reference, expected)
    assert pair.reference.dtype == stored
    assert pair.missing[1].tolist() == np.isnan(expected).tolist()


def test_levels_are_numbered_alike_in_both_tables_and_missing_ones_are_minus_1(
    contract: Contract,
) -> None:
    reference = pd.Series(["Sales", None, "Legal"], name="Department")
    pair = pair_one(reference, pd.Series(["Legal", "New", np.nan, "Sales"]), contract)
    assert pair.levels == ("Legal", "New", "Sales")
    assert pair.reference.tolist() == [2, -1, 0]
    assert pair.current.tolist() == [0, 1, -1, 2]
    assert [side.tolist() for side in pair.missing] == [
        [False, True, False],
        [False, False, True, False],
    ]


@pytest.mark.parametrize("late", ["Sales", None, "Legal"])
def test_a_level_is_found_however_late_it_comes(late: str | None, contract: Contract) -> None:
    values = pd.Series(["Sales", "HR"] * 12_000 + [late], name="Department", dtype=object)
    pair = pair_one(values, values, contract)
    assert pair.levels == tuple(sorted(values.dropna().unique()))
    shown = np.array([*pair.levels, None], dtype=object)[pair.reference]
    assert shown.tolist() == values.tolist()


def test_what_the_contract_says_of_a_column_goes_with_it(contract: Contract) -> None:
    table = small(Shoe=[40, 41, 42])
    age, overtime, shoe = pair_columns(table, table, contract, {})
    assert [each.used for each in (age, overtime, shoe)] == [False, True, True]
    assert [each.inferred for each in (age, overtime, shoe)] == [False, False, True]
    assert age.declared == contract.columns["Age"]
    assert shoe.declared is None


@pytest.mark.parametrize("wrong", [[0, 1, 2], ["low", "mid", "high"]])
def test_ordered_levels_that_are_text_are_refused_as_anything_else(wrong: list[object]) -> None:
    contract = declare_contract(
        Grade={"kind": "ordinal", "role": "feature", "levels": ["low", "middle", "high"]}
    )
    reference = pd.Series(["low", "high", "middle"], name="Grade")
    with pytest.raises(DriftInputError, match=r"Grade: \d rows do not hold one of \['low'"):
        pair_one(reference, pd.Series(wrong), contract)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.to_dict(), "current_data is a dict: give a pandas DataFrame"),
        (lambda table: table.iloc[:0], "current_data is empty"),
        (lambda table: table.drop(columns="Age"), "current_data lacks Age"),
        (lambda table: table.assign(Shoe=1), "reference_data lacks Shoe"),
        (lambda table: table.rename(columns={"Age": 7}), r"columns named \[7\]"),
        (lambda table: table[["Age", "Age", "OverTime"]], "more than one column Age"),
        (lambda table: table.assign(Age=[1, np.inf, 2]), r"Age: 1 rows .* number \(rows 1,"),
        (lambda table: table.assign(Age=["1", "2", 3]), r"Age: 2 rows .* number \(rows 0, 1,"),
        (lambda table: table.assign(OverTime=[1, 0, 0]), "OverTime is text in reference_data"),
        (lambda table: table.assign(OverTime=[["Yes"], "No", "No"]), "do not hold text"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(
    change: Change, message: str, contract: Contract
) -> None:
    current = change(small())
    with pytest.raises(DriftInputError, match=message):
        pair_columns(small(), current, contract, {})  # type: ignore[arg-type]


def test_tables_without_a_column_to_compare_are_refused(contract: Contract) -> None:
    table = pd.DataFrame({"Attrition": ["Yes", "No"], "Over18": ["Y", "Y"]})
    with pytest.raises(DriftInputError, match="no column to compare"):
        pair_columns(table, table, contract, {})


def test_a_column_that_is_text_in_one_table_only_is_refused(contract: Contract) -> None:
    with pytest.raises(DriftInputError, match="Shoe is text in current_data and not in reference"):
        pair_columns(small(Shoe=[1, 2, 3]), small(Shoe=["1", "2", "3"]), contract, {})
