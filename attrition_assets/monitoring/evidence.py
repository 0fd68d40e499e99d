"""Which outcomes a month can judge its champion by: matured, not overlapping, unseen in training.

Windows are counted in months of data from the champion's own month. What the outcomes say is for
`concept_drift` and `performance`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.months import months_between
from attrition_assets.outcomes import label_snapshot, step_months
from attrition_assets.training.reference import LABEL, STEP_LABEL, ReferenceData

QUARTER = 3
WINDOWS = (3, 6)

# What the champion promised, and the outcomes since: one sample, or one for each window of months.
Outcomes = tuple[OutcomeSample, OutcomeSample] | str
Windows = tuple[OutcomeSample, dict[int, OutcomeSample]] | str


@dataclass(frozen=True)
class History:
    """What a month may look back on: accepted snapshots, how to read them, and who left since."""

    accepted: list[pd.Period]
    read: Callable[[pd.Period], pd.DataFrame]
    departures: pd.DataFrame | None


@dataclass(frozen=True)
class ChampionEvidence:
    """What the champion promised: its reference data, and out-of-fold scores of the rows.

    `held_out` is aligned with `reference.outcomes`, or, of an earlier release, with the labelled
    rows, which come first in them; `score` gives the champion's probability for each row of a
    snapshot.
    """

    reference: ReferenceData
    held_out: np.ndarray
    score: Callable[[pd.DataFrame], pd.Series]

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """The rows that `held_out` scores.

        Raises DriftInputError if it scores other rows than a training does.
        """
        outcomes, scored = self.reference.outcomes, len(self.held_out)
        if scored not in (len(outcomes), outcomes[LABEL].notna().sum()):
            raise DriftInputError(
                f"{scored} held-out scores for {len(outcomes)} outcomes of the reference data: "
                "they are not of one training; promote another version"
            )
        return outcomes.head(scored)


def gather_outcomes(
    month: pd.Period, champion: ChampionEvidence, history: History, contract: Contract
) -> tuple[Windows, Outcomes]:
    """The outcomes for concept drift and for performance, or why they are not due.

    Both are judged once a quarter, counted from the champion's month, and the months until the next
    repeat that verdict: an alarm stands until the champion is replaced, and a due month that was
    refused loses nothing. Concept drift: outcomes within the shortest step, none counted twice, of
    the last three and, where the champion is as old, of the last six months. Performance: outcomes
    within the horizon, of all months since the champion's.
    """
    as_of = champion.reference.as_of
    age = months_between(as_of, month)
    if age < QUARTER:
        reason = f"judged every {QUARTER} months from {as_of}; first in {as_of + QUARTER}"
        return reason, reason
    month = as_of + QUARTER * (age // QUARTER)
    step, horizon = step_months(history.departures, contract), contract.horizon_months
    since = [each for each in history.accepted if each >= as_of]
    spacing = 1 if history.departures is None else horizon
    apart = [
        each
        for each in since
        if each + horizon <= month and months_between(as_of, each) % spacing == 0
    ]
    recent = {
        length: [each for each in since if month - length < each + step <= month]
        for length in WINDOWS
    }
    pairs = {
        length: _pair(
            month, champion, history, contract, months=months, label=STEP_LABEL, within=step
        )
        for length, months in recent.items()
        if len(months) > len(recent[QUARTER]) or length == QUARTER
    }
    performance = _pair(
        month, champion, history, contract, months=apart, label=LABEL, within=horizon
    )
    return _collect(pairs), performance


def _collect(pairs: dict[int, Outcomes]) -> Windows:
    known = {length: pair for length, pair in pairs.items() if not isinstance(pair, str)}
    if not known:
        return next(pair for pair in pairs.values() if isinstance(pair, str))
    promised = next(iter(known.values()))[0]
    return promised, {length: pair[1] for length, pair in known.items()}


def _pair(
    month: pd.Period,
    champion: ChampionEvidence,
    history: History,
    contract: Contract,
    *,
    months: list[pd.Period],
    label: str,
    within: int,
) -> Outcomes:
    unknown = f"no snapshot since {champion.reference.as_of} has known outcomes in {month}"
    if not months:
        return unknown
    share = within / contract.horizon_months
    monitored = list(contract.monitored)
    outcomes = champion.outcomes
    of_horizon = outcomes[label].notna()
    promised = OutcomeSample(
        features=outcomes.loc[of_horizon, monitored],
        left=outcomes.loc[of_horizon, label].to_numpy() == 1,
        probability=_shorten(champion.held_out[of_horizon], share),
    )
    tables, labels = [], []
    for each in months:
        tables.append(history.read(each))
        labels.append(
            label_snapshot(
                tables[-1],
                each,
                departures=history.departures,
                known_by=month,
                contract=contract,
                horizon_months=within,
            )
        )
    table, left = pd.concat(tables, ignore_index=True), pd.concat(labels, ignore_index=True)
    known = left.notna()
    if not known.any():
        return unknown
    current = OutcomeSample(
        features=table.loc[known, monitored],
        left=left[known].to_numpy() == 1,
        probability=_shorten(champion.score(table[known]).to_numpy(), share),
    )
    return promised, current


def _shorten(probability: np.ndarray, share: float) -> np.ndarray:
    """Probability of leaving within a share of the horizon, at a constant hazard."""
    return np.asarray(1 - (1 - probability) ** share)
