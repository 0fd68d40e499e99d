"""Tables and outcomes for the tests of monitoring: synthetic ones by seed, and the real one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract, Kind, read_contract
from attrition_assets.monitoring.outcomes import OutcomeSample

REAL_TABLE = Path(__file__).parents[3] / "shared" / "data" / "ibm_hr_attrition.csv"

MakeTable = Callable[..., pd.DataFrame]
MakeOutcomes = Callable[..., OutcomeSample]


@pytest.fixture(scope="session")
def contract() -> Contract:
    return read_contract()


@pytest.fixture(scope="session")
def make_table(contract: Contract) -> MakeTable:
    """A table of the monitored columns, each drawn evenly from what the contract accepts."""

    def make(rows: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        table = {}
        for name in contract.monitored:
            column = contract.columns[name]
            if column.kind == Kind.CONTINUOUS and column.range:
                table[name] = rng.integers(int(column.range[0]), int(column.range[1]) + 1, rows)
            else:
                table[name] = rng.choice(np.array(column.levels), rows)
        return pd.DataFrame(table)

    return make


@pytest.fixture(scope="session")
def make_outcomes(make_table: MakeTable) -> MakeOutcomes:
    """Outcomes of a company of which the champion is right, unless told otherwise."""

    def make(
        rows: int, seed: int, *, overtime: float = 1.5, base: float = -2.3, noise: float = 0.0
    ) -> OutcomeSample:
        table, rng = make_table(rows, seed), np.random.default_rng(seed + 1_000_000)
        age = (table["Age"].to_numpy() - 46.5) / 17
        works_over = (table["OverTime"] == "Yes").to_numpy()
        predicted = -2.3 + 1.5 * works_over - 0.8 * age + noise * rng.normal(size=rows)
        actual = base + overtime * works_over - 0.8 * age
        return OutcomeSample(
            features=table,
            left=rng.random(rows) < 1 / (1 + np.exp(-actual)),
            probability=1 / (1 + np.exp(-predicted)),
        )

    return make


@pytest.fixture(scope="session")
def real_table() -> pd.DataFrame:
    if not REAL_TABLE.exists():
        pytest.skip(f"the real IBM table is not at {REAL_TABLE}: its false alarms are NOT tested")
    return pd.read_csv(REAL_TABLE, encoding="utf-8-sig")
