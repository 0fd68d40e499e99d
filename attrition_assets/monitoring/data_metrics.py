"""What a month's snapshot looks like as numbers: volume, missing values, distributions.

Whether a column is broken or moved is for `integrity` and `drift_detection`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from attrition_assets.contract import Contract, Kind

SHOWN_PATTERNS = 5
QUANTILES = {"column_p05": 0.05, "column_p50": 0.5, "column_p95": 0.95}


class Measured(NamedTuple):
    """A metric's value, None if it is unknown, of a subject, resting on so many people."""

    metric: str
    value: float | None
    subject: str = ""
    people: int | None = None


@dataclass(frozen=True)
class FormerMonth:
    """The accepted month before: how many months before, and the ids of its people."""

    gap: int
    ids: pd.Series


def measure_snapshot(
    snapshot: pd.DataFrame, former: FormerMonth | None, contract: Contract, min_people: int
) -> Iterator[Measured]:
    """Volume, and what is missing from the monitored columns of `snapshot`, and how they lie.

    What would tell of fewer than `min_people` people is left out: how they are distributed, not how
    many they are.
    """
    rows = len(snapshot)
    yield Measured("rows", rows, people=rows)
    if former is not None:
        ids = snapshot[contract.id]
        yield Measured("rows_ratio", rows / len(former.ids), people=rows)
        yield Measured("former_month_gap", former.gap)
        yield Measured("joiners", int((~ids.isin(former.ids)).sum()), people=rows)
        yield Measured("leavers", int((~former.ids.isin(ids)).sum()), people=len(former.ids))
    # A column that the contract declares since the month was accepted is missing in all of it.
    monitored = snapshot.reindex(columns=list(contract.monitored))
    yield from _measure_missing(monitored, min_people)
    for name in contract.monitored:
        known = monitored[name].dropna()
        if len(known) < min_people:
            continue
        if contract.columns[name].kind == Kind.CONTINUOUS:
            yield from _measure_numbers(name, known.to_numpy(dtype="float64"))
            continue
        counts = known.value_counts()
        for level in contract.columns[name].levels or ():
            if (count := int(counts.get(level, 0))) >= min_people:
                yield Measured("level_share", count / len(known), f"{name}={level}", len(known))


def _measure_numbers(name: str, values: np.ndarray) -> Iterator[Measured]:
    people = len(values)
    yield Measured("column_mean", float(values.mean()), name, people)
    yield Measured("column_sd", float(values.std(ddof=1)), name, people)
    cuts = np.quantile(values, list(QUANTILES.values()))
    for metric, cut in zip(QUANTILES, cuts, strict=True):
        yield Measured(metric, float(cut), name, people)


def _measure_missing(monitored: pd.DataFrame, min_people: int) -> Iterator[Measured]:
    """The share that each column misses, and which columns miss together: the commonest first."""
    missing, rows = monitored.isna().to_numpy(), len(monitored)
    lacking = missing[missing.any(axis=1)]
    yield Measured("people_missing_share", len(lacking) / rows, people=rows)
    # Bits, so that many rows are sorted by a few bytes each.
    _, first, counts = np.unique(
        np.packbits(lacking, axis=1), axis=0, return_index=True, return_counts=True
    )
    yield Measured("missing_patterns", len(counts), people=rows)
    common = np.argsort(-counts, kind="stable")[:SHOWN_PATTERNS]
    for place in common[counts[common] >= min_people]:
        pattern = "+".join(monitored.columns[lacking[first[place]]])
        yield Measured("missing_pattern_share", counts[place] / rows, pattern, rows)
    for name, share in zip(monitored.columns, missing.mean(axis=0), strict=True):
        yield Measured("missing_share", float(share), str(name), rows)
