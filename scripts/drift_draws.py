"""Two samples of one table's people, between which nothing changed: where drift is planted."""

from pathlib import Path

import numpy as np
import pandas as pd

from attrition_assets.adapters.snapshots import parse_table
from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import Contract


def read_people(path: Path, contract: Contract) -> pd.DataFrame:
    """The monitored columns of a table in the contract's schema, in the contract's types."""
    table = cast_to_contract(parse_table(path.name, path.read_bytes()), contract)
    return table[list(contract.monitored)]


def draw_strangers(
    table: pd.DataFrame, reference_rows: int, current_rows: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw a reference and a current table by `seed`: rows at random, nobody in both.

    Where the table has fewer rows than asked for, both are drawn from all of it with replacement:
    samples of one population, which share people.
    """
    rng = np.random.default_rng(seed)
    rows = reference_rows + current_rows
    if rows <= len(table):
        order = rng.permutation(len(table))[:rows]
    else:
        order = rng.integers(0, len(table), rows)
    return (
        table.iloc[order[:reference_rows]].reset_index(drop=True),
        table.iloc[order[reference_rows:]].reset_index(drop=True),
    )
