"""The decision log: what was decided stays as it was written, and every changed byte is found."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attrition_assets.adapters import decision_log
from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.files import write_atomically
from attrition_assets.errors import RecordError, StorageError
from attrition_assets.governance.decisions import Kind, trace_champions
from attrition_assets_tests.seen import attrition

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> DecisionLog:
    log = DecisionLog(tmp_path)
    log.append(Kind.PROMOTED, who="Ada", why="better on all counts", at=NOW, version=2)
    log.append(Kind.SUSPENDED, who="legal", why="a complaint: “unfair”", at=NOW)
    log.append(Kind.RESUMED, who="legal", why="settled", at=NOW)
    return log


def test_decisions_are_read_as_they_were_made(log: DecisionLog) -> None:
    first, second, third = log.entries()
    assert (first.kind, first.who, first.facts) == (Kind.PROMOTED, "Ada", {"version": 2})
    assert (second.why, third.number, third.at) == ("a complaint: “unfair”", 3, NOW)
    found = log.verify()
    assert (found.entries, found.breaks) == (3, ())


def test_a_log_that_is_not_there_has_no_entry_and_no_break(tmp_path: Path) -> None:
    assert DecisionLog(tmp_path).entries() == []
    assert DecisionLog(tmp_path).verify().breaks == ()


def test_every_changed_byte_is_found(log: DecisionLog) -> None:
    for path in (log.path, log.seal_path):
        content = path.read_bytes()
        for place in range(len(content)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            try:
                assert log.verify().breaks, place
            except RecordError as error:
                assert "no text any more" in str(error)
        path.write_bytes(content)
    assert log.verify().breaks == ()


def test_a_line_that_is_removed_added_swapped_or_cut_off_is_found(log: DecisionLog) -> None:
    content = log.path.read_bytes()
    lines = content.splitlines(keepends=True)
    forged = lines[2].replace(b'"number":3', b'"number":4')
    for spoiled in (
        lines[1:],
        [lines[0], lines[2]],
        lines[:2],
        [],
        [lines[1], lines[0], lines[2]],
        [*lines, forged],
        [*lines, b"\n"],
        [*lines[:2], lines[2].rstrip(b"\n")],
        [*lines, lines[2]],
    ):
        log.path.write_bytes(b"".join(spoiled))
        assert log.verify().breaks, spoiled
    log.path.unlink()
    assert log.verify().breaks
    log.path.write_bytes(content)
    assert log.verify().breaks == ()


def test_what_was_cut_off_is_not_forgotten_by_the_next_entry(log: DecisionLog) -> None:
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:2]))
    log.append(Kind.PROMOTED, who="Ada", why="again", at=NOW)
    assert [entry.kind for entry in log.entries()][2:] == [Kind.RECORD_BROKEN, Kind.PROMOTED]
    (said,) = log.verify().breaks
    assert "before entry 3, 2026-01-02: decisions.seal.json is of 3 entries" in said


def test_a_log_that_was_rewritten_as_a_whole_does_not_fit_a_seal_kept_elsewhere(
    log: DecisionLog, tmp_path: Path
) -> None:
    seal = log.verify().seal
    log.append(Kind.PROMOTED, who="Ada", why="again", at=NOW)
    assert log.verify(seal).breaks == ()
    rewritten = DecisionLog(tmp_path / "other")
    for entry in log.entries():
        rewritten.append(entry.kind, who="Eve", why=entry.why, at=entry.at)
    assert rewritten.verify().breaks == ()
    assert f"the seal '{seal}' is none that this log ever had" in rewritten.verify(seal).breaks
    for typo in ("", "3", "3:ab", "x:ab", "-1:", "99:ab"):
        assert log.verify(typo).breaks


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_crash_while_an_entry_is_written_leaves_it_or_not_and_no_break(
    writes: int, log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = 0

    def die(path: Path, content: bytes) -> None:
        nonlocal done
        done += 1
        if done == writes:
            raise KeyboardInterrupt
        write_atomically(path, content)

    monkeypatch.setattr(decision_log, "write_atomically", die)
    with pytest.raises(KeyboardInterrupt):
        log.append(Kind.PROMOTED, who="Ada", why="again", at=NOW)
    monkeypatch.setattr(decision_log, "write_atomically", write_atomically)
    assert log.verify().breaks == ()
    assert len(log.entries()) == (4 if writes == 3 else 3)
    log.append(Kind.RESUMED, who="Ada", why="after the crash", at=NOW)
    assert log.verify().breaks == ()


def test_an_entry_stands_though_its_seal_could_not_be_written(
    log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def fill_up(path: Path, content: bytes) -> None:
        written.append(path.name)
        if len(written) == 3:
            raise StorageError("the disk is full")
        write_atomically(path, content)

    monkeypatch.setattr(decision_log, "write_atomically", fill_up)
    log.append(Kind.PROMOTED, who="Ada", why="again", at=NOW)
    monkeypatch.setattr(decision_log, "write_atomically", write_atomically)
    assert written == ["decisions.seal.json", "decisions.jsonl", "decisions.seal.json"]
    assert log.entries()[-1].why == "again"
    assert log.verify().breaks == ()


@pytest.mark.parametrize(
    ("made", "led"),
    [
        ([], []),
        (["+1", "+2"], [1, 2]),
        (["+2<1", "+1<2"], [1, 2, 1]),
        (["+2<1", "+1<2", "-2", "-1"], [1]),
        (["+2<1", "-1", "+3<1"], [1, 3]),
        (["+2<1", "+2", "-1"], [1]),
    ],
)
def test_rollbacks_lead_back_one_by_one(made: list[str], led: list[int], tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    for each in made:
        kind = Kind.PROMOTED if each[0] == "+" else Kind.ROLLED_BACK
        version, _, previous = each[1:].partition("<")
        facts = {"version": int(version), "previous": int(previous or 0)}
        log.append(kind, who="Ada", why="so", at=NOW, **facts)
    assert trace_champions(log.entries()) == led


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, datetime, pathlib\n"
        "from attrition_assets.adapters.decision_log import DecisionLog\n"
        "log = DecisionLog(pathlib.Path(sys.argv[1]))\n"
        "for each in range(8):\n"
        "    now = datetime.datetime.now(datetime.UTC)\n"
        "    log.append('promoted', who=sys.argv[2], why='race', at=now, each=each)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    entries = DecisionLog(tmp_path).entries()
    for name in ("a", "b"):
        assert [entry.facts["each"] for entry in entries if entry.who == name] == list(range(8))
    assert DecisionLog(tmp_path).verify().breaks == ()


@pytest.mark.parametrize(("who", "why"), [("", "because"), ("Ada", "  ")])
def test_a_decision_without_a_person_or_a_reason_is_refused(
    who: str, why: str, log: DecisionLog
) -> None:
    with pytest.raises(RecordError, match="say who decides and why"):
        log.append(Kind.PROMOTED, who=who, why=why, at=NOW)
    assert len(log.entries()) == 3


def test_a_line_that_is_none_is_named(log: DecisionLog) -> None:
    log.path.write_text(log.path.read_text("utf-8").replace('"who":"Ada"', '"who":7'), "utf-8")
    with pytest.raises(RecordError, match=r"line 1 of .*decisions\.jsonl is no entry"):
        log.entries()


def test_the_command_shows_the_decisions_and_says_whether_they_are_as_written(
    log: DecisionLog,
) -> None:
    home = log.home
    shown = attrition(home, home, "decisions").output
    assert shown.splitlines()[0] == (
        "   1  2026-01-02 03:04  promoted (version 2) by Ada: better on all counts"
    )
    sound = attrition(home, home, "decisions", "--verify")
    assert (sound.exit_code, "3 entries, 0 breaks" in sound.output) == (0, True)
    seal = sound.output.split("seal ")[1].strip()
    assert attrition(home, home, "decisions", "--seal", seal).exit_code == 0
    log.path.write_bytes(log.path.read_bytes().replace(b"Ada", b"Eve"))
    changed = attrition(home, home, "decisions", "--seal", seal)
    assert changed.exit_code == 1
    assert "entry 2 does not follow the line before it: that one was changed" in changed.output
    health = attrition(home, home, "doctor")
    assert re.search(r"FAILED +decision log: entry 2 does not follow", health.output)
