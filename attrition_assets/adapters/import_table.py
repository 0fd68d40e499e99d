"""One table as a company's months: those that it is dated by, or months made of it.

A table without dates becomes a labelled history and months drawn at random.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from attrition_assets.adapters.files import to_parquet_bytes, write_atomically
from attrition_assets.adapters.snapshots import read_file, select_departures
from attrition_assets.casting import cast_to_contract, read_dates, read_ids
from attrition_assets.contract import Contract
from attrition_assets.drafting import ROW_NUMBER
from attrition_assets.errors import SnapshotError
from attrition_assets.months import last_day
from attrition_assets.validation.continuity import VOLUME_MONTHS
from attrition_assets.validation.table import find_violations

Snapshots = Mapping[pd.Period, pd.DataFrame]


def import_table(
    path: Path,
    folder: Path,
    contract: Contract,
    *,
    first_month: pd.Period,
    months: int = 6,
    seed: int = 0,
    departures: Path | None = None,
) -> list[pd.Period]:
    """Write `folder` from one table, as `read_months` splits it; return the months.

    The folder appears whole or not at all. Raises SnapshotError if it is there already, and as
    `read_months` does.
    """
    if folder.exists():
        raise SnapshotError(f"{folder} is there already: choose another folder, or remove it")
    snapshots, left = read_months(
        path,
        contract,
        first_month=first_month,
        months=months,
        seed=seed,
        departures=departures,
    )
    write_months(snapshots, left, folder)
    return list(snapshots)


def write_months(snapshots: Snapshots, departures: pd.DataFrame | None, folder: Path) -> None:
    """Write months, and departures if there are any, into a folder that is not there yet."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    for month, snapshot in snapshots.items():
        write_atomically(temporary / "snapshots" / f"{month}.parquet", to_parquet_bytes(snapshot))
    if departures is not None:
        write_atomically(temporary / "departures.parquet", to_parquet_bytes(departures))
    temporary.rename(folder)


def read_months(
    path: Path,
    contract: Contract,
    *,
    first_month: pd.Period,
    months: int = 6,
    seed: int = 0,
    departures: Path | None = None,
) -> tuple[Snapshots, pd.DataFrame | None]:
    """The months of a table, in order, and who left when, if `departures` says so.

    A table that has the contract's snapshot date is split by it; its values stay as they are. In
    any other, rows carry their label, and half of them, drawn by `seed`, are the history, dated
    `first_month`. The others are dealt to `months` months, which begin once the history's labels
    have matured and its size is no longer what a month is compared with; nobody is in two of them.
    Rows are numbered where the contract asks for `RowNumber`.

    Raises SnapshotError if a file is absent or no table, does not fit the contract, is not dated by
    last days of months from `first_month` on, says nothing of who left, or holds too few people.
    """
    table = read_file(path)
    if contract.id == ROW_NUMBER and ROW_NUMBER not in table.columns:
        table = table.assign(**{ROW_NUMBER: np.arange(1, len(table) + 1)})
    dated = contract.snapshot_date in table.columns
    if departures is None and contract.label not in table.columns:
        raise SnapshotError(
            f"{path} has no column {contract.label!r}: nothing to learn from; "
            "for a dated table, --departures FILE may say who left and when"
        )
    if departures is not None and not dated:
        raise SnapshotError(
            f"{path} has no column {contract.snapshot_date!r}: departures need a table that is "
            "dated by it"
        )
    if contract.id not in table.columns:
        raise SnapshotError(f"{path} has no column {contract.id!r}: nobody can be told apart")
    if not dated:
        rows = _cast_labelled(table, path, contract, first_month)
        return _deal(rows, path, contract, first_month, months, seed), None
    left = None
    if departures is not None:
        left = select_departures(read_file(departures), contract, str(departures))
        known = read_ids(table[contract.id], contract.columns[contract.id])
        if not left[contract.id].isin(known).any():
            raise SnapshotError(
                f"nobody of {path} is among {departures}: their {contract.id} are of other people, "
                "or written differently"
            )
    return _split(table, path, contract, first_month), left


def _split(
    table: pd.DataFrame, path: Path, contract: Contract, first_month: pd.Period
) -> Snapshots:
    """A dated table's rows by month, as they were sent; the first month must fit the contract."""
    dates = read_dates(table[contract.snapshot_date])
    wrong = (dates != (dates + pd.offsets.MonthEnd(0)).dt.normalize()) | dates.isna()
    if wrong.any():
        rows = [int(row) for row in wrong.to_numpy().nonzero()[0][:10]]
        raise SnapshotError(
            f"{path}: {int(wrong.sum())} rows are not dated by a month's last day, such as "
            f"2026-01-31, in {contract.snapshot_date!r} (rows {rows}): date them so, if that is "
            "what they show"
        )
    by_month = dict(list(table.groupby(dates.dt.to_period("M"), sort=True)))
    snapshots = {month: rows.reset_index(drop=True) for month, rows in by_month.items()}
    first = min(snapshots)
    if first < first_month:
        raise SnapshotError(
            f"{path} begins in {first}, before the first month that is known here, {first_month}: "
            f"set ATTRITION_FIRST_MONTH={first}"
        )
    _require_fit(snapshots[first], f"{path}, in {first},", contract)
    return snapshots


def _deal(
    rows: pd.DataFrame,
    path: Path,
    contract: Contract,
    first_month: pd.Period,
    months: int,
    seed: int,
) -> Snapshots:
    if len(rows) < 2 * months:
        raise SnapshotError(
            f"{path} has {len(rows)} rows: half of them are too few for {months} months"
        )
    shuffled = np.random.default_rng(seed).permutation(len(rows))
    half = len(rows) // 2
    parts = [shuffled[:half], *np.array_split(shuffled[half:], months)]
    start = first_month + max(contract.horizon_months, VOLUME_MONTHS) + 1
    dates = [first_month, *(start + each for each in range(months))]
    return {
        month: rows.iloc[np.sort(part)]
        .assign(**{contract.snapshot_date: last_day(month)})
        .reset_index(drop=True)
        for month, part in zip(dates, parts, strict=True)
    }


def _cast_labelled(
    table: pd.DataFrame, path: Path, contract: Contract, month: pd.Period
) -> pd.DataFrame:
    dated = table.assign(**{contract.snapshot_date: last_day(month)})
    _require_fit(dated, str(path), contract)
    rows = cast_to_contract(dated, contract)
    if repeated := int(rows[contract.id].duplicated().sum()):
        raise SnapshotError(
            f"{path}: {repeated} rows repeat an employee (by {contract.id}): give each one row"
        )
    return rows


def _require_fit(table: pd.DataFrame, what: str, contract: Contract) -> None:
    if violations := find_violations(table, contract):
        faults = "\n".join(f"  {violation}" for violation in violations)
        raise SnapshotError(f"{what} does not fit the contract {contract.name}:\n{faults}")
