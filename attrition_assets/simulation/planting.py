"""What a scenario is, and how rows of one table are picked, replaced and permuted.

Which scenarios there are stands in `scenarios.py` and `held_out.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.errors import AttritionError

Plant = Callable[[pd.DataFrame, float, np.random.Generator], pd.DataFrame]
Rows = npt.NDArray[np.bool_]

# A row keeps these, whoever's values it takes.
_KEYS: Final = ("EmployeeNumber", "SnapshotDate")


@dataclass(frozen=True)
class Scenario:
    """What is planted. The title says what its `size`, above 0 and up to 1, means.

    A drift changes people or their conditions, a fault the export; a dependence leaves the values
    of each column as they were and changes how columns relate. `plant` takes a table that has
    `columns`, a size and where to draw from, and returns a new table of as many rows.
    """

    title: str
    kind: Literal["drift", "fault", "dependence"]
    size: float
    plant: Plant
    columns: tuple[str, ...]


def list_values(table: pd.DataFrame) -> list[str]:
    """The columns that say something of a person: all but the number and the date."""
    return [str(name) for name in table.columns if name not in _KEYS]


def pick_rows(among: pd.Series | Rows, count: int, rng: np.random.Generator) -> Rows:
    """Draw which rows change: `count` (one at least) of those that are true in `among`.

    Raises AttritionError if there are fewer.
    """
    candidates = np.flatnonzero(np.asarray(among, dtype=bool))
    count = max(count, 1)
    if count > len(candidates):
        raise AttritionError(
            f"{count} rows should change, and the table has {len(candidates)} that can: give a "
            "smaller size or a larger table"
        )
    picked = np.zeros(len(among), dtype=bool)
    picked[rng.choice(candidates, count, replace=False)] = True
    return picked


def pick_share(among: pd.DataFrame | pd.Series, share: float, rng: np.random.Generator) -> Rows:
    """Draw which rows change: this share of a table's rows, or of those that are true in a mask."""
    mask = among if isinstance(among, pd.Series) else np.ones(len(among), dtype=bool)
    return pick_rows(mask, round(share * int(mask.sum())), rng)


def replace_people(
    table: pd.DataFrame, rows: Rows, pool: pd.Series | Rows, rng: np.random.Generator
) -> pd.DataFrame:
    """Put copies of people of the `pool`, drawn with replacement, into `rows`.

    Raises AttritionError if the pool is empty.
    """
    givers = np.flatnonzero(np.asarray(pool, dtype=bool))
    if not len(givers):
        raise AttritionError(
            "people of one kind should be copied, and the table has none: give a larger table"
        )
    order = np.arange(len(table))
    order[rows] = rng.choice(givers, int(rows.sum()))
    return table.assign(**{name: table[name].array.take(order) for name in list_values(table)})


def permute(
    table: pd.DataFrame, columns: Iterable[str], rows: Rows, rng: np.random.Generator
) -> pd.DataFrame:
    """Deal the values of each of `columns` among `rows` anew, each column by itself."""
    permuted: dict[str, Any] = {}
    for name in columns:
        order = np.arange(len(table))
        order[rows] = rng.permutation(order[rows])
        permuted[name] = table[name].array.take(order)
    return table.assign(**permuted)


def set_pay(table: pd.DataFrame, pay: pd.Series) -> pd.DataFrame:
    """Set incomes, as whole numbers within the lowest and highest of the table before."""
    before = table["MonthlyIncome"]
    kept = pay.round().clip(before.min(), before.max())
    return table.assign(MonthlyIncome=kept.astype(before.dtype))
