"""What all tests share: the contract, months drawn from it by seed, and the real table."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pytest

from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import Column, Contract, Kind, Outcomes, Role, read_contract
from attrition_assets.months import last_day

from .databases import postgres, url
from .engines import held
from .faults.rows import pytest_addoption, pytest_itemcollected, pytest_terminal_summary
from .walking import walked

__all__ = [
    "held",
    "postgres",
    "pytest_addoption",
    "pytest_itemcollected",
    "pytest_terminal_summary",
    "url",
    "walked",
]

# Fixtures that are costly to make: whoever asks for one goes to one worker.
COSTLY = ("walked", "units", "long_companies", "make_home")

REAL_TABLE = Path(__file__).parents[2] / "shared" / "data" / "ibm_hr_attrition.csv"


@pytest.hookimpl(tryfirst=True)  # before xdist looks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share what is costly are in one group, for `--dist loadgroup`."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if shared := next((name for name in COSTLY if name in asked), None):
            item.add_marker(pytest.mark.xdist_group(shared))


class MakeSnapshot(Protocol):
    """Draws a month that the contract accepts; the same arguments give the same table."""

    def __call__(
        self, month: str, people: int, seed: int, contract: Contract | None = None
    ) -> pd.DataFrame: ...


def declare_contract(**columns: Mapping[str, Any]) -> Contract:
    """A contract of three key columns and `columns`."""
    keys = {
        "Id": {"kind": "id", "role": "id", "integer": True},
        "Date": {"kind": "date", "role": "snapshot_date"},
        "Left": {"kind": "nominal", "role": "label", "levels": ["No", "Yes"], "positive": "Yes"},
    }
    return Contract.model_validate({"name": "small", "columns": {**keys, **columns}})


def with_horizon(contract: Contract, months: int) -> Contract:
    return contract.model_copy(update={"outcomes": Outcomes(horizon_months=months)})


def spoil(table: pd.DataFrame, column: str, value: object, rows: list[int]) -> pd.DataFrame:
    values = table[column].astype("object")
    values.iloc[rows] = value
    return table.assign(**{column: values})


def as_csv(table: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(table.to_csv(index=False)), dtype=str)


def as_parquet(table: pd.DataFrame) -> pd.DataFrame:
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return pd.read_parquet(file)


@pytest.fixture(scope="session")
def contract() -> Contract:
    return read_contract()


@pytest.fixture(scope="session")
def make_snapshot(contract: Contract) -> MakeSnapshot:
    """Employees 1, 2, ... of a month; each value is drawn evenly from what the contract accepts."""

    def make(
        month: str, people: int, seed: int, contract: Contract | None = contract
    ) -> pd.DataFrame:
        assert contract is not None
        rng = np.random.default_rng(seed)
        date = last_day(pd.Period(month, freq="M"))
        table = {
            name: _draw(column, date, people, rng) for name, column in contract.columns.items()
        }
        return cast_to_contract(pd.DataFrame(table), contract)

    return make


@pytest.fixture(scope="session")
def ibm_table() -> pd.DataFrame:
    """The real table's raw values: every cell is text, as a CSV file gives them."""
    if not REAL_TABLE.exists():
        pytest.skip(f"the real IBM table is not at {REAL_TABLE}: what it shows is NOT tested")
    return pd.read_csv(REAL_TABLE, encoding="utf-8-sig", dtype=str)


@pytest.fixture(scope="session")
def cast_ibm_table(ibm_table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The real table in the contract's types, dated 2026-01-31."""
    return cast_to_contract(ibm_table.assign(SnapshotDate="2026-01-31"), contract)


def _draw(column: Column, date: pd.Timestamp, people: int, rng: np.random.Generator) -> Any:
    if column.role == Role.ID:
        return np.arange(1, people + 1)
    if column.kind == Kind.DATE:
        return [date] * people
    if column.levels:
        return rng.choice(np.array(column.levels), people)
    assert column.range
    low, high = column.range
    if column.integer:
        return rng.integers(int(low), int(high) + 1, people)
    return rng.uniform(low, high, people)
