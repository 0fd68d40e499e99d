"""How people become groups: levels as they are, numbers cut at edges, attributes crossed in pairs.

Nobody is dropped: whose value is missing is in the group "unknown". Which groups are large enough
to be judged is for `fairness`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.contract import Contract, Kind
from attrition_assets.errors import FairnessError

UNKNOWN = "unknown"
MOST_PEOPLE = 100_000
QUARTILES = (0.25, 0.5, 0.75)

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Partition:
    """People in groups by one attribute or by a pair: `codes` holds each person's group, by number.

    The group "unknown" is the last of `groups` wherever somebody is in it.
    """

    attributes: tuple[str, ...]
    groups: tuple[str, ...]
    codes: Codes

    @property
    def name(self) -> str:
        """The attributes, as they are shown."""
        return " x ".join(self.attributes)

    @property
    def sizes(self) -> Codes:
        """People in each group."""
        return np.bincount(self.codes, minlength=len(self.groups))

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which groups have a known value."""
        return np.array([group != UNKNOWN for group in self.groups])


def keep_newest(table: pd.DataFrame, contract: Contract, seed: int) -> Codes:
    """Row numbers of each person's newest row, by person: a person in many months counts once.

    Of more than 100,000 people so many, drawn at random by `seed`: every group is known well enough
    by them. Raises FairnessError where a person stands twice in one snapshot.
    """
    keys = [contract.id, contract.snapshot_date]
    if table.duplicated(keys).any():
        raise FairnessError(
            f"{int(table.duplicated(keys).sum())} rows repeat a person in the same snapshot: give "
            f"each {contract.id} once a {contract.snapshot_date}"
        )
    ordered = table[keys].reset_index(drop=True).sort_values(keys)
    rows = ordered.drop_duplicates(contract.id, keep="last").index.to_numpy(dtype=np.intp)
    if len(rows) <= MOST_PEOPLE:
        return rows
    drawn = np.random.default_rng(seed).choice(len(rows), MOST_PEOPLE, replace=False)
    return rows[np.sort(drawn)]


def check_protected(table: pd.DataFrame, contract: Contract) -> tuple[str, ...]:
    """The protected attributes. Raises FairnessError if there is none, or `table` lacks one."""
    names = contract.protected
    if not names:
        raise FairnessError(
            f"the contract {contract.name} has no column of role protected: declare the attributes "
            "that the model must be fair over"
        )
    if lacking := [name for name in names if name not in table]:
        raise FairnessError(f"the table lacks {', '.join(lacking)}: give every protected column")
    return names


def check_edges(edges: Iterable[str], contract: Contract) -> None:
    """Raises FairnessError that names what has edges and is no protected number of the contract."""
    numeric = [name for name in contract.protected if not contract.columns[name].is_text]
    if wrong := [name for name in edges if name not in numeric]:
        raise FairnessError(
            f"edges are declared for {', '.join(wrong)}: only protected columns that hold numbers "
            f"have them ({', '.join(numeric) or 'none here'})"
        )


def form_groups(
    table: pd.DataFrame, contract: Contract, edges: Mapping[str, tuple[float, ...]]
) -> tuple[Partition, ...]:
    """The partition by each protected attribute of the contract, then by each pair of them.

    `edges` cut numbers, each the lowest value of its group; continuous attributes without edges are
    cut at the quartiles of `table`. Raises FairnessError if an attribute is absent, if there is
    none, or if edges are declared for what has no numbers.
    """
    names = check_protected(table, contract)
    check_edges(edges, contract)
    single = tuple(_group(table[name], contract, edges.get(name)) for name in names)
    return (*single, *(_cross(first, second) for first, second in combinations(single, 2)))


def cut_at(edges: tuple[float, ...], *, integer: bool) -> tuple[str, ...]:
    """Names of the groups that `edges` make.

    >>> cut_at((30, 40), integer=True)
    ('under 30', '30 to 39', '40 and over')
    """

    def name(low: float, high: float) -> str:
        if integer:
            top = int(np.ceil(high)) - 1
            return f"{int(np.ceil(low))}" + (f" to {top}" if top > np.ceil(low) else "")
        return f"{low:g} to under {high:g}"

    between = [name(low, high) for low, high in pairwise(edges)]
    return (f"under {edges[0]:g}", *between, f"{edges[-1]:g} and over")


def _group(values: pd.Series, contract: Contract, edges: tuple[float, ...] | None) -> Partition:
    """The partition by one attribute."""
    name = str(values.name)
    column = contract.columns[name]
    missing = values.isna().to_numpy(dtype=bool)
    groups: tuple[str, ...]
    if column.kind != Kind.CONTINUOUS and edges is None:
        levels = list(column.levels or ())
        codes = pd.Index(levels).get_indexer(pd.Index(values.astype("object")))
        if (codes[~missing] < 0).any():
            raise FairnessError(f"{name} holds levels that the contract does not know: validate it")
        groups = tuple(str(level) for level in levels)
    else:
        numbers = values.to_numpy(dtype="float64", na_value=np.nan)
        if edges is None:
            known = numbers[~missing]
            edges = tuple(np.unique(np.quantile(known, QUARTILES))) if len(known) else (0.0,)
        codes = np.searchsorted(np.array(edges), numbers, side="right")
        groups = cut_at(edges, integer=column.is_integer)
    return _collect((name,), groups, np.where(missing, -1, codes))


def _cross(first: Partition, second: Partition) -> Partition:
    """The partition by a pair; unknown in either is unknown."""
    groups = tuple(
        f"{one}, {other}"
        for one, knows in zip(first.groups, first.known, strict=True)
        for other, too in zip(second.groups, second.known, strict=True)
        if knows and too
    )
    known = first.known[first.codes] & second.known[second.codes]
    codes = first.codes * int(second.known.sum()) + second.codes
    return _collect(first.attributes + second.attributes, groups, np.where(known, codes, -1))


def _collect(attributes: tuple[str, ...], groups: tuple[str, ...], codes: Codes) -> Partition:
    """A partition without its empty groups; code -1 is unknown."""
    codes = np.where(codes < 0, len(groups), codes)
    used = np.unique(codes)
    named = (*groups, UNKNOWN)
    return Partition(attributes, tuple(named[code] for code in used), np.searchsorted(used, codes))
