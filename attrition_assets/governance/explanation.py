"""What a person's score is told as: by which version, how high, since when and for what reasons.

Plain values and their text. How they are gathered is for `attrition_assets.explanation`.
"""

from pydantic import AwareDatetime

from attrition_assets.governance.decisions import Kind
from attrition_assets.values import Value

LEGEND = (
    "Reasons are log-odds against the average person that the model learned from, the largest "
    "first; protected attributes are none, unless the contract lets the model use them."
)
Employee = int | str


class Reason(Value):
    """What one feature did to a score, in log-odds, against the average person of the reference.

    `average` is the mean of the month's people where the feature is a number, `share_same` the
    share of them with the very value where it is none.
    """

    feature: str
    contribution: float
    value: int | float | str | None
    average: float | None = None
    share_same: float | None = None


class Promotion(Value):
    """When a version was made champion, by whom and why."""

    number: int
    kind: Kind
    at: AwareDatetime
    who: str
    why: str


class Score(Value):
    """One score that a person was given in a month, by which version of the model, and why.

    `stands` is False for one that was superseded or whose snapshot was refused since.
    `reasons_given` are the features that were told with it. `share_higher` is the share of the
    month's people with a higher score. What cannot be told is None or empty, and `untold` says why.
    """

    stands: bool
    scored_at: AwareDatetime | None
    probability: float
    flag: bool
    share_higher: float
    people: int
    snapshot_version: int
    model_version: int
    threshold: float | None
    as_of: str | None
    reference_digest: str | None
    promotions: tuple[Promotion, ...]
    reasons_given: str | None = None
    raised: tuple[Reason, ...] = ()
    lowered: tuple[Reason, ...] = ()
    untold: str | None = None


class Explanation(Value):
    """The scores of one person in one month, the one that stands first; `note` is of the month."""

    id_column: str
    employee: Employee
    month: str
    note: str | None
    scores: tuple[Score, ...]


def render_explanation(told: Explanation) -> str:
    """The explanation as lines of text for a person."""
    lines = [f"{told.id_column} {told.employee} in {told.month}"]
    if told.note:
        lines.append(told.note)
    for score in told.scores:
        lines += ["", *_render_score(score)]
    if any(score.untold is None for score in told.scores):
        lines += ["", LEGEND]
    return "\n".join(lines)


def _render_score(score: Score) -> list[str]:
    threshold = "not known" if score.threshold is None else f"{score.threshold:.3f}"
    flagged = "flagged" if score.flag else "not flagged"
    when = f" on {score.scored_at:%Y-%m-%d}" if score.scored_at else ""
    lines = {
        "Score" if score.stands else "Former": f"{score.probability:.3f}, {flagged} (threshold "
        f"{threshold}); {score.share_higher:.1%} of {score.people} people had a higher one",
        "Given": f"by version {score.model_version} of the model{when}, to version "
        f"{score.snapshot_version} of the month's snapshot",
        "Trained": f"as of {score.as_of or 'not known'} on the reference data "
        f"{score.reference_digest or 'not known'}",
        "Champion": "\n".join(
            f"{each.kind} {each.at:%Y-%m-%d %H:%M} by {each.who}: {each.why} (decision "
            f"{each.number})"
            for each in score.promotions
        )
        or "the decision log does not tell since when, by whom and why",
    }
    if score.reasons_given is not None:
        lines["Told with it"] = score.reasons_given or "nothing raised it"
    if score.untold:
        lines["Reasons"] = f"cannot be told: {score.untold}"
    else:
        lines["Raised by"] = _render_reasons(score.raised)
        lines["Lowered by"] = _render_reasons(score.lowered)
    pad = "\n" + " " * 14
    return [f"{name:<14}{text}".replace("\n", pad) for name, text in lines.items()]


def _render_reasons(reasons: tuple[Reason, ...]) -> str:
    return "\n".join(_render_reason(each) for each in reasons) or "nothing"


def _render_reason(reason: Reason) -> str:
    if reason.average is not None:
        compared = f"the month's people have {_show(reason.average)} on average"
    else:
        compared = f"as {reason.share_same or 0:.0%} of the month's people"
    value = "not recorded" if reason.value is None else _show(reason.value)
    return f"{reason.feature:<26}{reason.contribution:+.2f}   {value}; {compared}"


def _show(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.2f}"
