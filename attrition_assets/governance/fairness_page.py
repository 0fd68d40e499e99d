"""The fairness audit and the proxy audit as Markdown, for the model card: aggregates only.

Groups under the minimum show no numbers, and no count of leavers is shown. What subtraction may
still tell of a group that is the only one suppressed in its table is not guarded against: the
tables are for those who may see the groups' rates. The picture is `pictures.draw_fairness`.
"""

from attrition_assets.governance.document import Table, to_table
from attrition_assets.governance.fairness_policy import FairnessPolicy, FlagMeans
from attrition_assets.governance.fairness_report import FairnessAudit, PartitionAudit
from attrition_assets.governance.groups import UNKNOWN
from attrition_assets.governance.intervals import Estimate
from attrition_assets.governance.proxies import ProxyAudit

NONE = "-"
DIRECTIONS = {
    FlagMeans.BENEFIT: "A flag is declared a benefit: being flagged less often is adverse.",
    FlagMeans.BURDEN: "A flag is declared a burden: being flagged more often is adverse.",
    FlagMeans.UNDECLARED: "Nobody has declared whether a flag is a burden or a benefit "
    "(`flag_means` in `policy.yaml`), so both directions count as adverse.",
}


def render_fairness(audit: FairnessAudit) -> str:
    """The whole audit: verdict, reasons, a line an attribute, then a table of groups for each."""
    chance = "not tested" if audit.p_value is None else f"p = {audit.p_value:.2g}"
    said = [
        f"**Fairness: {audit.verdict}.** {audit.people} people, {audit.leavers} of whom left, each "
        f"by the newest of {audit.rows} rows; flagged from a probability of {audit.threshold:.3f}. "
        f"Permutation test over the worst group: {chance}. {DIRECTIONS[audit.policy.flag_means]}",
        "\n".join(f"- {reason}" for reason in audit.reasons),
        to_table(tabulate_parts(audit)),
        *(to_table(tabulate_groups(part, audit.policy, audit.people)) for part in audit.partitions),
        "In brackets: 95 % intervals. Ratio: flagged, over the most favoured group's. Recall: "
        "flagged of those who left; false flags: of those who stayed.",
    ]
    return "\n\n".join(each for each in said if each) + "\n"


def render_proxies(audit: ProxyAudit) -> str:
    """What the features tell of each protected attribute; it informs and blocks nothing."""
    rows = tuple(
        (
            each.attribute,
            each.group,
            each.telling,
            _show(each.auc),
            ", ".join(f"{one.feature} {one.auc:.2f}" for one in each.strongest) or NONE,
        )
        for each in audit.targets
    )
    header = ("attribute", "group", "told by the features", "AUC", "strongest features, alone")
    table = to_table(Table(header=header, rows=rows))
    used = f"Used by the model itself: {', '.join(audit.used)}.\n\n" if audit.used else ""
    return f"**Proxies.** {audit.people} people.\n\n{used}{table}\n"


def tabulate_parts(audit: FairnessAudit) -> Table:
    """A line for each attribute and each pair of them."""
    header = ("groups by", "verdict", "parity difference", "p", "equalised odds difference", "p")
    rows = tuple(
        (
            part.name,
            str(part.verdict),
            _show(part.parity_difference),
            _show_p(part.p_value),
            _show(part.odds_difference),
            _show_p(part.odds_p_value),
        )
        for part in audit.partitions
    )
    return Table(header=header, rows=rows)


def tabulate_groups(part: PartitionAudit, policy: FairnessPolicy, people: int) -> Table:
    """The groups of an attribute or a pair, of `people` audited; small ones without numbers."""
    few = f"fewer than {policy.smallest(people):.0f}"
    header = (
        "people",
        "left",
        "flagged",
        "above median",
        "ratio",
        "AUC",
        "recall",
        "false flags",
        "verdict",
    )
    rows = []
    for group in part.groups:
        if group.suppressed:
            count = str(group.people) if group.group == UNKNOWN else few
            rows.append((group.group, count, *[NONE] * 7, str(group.verdict)))
            continue
        shares = (group.leaving, group.selection, group.scoring)
        ratios = "; ".join(f"{each.ratio} of {each.reference}" for each in group.impacts)
        rows.append(
            (
                group.group,
                str(group.people),
                *map(_show, shares),
                ratios or NONE,
                *map(_show, (group.auc, group.recall, group.false_flags)),
                str(group.verdict),
            )
        )
    return Table(header=(part.name, *header), rows=tuple(rows))


def _show(value: float | Estimate | None) -> str:
    if value is None:
        return NONE
    return str(value) if isinstance(value, Estimate) else f"{value:.3f}"


def _show_p(value: float | None) -> str:
    return NONE if value is None else f"{value:.2g}"
