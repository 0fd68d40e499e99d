"""What lies of months and of models that is past its retention, and its removal.

Files in the home are found by the names that they were stored under, so that what a killed process
left half-removed is found again; held-out scores are in MLflow. What is needed still is kept, with
the reason. How long is for `governance.retention`.
"""

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import read_parquet
from attrition_assets.adapters.held_out_scores import HeldOut, HeldOutScores
from attrition_assets.adapters.metrics_table import MetricsTable
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.errors import SnapshotError
from attrition_assets.governance.decisions import Kind
from attrition_assets.governance.retention import find_last_past, find_removal
from attrition_assets.months import name_ranges, parse_month

# A month's own files, their temporary names included: 2026-01-01.parquet, .2026-01.json.7.tmp, ...
OF_MONTH = re.compile(r"\.?(\d{4}-(?:0[1-9]|1[0-2]))(?:-01)?(?:\..*)?")
LATER = pd.Period("9999-12", freq="M")
OF_DIGEST = re.compile(r"\.?([0-9a-f]{64})\..*")


@dataclass(frozen=True)
class Removable:
    """What is past its retention and can go, and what stays although it is past it, and why.

    `months` are the paths of each month, in the order of their removal; `tables` those of reference
    data, by digest.
    """

    months: Mapping[pd.Period, tuple[Path, ...]]
    tables: Mapping[str, tuple[Path, ...]]
    held_out: tuple[HeldOut, ...]
    kept: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.months or self.tables or self.held_out)

    @property
    def files(self) -> int:
        """How many files lie of the months."""
        paths = [path for each in self.months.values() for path in each]
        return sum(
            sum(inner.is_file() for inner in path.rglob("*")) if path.is_dir() else 1
            for path in paths
        )


def find_removable(
    home: Path, registry: Registry, store: SnapshotStore, last_past: pd.Period
) -> Removable:
    """What is of `last_past` or of a month before it.

    A reference table is as old as the oldest month in it, and so are the held-out scores of the
    versions that learned from it. Raises RegistryError if MLflow does not say what is needed.
    """
    held_out = HeldOutScores(registry)
    stored = find_month_files(home)
    standing = _find_standing(home, registry, store)
    past = {month for month in stored if month <= last_past}
    kept = [
        f"{month}: its drift alarm is younger than the champion: later months are judged by it "
        "until a model trained since is promoted"
        for month in sorted(past & standing)
    ]
    months = {month: stored[month] for month in sorted(past - standing)}
    needed = _find_needed(home, registry, set(stored) - set(months), stored)
    needed_digests = {held_out.versions[each].digest: why for each, why in needed.items()}
    references = _ReferenceFiles(ReferenceStore(home, store.contract))
    tables, scores = {}, []
    for digest, paths in references.by_digest.items():
        if references.oldest(digest) > last_past:
            continue
        if why := needed_digests.get(digest):
            kept.append(f"reference data {digest[:12]} ({why})")
        else:
            tables[digest] = paths
    for each in held_out.stored():
        if references.oldest(each.digest, otherwise=each.as_of) > last_past:
            continue
        if each.version in needed:
            kept.append(f"held-out scores of version {each.version} ({needed[each.version]})")
        elif place := held_out.find_outside(each):
            kept.append(
                f"held-out scores of version {each.version} ({place} is outside of this home, "
                "as in the copy of another: remove them there)"
            )
        else:
            scores.append(each)
    return Removable(months, tables, tuple(scores), tuple(kept))


def remove(removable: Removable, home: Path, registry: Registry, said: str) -> None:
    """Remove all of it; what a crash leaves, the same again removes.

    A month's verdict goes before its table, so that no reader looks for what is gone, and held-out
    scores before the table that tells how old they are. `said` is what a version tells from then on
    when it is asked for.
    """
    for paths in removable.months.values():
        for path in paths:
            _remove(path)
    held_out = HeldOutScores(registry)
    for each in removable.held_out:
        held_out.remove(each, said)
    pointer = home / "assets" / "reference_data" / "newest.json"
    if pointer.is_file() and json.loads(pointer.read_text("utf-8"))["digest"] in removable.tables:
        _remove(pointer)
    for paths in removable.tables.values():
        for path in paths:
            _remove(path)
    MetricsTable(home).write_prometheus()


def require_not_removed(home: Path, month: pd.Period, retention_days: int, now: datetime) -> None:
    """Raise SnapshotError for a month whose records were removed, while it is past its retention.

    A backfill would bring back what was removed, since the file may lie where it was sent.
    """
    past = month <= find_last_past(now, retention_days)
    if past and (removal := find_removal(DecisionLog(home).known_entries(), month)):
        raise SnapshotError(
            f"the records of {month} were {removal}: it is not taken in again; to keep months for "
            "longer, set ATTRITION_RETENTION_DAYS"
        )


def find_month_files(home: Path) -> dict[pd.Period, tuple[Path, ...]]:
    """All that lies of each month: values, what they superseded, reports, metrics, waivers, ..."""
    assets = [path for path in (home / "assets").glob("*") if path.is_dir()]
    folders = [
        *assets,
        *(folder / "superseded" for folder in assets),
        *(home / name for name in ("reports", "quarantine", "waivers", "metrics")),
    ]
    found: dict[pd.Period, list[Path]] = defaultdict(list)
    for folder in folders:
        for path in sorted(folder.glob("*")):
            if named := OF_MONTH.fullmatch(path.name):
                found[parse_month(named[1])].append(path)
    ledgers = home / "assets" / "employee_snapshot"

    def order(path: Path) -> tuple[bool, str]:
        return not (path.parent == ledgers and path.suffix == ".json"), str(path)

    return {month: tuple(sorted(paths, key=order)) for month, paths in sorted(found.items())}


class _ReferenceFiles:
    """The files of each reference table, and the oldest month in it."""

    def __init__(self, store: ReferenceStore) -> None:
        self.store = store
        found: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(store.folder.glob("*")):
            if named := OF_DIGEST.fullmatch(path.name):
                found[named[1]].append(path)

        def order(path: Path) -> tuple[bool, str]:
            return path.name.endswith(".sources.json"), path.name  # they tell how old it is

        self.by_digest = {each: tuple(sorted(paths, key=order)) for each, paths in found.items()}

    def oldest(self, digest: str, otherwise: pd.Period | None = None) -> pd.Period:
        """The oldest month in a table; of one that is gone, `otherwise`."""
        sources = self.store.folder / f"{digest}.sources.json"
        table = self.store.folder / f"{digest}.parquet"
        if sources.is_file():
            return min(parse_month(month) for month in self.store.sources(digest))
        if table.is_file():
            date = self.store.contract.snapshot_date
            return pd.Period(read_parquet(table, columns=[date])[date].min(), freq="M")
        if otherwise is not None:
            return otherwise
        written = min(path.stat().st_mtime for path in self.by_digest[digest])
        return pd.Period(pd.Timestamp(written, unit="s"), freq="M")


def _find_standing(home: Path, registry: Registry, store: SnapshotStore) -> set[pd.Period]:
    """The months whose alarm of feature drift counts for months to come."""
    champion = registry.champion_version()
    if champion is None:
        return set()
    as_of = HeldOutScores(registry).versions[champion].as_of
    alarms = DriftReports(home).alarms(LATER, store.accepted_version)
    return {each.month for each in alarms if each.month > as_of}


def _find_needed(
    home: Path,
    registry: Registry,
    kept_months: Iterable[pd.Period],
    stored: Mapping[pd.Period, tuple[Path, ...]],
) -> dict[int, str]:
    """The versions that are needed still, and what for."""
    needed: dict[int, str] = {}
    scored: dict[int, set[pd.Period]] = defaultdict(set)
    for month in kept_months:
        for version in _read_versions(stored[month]):
            scored[version].add(month)
    for version, months in scored.items():
        needed[version] = f"version {version} scored {name_ranges(months)}, kept still"
    champion, challenger = registry.champion_version(), registry.challenger_version()
    if challenger is not None:
        needed[challenger] = f"version {challenger} is the challenger"
    replaced = [
        int(entry.facts["previous"])
        for entry in DecisionLog(home).known_entries()
        if entry.kind == Kind.PROMOTED and entry.facts.get("version") == champion
    ]
    if replaced and replaced[-1]:
        needed[replaced[-1]] = f"version {replaced[-1]} is what a rollback restores"
    if champion is not None:
        needed[champion] = f"version {champion} is champion: months are judged by what it learned"
    return needed


def _read_versions(paths: Iterable[Path]) -> set[int]:
    """The versions of the model that scored a month, now or before it was corrected."""
    found: set[int] = set()
    for path in paths:
        of_predictions = "predictions" in (path.parent.name, path.parent.parent.name)
        files = path.glob("*.parquet") if path.is_dir() else [path]
        for file in files if of_predictions else ():
            if file.suffix == ".parquet":
                versions = read_parquet(file, columns=["model_version"])["model_version"]
                found |= set(versions.astype(int))
    return found


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
