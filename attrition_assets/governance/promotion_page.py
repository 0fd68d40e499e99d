"""The body of a pull request that promotes, and the evidence in Markdown: aggregates only.

What the pull request asks for is in `promotion_request`.
"""

import difflib
import re
from collections.abc import Mapping, Sequence

from attrition_assets.errors import PromotionError
from attrition_assets.governance.comparison import Comparison
from attrition_assets.governance.fairness_page import render_fairness
from attrition_assets.governance.fairness_report import FairnessAudit

# GitHub takes 65,536 characters in all.
MOST_DIFF, MOST_AUDIT = 15_000, 40_000


def render_body(template: str, sections: Mapping[str, str]) -> str:
    """The template with each `<!-- name -->` replaced by its section.

    Raises PromotionError that names what the template has no place for.
    """
    places = {name: f"<!-- {name} -->" for name in sections}
    if absent := [place for place in places.values() if place not in template]:
        raise PromotionError(
            f"the template of the pull request has no place {', '.join(absent)}: restore "
            ".github/PULL_REQUEST_TEMPLATE/model_promotion.md"
        )
    pattern = "|".join(map(re.escape, places.values()))
    return re.sub(pattern, lambda found: sections[found[0][5:-4]].rstrip("\n"), template)


def render_evidence(
    version: int, compared_with: int, comparison: Comparison | None, notes: Sequence[str] = ()
) -> str:
    """How a version holds against the champion on the same people, after what is to be known."""
    said = [f"**Note:** {note}" for note in notes]
    if comparison is None:
        said.append(f"Version {version} was compared with no other: there was no champion.")
        return "\n\n".join(said) + "\n"
    said.append(
        f"Version {version} against version {compared_with}, the champion: "
        f"**{comparison.verdict}**."
    )
    said.append("\n".join(f"- {reason}" for reason in comparison.reasons))
    if comparison.auc_difference and comparison.log_loss_difference:
        said.append(
            f"| | version {compared_with} | version {version} | difference |\n"
            "| --- | --- | --- | --- |\n"
            f"| AUC | {comparison.champion_auc} | {comparison.challenger_auc} | "
            f"{comparison.auc_difference} |\n"
            f"| log-loss | | | {comparison.log_loss_difference} |\n\n"
            "In brackets: 95 % intervals, by person. A higher AUC and a lower log-loss are better."
        )
    return "\n\n".join(said) + "\n"


def render_verdicts(
    version: int,
    fairness: Mapping[str, str],
    champion: int,
    before: Mapping[str, str],
    audit: FairnessAudit | None,
) -> str:
    """The verdict on each protected attribute beside the champion's, then the groups' figures."""
    if not fairness:
        return "No fairness audit was made: there is no verdict on any protected attribute.\n"
    rows = "\n".join(
        f"| {name} | {before.get(name, '-')} | {verdict} |" for name, verdict in fairness.items()
    )
    former = f"version {champion}" if champion else "no champion"
    table = f"| groups by | {former} | version {version} |\n| --- | --- | --- |\n{rows}\n"
    if audit is None:
        return table
    figures = render_fairness(audit)
    if len(figures) > MOST_AUDIT:
        figures = "The figures of the groups are in `fairness.md` of the version's MLflow run.\n"
    return f"{table}\n<details><summary>The groups</summary>\n\n{figures}\n</details>\n"


def render_difference(before: str, after: str) -> str:
    """What changes between two texts, as a fenced diff; cut where GitHub would not take it."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "before", "after", lineterm=""
    )
    told = "\n".join(lines)
    if not told:
        return "Nothing.\n"
    rest = ""
    if len(told) > MOST_DIFF:
        told = told[:MOST_DIFF].rsplit("\n", 1)[0]
        rest = "\nIt is longer: the rest is in the commit.\n"
    fence = "`" * max(3, 1 + max((len(each) for each in re.findall("`+", told)), default=0))
    return f"{fence}diff\n{told}\n{fence}\n{rest}"
