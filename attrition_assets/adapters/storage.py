"""What it means when state cannot be written or opened, and what to do about it.

Turns the errors of files and of SQLite into words. Who catches them decides what they become; an
error that is none of these stays as it is.
"""

import errno
import math
import shutil
import sqlite3
from pathlib import Path

from attrition_assets.errors import StorageError

MEGABYTE = 1_000_000
# A month writes about 5 MB, most of it Evidently's page; a retraining less.
LEAST_FREE_MB = 20
LOCK_SECONDS = 5
FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
FORBIDDEN = {
    errno.EROFS: "it lies on a read-only file system",
    errno.EACCES: "there is no permission",
    errno.EPERM: "there is no permission",
    errno.ENOTDIR: "a file is where a folder should be",
    errno.EEXIST: "a file is where a folder should be",
}
MAKE_WRITABLE = "make it writable, or set ATTRITION_HOME to a folder that is, then do it again"


def require_room(home: Path) -> None:
    """Raise StorageError unless `home` can be written and has room for a month.

    Asked before a run starts: on a full disk Dagster cannot even record that the run failed.
    """
    probe = home / ".attrition-probe.tmp"
    try:
        home.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"may this be written?")
        finally:
            if probe.exists():
                probe.unlink()
    except OSError as error:
        if said := explain_refused_write(error, home):
            raise StorageError(f"{said}. Nothing was changed") from None
        raise
    if (free := free_megabytes(home)) < LEAST_FREE_MB:
        raise StorageError(
            f"{home} has {free} MB free, and a month needs up to {LEAST_FREE_MB} MB: free "
            f"{LEAST_FREE_MB - free} MB or more on the disk of {home}, then do it again. Nothing "
            "was changed"
        )


def free_megabytes(path: Path) -> int:
    """Free space on the file system of `path`, or of the folder that it would be made in."""
    there = next(each for each in (path, *path.parents) if each.exists())
    return shutil.disk_usage(there).free // MEGABYTE


def explain_refused_write(error: OSError, where: Path, size: int = 0) -> str | None:
    """Why `where` (of `size` bytes) could not be written and what to do; None if it is no such."""
    if reason := FULL.get(error.errno or 0):
        needed = max(LEAST_FREE_MB, math.ceil(size / MEGABYTE))
        return (
            f"cannot write {where}: {reason} ({free_megabytes(where)} MB free): free {needed} MB "
            f"or more on the disk of {where.parent}, then do it again"
        )
    if reason := FORBIDDEN.get(error.errno or 0):
        return f"cannot write {where}: {reason}: {MAKE_WRITABLE}"
    return None


def explain_failure(error: Exception, home: Path) -> str | None:
    """What an error of a file or of a SQLite database means; None if it is of no known kind."""
    if isinstance(error, OSError):
        return explain_refused_write(error, Path(error.filename or home))
    return explain_database_error(error, home)


def explain_database_error(error: Exception, folder: Path) -> str | None:
    """What an OperationalError of a SQLite file under `folder` means; None if it is another.

    The error does not say which file it is about: the one that is locked is looked for.
    """
    said = str(error)
    if "locked" in said or "busy" in said:
        return _explain_lock(" ".join(map(str, find_locked(folder))), folder)
    if "disk is full" in said or "disk I/O error" in said:
        return (
            f"cannot write a SQLite file under {folder}: the disk is full or failing "
            f"({free_megabytes(folder)} MB free): free {LEAST_FREE_MB} MB or more on the disk of "
            f"{folder}, then do it again"
        )
    if "readonly" in said or "unable to open" in said:
        return (
            f"cannot open the SQLite files under {folder}: the folder is absent, read-only or "
            f"forbidden: {MAKE_WRITABLE}"
        )
    return None


def require_unlocked(home: Path, patience_seconds: float = LOCK_SECONDS) -> None:
    """Raise StorageError if another process holds a file that Dagster records runs in.

    Asked before a run starts: one that cannot be recorded in full is never seen to end.
    """
    for path in (home / "history" / "runs.db", home / "history" / "runs" / "index.db"):
        if path.exists() and is_locked(path, patience_seconds):
            raise StorageError(_explain_lock(str(path), home))


def find_locked(folder: Path) -> list[Path]:
    """The SQLite files under `folder` that cannot be written at this moment."""
    places = ("mlflow/*.db", "schedules/*.db", "history/*.db", "history/runs/*.db")
    return [path for place in places for path in sorted(folder.glob(place)) if is_locked(path)]


def _explain_lock(held: str, folder: Path) -> str:
    return (
        f"{held or f'a SQLite file under {folder}'} is locked by another process: wait until "
        f"it is done, or end it (`fuser -v {held or 'FILE'}` names it), then do it again"
    )


def is_locked(path: Path, patience_seconds: float = 0) -> bool:
    """Whether another process holds a SQLite file longer than `patience_seconds`."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=patience_seconds
    )
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    finally:
        connection.close()
    return False
