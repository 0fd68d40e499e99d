"""How a new model behaves beside the champion: whose flags turn, and what weighs otherwise.

It informs whoever promotes: a model may be as good as the champion and yet flag other people.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.governance.groups import form_groups
from attrition_assets.training.explanations import compare_importance
from attrition_assets.values import Value

Flags = npt.NDArray[np.bool_]


class Turned(Value):
    """The flags of one group of people: how many turn on, and how many off."""

    group: str
    people: int
    on: int
    off: int

    @property
    def share(self) -> float:
        """Share of the people whose flag turns."""
        return (self.on + self.off) / self.people


class Behaviour(Value):
    """How the flags on the same people differ, in all and by group, and how like the weights are.

    Groups of fewer than the least number of people are left out. `importance_correlation` is
    Spearman's, over the columns; None where the champion's is not on record.
    """

    everyone: Turned
    groups: tuple[Turned, ...]
    importance_correlation: float | None

    def render(self) -> str:
        """As a Markdown table, the most changed group first."""
        rows = [self.everyone, *sorted(self.groups, key=lambda each: -each.share)]
        lines = ["| group | people | flags on | flags off | turned |", "|---|---|---|---|---|"]
        lines += [
            f"| {each.group} | {each.people} | {each.on} | {each.off} | {each.share:.1%} |"
            for each in rows
        ]
        return "\n".join(lines)


def compare_behaviour(
    people: pd.DataFrame,
    before: Flags,
    after: Flags,
    *,
    contract: Contract,
    edges: Mapping[str, tuple[float, ...]],
    min_people: int,
    importance_before: Mapping[str, float],
    importance_after: Mapping[str, float],
) -> Behaviour:
    """Hold the flags of two models on the same `people` side by side, a value a row.

    Raises FairnessError if the protected attributes cannot be made into groups.
    """
    partitions = form_groups(people, contract, edges) if contract.protected else ()

    def count(group: str, inside: Flags) -> Turned:
        return Turned(
            group=group,
            people=int(inside.sum()),
            on=int((inside & after & ~before).sum()),
            off=int((inside & before & ~after).sum()),
        )

    groups = [
        count(f"{part.name}: {name}", part.codes == number)
        for part in partitions
        for number, name in enumerate(part.groups)
        if len(part.attributes) == 1 and part.sizes[number] >= min_people
    ]
    known = importance_before and importance_after
    return Behaviour(
        everyone=count("everyone", np.ones(len(people), dtype=bool)),
        groups=tuple(groups),
        importance_correlation=compare_importance(dict(importance_before), dict(importance_after))
        if known
        else None,
    )
