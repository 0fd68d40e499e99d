"""Predictions in a table of a database: each month and version once, whole or not at all."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from pydantic import SecretStr

from attrition_assets.adapters.database import Database
from attrition_assets.adapters.prediction_table import PredictionTable
from attrition_assets.contract import Contract
from attrition_assets.errors import DatabaseError
from attrition_assets.months import parse_month
from attrition_assets_tests.conftest import declare_contract
from attrition_assets_tests.databases import ask, execute

COLUMNS = (
    '("{contract.id}" int, "{contract.snapshot_date}" date, snapshot_version int, '
    "model_version int, flag boolean, probability double precision"
)
KEY = 'primary key ("{contract.id}", "{contract.snapshot_date}", snapshot_version, model_version)'
JANUARY = parse_month("2026-01")


@pytest.fixture
def table(url: str, contract: Contract) -> PredictionTable:
    return PredictionTable(Database(SecretStr(url)), contract, "predictions")


def draw(contract: Contract, people: int = 200, *, snapshot_version: int = 1) -> pd.DataFrame:
    probability = np.random.default_rng(people).random(people)
    return pd.DataFrame(
        {
            contract.id: np.arange(people),
            "probability": probability,
            "flag": probability > 0.8,
            "model_version": 3,
            "snapshot_version": snapshot_version,
        }
    )


def count(url: str) -> int:
    return int(ask(url, "select count(*) as n from predictions")["n"].iloc[0])


def test_a_month_is_written_once_bit_for_bit_however_often_it_is_asked_for(
    table: PredictionTable, url: str, contract: Contract
) -> None:
    rows = draw(contract)
    assert [table.write(rows, JANUARY) for _ in range(3)] == [True, False, False]
    held = ask(url, f'select * from predictions order by "{contract.id}"')
    assert held["probability"].tolist() == rows["probability"].tolist()
    assert held["flag"].astype(bool).tolist() == rows["flag"].tolist()
    assert set(held[contract.snapshot_date].astype(str)) == {"2026-01-31"}
    assert (set(held["model_version"]), set(held["snapshot_version"])) == ({3}, {1})


def test_a_corrected_month_and_another_month_stand_beside_it(
    table: PredictionTable, url: str, contract: Contract
) -> None:
    assert table.write(draw(contract), JANUARY)
    assert table.write(draw(contract, 190, snapshot_version=2), JANUARY)
    assert table.write(draw(contract), JANUARY + 1)
    assert count(url) == 200 + 190 + 200


def test_two_writers_at_once_leave_it_once(
    table: PredictionTable, url: str, contract: Contract
) -> None:
    rows = draw(contract, 3000)
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda _: table.write(rows, JANUARY), range(4)))
    assert sorted(written) == [False, False, False, True]
    assert count(url) == 3000


def test_other_rows_of_the_same_month_and_versions_are_left_and_told(
    table: PredictionTable, url: str, contract: Contract
) -> None:
    table.write(draw(contract), JANUARY)
    execute(url, f'delete from predictions where "{contract.id}" = 7')
    with pytest.raises(DatabaseError, match="holds 199 other rows of 2026-01, snapshot version 1"):
        table.write(draw(contract), JANUARY)
    assert count(url) == 199


def test_rows_that_the_database_refuses_leave_nothing(
    table: PredictionTable, url: str, contract: Contract
) -> None:
    columns = COLUMNS.format(contract=contract)
    limit = "check (probability < 0.99)"
    execute(url, f"create table predictions {columns}, {KEY.format(contract=contract)}, {limit})")
    rows = draw(contract)
    rows.loc[150, "probability"] = 0.999
    with pytest.raises(DatabaseError, match=r"table predictions of .* refuses the rows of 2026-01"):
        table.write(rows, JANUARY)
    assert count(url) == 0


def test_ids_may_be_text_and_names_have_a_schema(url: str) -> None:
    contract = declare_contract(Pay={"kind": "continuous", "role": "feature", "range": [0, 9]})
    texts = contract.model_copy(
        update={
            "columns": {
                **contract.columns,
                "Id": contract.columns["Id"].model_copy(update={"integer": False}),
            }
        }
    )
    schema = "main" if url.startswith("sqlite") else "public"
    table = PredictionTable(Database(SecretStr(url)), texts, f"{schema}.predictions")
    rows = draw(texts, 20).assign(Id=[f"p-{each}" for each in range(20)])
    assert [table.write(rows, JANUARY), table.write(rows, JANUARY)] == [True, False]
    assert ask(url, 'select "Id" from predictions')["Id"].tolist() == rows["Id"].tolist()


def test_a_table_without_a_key_is_refused_before_anything_is_written(
    table: PredictionTable, url: str, contract: Contract
) -> None:
    execute(url, f"create table predictions {COLUMNS.format(contract=contract)})")
    with pytest.raises(DatabaseError, match="has no primary key of EmployeeNumber, SnapshotDate"):
        table.write(draw(contract), JANUARY)
    assert count(url) == 0


def test_a_table_that_would_change_the_values_is_refused_with_nothing_written(
    table: PredictionTable, url: str, contract: Contract
) -> None:
    columns = COLUMNS.format(contract=contract).replace("double precision", "varchar(40)")
    execute(url, f"create table predictions {columns}, {KEY.format(contract=contract)})")
    with pytest.raises(DatabaseError, match=r"does not keep what is written|does not do what"):
        table.write(draw(contract), JANUARY)
    assert count(url) == 0


def test_writers_at_once_make_the_table_once(url: str, contract: Contract) -> None:
    for number in range(4):
        table = PredictionTable(Database(SecretStr(url)), contract, f"p{number}")
        with ThreadPoolExecutor(3) as pool:
            jobs = [pool.submit(table.write, draw(contract, 50), JANUARY) for _ in range(3)]
        assert sorted(job.result() for job in jobs) == [False, False, True]


def test_a_contract_that_calls_its_id_like_a_column_of_ours_is_refused(url: str) -> None:
    pay = {"kind": "continuous", "role": "feature", "range": [0, 9]}
    columns = declare_contract(Pay=pay).columns
    named = Contract(
        name="odd",
        columns={"flag": columns["Id"], **{k: v for k, v in columns.items() if k != "Id"}},
    )
    with pytest.raises(DatabaseError, match="calls its id or date 'flag'"):
        PredictionTable(Database(SecretStr(url)), named, "predictions").check()
