"""Searches that several real processes share, through a real PostgreSQL."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from attrition_assets.adapters.database import parse_url
from attrition_assets.errors import TrainingError
from attrition_assets.settings import PROJECT_ROOT
from attrition_assets.training import shared_study, study
from attrition_assets.training.families import DEFAULTS, Family, Params
from attrition_assets.training.shared_study import BEAT, Sharing, showing_life
from attrition_assets.training.study import Found, StudyPlace, search_params
from attrition_assets_tests.databases import SECRET, execute
from attrition_assets_tests.processes import wait_until

FIRST: Params = {"family": "logistic", "C": 0.2}
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def shared(postgres: Callable[[], str]) -> StudyPlace:
    """A study in a new database, in which nothing was made yet."""
    url = parse_url(SecretStr(postgres())).render_as_string(hide_password=False)
    return StudyPlace("a", SecretStr(url), "the database", shared=True)


@pytest.fixture
def start(shared: StudyPlace, tmp_path: Path) -> Iterator[Start]:
    """Starts a process of `searcher.py`, which is killed if the test ends before it."""
    assert shared.url is not None
    url = shared.url.get_secret_value()
    with ExitStack() as ends:

        def begin(name: str, trials: int, *others: str) -> subprocess.Popen[str]:
            words = (name, str(trials), str(tmp_path), *others)
            process = subprocess.Popen(
                [sys.executable, "-m", "attrition_assets_tests.training.searcher", *words],
                cwd=PROJECT_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            ends.enter_context(process)
            ends.callback(process.kill)
            assert process.stdin is not None
            print(url, file=process.stdin, flush=True)
            return process

        yield begin


def search(place: StudyPlace, trials: int, measure: Callable[[Params], float]) -> Found:
    return search_params(
        measure,
        trials=trials,
        families=tuple(Family),
        first=FIRST,
        place=place,
        seconds=None,
        seed=0,
        report=lambda line: None,
    )


def keep_in(tried: list[Params]) -> Callable[[Params], float]:
    def measure(params: Params) -> float:
        tried.append(params)
        return 1.0

    return measure


def list_states(place: StudyPlace) -> list[str]:
    return [trial.state.name for trial in study._open_study(place).get_trials()]


def test_three_processes_make_each_trial_once_and_no_more_than_were_asked_for(
    shared: StudyPlace, start: Start
) -> None:
    names = ("a", "b", "c")
    processes = [start(name, 12, *names) for name in names]
    said = [[json.loads(line) for line in each.communicate()[0].splitlines()] for each in processes]
    assert [each.returncode for each in processes] == [0, 0, 0]
    made: list[list[dict[str, Any]]] = [each[:-1] for each in said]
    assert all(made)
    done = [each for lines in made for each in lines]
    assert len({json.dumps(each["params"], sort_keys=True) for each in done}) == len(done) == 12
    known = [FIRST, *DEFAULTS.values()]
    assert all(params in [each["params"] for each in done] for params in known)
    held = study._list_done(study._open_study(shared))
    assert sorted(loss for _, loss in held) == sorted(each["loss"] for each in done)
    ends = [each[-1] for each in said]
    assert [end["reproducible"] for end in ends] == [False] * 3
    assert all([(params, loss) for params, loss in end["trials"]] == held for end in ends)
    found = search(shared, 12, lambda params: pytest.fail("all trials are done"))
    for family in Family:
        own = [each for each in done if each["params"]["family"] == family]
        best = min(own, key=lambda each: each["loss"])
        assert found.best(family) == (best["params"], best["loss"])


def test_a_trial_of_a_killed_process_is_made_by_another(
    shared: StudyPlace, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = start("dies", 4, "who never comes")
    wait_until((tmp_path / "dies").exists, "a trial that was begun")
    dies.kill()
    dies.wait()
    monkeypatch.setattr(shared_study, "DEAD_SECONDS", 1)
    tried: list[Params] = []
    found = search(shared, 4, keep_in(tried))
    assert len(found.trials) == len(tried) == 4
    assert FIRST in tried  # which the dead one had begun with
    assert list_states(shared).count("FAIL") == 1


def test_a_trial_that_takes_long_is_left_to_who_is_at_it(
    shared: StudyPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_study, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(shared_study, "DEAD_SECONDS", 1.5)
    ours, theirs = (Sharing(study._open_study(shared), [FIRST], 1) for _ in range(2))
    claimed = ours.claim()
    assert claimed is not None
    with showing_life(claimed[0]):
        while (theirs.study.get_trials()[0].user_attrs.get(BEAT) or 0) < 30:
            assert theirs.claim() is None
    assert list_states(shared) == ["RUNNING"]


def test_what_two_processes_queue_at_once_is_tried_once(shared: StudyPlace) -> None:
    opened = study._open_study(shared)
    (name,) = Sharing(opened, [FIRST], 1).known
    for _ in range(2):
        opened.enqueue_trial(FIRST, user_attrs={shared_study.KNOWN: name})
    found = search(shared, 5, lambda params: 1.0)
    assert len(found.trials) == 5
    assert [params for params, _ in found.trials].count(FIRST) == 1
    assert list_states(shared).count("PRUNED") == 1


def test_more_trials_than_before_go_on_from_those_that_are_done(shared: StudyPlace) -> None:
    search(shared, 3, lambda params: 1.0)
    tried: list[Params] = []
    found = search(shared, 5, keep_in(tried))
    assert (len(found.trials), len(tried)) == (5, 2)


def test_a_database_that_loses_its_tables_in_the_middle_is_an_error_that_says_so(
    shared: StudyPlace,
) -> None:
    def measure(params: Params) -> float:
        assert shared.url is not None
        execute(shared.url.get_secret_value(), "DROP TABLE trials CASCADE")
        return 1.0

    with pytest.raises(TrainingError, match=r'in the database, cannot .*"trials" does not exist'):
        search(shared, 3, measure)


def test_a_database_that_does_not_answer_is_an_error_without_its_password() -> None:
    url = SecretStr(f"postgresql+psycopg://who:{SECRET}@127.0.0.1:9/none")
    with pytest.raises(TrainingError, match="correct ATTRITION_STUDY_DATABASE") as caught:
        search(StudyPlace("a", url, "the database", shared=True), 1, lambda params: 1.0)
    assert SECRET not in str(caught.value)
