"""Whether a challenger may replace the champion, by what both say of the same people.

Probabilities in, a verdict with reasons out. Which rows are fair to both is for `fair_rows`, the
differences and their errors are for `paired`. The verdict is advice: a person promotes.
"""

from enum import StrEnum
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator
from scipy import special, stats

from attrition_assets.governance.paired import PairedSample, measure_aucs, measure_loss_difference
from attrition_assets.monitoring.performance import make_estimate
from attrition_assets.monitoring.report import Estimate
from attrition_assets.values import Value

# All four are measured by `make bench-gate`, docs/benchmarks/gate.md.
# One-sided: a challenger that is worse by the margin is promoted at most so often.
LEVEL = 0.05
# In AUC, for a retrain of the same recipe; a new recipe must be better at all, a margin of 0. A
# margin of .02 suits 50 leavers; with 150 and more it promotes a challenger that is worse by .01
# several times as often as "higher AUC wins" does.
AUC_MARGIN = 0.01
# In nats a row; also at most this share of the log-loss of the base rate alone. At a base rate of
# 16 % they are the same; below, the share is the smaller: a fault of calibration costs about the
# same share at any base rate, but far fewer nats at a low one. The difference itself is held
# against it, not its bound, which would refuse up to one in five whose log-loss is lower.
LOSS_MARGIN, LOSS_MARGIN_SHARE = 0.01, 0.0225
# Distinct people: with fewer, a retrain that gained .02 in AUC is often not told from a loss.
FEWEST_LEAVERS = 150
# In AUC: what arithmetic leaves of nought.
NOUGHT = 1e-9


class Recommendation(StrEnum):
    """What a comparison advises; `cannot_tell` keeps the champion, as `keep` does."""

    PROMOTE = "promote"
    KEEP = "keep"
    CANNOT_TELL = "cannot tell"


class Difference(Value):
    """Challenger less champion, with its standard error and 95 % interval, by person."""

    value: float
    error: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


class Comparison(Value):
    """Champion against challenger on the same rows; `reasons` tell the verdict with its numbers.

    `auc_difference` above 0 and `log_loss_difference` (nats a row) below 0 are in the challenger's
    favour; `p_value` is one-sided, of the AUC rule. They are None where there are too few people
    to measure them. `people` and `leavers` are distinct people, `rows` may be several of each.
    """

    verdict: Recommendation
    reasons: tuple[str, ...]
    same_recipe: bool
    people: int
    rows: int
    leavers: int
    champion_auc: Estimate | None = None
    challenger_auc: Estimate | None = None
    auc_difference: Difference | None = None
    p_value: float | None = None
    log_loss_difference: Difference | None = None

    @model_validator(mode="after")
    def _is_founded(self) -> Self:
        measured = self.p_value is not None and self.log_loss_difference is not None
        if self.verdict == Recommendation.PROMOTE and not measured:
            raise ValueError("nothing is promoted without a measured difference")
        return self


def compare_models(
    left: npt.ArrayLike,
    champion: npt.ArrayLike,
    challenger: npt.ArrayLike,
    *,
    people: npt.ArrayLike,
    same_recipe: bool,
) -> Comparison:
    """Compare two models by their probabilities for the same rows, whose outcome is known.

    One value a row: who `left` (0 or 1), what the `champion` and the `challenger` gave, whose row
    it is. Neither model may have learned from the rows; `fair_rows.select_fair_rows` finds such.

    AUC by DeLong's paired test, one-sided at 5 %: a retrain of the same recipe must not be worse by
    .01 (non-inferiority), a new recipe must be better (superiority). The log-loss must not be
    higher by more than .01, nor by 2.25 % of what the base rate alone has. Fewer than 150 people of
    either outcome, or constant probabilities, cannot tell. The level holds for one comparison: the
    best of many challengers has had many chances.

    Raises ComparisonError that names what is unequal, missing or out of range.
    """
    sample = PairedSample.read(left, champion, challenger, people)
    leavers, stayers = sample.count_people(left=True), sample.count_people(left=False)
    found = Comparison(
        verdict=Recommendation.CANNOT_TELL,
        reasons=_explain_lacks(sample, leavers, stayers),
        same_recipe=same_recipe,
        people=int(np.count_nonzero(np.bincount(sample.people))),
        rows=len(sample.left),
        leavers=leavers,
    )
    if min(leavers, stayers) < 2:
        return found
    before, after, apart = measure_aucs(sample)
    auc, loss = _make_difference(*apart), _make_difference(*measure_loss_difference(sample))
    numbers = {
        "champion_auc": make_estimate(*before, highest=1.0),
        "challenger_auc": make_estimate(*after, highest=1.0),
        "auc_difference": auc,
        "p_value": _test_above(-AUC_MARGIN if same_recipe else 0.0, auc),
        "log_loss_difference": loss,
    }
    found = Comparison(**(dict(found) | numbers))
    if found.reasons:
        return found
    if auc.error < NOUGHT < abs(auc.value):
        reason = f"AUC {auc.value:+.4f} without any spread between people to judge it by"
        return Comparison(**(dict(found) | {"reasons": (reason,)}))
    return _judge(found, accept_loss(float(sample.left.mean())))


def explain_lack(reason: str, *, same_recipe: bool) -> Comparison:
    """The comparison that cannot be made, for a reason."""
    return Comparison(
        verdict=Recommendation.CANNOT_TELL,
        reasons=(reason,),
        same_recipe=same_recipe,
        people=0,
        rows=0,
        leavers=0,
    )


def accept_loss(leavers_share: float) -> float:
    """By how much the log-loss may be higher, nats a row, where this share of the rows left."""
    of_base_rate = float(special.entr(leavers_share) + special.entr(1 - leavers_share))
    return min(LOSS_MARGIN, LOSS_MARGIN_SHARE * of_base_rate)


def _explain_lacks(sample: PairedSample, leavers: int, stayers: int) -> tuple[str, ...]:
    lacks = [
        f"{count} distinct people who {what}, in {len(sample.left)} rows; {FEWEST_LEAVERS} are "
        "needed: wait for more outcomes"
        for count, what in ((leavers, "left"), (stayers, "stayed"))
        if count < FEWEST_LEAVERS
    ]
    lacks += [
        f"the {name} gives everyone the same probability"
        for name, each in (("champion", sample.champion), ("challenger", sample.challenger))
        if len(each) and each.min() == each.max()
    ]
    return tuple(lacks)


def _judge(found: Comparison, accepted: float) -> Comparison:
    """The verdict on what was measured in full; `accepted` is in nats a row."""
    auc, p_value, loss = found.auc_difference, found.p_value, found.log_loss_difference
    assert auc and p_value is not None and loss
    ranks_well, is_calibrated = p_value < LEVEL, loss.value <= accepted
    if found.same_recipe:
        told = "not worse by" if ranks_well else "may be worse by"
        what = f"{told} {AUC_MARGIN:g}, the margin of a retrain of the same recipe"
    else:
        what = ("" if ranks_well else "not shown to be ") + "better, as a new recipe must be"
    reasons = (
        f"AUC {found.challenger_auc} against the champion's {found.champion_auc}, difference "
        f"{auc}: {what} (one-sided p = {p_value:.2g}, limit {LEVEL:g})",
        f"log-loss {loss}: {'within' if is_calibrated else 'higher by more than'} the "
        f"{accepted:.4f} accepted",
        f"{found.leavers} leavers among {found.people} people, {found.rows} rows",
    )
    promotes = ranks_well and is_calibrated
    verdict = Recommendation.PROMOTE if promotes else Recommendation.KEEP
    return Comparison(**(dict(found) | {"verdict": verdict, "reasons": reasons}))


def _test_above(limit: float, difference: Difference) -> float:
    """One-sided p-value against the true difference being `limit` or below."""
    above = difference.value - limit
    if difference.error < NOUGHT:
        return float(above < NOUGHT)
    return float(stats.norm.sf(above / difference.error))


def _make_difference(value: float, error: float) -> Difference:
    width = float(stats.norm.isf(0.025)) * error
    return Difference(value=value, error=error, low=value - width, high=value + width)
