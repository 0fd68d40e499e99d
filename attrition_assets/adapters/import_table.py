"""An undated table as a company's months: a labelled history, then months drawn at random."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from attrition_assets.adapters.files import to_parquet_bytes, write_atomically
from attrition_assets.adapters.snapshots import read_file
from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.months import last_day
from attrition_assets.validation.continuity import VOLUME_MONTHS
from attrition_assets.validation.table import find_violations


def import_table(
    path: Path,
    folder: Path,
    contract: Contract,
    *,
    first_month: pd.Period,
    months: int = 6,
    seed: int = 0,
) -> list[pd.Period]:
    """Write `folder/snapshots/` from one table, split by `split_table`; return the months.

    The folder appears whole or not at all. Raises SnapshotError if it is there already, and as
    `split_table` does.
    """
    if folder.exists():
        raise SnapshotError(f"{folder} is there already: choose another folder, or remove it")
    snapshots = split_table(path, contract, first_month=first_month, months=months, seed=seed)
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    for month, snapshot in snapshots.items():
        write_atomically(temporary / "snapshots" / f"{month}.parquet", to_parquet_bytes(snapshot))
    temporary.rename(folder)
    return list(snapshots)


def split_table(
    path: Path, contract: Contract, *, first_month: pd.Period, months: int, seed: int
) -> dict[pd.Period, pd.DataFrame]:
    """One table whose rows carry their label as months of strangers, in order.

    Half of the rows, drawn by `seed`, are the history, dated `first_month`. The others are dealt to
    `months` months, which begin once the history's labels have matured and its size is no longer
    what a month is compared with; nobody is in two of them.

    Raises SnapshotError if the file is absent or no table, does not fit the contract, or holds
    somebody twice or too few people.
    """
    rows = _read_labelled(path, contract, first_month)
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


def _read_labelled(path: Path, contract: Contract, month: pd.Period) -> pd.DataFrame:
    table = read_file(path)
    if contract.label not in table.columns:
        raise SnapshotError(f"{path} has no column {contract.label!r}: nothing to learn from")
    if contract.snapshot_date in table.columns:
        raise SnapshotError(
            f"{path} is dated already, by {contract.snapshot_date!r}: put its months into a folder "
            "of snapshots and set ATTRITION_DATA"
        )
    dated = table.assign(**{contract.snapshot_date: last_day(month)})
    if violations := find_violations(dated, contract):
        faults = "\n".join(f"  {violation}" for violation in violations)
        raise SnapshotError(f"{path} does not fit the contract {contract.name}:\n{faults}")
    rows = cast_to_contract(dated, contract)
    if repeated := int(rows[contract.id].duplicated().sum()):
        raise SnapshotError(
            f"{path}: {repeated} rows repeat an employee (by {contract.id}): give each one row"
        )
    return rows
