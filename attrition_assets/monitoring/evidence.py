"""Which outcomes a month can judge its champion by: matured, not overlapping, unseen in training.

Windows are counted in months of data from the champion's own month. What the outcomes say is for
`concept_drift` and `performance`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

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
    see = partial(_see, month, champion, history, contract)
    unknown = f"no snapshot since {as_of} has known outcomes in {month}"
    concept, performance = see(recent[max(WINDOWS)], step), see(apart, horizon)
    windows = {
        length: concept.take_last(months)
        for length, months in recent.items()
        if len(months) > len(recent[QUARTER]) or length == QUARTER
    }
    known = {length: sample for length, sample in windows.items() if sample.rows}
    return (
        (_promise(champion, contract, STEP_LABEL, step), known) if known else unknown,
        (_promise(champion, contract, LABEL, horizon), performance.sample)
        if performance.sample.rows
        else unknown,
    )


@dataclass(frozen=True)
class _Seen:
    """Known outcomes of some months, in order, and how many rows each month has of them."""

    sample: OutcomeSample
    rows: Mapping[pd.Period, int]

    def take_last(self, months: list[pd.Period]) -> OutcomeSample:
        """Those of the last `months`."""
        return self.sample.take_last(sum(self.rows[each] for each in months))


def _see(
    month: pd.Period,
    champion: ChampionEvidence,
    history: History,
    contract: Contract,
    months: list[pd.Period],
    within: int,
) -> _Seen:
    """What `month` knows of some months: who left `within` so many months, and their scores."""
    features, lefts, probabilities = [], [np.empty(0, dtype=bool)], [np.empty(0)]
    rows: dict[pd.Period, int] = {}
    for each in months:
        table = history.read(each)
        left = label_snapshot(
            table,
            each,
            departures=history.departures,
            known_by=month,
            contract=contract,
            horizon_months=within,
        )
        known = left.notna()
        table, rows[each] = table[known], int(known.sum())
        features.append(table[list(contract.monitored)])
        lefts.append(left[known].to_numpy() == 1)
        if rows[each]:
            probabilities.append(champion.score(table).to_numpy())
    probability = _shorten(np.concatenate(probabilities), within / contract.horizon_months)
    table = pd.concat(features, ignore_index=True) if features else pd.DataFrame()
    counted = {str(each): count for each, count in rows.items() if count}
    return _Seen(OutcomeSample(table, np.concatenate(lefts), probability, counted), rows)


def _promise(
    champion: ChampionEvidence, contract: Contract, label: str, within: int
) -> OutcomeSample:
    """What the champion said of its own outcomes before it learned from them."""
    outcomes = champion.outcomes
    known = outcomes[label].notna().to_numpy()
    probability, left = champion.held_out[known], outcomes[label].to_numpy()[known] == 1
    if not known.all():
        outcomes = outcomes[known]
    return OutcomeSample(
        # Of a large company these are gigabytes: columns that are not copied.
        features=pd.DataFrame({name: outcomes[name] for name in contract.monitored}, copy=False),
        left=left,
        probability=_shorten(probability, within / contract.horizon_months),
    )


def _shorten(probability: np.ndarray, share: float) -> np.ndarray:
    """Probability of leaving within a share of the horizon, at a constant hazard."""
    return np.asarray(1 - (1 - probability) ** share)
