"""What a fairness audit found, as values: verdicts with their numbers and their reasons.

How they come about is for `fairness`, how they are shown for `fairness_page`.
"""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import ValidationError

from attrition_assets.governance.fairness_policy import FairnessPolicy, FlagMeans
from attrition_assets.governance.intervals import Estimate
from attrition_assets.values import Value


class FairnessVerdict(StrEnum):
    """What the audit says of a group, of an attribute or of a model; the worst comes last.

    `look`: the ratio lies beyond the limit, and chance does not explain it. `fail`: moreover its
    whole interval does, in a group with leavers enough. `insufficient data`: neither, but the group
    has too few people for half (or double) the others' rate to stand out; so `pass` says that
    it would have. Too few people in a pair of attributes take no pass from the model.
    """

    PASS = "pass"
    INSUFFICIENT = "insufficient data"
    LOOK = "look"
    FAIL = "fail"

    @property
    def calls(self) -> bool:
        """Whether a person should act on it."""
        return self in (FairnessVerdict.LOOK, FairnessVerdict.FAIL)


def find_worst(verdicts: list[FairnessVerdict]) -> FairnessVerdict:
    """The worst of `verdicts`; `pass` if there is none."""
    order = list(FairnessVerdict)
    return max(verdicts, key=order.index, default=FairnessVerdict.PASS)


class Impact(Value):
    """A group against the most favoured group of its partition, if a flag is what `reading` says.

    `verdict` is never `insufficient data`: whether there is enough is a matter of the group.
    `ratio` is of selection rates, the group's over the reference's: at most 1 if a flag is a
    benefit, at least 1 if it is a burden. Its interval takes the reference as if it had not been
    chosen for its rate; the permutation test is what accounts for the choice. `scoring_ratio` is
    that of scoring rates, against the group most favoured by them.
    """

    reading: FlagMeans
    reference: str
    ratio: Estimate
    scoring_ratio: float
    verdict: FairnessVerdict


class GroupAudit(Value):
    """One group: everything but `people` is None where it has too few of them.

    `selection` is the share flagged, `scoring` the share with a score above everybody's median,
    `leaving` the share that left. `recall` is the share flagged of those who left, `false_flags` of
    those who stayed, `auc` how well the score ranks them; None below ten of each outcome.
    `p_value` is that of the group's flags against everybody else's, adjusted for all groups and
    pairs; `odds_p_value` likewise, among those who left and those who stayed apart.
    """

    group: str
    people: int
    verdict: FairnessVerdict
    leavers: int | None = None
    leaving: Estimate | None = None
    selection: Estimate | None = None
    scoring: Estimate | None = None
    recall: Estimate | None = None
    false_flags: Estimate | None = None
    auc: Estimate | None = None
    impacts: tuple[Impact, ...] = ()
    p_value: float | None = None
    odds_p_value: float | None = None

    @property
    def suppressed(self) -> bool:
        """Whether the group has too few people to say anything of it."""
        return self.selection is None


class PartitionAudit(Value):
    """All groups by one attribute or by a pair of them.

    `parity_difference` and `odds_difference` are Fairlearn's demographic parity and equalised odds
    differences, over the groups that are compared (the second: over those with ten people or more
    of each outcome). None where fewer than two are.
    """

    attributes: tuple[str, ...]
    groups: tuple[GroupAudit, ...]
    verdict: FairnessVerdict
    parity_difference: float | None
    odds_difference: float | None

    @property
    def name(self) -> str:
        """The attributes, as they are shown."""
        return " x ".join(self.attributes)

    @property
    def p_value(self) -> float | None:
        """The smallest adjusted p of its groups."""
        return min((g.p_value for g in self.groups if g.p_value is not None), default=None)

    @property
    def odds_p_value(self) -> float | None:
        """The smallest adjusted p of its groups among those who left and stayed apart."""
        found = (g.odds_p_value for g in self.groups if g.odds_p_value is not None)
        return min(found, default=None)


class FairnessAudit(Value):
    """The audit of one model on people whose outcome is known and that it has not seen.

    `rows` is what was given, `people` how many persons they are of: each counts once. `p_value` is
    the permutation test's over the worst group. `reasons` are aggregates and name nobody.
    """

    policy: FairnessPolicy
    threshold: float
    rows: int
    people: int
    leavers: int
    partitions: tuple[PartitionAudit, ...]
    p_value: float | None
    verdict: FairnessVerdict
    reasons: tuple[str, ...]

    @property
    def by_part(self) -> dict[str, FairnessVerdict]:
        """The verdict on each protected attribute by itself, then on each pair of them."""
        return {each.name: each.verdict for each in self.partitions}

    @property
    def by_attribute(self) -> dict[str, str]:
        """The verdict on each protected attribute by itself."""
        single = [each for each in self.partitions if len(each.attributes) == 1]
        return {each.name: str(each.verdict) for each in single}


def read_audit(content: bytes, told: Mapping[str, FairnessVerdict]) -> FairnessAudit | None:
    """The audit in a JSON file if its verdicts are those `told` of it, else None."""
    try:
        audit = FairnessAudit.model_validate_json(content)
    except ValidationError:
        return None
    return audit if audit.by_part == told else None


def explain(partitions: tuple[PartitionAudit, ...]) -> tuple[str, ...]:
    """What calls for a person, the surest first; then what could not be told."""
    called = [
        (group.p_value or 0.0, _describe(part, group, impact))
        for part in partitions
        for group in part.groups
        for impact in group.impacts
        if impact.verdict.calls
    ]
    few = [
        f"{part.name}: too few people to tell, or value unknown: {'; '.join(names)}"
        for part in partitions
        if (names := [g.group for g in part.groups if g.verdict == FairnessVerdict.INSUFFICIENT])
    ]
    return (*(said for _, said in sorted(called, key=lambda each: each[0])), *few)


def _describe(part: PartitionAudit, group: GroupAudit, impact: Impact) -> str:
    (best,) = [each for each in part.groups if each.group == impact.reference]
    assert group.selection and group.leaving and best.selection and best.leaving
    return (
        f"{part.name}, {group.group}: {impact.verdict}: {group.selection.value:.2f} are flagged, "
        f"{impact.ratio} times the {best.selection.value:.2f} of {best.group}: "
        f"adverse if a flag is a {impact.reading}; {group.leaving.value:.2f} left against "
        f"{best.leaving.value:.2f}; p {group.p_value:.2g} for chance, "
        f"{group.odds_p_value:.2g} given who left"
    )
