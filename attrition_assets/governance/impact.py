"""The four-fifths rule with an interval and a permutation test: how a group fares against the best.

Counts go in, verdicts come out. Which groups are compared, and everything else that is said of
them, is for `fairness`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attrition_assets.governance.chance import tell_counts
from attrition_assets.governance.fairness_policy import FairnessPolicy, FlagMeans
from attrition_assets.governance.fairness_report import FairnessVerdict, Impact, find_worst
from attrition_assets.governance.intervals import Estimate, estimate_ratio

Counts = npt.NDArray[np.intp]
# The smallest difference that a group must be large enough to show, as a ratio of rates.
NOTICED = {FlagMeans.BENEFIT: 0.5, FlagMeans.BURDEN: 2.0}
_OPPOSITE = {FlagMeans.BENEFIT: FlagMeans.BURDEN, FlagMeans.BURDEN: FlagMeans.BENEFIT}


@dataclass(frozen=True)
class Compared:
    """The compared groups of one partition: their names, counts of people, and what chance tells.

    `p_values` and `limits` are those of `chance.Chance`. `everybody` and `everybody_flagged` count
    all who are audited, also those of no compared group.
    """

    names: tuple[str, ...]
    people: Counts
    leavers: Counts
    flagged: Counts
    above_median: Counts
    p_values: npt.NDArray[np.float64]
    limits: npt.NDArray[np.float64]
    everybody: int
    everybody_flagged: int


def judge_group(
    groups: Compared, number: int, policy: FairnessPolicy
) -> tuple[FairnessVerdict, tuple[Impact, ...]]:
    """What is said of a group, and how it fares under each reading of a flag in which it may lose.

    It lacks data if nothing calls it, and under some reading nothing well could.
    """
    readings = policy.flag_means.readings
    impacts = [judge_impact(groups, number, reading, policy) for reading in readings]
    found = tuple(impact for impact in impacts if impact)
    verdict = find_worst([impact.verdict for impact in found])
    if not verdict.calls and not all(could_show(groups, number, each) for each in readings):
        verdict = FairnessVerdict.INSUFFICIENT
    return verdict, found


def judge_impact(
    groups: Compared, number: int, reading: FlagMeans, policy: FairnessPolicy
) -> Impact | None:
    """Hold a group against the most favoured one, if a flag is what `reading` says.

    None if it is that group itself. It is called if its ratio lies beyond the limit and its flags
    stand out from everybody else's more than chance explains. The least favoured group is also
    called if the most favoured stands out, and the interval of the ratio between them leaves out 1:
    where one group is favoured over all others, none of those stands out by itself.
    """
    best = _find_best(groups.flagged, groups.people, reading)
    if number == best:
        return None
    ratio = _hold(groups.flagged, groups.people, number, best)
    best_scored = _find_best(groups.above_median, groups.people, reading)
    # Below 1 is adverse, whichever the reading.
    adverse = ratio if reading == FlagMeans.BENEFIT else ratio.invert()
    worst = _find_best(groups.flagged, groups.people, _OPPOSITE[reading])
    stands_out = groups.p_values[number] <= policy.level or (
        number == worst and groups.p_values[best] <= policy.level and adverse.high < 1
    )
    verdict = FairnessVerdict.PASS
    if adverse.value < policy.ratio_limit and stands_out:
        sure = adverse.high < policy.ratio_limit and groups.leavers[number] >= policy.min_leavers
        verdict = FairnessVerdict.FAIL if sure else FairnessVerdict.LOOK
    return Impact(
        reading=reading,
        reference=groups.names[best],
        ratio=ratio,
        scoring_ratio=_hold(groups.above_median, groups.people, number, best_scored).value,
        verdict=verdict,
    )


def could_show(groups: Compared, number: int, reading: FlagMeans) -> bool:
    """Whether the group has people enough to stand out at half (or double) the others' rate.

    As many people being flagged in all as were.
    """
    people, everybody = int(groups.people[number]), groups.everybody
    times = NOTICED[reading]
    share = times * people / (times * people + everybody - people)
    count = min(round(groups.everybody_flagged * share), people)
    tells = tell_counts(everybody, groups.everybody_flagged, people)
    return bool(tells[count] <= groups.limits[number])


def _find_best(counted: Counts, people: Counts, reading: FlagMeans) -> int:
    """The most favoured group: most often flagged if a flag is a benefit, else least often."""
    rates = counted / people
    return int(rates.argmax() if reading == FlagMeans.BENEFIT else rates.argmin())


def _hold(counted: Counts, people: Counts, number: int, best: int) -> Estimate:
    return estimate_ratio(
        int(counted[number]), int(people[number]), int(counted[best]), int(people[best])
    )
