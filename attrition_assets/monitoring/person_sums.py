"""Sums of one contribution a person: whether they are further from 0 than chance brings.

Snapshots as numbers, and the test by random signs. Which contributions, and of which months, is for
`people`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from attrition_assets.contract import Contract, Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.pairing import choose_common, read_numbers
from attrition_assets.monitoring.power import POWER
from attrition_assets.monitoring.report import Aspect, Detectable, FeatureTest
from attrition_assets.monitoring.summaries import count_values

FLIPPED_PEOPLE = 20_000
FEWEST_FLIPS = 500

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Inputs:
    """The contract's monitored columns as numbers: a column each, or one of its levels.

    `columns[i]` is what input i belongs to; `levels[i]` the level it stands for, or None.
    """

    contract: Contract
    columns: tuple[str, ...]
    levels: tuple[int | str | None, ...]

    def encode(self, table: pd.DataFrame, side: str) -> pd.DataFrame:
        """People x inputs, by id; NaN where a value is missing.

        Raises DriftInputError that names the `side` if an id is repeated or a value is of no use.
        """
        ids = table[self.contract.id]
        if repeated := int(ids.duplicated().sum()):
            raise DriftInputError(
                f"{side}: {repeated} rows repeat a {ids.name}: give one row a person"
            )
        values = {}
        for place, (name, level) in enumerate(zip(self.columns, self.levels, strict=True)):
            column = table[name]
            if level is None:
                values[place] = read_numbers(column, side, self.contract.columns[name].levels)
            else:
                values[place] = np.where(column.isna(), np.nan, column == level)
        return pd.DataFrame(values, index=ids.to_numpy())


def choose_inputs(table: pd.DataFrame, contract: Contract) -> Inputs:
    """The inputs of a snapshot: of a nominal column its common levels, one of them if two."""
    columns: list[str] = []
    levels: list[int | str | None] = []
    for name in contract.monitored:
        declared = contract.columns[name]
        chosen: list[int | str | None] = [None]
        if declared.kind == Kind.NOMINAL:
            shares = table[name].value_counts(normalize=True)
            known = declared.levels or ()
            chosen = [known[at] for at in choose_common([shares.get(each, 0) for each in known])]
        columns += [name] * len(chosen)
        levels += chosen
    return Inputs(contract, tuple(columns), tuple(levels))


@dataclass(frozen=True)
class PersonSums:
    """Contributions to one sum an input: people x inputs; `spread` is what a sum is measured in.

    Under no change a person's row is as likely as the same row with the opposite sign.
    """

    aspect: Aspect
    contributions: Matrix
    spread: Matrix
    inputs: Inputs

    @property
    def errors(self) -> Matrix:
        """The standard error of each sum; 0 where nobody contributes."""
        return np.asarray(np.sqrt((self.contributions**2).sum(axis=0)))


def compare_sums(sums: PersonSums, level: float, floor: float, seed: int) -> list[FeatureTest]:
    """Test every input; the best of each column, p adjusted for all inputs.

    The largest of all standardised sums under random signs of the persons (max-T of Westfall and
    Young, 1993); above 20,000 people the normal distribution and Bonferroni. Drifted: an adjusted p
    up to `level` and an effect of at least `floor`, in standard deviations of the input.
    """
    varies = np.flatnonzero((sums.errors > 0) & (sums.spread > 0))
    if not varies.size:
        return []
    scaled = sums.contributions[:, varies] / sums.errors[varies]
    observed = np.abs(scaled.sum(axis=0))
    own = special.erfc(observed / np.sqrt(2))
    if len(scaled) > FLIPPED_PEOPLE:
        adjusted = np.minimum(1.0, own * len(varies))
    else:
        adjusted = _flip_signs(scaled, observed, level, seed)
    effects = np.abs(sums.contributions[:, varies].sum(axis=0)) / sums.spread[varies]
    found: dict[str, FeatureTest] = {}
    for place in np.lexsort((-observed, adjusted)):
        name = sums.inputs.columns[varies[place]]
        if name in found:
            continue
        column = sums.inputs.contract.columns[name]
        found[name] = FeatureTest(
            column=name,
            kind=column.kind,
            aspect=sums.aspect,
            method="signs flipped by person",
            p_value=float(own[place]),
            adjusted_p_value=float(adjusted[place]),
            effect=float(effects[place]),
            effect_measure="shift in standard deviations",
            drifted=bool(adjusted[place] <= level and effects[place] >= floor),
            used_by_model=name in sums.inputs.contract.features,
        )
    return list(found.values())


def find_smallest_shifts(
    sums: PersonSums, level: float, floor: float, now: pd.DataFrame
) -> dict[str, Detectable]:
    """The smallest shift of each column's mean or share that is found with 80 % probability.

    By the normal distribution and Bonferroni; at least so large that what is measured exceeds
    `floor` standard deviations with the same probability. `now` is the month's
    people, encoded; what none of them has a value of is left out. Of a nominal column, the shift of
    its commonest level.
    """
    varies = np.flatnonzero((sums.errors > 0) & (sums.spread > 0))
    if not varies.size:
        return {}
    margin = float(stats.norm.ppf(POWER))
    needed = float(stats.norm.isf(level / (2 * len(varies)))) + margin
    found: dict[str, Detectable] = {}
    shares: dict[str, float] = {}
    for place in varies:
        name, level_name = sums.inputs.columns[place], sums.inputs.levels[place]
        error, least = float(sums.errors[place]), floor * float(sums.spread[place])
        shift = max(needed * error, least + margin * error)
        values = now[place].to_numpy()
        if np.isnan(values).all():
            continue
        if level_name is None:
            counts = count_values(values)
            found[name] = Detectable.of_mean(name, counts.mean, shift, counts.holds_amounts)
        elif float(np.nanmean(values)) > shares.get(name, 0.0):
            shares[name] = float(np.nanmean(values))
            found[name] = Detectable.of_share(name, shift)
    return found


def _flip_signs(scaled: Matrix, observed: Matrix, level: float, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    flips = max(FEWEST_FLIPS, int(np.ceil(3 / level)))
    largest = np.empty(flips)
    for start in range(0, flips, FEWEST_FLIPS):
        size = min(FEWEST_FLIPS, flips - start)
        signs = rng.integers(0, 2, (size, len(scaled)), dtype=np.int8) * 2.0 - 1
        largest[start : start + size] = np.abs(signs @ scaled).max(axis=1)
    ordered = np.sort(largest)
    beyond = flips - np.searchsorted(ordered, observed * (1 - 1e-9), side="left")
    return np.asarray((1 + beyond) / (1 + flips))
