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
    execute(
        url,
        f'create table predictions ("{contract.id}" int, "{contract.snapshot_date}" date, '
        "snapshot_version int, model_version int, flag boolean, "
        "probability double precision check (probability < 0.99))",
    )
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


def test_a_name_that_is_none_is_refused(url: str, contract: Contract) -> None:
    table = PredictionTable(Database(SecretStr(url)), contract, "predictions; drop table x")
    with pytest.raises(DatabaseError, match="is no name of a table"):
        table.write(draw(contract), JANUARY)
