"""The months that were accepted, and the quarantine of those that were not.

A month is accepted when a passing verdict lies beside its table and names the table's present
digest. No reader gets a table by any other way.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from attrition_assets.adapters.files import (
    content_digest,
    read_parquet,
    to_parquet_bytes,
    write_atomically,
)
from attrition_assets.adapters.snapshots import RawSnapshot
from attrition_assets.adapters.table_source import TableSnapshot
from attrition_assets.adapters.versions import list_versions, write_version
from attrition_assets.adapters.waivers import Waiver, Waivers
from attrition_assets.casting import cast_to_contract, read_numbers
from attrition_assets.contract import Contract, order_columns
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.table_summary import TableSummary, summarize_rows
from attrition_assets.months import list_months, parse_month, partition_key
from attrition_assets.validation.checks import check_snapshot, refuse_snapshot
from attrition_assets.validation.continuity import EarlierMonth, Previous, find_previous
from attrition_assets.validation.counted import (
    CountedTable,
    check_counted,
    find_counted_violations,
)
from attrition_assets.validation.verdicts import Fault, SnapshotVerdict, list_faults
from attrition_assets.values import Value

LEAST_KEPT = 100


class Ledger(Value):
    """What was found out about a month's file, and about its table if it was accepted.

    `version` counts the accepted tables of the month: 0 while there is none. A corrected file is
    the next version; those before it are kept. Of a table that stayed where it is, `summary_sha256`
    is the digest of its summary, and the rows of one in `one_in` people are kept, `kept_rows`.
    """

    accepted: bool
    version: int
    sent_name: str
    sent_sha256: str
    verdicts: dict[str, SnapshotVerdict]
    table_sha256: str | None = None
    summary: EarlierMonth | None = None
    summary_sha256: str | None = None
    one_in: int = 1
    kept_rows: int | None = None

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the file, by name; empty if it was accepted."""
        return list_faults(self.verdicts.values())

    @property
    def failed(self) -> list[str]:
        """The checks that refused the file."""
        return [name for name, verdict in self.verdicts.items() if not verdict.holds]


@dataclass(frozen=True)
class JudgedSnapshot:
    """One month's file with its verdicts; `table` is None unless all of them hold.

    Of a table that stayed where it is, `raw` is its summary, `rows` how many it has, and `table`
    the rows of one in `one_in` people.
    """

    month: pd.Period
    raw: RawSnapshot
    content: str
    verdicts: Mapping[str, SnapshotVerdict]
    table: pd.DataFrame | None
    rows: int | None = None
    one_in: int = 1

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the file, by name; empty if all verdicts hold."""
        return list_faults(self.verdicts.values())


@dataclass(frozen=True)
class SnapshotStore:
    """Accepted months under `home/assets/employee_snapshot`, the others under `home/quarantine`."""

    home: Path
    contract: Contract

    @property
    def folder(self) -> Path:
        """Where accepted tables and all ledgers lie."""
        return self.home / "assets" / "employee_snapshot"

    @property
    def waivers(self) -> Waivers:
        """What persons have vouched for."""
        return Waivers(self.home)

    def waive(self, month: pd.Period, check: str, who: str, why: str) -> None:
        """Vouch for a refused month's file in one check, so that it passes when it is judged again.

        Raises SnapshotError unless that check refused the month, and is one that can be waived.
        """
        ledger = self.ledger(month)
        failed = [] if ledger is None else ledger.failed
        if ledger is None or check not in failed:
            raise SnapshotError(
                f"{month} was not refused by {check!r}: "
                f"{'it was refused by ' + ', '.join(failed) if failed else 'it is not refused'}"
            )
        self.waivers.add(
            month, Waiver(check=check, sent_sha256=ledger.sent_sha256, who=who, why=why)
        )

    def table_path(self, month: pd.Period) -> Path:
        """Where an accepted month's table lies."""
        return self.folder / f"{partition_key(month)}.parquet"

    def ledgers(self) -> dict[pd.Period, Ledger]:
        """The ledgers of all months that were ever judged, in order."""
        found = list_months(self.folder.glob("*.json"))
        return {month: _read_ledger(path) for month, path in found.items()}

    def ledger(self, month: pd.Period) -> Ledger | None:
        """One month's ledger; None if it was never judged."""
        path = self.table_path(month).with_suffix(".json")
        return _read_ledger(path) if path.is_file() else None

    def months(self) -> list[pd.Period]:
        """The accepted months, in order."""
        return [month for month, ledger in self.ledgers().items() if ledger.accepted]

    def judge(
        self,
        raw: RawSnapshot | TableSnapshot,
        month: pd.Period,
        *,
        departures: pd.DataFrame | None,
    ) -> JudgedSnapshot:
        """Evaluate a month's file, or table, against the contract and the other accepted months.

        `departures` are those known by the month; None if labels come inside the snapshots.
        """
        if isinstance(raw, TableSnapshot):
            return self._judge_table(raw, month, departures)
        try:
            table = raw.parse()
        except SnapshotError as error:
            fault = Fault.UNREADABLE_FILE if raw.content else Fault.EMPTY_FILE
            return JudgedSnapshot(month, raw, "", refuse_snapshot(str(error), fault), None)
        content = digest_rows(table, self.contract)
        earlier = self._list_others(month)
        verdicts = check_snapshot(
            table,
            self.contract,
            month,
            content,
            earlier,
            previous=self._read_previous(earlier, month),
            departures=departures,
        )
        verdicts = self.waivers.apply(month, raw.digest, verdicts)
        accepted = all(verdict.holds for verdict in verdicts.values())
        cast = cast_to_contract(table, self.contract) if accepted else None
        return JudgedSnapshot(month, raw, content, verdicts, cast)

    def _judge_table(
        self, sent: TableSnapshot, month: pd.Period, departures: pd.DataFrame | None
    ) -> JudgedSnapshot:
        """The same of a table that stays where it is."""
        self._require_same_people(sent.one_in, month)
        examined, summary = sent.examine()
        evidence = summary.to_json() if summary else _tell_refusal(examined, self.contract)
        raw = RawSnapshot(f"{Path(sent.place).name}.json", evidence.encode())
        kept = sent.read_people() if summary else None
        content = raw.digest
        if kept is not None and sent.one_in > 1:
            _require_enough(len(kept), examined.rows, sent.one_in, month)
        elif kept is not None:
            content = digest_rows(kept, self.contract)  # as of a file, with which it is compared
        earlier = self._list_others(month)
        verdicts = check_counted(
            examined,
            kept,
            self.contract,
            month,
            content,
            earlier,
            previous=self._read_previous(earlier, month),
            departures=departures,
        )
        verdicts = self.waivers.apply(month, raw.digest, verdicts)
        accepted = all(verdict.holds for verdict in verdicts.values())
        table = cast_to_contract(kept, self.contract) if accepted and kept is not None else None
        return JudgedSnapshot(
            month, raw, content, verdicts, table, rows=examined.rows, one_in=sent.one_in
        )

    def _require_same_people(self, one_in: int, month: pd.Period) -> None:
        """Raise SnapshotError if other people than now are kept of another month."""
        for other, ledger in self.ledgers().items():
            if other != month and ledger.accepted and ledger.one_in != one_in:
                raise SnapshotError(
                    f"one in {ledger.one_in} people of {other} are kept, and one in {one_in} would "
                    f"be of {month}: those of the others would seem to have left; set "
                    f"ATTRITION_KEPT_ONE_IN={ledger.one_in}, or begin in a new ATTRITION_HOME"
                )

    def _list_others(self, month: pd.Period) -> tuple[EarlierMonth, ...]:
        """What the other accepted months are compared by."""
        return tuple(
            ledger.summary
            for other, ledger in self.ledgers().items()
            if other != month and ledger.accepted and ledger.summary
        )

    def _read_previous(
        self, earlier: tuple[EarlierMonth, ...], month: pd.Period
    ) -> Previous | None:
        summary = find_previous(earlier, month)
        if summary is None:
            return None
        before = parse_month(summary.month)
        return Previous(before, self.read(before))

    def keep(self, snapshot: JudgedSnapshot) -> Path:
        """Store an accepted month where others read, any other in quarantine; say where.

        A refused month replaces the verdict of an accepted one: readers are refused from then on.
        """
        path = self.table_path(snapshot.month)
        before = self.ledger(snapshot.month)
        ledger = Ledger(
            accepted=snapshot.table is not None,
            version=before.version if before else 0,
            sent_name=snapshot.raw.name,
            sent_sha256=snapshot.raw.digest,
            verdicts=dict(snapshot.verdicts),
        )
        if snapshot.table is None:
            kept = (
                self.quarantine(snapshot.month) / f"{snapshot.raw.digest[:12]}-{snapshot.raw.name}"
            )
            write_atomically(kept, snapshot.raw.content)
            write_atomically(kept.with_name(f"{kept.name}.verdict.json"), _to_json(ledger))
        else:
            kept = path
            # Another table is another version, though the people who are kept be the same.
            whole = {} if snapshot.rows is None else {"summary_sha256": snapshot.raw.digest}
            content = to_parquet_bytes(snapshot.table, **whole)
            rows = len(snapshot.table)
            summary = EarlierMonth(
                month=str(snapshot.month), rows=snapshot.rows or rows, content=snapshot.content
            )
            update = {
                "version": write_version(path, content),
                "table_sha256": content_digest(content),
                "summary": summary,
            }
            if snapshot.rows is not None:
                write_version(self.summary_path(snapshot.month), snapshot.raw.content)
                update |= {
                    "summary_sha256": snapshot.raw.digest,
                    "one_in": snapshot.one_in,
                    "kept_rows": rows,
                }
            ledger = ledger.model_copy(update=update)
        write_version(path.with_suffix(".json"), _to_json(ledger))
        return kept

    def accepted_version(self, month: pd.Period) -> int:
        """The version of a month that readers get; 0 if they get none."""
        ledger = self.ledger(month)
        return ledger.version if ledger and ledger.accepted else 0

    def count_rows(self, month: pd.Period) -> int:
        """The number of people kept of an accepted month; 0 if it was not accepted."""
        ledger = self.ledger(month)
        if not (ledger and ledger.accepted and ledger.summary):
            return 0
        return ledger.summary.rows if ledger.kept_rows is None else ledger.kept_rows

    def count_elsewhere(self, month: pd.Period) -> int | None:
        """The number of rows of an accepted month's table that stayed where it is, else None."""
        ledger = self.ledger(month)
        if not (ledger and ledger.accepted and ledger.summary and ledger.summary_sha256):
            return None
        return ledger.summary.rows

    def summary_path(self, month: pd.Period) -> Path:
        """Where the summary of a table lies that stayed where it is."""
        return self.home / "assets" / "summaries" / f"{partition_key(month)}.json"

    def read_summary(self, month: pd.Period, table_sha256: str | None = None) -> TableSummary:
        """The summary of a whole month: the accepted one, or that of which this table was kept.

        Raises SnapshotError unless it lies there as it was accepted.
        """
        paths = list_versions(self.table_path(month).with_suffix(".json"))
        ledgers = [_read_ledger(path) for path in paths]
        wanted = table_sha256 or (ledgers[-1].table_sha256 if ledgers else None)
        for ledger in reversed(ledgers):
            if not ledger.accepted or ledger.table_sha256 != wanted:
                continue
            if ledger.summary_sha256 is None:
                return summarize_rows(self.read_version(month, ledger.version), self.contract)
            for path in list_versions(self.summary_path(month)):
                content = path.read_bytes()
                if content_digest(content) == ledger.summary_sha256:
                    return TableSummary.from_json(content.decode())
        raise SnapshotError(
            f"no summary of {month} lies in {self.summary_path(month).parent} as it was accepted: "
            f"materialize employee_snapshot for {partition_key(month)}, or restore it from a backup"
        )

    def list_waived(self, month: pd.Period) -> list[Waiver]:
        """What persons vouched for in a month's present file."""
        ledger = self.ledger(month)
        sent = ledger.sent_sha256 if ledger else ""
        return [each for each in self.waivers.read(month) if each.sent_sha256 == sent]

    def find_changed(self, sources: Mapping[str, str]) -> list[str]:
        """Of months and the digests of their tables, those refused, corrected or removed since."""
        ledgers = {str(month): ledger for month, ledger in self.ledgers().items()}
        return [
            month
            for month, digest in sources.items()
            if month not in ledgers
            or not ledgers[month].accepted
            or ledgers[month].table_sha256 != digest
        ]

    def quarantine(self, month: pd.Period) -> Path:
        """The folder that keeps a month's refused files as they were sent."""
        return self.home / "quarantine" / str(month)

    def read(self, month: pd.Period, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """An accepted month's table, or some columns of it.

        Raises SnapshotError unless the verdict passed for the very bytes that lie there now.
        """
        path = self.table_path(month)
        how = f"materialize employee_snapshot for {partition_key(month)}"
        ledger = self.ledger(month)
        if ledger is None:
            raise SnapshotError(f"the snapshot of {month} was never checked: {how}")
        if not ledger.accepted:
            raise SnapshotError(
                f"the snapshot of {month} was refused ({', '.join(ledger.failed)}) and lies in "
                f"{self.quarantine(month)}: correct the file, then {how}"
            )
        content = path.read_bytes() if path.is_file() else b""
        if content_digest(content) != ledger.table_sha256:
            raise SnapshotError(f"{path} is not the table that was checked: {how} again")
        return read_parquet(content, columns=None if columns is None else list(columns))

    def read_version(self, month: pd.Period, version: int) -> pd.DataFrame:
        """One version of a month's table, the present one or one that was superseded or refused.

        Raises SnapshotError unless it lies there as it was accepted.
        """
        path = self.table_path(month)
        ledgers = map(_read_ledger, list_versions(path.with_suffix(".json")))
        digests = {each.table_sha256 for each in ledgers if each.version == version}
        for each in list_versions(path):
            content = each.read_bytes()
            if content_digest(content) in digests:
                return read_parquet(content)
        raise SnapshotError(
            f"version {version} of the snapshot of {month} does not lie in {self.folder} as it was "
            "accepted: restore it from a backup"
        )

    def read_ids(self, month: pd.Period) -> pd.DataFrame:
        """The ids alone of an accepted month. Raises SnapshotError as `read` does."""
        return self.read(month, [self.contract.id])


def _require_enough(kept: int, rows: int, one_in: int, month: pd.Period) -> None:
    """Raise SnapshotError if so few people are kept that nothing could be told by them."""
    if kept < LEAST_KEPT:
        raise SnapshotError(
            f"of the {rows} rows of {month} only {kept} people would be kept, too few to tell "
            f"units and leavers by: set ATTRITION_KEPT_ONE_IN={one_in} to at most "
            f"{max(1, rows // (2 * LEAST_KEPT))}"
        )


def _tell_refusal(examined: CountedTable, contract: Contract) -> str:
    """What is wrong with a table's values, in place of its summary."""
    broken = find_counted_violations(examined, contract)
    told = {"rows": examined.rows, "violations": [each.model_dump(mode="json") for each in broken]}
    return json.dumps(told)


def digest_rows(table: pd.DataFrame, contract: Contract) -> str:
    """SHA-256 of a raw table's rows, whatever their order and their snapshot date.

    Empty if it has none of the contract's columns.
    """
    rows = order_columns(table, contract).drop(columns=contract.snapshot_date, errors="ignore")
    if rows.columns.empty:
        return ""
    text = rows.apply(_to_comparable_text)
    hashes = pd.util.hash_pandas_object(text, index=False).sort_values()
    return hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest()


def _to_comparable_text(values: pd.Series) -> pd.Series:
    """The same text for 1, 1.0 and "1", as categories: each distinct value is read once."""
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) != "string":
        codes, found = np.arange(len(values)), values  # 1, 1.0 and True would count as one
    else:
        codes, distinct = pd.factorize(values)
        found = pd.Series(distinct)
    numbers = read_numbers(found)
    text = found.astype("string").where(numbers.isna(), numbers.astype("string"))
    categories = pd.Categorical(text)
    return pd.Series(categories.take(codes, allow_fill=True), index=values.index)


def _read_ledger(path: Path) -> Ledger:
    try:
        return Ledger.model_validate_json(path.read_bytes())
    except ValidationError:
        raise SnapshotError(
            f"{path} is no verdict that this version can read: move it away, then materialize "
            f"employee_snapshot for {path.stem}"
        ) from None


def _to_json(ledger: Ledger) -> bytes:
    return json.dumps(ledger.model_dump(mode="json"), indent=1, sort_keys=True).encode()
