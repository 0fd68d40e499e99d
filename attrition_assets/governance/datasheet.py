"""The datasheet of reference data: what a table that trained a model holds, and how it came about.

After Gebru et al., "Datasheets for Datasets" (2021). Aggregates only: of numbers the quartiles, of
levels the commonest, never a least or a greatest value.
"""

from collections.abc import Mapping

import pandas as pd

from attrition_assets.contract import Column, Contract, Role
from attrition_assets.governance.document import (
    Bullets,
    Document,
    Section,
    Table,
    render_markdown,
    render_page,
)
from attrition_assets.monitoring.report_page import show_number
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets.values import Value

SMALLEST_GROUP = 5


class MonthFacts(Value):
    """A snapshot in the table; `left` counts outcomes, and is 0 where none trains a model."""

    month: str
    rows: int
    known: int
    left: int


class ColumnFacts(Value):
    """A column: what the contract accepts, and what is there. `missing` is a share of the rows."""

    name: str
    kind: str
    role: str
    accepts: str
    holds: str
    missing: float
    unknown_people: int


class Datasheet(Value):
    """All that a datasheet says. `waived` are checks that a person vouched for, by month."""

    digest: str
    contract: str
    as_of: str
    horizon_months: int
    months: tuple[MonthFacts, ...]
    rows: int
    people: int
    known_people: int
    leavers: int
    columns: tuple[ColumnFacts, ...]
    waived: tuple[tuple[str, str], ...]


def describe_reference(
    reference: ReferenceData, digest: str, waived: Mapping[str, tuple[str, ...]]
) -> Datasheet:
    """Count what is in a table. `waived` are what was vouched for in each of its months."""
    table, contract = reference.table, reference.contract
    known = table[LABEL].notna()
    months = [
        MonthFacts(
            month=str(date)[:7],
            rows=len(labels),
            known=int(labels.notna().sum()),
            left=int(labels.sum()),
        )
        for date, labels in table.groupby(contract.snapshot_date)[LABEL]
    ]
    return Datasheet(
        digest=digest,
        contract=contract.name,
        as_of=str(reference.as_of),
        horizon_months=contract.horizon_months,
        months=tuple(months),
        rows=len(table),
        people=int(table[contract.id].nunique()),
        known_people=int(table.loc[known, contract.id].nunique()),
        leavers=int(table[LABEL].sum()),
        columns=tuple(
            _describe_column(table, name, column, contract)
            for name, column in contract.columns.items()
            if name in table
        ),
        waived=tuple((month, said) for month, each in waived.items() for said in each),
    )


def render_datasheet(datasheet: Datasheet) -> str:
    """The datasheet as Markdown."""
    return render_markdown(write_datasheet(datasheet))


def render_datasheet_page(datasheet: Datasheet) -> str:
    """The datasheet as a page."""
    return render_page(write_datasheet(datasheet))


def write_datasheet(sheet: Datasheet) -> Document:
    """The datasheet's sections, one for each part of a table's life."""
    return Document(
        title="Datasheet of the reference data",
        subtitle=f"{sheet.contract}, as of {sheet.as_of}; digest {sheet.digest}",
        sections=(
            _ask(
                "Motivation",
                f"Made to train a model that tells who leaves within {sheet.horizon_months} "
                "months, and to be the baseline that later months are compared with.",
                "Made anew for each retraining by the asset `reference_data`; a version of the "
                "model names its table by digest.",
            ),
            _say_composition(sheet),
            Section(title="The columns", blocks=(_tabulate_columns(sheet),)),
            _ask(
                "Collection",
                "Monthly snapshots of the company's own records of its employees, each as of the "
                "month's last day, and who left and when; nobody was asked for the purpose.",
                "All people of a snapshot are in it: it is no sample. What a month does not hold, "
                "as people who joined and left within it, is not in it.",
                "A month is taken once every check of `employee_snapshot` holds; one that fails is "
                "in quarantine and trains nothing.",
            ),
            Section(title="Checks that were waived", blocks=(_list_waived(sheet),)),
            _ask(
                "Preprocessing",
                "Values are cast to the contract's types; none is changed, filled in or left out. "
                "What is missing stays missing: filling in, encoding and scaling belong to the "
                "model.",
                "Where departures are dated, snapshots a horizon apart train the model, so that a "
                "departure counts once; those between lend their outcomes within a month, for "
                "concept drift alone. Where the label stands in the snapshots, all of them do.",
            ),
            _ask(
                "Labels",
                f"1 for who left within {sheet.horizon_months} months after the snapshot's last "
                "day, 0 for who did not, unknown until that time has passed.",
                f"Nothing that was known only after {sheet.as_of} is in it.",
                "Why somebody left is not in it.",
            ),
            _ask(
                "Uses",
                "To train and to audit the attrition model, and as the baseline of drift.",
                "Not for decisions about a person who is in it, nor for any other purpose: what "
                "the model may be used for is in its card, `card.md`.",
            ),
            _ask(
                "Distribution",
                "It stays in the home folder, `assets/reference_data`, and is given to nobody: it "
                "holds personal data, a row for each employee and snapshot.",
            ),
            _ask(
                "Maintenance",
                "It is never changed: its bytes are its digest, and any other bytes are refused.",
                "A month that is corrected or refused later stays in it; `attrition promote` says "
                "so, and a retraining takes the corrected one.",
                "Kept as long as a version that learned from it may score, or its decisions must "
                "be answered for.",
            ),
        ),
    )


def _ask(title: str, *points: str) -> Section:
    return Section(title=title, blocks=(Bullets(points=points),))


def _say_composition(sheet: Datasheet) -> Section:
    known = sum(each.known for each in sheet.months)
    share = f" ({sheet.leavers / known:.1%})" if known else ""
    unknown = [
        f"{each.name}: {each.unknown_people:,} of {sheet.people:,}"
        for each in sheet.columns
        if each.role == Role.PROTECTED
    ]
    months = tuple(
        (each.month, f"{each.rows:,}", f"{each.known:,}", f"{each.left:,}" if each.known else "-")
        for each in sheet.months
    )
    return Section(
        title="Composition",
        blocks=(
            f"A row is an employee in a month's snapshot: {sheet.rows:,} rows of {sheet.people:,} "
            f"people. {known:,} outcomes of {sheet.known_people:,} people train a model; "
            f"of those {sheet.leavers:,} left{share}.",
            "People whose value of a protected attribute is unknown in some row: "
            f"{'; '.join(unknown)}."
            if unknown
            else "No protected attribute is declared.",
            Table(header=("month", "rows", "outcomes that train", "left"), rows=months),
        ),
    )


def _tabulate_columns(sheet: Datasheet) -> Table:
    header = ("column", "kind", "role", "accepted", "there", "missing")
    rows = tuple(
        (each.name, each.kind, each.role, each.accepts, each.holds, f"{each.missing:.1%}")
        for each in sheet.columns
    )
    return Table(header=header, rows=rows)


def _list_waived(sheet: Datasheet) -> Bullets | str:
    if not sheet.waived:
        return "None: every month passed every check by itself."
    return Bullets(points=tuple(f"{month}: {said}" for month, said in sheet.waived))


def _describe_column(
    table: pd.DataFrame, name: str, column: Column, contract: Contract
) -> ColumnFacts:
    missing = table[name].isna()
    return ColumnFacts(
        name=name,
        kind=str(column.kind),
        role=str(column.role),
        accepts=_describe_accepted(column),
        holds=_describe_values(table[name], column),
        missing=float(missing.mean()),
        unknown_people=int(table.loc[missing, contract.id].nunique()),
    )


def _describe_accepted(column: Column) -> str:
    if column.levels:
        return ", ".join(map(str, column.levels))
    if column.range:
        return f"{column.range[0]:g} to {column.range[1]:g}"
    return "any"


def _describe_values(values: pd.Series, column: Column) -> str:
    """The quartiles of numbers, the commonest level of levels; nothing of ids and dates."""
    known = values.dropna()
    if known.empty or not (column.range or column.levels):
        return "-"
    if column.range:
        low, middle, high = known.quantile([0.25, 0.5, 0.75])
        low, middle, high = (show_number(each, 4) for each in (low, middle, high))
        return f"median {middle}, half in {low} to {high}"
    counts = known.value_counts()
    levels = f"{int((counts > 0).sum())} of {len(column.levels or ())} levels"
    if counts.iloc[0] < SMALLEST_GROUP:
        return levels
    return f"{levels}; {counts.index[0]}: {counts.iloc[0] / len(known):.0%}"
