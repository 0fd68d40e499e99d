"""The company that `data/` ships, and how a company is written to a folder.

The planted drifts and faults of the shipped company are the story that the demo tells; how they
work is in `shifts.py` and `faults.py`.
"""

from pathlib import Path
from typing import Final

from attrition_assets.adapters.files import to_parquet_bytes, write_atomically
from attrition_assets.months import parse_month
from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.faults import UnitError, apply_faults
from attrition_assets.simulation.shifts import ConceptShift, PayInflation

SEED: Final = 1
MONTHS: Final = 36
_MONTH: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]"


def simulate_shipped_company() -> Company:
    """Three years of the shipped company: inflation, a unit error, then a concept shift."""
    company = simulate_company(
        first_month=parse_month("2023-11"),
        months=MONTHS,
        seed=SEED,
        shifts=(
            PayInflation(parse_month("2025-06"), 0.12),
            ConceptShift(parse_month("2026-01"), 1.0),
        ),
    )
    return apply_faults(company, [UnitError(parse_month("2025-11"))], SEED)


def write_company(company: Company, folder: Path) -> None:
    """Write `folder`/departures.parquet and `folder`/snapshots/2023-11.parquet and so on.

    What comes later is written to `folder`/later, with a note on what to do with it; the loop does
    not look there. Every file is written to a temporary name beside its own and renamed, so a
    reader never sees half a file; the same company gives the same bytes. Files of other months,
    left by an earlier company, are removed once all new files stand.
    """
    files = {folder / "snapshots" / f"{month}.parquet": t for month, t in company.snapshots.items()}
    for month, table in company.later.items():
        files[folder / "later" / str(month + 1) / "snapshots" / f"{month}.parquet"] = table
    for path, table in files.items():
        write_atomically(path, to_parquet_bytes(table))
    write_atomically(folder / "departures.parquet", to_parquet_bytes(company.departures))
    note = folder / "later" / "README.md"
    if company.later:
        write_atomically(note, _explain_later(company).encode())
    else:
        note.unlink(missing_ok=True)
    earlier = {
        *folder.glob(f"snapshots/{_MONTH}.parquet"),
        *folder.glob(f"later/{_MONTH}/snapshots/{_MONTH}.parquet"),
    }
    for path in earlier - files.keys():
        path.unlink()


def _explain_later(company: Company) -> str:
    """What the folder of later files says of itself."""
    lines = [
        "# Files that come later",
        "",
        "Nothing here is read. When the month on the left is due, copy its file in from the folder",
        "above this one, and run the file's month, for the first time or again.",
        "",
        "| with | what comes | by |",
        "|---|---|---|",
    ]
    for month in sorted(company.later):
        what = "the corrected file" if month in company.snapshots else "the late file"
        by = f"`cp later/{month + 1}/snapshots/{month}.parquet snapshots/; attrition run {month}`"
        lines.append(f"| {month + 1} | {what} of {month} | {by} |")
    return "\n".join([*lines, ""])
