import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from attrition_assets.errors import TrainingError
from attrition_assets.training import study
from attrition_assets.training.families import DEFAULTS, Family, Params, suggest_params
from attrition_assets.training.study import Found, StudyPlace, name_study, search_params

BOTH = tuple(Family)


def at(file: Path, *, shared: bool = False, name: str = "a") -> StudyPlace:
    return StudyPlace(name, SecretStr(f"sqlite:///{file}"), str(file), shared)


def measure(params: Params) -> float:
    """The best is a logistic regression with C of .1."""
    if params["family"] == "boosting":
        return 1.0
    return 0.3 + 0.1 * abs(float(np.log(float(params["C"]) / 0.1)))


def search(place: StudyPlace, trials: int, first: Params | None = None) -> Found:
    return search_params(
        measure,
        trials=trials,
        families=BOTH,
        first=first,
        place=place,
        seconds=None,
        seed=3,
        report=lambda line: None,
    )


def test_what_was_best_the_last_time_is_tried_first_then_the_defaults() -> None:
    last: Params = {"family": "logistic", "C": 0.2}
    tried = [params for params, _ in search(StudyPlace(), 5, last).trials]
    assert tried[:3] == [last, DEFAULTS[Family.LOGISTIC], DEFAULTS[Family.BOOSTING]]
    assert search(StudyPlace(), 1).trials[0][0] == DEFAULTS[Family.LOGISTIC]


def test_a_family_that_is_not_searched_any_more_is_not_tried_first() -> None:
    found = search_params(
        measure,
        trials=2,
        families=(Family.LOGISTIC,),
        first={"family": "boosting", "learning_rate": 0.1, "max_depth": 1},
        place=StudyPlace(),
        seconds=None,
        seed=0,
        report=lambda line: None,
    )
    assert {params["family"] for params, _ in found.trials} == {"logistic"}


def test_the_best_of_a_family_is_found_and_comes_near() -> None:
    found = search(StudyPlace(), 25)
    best = found.best(Family.LOGISTIC)
    assert best is not None
    assert best[1] < 0.33
    assert found.reproducible


def test_a_search_that_was_cut_off_goes_on_to_the_very_same_end(tmp_path: Path) -> None:
    whole = search(StudyPlace(), 8)
    for trials in (1, 4, 8, 8):
        parts = search(at(tmp_path / "parts.db"), trials)
    assert parts == whole


def test_a_trial_that_was_killed_is_as_if_it_never_began(tmp_path: Path) -> None:
    place = at(tmp_path / "killed.db")
    search(place, 9)
    for _ in range(2):
        suggest_params(study._open_study(place).ask(), BOTH)  # begun, and never told
    assert search(place, 12) == search(StudyPlace(), 12)


def test_searches_of_other_names_in_one_place_know_nothing_of_each_other(tmp_path: Path) -> None:
    search(at(tmp_path / "both.db", name="a"), 3)
    assert len(search(at(tmp_path / "both.db", name="b"), 2).trials) == 2


def test_another_first_is_another_study_and_the_same_one_goes_on(tmp_path: Path) -> None:
    def search_from(first: Params | None, trials: int) -> Found:
        place = at(tmp_path / "studies.db", name=name_study("data", "contract", first=first))
        return search(place, trials, first)

    firsts: list[Params | None] = [
        None,
        {"family": "logistic", "C": 0.2},
        {"family": "logistic", "C": 0.3},
    ]
    for first in firsts:
        begun = search_from(first, 3)
        assert begun.trials[0][0] == (first or DEFAULTS[Family.LOGISTIC])
        assert search_from(first, 5) == search(StudyPlace(), 5, first)
    assert name_study("a", "b", first=None) != name_study("a", "c", first=None)
    backwards: Params = {"C": 0.2, "family": "logistic"}
    assert name_study("a", first=backwards) == name_study("a", first=firsts[1])


def test_what_several_workers_share_adds_up_and_is_not_called_reproducible(tmp_path: Path) -> None:
    place = at(tmp_path / "shared.db", shared=True)
    search(place, 3)
    found = search(place, 6)
    assert (len(found.trials), found.reproducible) == (6, False)


def test_a_damaged_study_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "studies.db"
    file.write_bytes(b"no database at all, " * 100)
    with pytest.raises(TrainingError, match=r"not a database.*remove the file.*retrain"):
        search(at(file), 1)


def test_a_locked_study_is_an_error_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "studies.db"
    search(at(file), 1)
    monkeypatch.setattr(study, "LOCK_SECONDS", 0.2)
    with closing(sqlite3.connect(file)) as holder:
        holder.execute("begin exclusive")
        with pytest.raises(TrainingError, match=r"locked.*wait for it"):
            search(at(file), 2)
    assert len(search(at(file), 2).trials) == 2
