"""Files written whole or not at all. What is in them is the caller's business."""

import fcntl
import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from attrition_assets.adapters.storage import explain_refused_write
from attrition_assets.errors import StorageError

if TYPE_CHECKING:
    import pandas as pd

TEMPORARY = re.compile(r"\..+\.\d+\.tmp")


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name beside `path`, then rename it.

    What a killed writer left half-written in the folder is removed. Raises StorageError, with
    `path` as it was, if the disk is full, read-only or forbidden.
    """
    with writing_atomically(path, len(content)) as file:
        file.write(content)


@contextmanager
def writing_atomically(path: Path, size: int = 0) -> Iterator[BinaryIO]:
    """A file to write in parts, which becomes `path` as the block ends well, as `write_atomically`.

    `size` is how many bytes are expected, for the message on a full disk.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        with _open_locked(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)  # before the lock is given back
    except OSError as error:
        if said := explain_refused_write(error, path, size):
            raise StorageError(
                f"{said}. {path.name} is as it was: nothing is half-written"
            ) from None
        raise
    finally:
        if temporary.exists():  # to unlink what is absent is an error where nothing may be written
            temporary.unlink()


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of a folder whose writers are gone: nobody holds their lock."""
    for path in folder.glob(".*.tmp"):
        if TEMPORARY.fullmatch(path.name):
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _open_locked(temporary: Path) -> BinaryIO:
    """A new file that others know to be in use, since it is locked."""
    while True:
        file = temporary.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # somebody took it for a leftover before it was locked


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the file `lock`, and hold it until the block is left.

    What a killed process left half-written beside it is removed.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        remove_leftovers(lock.parent)
        yield


def is_held(lock: Path) -> bool:
    """Whether a process holds the file `lock` at this moment."""
    try:
        with lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def to_parquet_bytes(table: "pd.DataFrame", **told: str) -> bytes:
    """The table as Parquet: equal tables give equal bytes under one version of pyarrow.

    What is `told` of it is in the file's metadata, which readers of the table do not see.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = pa.Table.from_pandas(table, preserve_index=False)
    held = {**(written.schema.metadata or {}), **{f"attrition.{k}": v for k, v in told.items()}}
    file = io.BytesIO()
    pq.write_table(written.replace_schema_metadata(held), file, compression="zstd")
    return file.getvalue()


def read_parquet(source: Path | bytes, **options: Any) -> "pd.DataFrame":
    """A Parquet file, or its content, as `pandas.read_parquet` gives it, whose options these are.

    Arrow reads it itself. From a file object of Python's its threads may ask for the interpreter
    that has just ended, and abort a short command that did all it should (one in 30, by pyarrow 25:
    github.com/apache/arrow/issues/50482).
    """
    import pandas as pd
    import pyarrow as pa

    file = pa.BufferReader(source) if isinstance(source, bytes) else pa.OSFile(str(source))
    with file:
        return pd.read_parquet(file, **options)


def content_digest(content: bytes) -> str:
    """SHA-256 of the content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
