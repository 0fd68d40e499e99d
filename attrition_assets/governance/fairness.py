"""The fairness audit: how a model's flags and scores fall on the groups of protected attributes.

Parity asks whether groups are flagged equally often. Where groups truly leave at different rates,
as younger people do, a good model cannot have it: a call on parity says that the flags fall
unevenly, whatever the cause, and that a person must decide whether what follows from a flag may.
Equalised odds asks the other question: whether, among those who left and among those who stayed,
groups are flagged equally often. A difference in parity alone follows the outcomes; one in odds as
well is more than they explain. Neither says that a model discriminates.

The verdict follows parity: the ratio of the four-fifths rule in the direction that is adverse, its
interval, and a permutation test over the worst group. Odds inform. What limits hold is for
`fairness_policy`, the values for `fairness_report`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.errors import FairnessError
from attrition_assets.governance.chance import Cells, Chance, adjust_for_chance
from attrition_assets.governance.differences import Difference, measure_difference
from attrition_assets.governance.fairness_policy import FairnessPolicy
from attrition_assets.governance.fairness_report import (
    FairnessAudit,
    FairnessVerdict,
    GroupAudit,
    Impact,
    PartitionAudit,
    explain,
    find_worst,
)
from attrition_assets.governance.groups import Partition, form_groups, keep_newest
from attrition_assets.governance.impact import Compared, judge_group
from attrition_assets.governance.intervals import (
    Estimate,
    estimate_auc,
    estimate_share,
)

FEWEST_OF_AN_OUTCOME = 10
NOT_COMPARED: tuple[FairnessVerdict, tuple[Impact, ...]] = (FairnessVerdict.INSUFFICIENT, ())


def audit_fairness(
    table: pd.DataFrame,
    left: npt.ArrayLike,
    probability: npt.ArrayLike,
    *,
    threshold: float,
    contract: Contract,
    policy: FairnessPolicy,
) -> FairnessAudit:
    """Audit the flags (`probability` at `threshold` or above) of rows whose outcome is known.

    `left` (0 or 1) and `probability` (out of fold) have a value a row of `table`. Of a person in
    many months the newest row counts, so that rows are independent; a leaver's is the one that was
    left after. The order of rows changes nothing. Raises FairnessError if the input cannot be used.
    """
    outcome, score = _check(table, left, probability)
    rows = keep_newest(table, contract, policy.seed)
    people = table.iloc[rows].reset_index(drop=True)
    partitions = form_groups(people, contract, policy.edges)
    audited = _People(partitions, outcome[rows], score[rows], threshold, policy)
    found = tuple(audited.audit(partition) for partition in partitions)
    verdict = find_worst(
        [
            part.verdict
            for part in found
            # A pair of attributes soon has too few people: that takes no pass from either of them.
            if part.verdict.calls or len(part.attributes) == 1
        ]
    )
    smallest = [part.p_value for part in found if part.p_value is not None]
    return FairnessAudit(
        policy=policy,
        threshold=threshold,
        rows=len(table),
        people=len(people),
        leavers=int(audited.left.sum()),
        partitions=found,
        p_value=min(smallest, default=None),
        verdict=verdict,
        reasons=explain(found),
    )


@dataclass(frozen=True)
class _People:
    """Everybody who is audited, a value a person."""

    partitions: tuple[Partition, ...]
    left: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    threshold: float
    policy: FairnessPolicy

    @cached_property
    def flagged(self) -> npt.NDArray[np.bool_]:
        return self.score >= self.threshold

    @cached_property
    def above_median(self) -> npt.NDArray[np.bool_]:
        return self.score > np.median(self.score)

    def find_compared(self, partition: Partition) -> npt.NDArray[np.intp]:
        """The groups that are compared: known and large enough, if there are two of them."""
        large = partition.sizes >= self.policy.smallest(len(self.left))
        groups = np.flatnonzero(large & partition.known)
        return groups if len(groups) > 1 else groups[:0]

    @cached_property
    def chances(self) -> tuple[dict[tuple[str, int], int], Chance, Chance]:
        """Where each compared group stands in what follows; of parity, and of odds."""
        keys = [
            (part, int(group)) for part in self.partitions for group in self.find_compared(part)
        ]
        if not keys:
            nothing = Chance(p_values=np.empty(0), limits=np.empty(0))
            return {}, nothing, nothing
        cells = Cells(
            members=np.array([part.codes == group for part, group in keys]).T,
            family=np.array([len(part.attributes) for part, _ in keys]),
        )
        parity, odds = (
            adjust_for_chance(
                self.flagged,
                cells,
                strata=strata,
                level=self.policy.level,
                permutations=self.policy.permutations,
                seed=self.policy.seed,
            )
            for strata in (None, self.left)
        )
        return {(part.name, group): i for i, (part, group) in enumerate(keys)}, parity, odds

    def audit(self, partition: Partition) -> PartitionAudit:
        """All groups of a partition."""
        compared = self.find_compared(partition)
        judged = self._judge_groups(partition, compared) if len(compared) else {}
        groups = tuple(
            self._audit_group(partition, number, *judged.get(number, NOT_COMPARED))
            for number in range(len(partition.groups))
        )
        verdicts = [groups[i].verdict for i in compared] or [FairnessVerdict.INSUFFICIENT]
        both = compared[[groups[i].recall is not None for i in compared]]
        return PartitionAudit(
            attributes=partition.attributes,
            groups=groups,
            verdict=find_worst(verdicts),
            parity_difference=self._measure(Difference.PARITY, partition, compared),
            odds_difference=self._measure(Difference.ODDS, partition, both),
        )

    def _judge_groups(
        self, partition: Partition, compared: npt.NDArray[np.intp]
    ) -> dict[int, tuple[FairnessVerdict, tuple[Impact, ...]]]:
        """What is said of each compared group by its impacts, by its number."""

        def count(which: npt.NDArray[np.bool_] | slice) -> npt.NDArray[np.intp]:
            return np.bincount(partition.codes[which], minlength=len(partition.groups))[compared]

        where, parity, _ = self.chances
        places = [where[partition.name, int(number)] for number in compared]
        groups = Compared(
            names=tuple(partition.groups[number] for number in compared),
            people=count(slice(None)),
            leavers=count(self.left == 1),
            flagged=count(self.flagged),
            above_median=count(self.above_median),
            p_values=parity.p_values[places],
            limits=parity.limits[places],
            everybody=len(self.left),
            everybody_flagged=int(self.flagged.sum()),
        )
        return {
            int(number): judge_group(groups, position, self.policy)
            for position, number in enumerate(compared)
        }

    def _audit_group(
        self,
        partition: Partition,
        number: int,
        verdict: FairnessVerdict,
        impacts: tuple[Impact, ...],
    ) -> GroupAudit:
        """One group, of which `verdict` is what its flags say."""
        inside = partition.codes == number
        left, flagged, people = self.left[inside], self.flagged[inside], int(inside.sum())
        name, leavers = partition.groups[number], int(left.sum())
        if people < self.policy.smallest(len(self.left)):
            return GroupAudit(group=name, people=people, verdict=verdict)
        both = min(leavers, people - leavers) >= FEWEST_OF_AN_OUTCOME
        where, parity, odds = self.chances
        place = where.get((partition.name, number))
        return GroupAudit(
            group=name,
            people=people,
            verdict=verdict,
            leavers=leavers,
            leaving=estimate_share(leavers, people),
            selection=estimate_share(int(flagged.sum()), people),
            scoring=estimate_share(int(self.above_median[inside].sum()), people),
            recall=_estimate_flagged(flagged[left == 1]) if both else None,
            false_flags=_estimate_flagged(flagged[left == 0]) if both else None,
            auc=estimate_auc(left, self.score[inside]) if both else None,
            impacts=impacts,
            p_value=None if place is None else float(parity.p_values[place]),
            odds_p_value=None if place is None else float(odds.p_values[place]),
        )

    def _measure(
        self, difference: Difference, partition: Partition, groups: npt.NDArray[np.intp]
    ) -> float | None:
        """The difference between `groups`; None if they are fewer than two."""
        if len(groups) < 2:
            return None
        among = np.isin(partition.codes, groups)
        return measure_difference(
            difference, self.left[among], self.flagged[among], partition.codes[among]
        )


def _estimate_flagged(flagged: npt.NDArray[np.bool_]) -> Estimate:
    return estimate_share(int(flagged.sum()), len(flagged))


def _check(
    table: pd.DataFrame, left: npt.ArrayLike, probability: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Outcomes and scores as arrays, refused where they cannot be what they should."""
    outcome, score = np.asarray(left), np.asarray(probability, dtype="float64")
    if table.empty or not len(table) == len(outcome) == len(score):
        raise FairnessError(
            f"the audit needs an outcome and a probability for each row, and a row at least: the "
            f"table has {len(table)} rows, with {len(outcome)} outcomes, {len(score)} probabilities"
        )
    if not np.isin(outcome, (0, 1)).all():
        raise FairnessError(
            "outcomes must be 0 or 1: audit rows whose outcome is known (ReferenceData.labelled)"
        )
    if not ((score >= 0) & (score <= 1)).all():
        raise FairnessError("probabilities must lie between 0 and 1: give those of the model")
    return outcome.astype("int64"), score
