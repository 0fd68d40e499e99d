"""A person's answer to an alarm: given once, for a month that alarmed, and of no effect before."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.adapters.acknowledgements import (
    Acknowledgement,
    Acknowledgements,
    look_back,
)
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.errors import SnapshotError

from .test_drift_reports import APR, FEB, JAN, MAR, is_first, keep_report

NOW = datetime(2026, 4, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """January alarmed, February did not though January's alarm stands, March was never judged."""
    keep_report(tmp_path, JAN, "OverTime")
    keep_report(tmp_path, FEB, alarmed=False, standing=True)
    return tmp_path


def answer(home: Path, month: pd.Period, why: str = "a merger") -> pd.Period:
    who = "people analytics"
    return Acknowledgements(home).answer(month, DriftReports(home), who, why, NOW)


def known_in(home: Path, month: pd.Period) -> list[pd.Period]:
    """The months whose alarm was answered, as far as `month` is concerned, the newest of each."""
    return [held.alarms[-1][0] for held in Acknowledgements(home).known_in(month)]


def test_an_answer_counts_from_the_first_month_that_was_not_judged_yet(home: Path) -> None:
    assert answer(home, JAN) == MAR
    known = [known_in(home, month) for month in (JAN, FEB, MAR, APR)]
    assert known == [[], [], [JAN], [JAN]]


def test_a_month_judged_later_does_not_move_when_an_answer_counts(home: Path) -> None:
    answer(home, JAN)
    keep_report(home, MAR, "JobLevel")
    assert known_in(home, MAR) == [JAN]
    assert answer(home, MAR) == APR
    assert known_in(home, MAR) == [JAN]
    assert known_in(home, APR) == [JAN, MAR]


def test_an_answer_keeps_who_gave_it_why_when_and_to_which_version(home: Path) -> None:
    answer(home, JAN, " a\n merger ")
    (held,) = Acknowledgements(home).known_in(MAR)
    assert held == Acknowledgement(
        who="people analytics",
        why="a merger",
        when=NOW,
        counts_from="2026-03",
        answers={"2026-01": 1},
    )
    assert str(held) == "acknowledged by people analytics: a merger"


@pytest.mark.parametrize(("who", "why"), [("her", " "), ("her", ""), (" ", "a merger")])
def test_an_answer_without_a_name_or_a_reason_is_refused(who: str, why: str, home: Path) -> None:
    with pytest.raises(SnapshotError, match="2026-01 was not answered: say who answers it and why"):
        Acknowledgements(home).answer(JAN, DriftReports(home), who, why, NOW)
    assert known_in(home, APR) == []


def test_the_answer_to_a_later_alarm_answers_the_earlier_ones(home: Path) -> None:
    keep_report(home, MAR, "OverTime")
    assert find_standing(home, APR) == (JAN, MAR)
    assert answer(home, MAR) == APR
    assert find_standing(home, APR) is None
    said = "the alarm of 2026-01 was acknowledged by people analytics: a merger; that counts for"
    with pytest.raises(SnapshotError, match=said):
        answer(home, JAN)


def find_standing(
    home: Path, month: pd.Period, versions: dict[pd.Period, int] | None = None
) -> tuple[pd.Period, pd.Period] | None:
    """The first and the last month of what stands, under a champion of December."""
    past = look_back(home, month, JAN - 1, lambda each: (versions or {}).get(each, 1))
    return (past.standing.since, past.standing.last) if past.standing else None


def test_what_is_raised_after_an_answer_is_not_answered(home: Path) -> None:
    keep_report(home, MAR, "OverTime")
    answer(home, MAR)
    keep_report(home, FEB, "MonthlyIncome")  # judged again, with another outcome
    assert find_standing(home, APR) == (FEB, FEB)
    assert look_back(home, APR, JAN - 1, is_first).baseline == MAR


def test_an_answer_is_to_one_version_of_a_month(home: Path) -> None:
    keep_report(home, MAR, "OverTime")
    answer(home, MAR)
    keep_report(home, MAR, "MonthlyIncome", version=2)
    assert find_standing(home, APR, {MAR: 2}) == (MAR, MAR)
    corrected = look_back(home, APR, JAN - 1, {JAN: 1, MAR: 2}.__getitem__)
    assert (corrected.baseline, corrected.baseline_note) == (None, "")
    assert answer(home, MAR, "new pay") == APR
    assert find_standing(home, APR, {MAR: 2}) is None
    corrected = look_back(home, APR, JAN - 1, {JAN: 1, MAR: 2}.__getitem__)
    assert corrected.baseline == MAR
    assert corrected.baseline_note == "acknowledged by people analytics: new pay"
    assert len(list(Acknowledgements(home).folder.glob("2026-03.*.json"))) == 2


def test_the_alarm_of_an_earlier_release_can_be_answered(home: Path) -> None:
    path = DriftReports(home).path(JAN)
    path.write_text(path.read_text("utf-8").replace('"reason"', '"why"'), "utf-8")
    assert answer(home, JAN) == MAR
    assert find_standing(home, MAR) is None


def test_files_that_are_not_named_after_a_month_are_passed_over(home: Path) -> None:
    answer(home, JAN)
    for name in ("2026-01.1-old.json", "notes.json", "2026-13.json", "2026-01.json"):
        (Acknowledgements(home).folder / name).write_text("{")
        (DriftReports(home).folder / name).write_text("{")
    assert known_in(home, APR) == [JAN]
    assert DriftReports(home).months() == [JAN, FEB]


def test_an_answer_to_the_newest_month_counts_from_the_next(tmp_path: Path) -> None:
    keep_report(tmp_path, JAN, "OverTime")
    assert answer(tmp_path, JAN) == FEB
    assert known_in(tmp_path, JAN) == []


@pytest.mark.parametrize(
    ("month", "said"),
    [
        (FEB, "2026-02 raised no alarm of feature drift: there is nothing to answer"),
        (MAR, "2026-03 was never judged: there is nothing to answer"),
    ],
)
def test_a_month_that_raised_no_alarm_cannot_be_answered(
    month: pd.Period, said: str, home: Path
) -> None:
    with pytest.raises(SnapshotError, match=said):
        answer(home, month)
    assert known_in(home, APR) == []


def test_an_alarm_is_answered_once_and_the_first_answer_stays(home: Path) -> None:
    answer(home, JAN)
    said = "the alarm of 2026-01 was acknowledged by people analytics: a merger"
    with pytest.raises(SnapshotError, match=said):
        answer(home, JAN, "another reason")
    assert '"a merger"' in (Acknowledgements(home).folder / "2026-01.1.json").read_text()


@pytest.mark.parametrize("content", ["{", "[]", '{"who": "somebody"}'])
def test_an_answer_that_cannot_be_read_is_named_and_never_passed_over(
    content: str, home: Path
) -> None:
    answer(home, JAN)
    path = Acknowledgements(home).folder / "2026-01.1.json"
    path.write_text(content)
    said = r"2026-01\.1\.json cannot be read: move it away, then acknowledge 2026-01 again"
    with pytest.raises(SnapshotError, match=said):
        Acknowledgements(home).known_in(APR)
    with pytest.raises(SnapshotError, match=said):
        answer(home, JAN)
    path.rename(home / "away.json")
    assert answer(home, JAN) == MAR


def test_without_any_answer_nothing_is_known(tmp_path: Path) -> None:
    assert known_in(tmp_path, APR) == []
