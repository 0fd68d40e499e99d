"""What a model card says first: what the version is, what it may be used for, and its limits.

The words on uses are the project's, the same for every version; the numbers are the version's.
"""

from attrition_assets.governance.card_facts import ModelCard
from attrition_assets.governance.card_history import describe_state
from attrition_assets.governance.document import Section, Table
from attrition_assets.governance.fairness_page import DIRECTIONS
from attrition_assets.governance.fairness_report import FairnessAudit, FairnessVerdict

APPROVED = (
    "By a person, together with what they know themselves: to decide whom to offer a talk, help or "
    "better conditions, after reading the reasons of the score.",
    "For planning: how many are likely to leave a department, from sums of probabilities.",
    "To find out what goes with leaving, as a question to look into and never as its answer.",
)
NOT_ALLOWED = (
    "No automatic action on a person: a score or a flag alone decides nothing about anybody, and a "
    "person who could decide otherwise does, on record (GDPR Art. 22).",
    "Not for dismissal, pay, promotion, appraisal, discipline, shifts, or choosing whom to let go: "
    "it says nothing of anybody's worth.",
    "Not for applicants, contractors, or anybody else who is not in the company's snapshots.",
    "Not to watch people: no new data about a person is gathered for its sake.",
    "No score is shown to people whom it does not concern, nor passed on to third parties.",
)


CALLED = [each for each in FairnessVerdict if each.calls]


def say_what(card: ModelCard) -> Section:
    """The facts that a reader needs first."""
    data = card.data
    return Section(
        title="What it is",
        blocks=(
            f"It gives each employee of a monthly snapshot a probability of leaving the company "
            f"within {data.horizon_months} months, and flags those from "
            f"{card.merit.threshold:.3f} on.",
            Table(
                header=("fact", "value"),
                rows=(
                    ("version", str(card.version)),
                    ("state", describe_state(card.version, card.decisions)),
                    ("recipe", card.recipe.name),
                    (
                        "trained on",
                        f"outcomes of {data.months[0]} to {data.months[-1]}, known by {data.as_of}",
                    ),
                    ("AUC on unseen people", str(card.merit.measures["AUC"])),
                    (
                        "fairness audit",
                        str(card.audit.verdict) if card.audit else "none was possible",
                    ),
                    ("months scored", str(len(card.history))),
                    ("MLflow run", card.recipe.run_id),
                ),
            ),
        ),
    )


def say_flag(audit: FairnessAudit | None) -> str:
    """What being flagged brings a person, as declared."""
    if audit is None:
        return "What a flag means for a person was not audited."
    return DIRECTIONS[audit.policy.flag_means]


def list_limits(card: ModelCard) -> tuple[str, ...]:
    """Where the model errs, and what it cannot tell, with its own numbers."""
    data, measures = card.data, card.merit.measures
    missed = 1 - measures["recall"].value
    points = [
        f"It has seen {data.leavers} outcomes of leaving, in the months {data.months[0]} to "
        f"{data.months[-1]} of one company: of other companies, and of what came about since, it "
        "knows nothing. The monthly drift report says when the people have changed.",
        f"It errs: it misses {missed:.0%} of those who leave.",
        "It tells what goes with leaving, not what causes it: changing a value may change nothing.",
        "It does not tell leaving by choice from being let go unless the departures do.",
        "Who was kept because of a flag counts as one who stayed: acting on it blurs what the next "
        "version learns and how this one is judged.",
    ]
    if data.protected:
        points.append(
            "Leaving protected attributes out does not make it blind to them: what the features "
            "tell of them is in `proxies.md` of its MLflow run."
        )
    if data.taken_in:
        points.append(f"It scores by protected attributes: {', '.join(data.taken_in)}.")
    if precision := measures.get("precision"):
        points[1] = (
            f"It errs: of 100 people flagged, {100 * precision.value:.0f} leave within "
            f"{data.horizon_months} months and {100 - 100 * precision.value:.0f} do not; it misses "
            f"{missed:.0%} of those who leave."
        )
    if card.audit and card.audit.verdict.calls:
        called = [name for name, each in card.audit.by_attribute.items() if each in CALLED]
        points.insert(
            0,
            f"Its flags do not fall evenly on groups (audit: {card.audit.verdict}, by "
            f"{', '.join(called) or 'pairs of attributes'}): see below before it is used.",
        )
    if card.audit and (few := _list_small(card.audit)):
        points.append(f"Too few people to tell whether it is fair to them: {'; '.join(few)}.")
    return tuple(points)


def _list_small(audit: FairnessAudit) -> list[str]:
    return [
        f"{part.name} {group.group}"
        for part in audit.partitions
        if len(part.attributes) == 1
        for group in part.groups
        if group.verdict == FairnessVerdict.INSUFFICIENT
    ]
