"""Files written whole or not at all. What is in them is the caller's business."""

import hashlib
import os
from pathlib import Path

import pandas as pd


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name beside `path`, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def to_parquet_bytes(table: pd.DataFrame) -> bytes:
    """The table as Parquet: equal tables give equal bytes under one version of pyarrow."""
    content: bytes = table.to_parquet(index=False, compression="zstd")
    return content


def content_digest(content: bytes) -> str:
    """SHA-256 of the content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
