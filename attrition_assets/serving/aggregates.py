"""A month's scores as numbers about groups of people: nothing of a few of them can be told.

No number is given of fewer than five people, nor of so few that are flagged; what subtraction from
the whole would tell of them is left out too, inside each table. Comparing tables of several columns
or months with each other may still narrow a group down: they are for those who may see the scores.
"""

import pandas as pd

from attrition_assets.contract import Contract, Kind, Role
from attrition_assets.monitoring.report import SMALLEST_GROUP
from attrition_assets.values import Value

MOST_LEVELS = 12
FOREMOST = 2  # breakdowns that are shown first where the policy names none


class OverviewPolicy(Value):
    """The section `overview` of `policy.yaml`: the columns that a month is broken down by first."""

    groups: tuple[str, ...] = ()


class Group(Value):
    """People who share a level. `flagged_share` is None where too few are flagged to tell."""

    level: str
    people: int
    mean_probability: float
    flagged_share: float | None


class Breakdown(Value):
    """A month by the levels of a column; `hidden` counts the levels that are left out."""

    column: str
    foremost: bool
    groups: tuple[Group, ...]
    hidden: int


class Overview(Value):
    """A scored month. The shares are None where they would tell of fewer than `smallest_group`."""

    month: str
    model_version: int
    headcount: int
    mean_probability: float | None
    flagged_share: float | None
    smallest_group: int
    breakdowns: tuple[Breakdown, ...]


def choose_columns(contract: Contract, policy: OverviewPolicy) -> tuple[str, ...]:
    """The features with few levels, those that the policy names first."""
    fit = [
        name
        for name in contract.with_role(Role.FEATURE)
        if contract.columns[name].kind in (Kind.NOMINAL, Kind.ORDINAL)
        and 2 <= len(contract.columns[name].levels or ()) <= MOST_LEVELS
    ]
    return tuple(dict.fromkeys((*(name for name in policy.groups if name in fit), *fit)))


def summarize_month(
    month: str, table: pd.DataFrame, contract: Contract, policy: OverviewPolicy
) -> Overview:
    """A month's scores beside the columns of `choose_columns`, as an overview."""
    columns, enough = choose_columns(contract, policy), len(table) >= SMALLEST_GROUP
    first = policy.groups or columns[:FOREMOST]
    return Overview(
        month=month,
        model_version=int(table["model_version"].iloc[0]),
        headcount=len(table),
        mean_probability=float(table["probability"].mean()) if enough else None,
        flagged_share=share_flagged(int(table["flag"].sum()), len(table)),
        smallest_group=SMALLEST_GROUP,
        breakdowns=tuple(
            break_down(table, name, contract.columns[name].levels or (), foremost=name in first)
            for name in columns
        )
        if enough
        else (),
    )


def share_flagged(flagged: int, people: int) -> float | None:
    """The share flagged; None of too few people, or if too few are flagged."""
    if people < SMALLEST_GROUP or 0 < flagged < SMALLEST_GROUP:
        return None
    return flagged / people


def break_down(
    table: pd.DataFrame, column: str, levels: tuple[object, ...], *, foremost: bool
) -> Breakdown:
    """People, mean probability and share flagged by level, in the order of `levels`."""
    grouped = table.groupby(table[column].astype("object"), dropna=False)
    counts = pd.DataFrame(
        {
            "people": grouped.size(),
            "mean": grouped["probability"].mean(),
            "flagged": grouped["flag"].sum().astype(int),
        }
    )
    order = {level: place for place, level in enumerate(levels)}
    counts = counts.loc[sorted(counts.index, key=lambda level: order.get(level, len(order)))]
    hidden = hide_groups(counts["people"])
    unshared = hide_flagged(counts["flagged"], hidden)
    return Breakdown(
        column=column,
        foremost=foremost,
        hidden=len(hidden),
        groups=tuple(
            Group(
                level="not known" if level is None or level != level else str(level),
                people=int(row["people"]),
                mean_probability=float(row["mean"]),
                flagged_share=None if level in unshared else float(row["flagged"] / row["people"]),
            )
            for level, row in counts.iterrows()
            if level not in hidden
        ),
    )


def hide_groups(people: pd.Series) -> set[object]:
    """The levels of too few people, and as many more as keep them from being found by subtraction.

    What is hidden is two levels or more, and together enough people to be told of.
    """
    smallest = list(people.sort_values(kind="stable").index)
    hidden = [level for level in smallest if people[level] < SMALLEST_GROUP]
    if not hidden:
        return set()
    for level in smallest[len(hidden) :]:
        if len(hidden) > 1 and people[hidden].sum() >= SMALLEST_GROUP:
            break
        hidden.append(level)
    return set(hidden)


def hide_flagged(flagged: pd.Series, hidden: set[object]) -> set[object]:
    """The levels whose share flagged is not told, beside the hidden ones.

    One that alone was not told would follow from the whole: then the next smallest is not, either.
    """
    shown = flagged[[level not in hidden for level in flagged.index]].sort_values(kind="stable")
    few = shown.between(1, SMALLEST_GROUP - 1)
    untold = set(shown.index[few])
    rest = int(flagged.sum() - shown.sum())
    secret = bool(untold) or (bool(hidden) and 0 < rest < SMALLEST_GROUP)
    if secret and len(untold) + bool(hidden) == 1:
        untold |= set([level for level in shown.index if level not in untold][:1])
    return untold
