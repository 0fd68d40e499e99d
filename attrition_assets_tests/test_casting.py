import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.casting import cast_to_contract, read_dates
from attrition_assets.contract import Contract
from attrition_assets.errors import ContractError

from .conftest import MakeSnapshot, as_csv, as_parquet, declare_contract, spoil


@pytest.fixture
def table(make_snapshot: MakeSnapshot) -> pd.DataFrame:
    return make_snapshot("2026-01", 40, 0)


def test_csv_and_parquet_of_one_table_are_cast_to_the_same_table(
    table: pd.DataFrame, contract: Contract
) -> None:
    shuffled = table.sample(frac=1, random_state=0)[list(table)[::-1]]
    for sent in (as_csv(shuffled), as_parquet(shuffled), as_parquet(shuffled.convert_dtypes())):
        assert_frame_equal(cast_to_contract(sent, contract), table)


def test_a_cast_table_has_the_contracts_types_and_order(
    table: pd.DataFrame, contract: Contract
) -> None:
    cast = cast_to_contract(as_csv(table).assign(shoe="40"), contract)
    assert tuple(cast) == tuple(contract.columns)
    assert cast["EmployeeNumber"].is_monotonic_increasing
    assert cast.dtypes[["EmployeeNumber", "SnapshotDate", "Age", "Gender"]].astype(
        str
    ).tolist() == ["int64", "datetime64[ns]", "int64", "object"]


def test_ids_beyond_the_precision_of_floats_stay_apart(
    table: pd.DataFrame, contract: Contract
) -> None:
    ids = [str(2**53 + each) for each in range(40)]
    cast = cast_to_contract(as_csv(table.assign(EmployeeNumber=ids)), contract)
    assert cast["EmployeeNumber"].astype(str).tolist() == ids


def test_ids_that_are_text_are_the_same_text_in_csv_and_parquet() -> None:
    text_ids = declare_contract(
        Id={"kind": "id", "role": "id"},
        Pay={"kind": "continuous", "role": "feature", "range": [0, 9]},
    )
    table = pd.DataFrame({"Id": [2, 10], "Date": "2026-01-31", "Pay": [1.5, 2.5]})
    cast = cast_to_contract(as_parquet(table), text_ids)
    assert cast["Id"].tolist() == ["10", "2"]
    assert_frame_equal(cast, cast_to_contract(as_csv(table), text_ids))


def test_a_table_that_was_never_checked_is_not_cast_and_its_values_not_told(
    table: pd.DataFrame, contract: Contract
) -> None:
    with pytest.raises(ContractError, match="column Age does not fit the contract") as caught:
        cast_to_contract(spoil(table, "Age", "pensioner", [0]), contract)
    assert "pensioner" not in str(caught.value)


def test_dates_with_a_time_zone_are_none_and_others_are_read() -> None:
    texts = pd.Series(["2026-01-31", "2026-01-31T10:00", "2026-01-31T10:00+01:00", None])
    assert read_dates(texts).isna().tolist() == [False, False, True, True]
    zoned = pd.Series(pd.to_datetime(["2026-01-31"])).dt.tz_localize("Europe/Berlin")
    assert read_dates(zoned).isna().all()
