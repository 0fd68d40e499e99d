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

    Every file is written to a temporary name beside its own and renamed, so a reader never sees
    half a file; the same company gives the same bytes. Snapshots of other months, left by an
    earlier company, are removed once all new files stand.
    """
    snapshots = folder / "snapshots"
    written = set()
    for month, snapshot in company.snapshots.items():
        path = snapshots / f"{month}.parquet"
        write_atomically(path, to_parquet_bytes(snapshot))
        written.add(path)
    write_atomically(folder / "departures.parquet", to_parquet_bytes(company.departures))
    for path in set(snapshots.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9].parquet")) - written:
        path.unlink()
