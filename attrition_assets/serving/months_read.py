"""The scored months as values to answer with, each table read once for as long as it stays."""

import csv
import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pandas as pd

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.monthly_scores import MonthlyScores
from attrition_assets.adapters.snapshot_store import Ledger
from attrition_assets.contract import Contract
from attrition_assets.governance.decisions import Entry
from attrition_assets.months import parse_month
from attrition_assets.policy_file import read_section
from attrition_assets.serving.aggregates import (
    Overview,
    OverviewPolicy,
    choose_columns,
    share_flagged,
    summarize_month,
)
from attrition_assets.values import Value

NOTICE = (
    "A flag is no decision: it asks a person to look, with the reasons, before anything is done. "
    "This reading is on record."
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would compute
Kept = TypeVar("Kept")


class Followed(Value):
    """What was decided on a month, by whom and why; from the decision log."""

    at: datetime
    kind: str
    who: str
    why: str


class MonthRead(Value):
    """A month: `scored`, `refused` or `not scored`. The numbers are None where it was not scored,
    the shares also where they would tell of fewer than five people.
    """

    month: str
    state: str
    headcount: int | None = None
    flagged_share: float | None = None
    mean_probability: float | None = None
    model_version: int | None = None
    snapshot_version: int | None = None
    faults: tuple[str, ...] = ()
    followed: tuple[Followed, ...] = ()


class MonthList(Value):
    """The months in order; `latest` is the newest scored one."""

    latest: str | None
    months: tuple[MonthRead, ...]


class Flagged(Value):
    """A flagged employee; `reasons` are the features that raise the score most."""

    employee: int | str
    probability: float
    reasons: tuple[str, ...]


class FlaggedList(Value):
    """The flagged employees of a month, or a part of them; `total` counts them all."""

    month: str
    model_version: int
    headcount: int
    total: int
    identity: str
    flagged: tuple[Flagged, ...]
    notice: str = NOTICE


class MonthReader:
    """Reads the months of one home."""

    def __init__(self, home: Path, contract: Contract, contract_path: Path) -> None:
        self.scores, self.log = MonthlyScores(home, contract), DecisionLog(home)
        self.contract, self.contract_path = contract, contract_path
        self._kept: dict[tuple[str, str], tuple[object, object]] = {}

    def read_all(self) -> MonthList:
        """Every month from the first that was ever scored on."""
        scored = self.scores.months()
        if not scored:
            return MonthList(latest=None, months=())
        ledgers, entries = self.scores.snapshots.ledgers(), self.log.known_entries()
        last = max([*scored, *ledgers])
        months = tuple(
            self._describe(month, ledgers.get(month), entries)
            for month in pd.period_range(min(scored), last, freq="M")
        )
        known = [each.month for each in months if each.state == "scored"]
        return MonthList(latest=known[-1] if known else None, months=months)

    def overview(self, name: str) -> Overview | None:
        """A scored month by groups; None if it was not scored."""
        month = self._choose(name)
        return None if month is None else self._keep("overview", month, self._summarize)

    def flagged(self, name: str, part: slice | None, order: str) -> FlaggedList | None:
        """The flagged employees of a month by probability; None if it was not scored."""
        month = self._choose(name)
        table = None if month is None else self._keep("scores", month, self.scores.read)
        if table is None:
            return None
        held = table[table["flag"]]
        up = order == "lowest"
        held = held.sort_values(["probability", self.contract.id], ascending=[up, True])
        shown = held if part is None else held.iloc[part]
        values = zip(
            shown[self.contract.id].tolist(),
            shown["probability"].tolist(),
            shown["reasons"].tolist(),
            strict=True,
        )
        return FlaggedList(
            month=str(month),
            model_version=int(table["model_version"].iloc[0]),
            headcount=len(table),
            total=len(held),
            identity=self.contract.id,
            flagged=tuple(
                Flagged(
                    employee=employee,
                    probability=probability,
                    reasons=tuple(each for each in reasons.split("; ") if each),
                )
                for employee, probability, reasons in values
            ),
        )

    def _choose(self, name: str) -> pd.Period | None:
        if name != "latest":
            try:
                return parse_month(name)
            except ValueError:  # the year 0
                return None
        latest = self.read_all().latest
        return None if latest is None else parse_month(latest)

    def _summarize(self, month: pd.Period) -> Overview | None:
        policy = read_section(self.contract_path, "overview", OverviewPolicy)
        columns = choose_columns(self.contract, policy)
        table = self.scores.read_with(month, columns)
        if table is None:
            return None
        return summarize_month(str(month), table, self.contract, policy)

    def _describe(self, month: pd.Period, ledger: Ledger | None, entries: list[Entry]) -> MonthRead:
        followed = tuple(
            Followed(at=each.at, kind=str(each.kind), who=each.who, why=each.why)
            for each in entries
            if each.facts.get("month") == str(month)
        )
        if ledger is not None and not ledger.accepted:
            faults = tuple(str(each) for each in ledger.faults)
            return MonthRead(month=str(month), state="refused", faults=faults, followed=followed)
        numbers = self._keep("numbers", month, self._count)
        if numbers is None:
            return MonthRead(month=str(month), state="not scored", followed=followed)
        return numbers.model_copy(update={"followed": followed})

    def _count(self, month: pd.Period) -> MonthRead | None:
        table = self.scores.read(month)
        if table is None:
            return None
        share = share_flagged(int(table["flag"].sum()), len(table))
        return MonthRead(
            month=str(month),
            state="scored",
            headcount=len(table),
            flagged_share=share,
            mean_probability=None if share is None else float(table["probability"].mean()),
            model_version=int(table["model_version"].iloc[0]),
            snapshot_version=int(table["snapshot_version"].iloc[0]),
        )

    def _keep(
        self, what: str, month: pd.Period, read: Callable[[pd.Period], Kept | None]
    ) -> Kept | None:
        """What `read` gave of a month, for as long as its scores and its snapshot are the same."""
        ledger = self.scores.snapshots.table_path(month).with_suffix(".json")
        stamp = tuple(_stamp(path) for path in (self.scores.path(month), ledger))
        held = self._kept.get((what, str(month)))
        if held is None or held[0] != stamp:
            held = (stamp, read(month))
            if what == "scores":  # as large as the company: one month is held
                self._kept = {key: at for key, at in self._kept.items() if key[0] != "scores"}
            self._kept[what, str(month)] = held
        return held[1]  # type: ignore[return-value]


def render_csv(found: FlaggedList) -> str:
    """The list as a table that no spreadsheet takes for formulas."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    header = (found.identity, "probability", "reasons", "month", "model_version")
    writer.writerow(map(disarm, header))
    for each in found.flagged:
        cells = (each.employee, f"{each.probability:.4f}", "; ".join(each.reasons))
        writer.writerow(map(disarm, (*cells, found.month, found.model_version)))
    return text.getvalue()


def disarm(cell: object) -> object:
    """Text that a spreadsheet would compute, with an apostrophe before it.

    >>> disarm("=1+1"), disarm("Sales"), disarm(-3)
    ("'=1+1", 'Sales', -3)
    """
    if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA):
        return f"'{cell}"
    return cell


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino
