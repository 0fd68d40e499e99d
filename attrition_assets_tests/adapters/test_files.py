import fcntl
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.adapters.files import (
    alone,
    content_digest,
    read_parquet,
    to_parquet_bytes,
    write_atomically,
)
from attrition_assets_tests.conftest import MakeSnapshot


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as on a full disk: a write fails half-way."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_content_is_written_also_into_a_new_folder_and_replaces_what_was_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_half_way_keeps_the_old_content_and_leaves_no_temporary_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file.txt"
    write_atomically(path, b"old")
    with files_of_at_most(4096), pytest.raises(OSError, match="too large"):
        write_atomically(path, b"new" * 100_000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_first_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with files_of_at_most(4096), pytest.raises(OSError, match="too large"):
        write_atomically(tmp_path / "file.txt", b"new" * 100_000)
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "taken", b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


def test_what_a_killed_writer_left_is_removed_and_what_is_being_written_is_not(
    tmp_path: Path,
) -> None:
    left, kept = tmp_path / ".decisions.jsonl.7.tmp", tmp_path / ".notes.tmp"
    for path in (left, kept):
        path.write_bytes(b"half")
    writing = tmp_path / ".other.json.8.tmp"
    with writing.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_atomically(tmp_path / "file.txt", b"new")
        assert {*tmp_path.iterdir()} == {kept, writing, tmp_path / "file.txt"}
    with alone(tmp_path / "lock"):
        assert not writing.exists()


def test_equal_tables_are_equal_bytes_and_others_are_not(make_snapshot: MakeSnapshot) -> None:
    table = make_snapshot("2026-01", 50, 0)
    again = make_snapshot("2026-01", 50, 0).set_axis(range(7, 57))
    assert to_parquet_bytes(table) == to_parquet_bytes(again)
    assert to_parquet_bytes(table) != to_parquet_bytes(make_snapshot("2026-01", 50, 1))


def test_a_table_is_read_from_its_file_and_from_its_content(
    make_snapshot: MakeSnapshot, tmp_path: Path
) -> None:
    table, path = make_snapshot("2026-01", 50, 0), tmp_path / "table.parquet"
    path.write_bytes(to_parquet_bytes(table))
    pd.testing.assert_frame_equal(read_parquet(path), table)
    pd.testing.assert_frame_equal(read_parquet(path.read_bytes(), columns=["Age"]), table[["Age"]])
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "absent.parquet")


def test_the_digest_is_the_sha_256_of_the_standard() -> None:
    # The example "abc" of FIPS 180-4.
    assert content_digest(b"abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
