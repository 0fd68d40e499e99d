from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract, Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.pairing import pair_columns, read_numbers

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
