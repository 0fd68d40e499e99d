"""Files written whole or not at all. What is in them is the caller's business."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from attrition_assets.adapters.storage import explain_refused_write
from attrition_assets.errors import StorageError


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name beside `path`, then rename it.

    Raises StorageError, with `path` as it was, if the disk is full, read-only or forbidden.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if said := explain_refused_write(error, path, len(content)):
            raise StorageError(
                f"{said}. {path.name} is as it was: nothing is half-written"
            ) from None
        raise
    finally:
        if temporary.exists():  # to unlink what is absent is an error where nothing may be written
            temporary.unlink()


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the file `lock`, and hold it until the block is left."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def to_parquet_bytes(table: pd.DataFrame) -> bytes:
    """The table as Parquet: equal tables give equal bytes under one version of pyarrow."""
    content: bytes = table.to_parquet(index=False, compression="zstd")
    return content


def content_digest(content: bytes) -> str:
    """SHA-256 of the content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
