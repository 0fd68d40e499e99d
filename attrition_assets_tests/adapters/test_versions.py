"""What is written anew never loses what it replaces, not even by a crash in between."""

from pathlib import Path

from attrition_assets.adapters.files import write_atomically
from attrition_assets.adapters.versions import list_versions, superseded, write_version


def test_the_first_content_is_version_one_and_stays_so_when_written_again(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-01.parquet"
    assert [write_version(path, b"a"), write_version(path, b"a")] == [1, 1]
    assert superseded(path) == []


def test_other_content_is_the_next_version_and_each_before_it_stays_reachable(
    tmp_path: Path,
) -> None:
    path = tmp_path / "2026-01-01.parquet"
    contents = [b"%d" % number for number in range(12)]
    assert [write_version(path, content) for content in contents] == list(range(1, 13))
    assert path.read_bytes() == contents[-1]
    assert [each.read_bytes() for each in superseded(path)] == contents[:-1]


def test_going_back_to_an_earlier_content_is_a_version_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-01.json"
    assert [write_version(path, each) for each in (b"a", b"b", b"a")] == [1, 2, 3]
    assert [each.read_bytes() for each in superseded(path)] == [b"a", b"b"]


def test_a_crash_between_the_two_writes_neither_loses_nor_doubles_a_version(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-01.json"
    write_version(path, b"a")
    write_atomically(tmp_path / "superseded" / path.stem / "1.json", b"a")  # and then it crashed
    assert write_version(path, b"a") == 1
    assert write_version(path, b"b") == 2
    assert [each.read_bytes() for each in superseded(path)] == [b"a"]


def test_versions_of_one_month_are_not_those_of_another(tmp_path: Path) -> None:
    for month in ("2026-01-01", "2026-02-01"):
        write_version(tmp_path / f"{month}.json", b"a")
    write_version(tmp_path / "2026-01-01.json", b"b")
    assert superseded(tmp_path / "2026-02-01.json") == []


def test_all_versions_are_listed_once_the_present_one_last(tmp_path: Path) -> None:
    path = tmp_path / "month.parquet"
    assert list_versions(path) == []
    for content in (b"first", b"second"):
        write_version(path, content)
    assert [each.read_bytes() for each in list_versions(path)] == [b"first", b"second"]
    path.write_bytes(b"first")  # as a crash leaves it, before the present one is replaced
    assert list_versions(path) == [path]
