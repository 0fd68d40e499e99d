"""The trials of one search, shared out among several processes through a study in a database.

What a trial tries, and what a search is, stands in `study.py`.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from attrition_assets.training.families import Params

if TYPE_CHECKING:
    import optuna

BEAT_SECONDS = 5
DEAD_SECONDS = 30
LOOK_SECONDS = 0.5
KNOWN, BEAT = "known", "beat"


class Sharing:
    """One process's part in a study of which `trials` are wanted, whoever makes them.

    A trial is claimed by its number, which the database gives out one by one: whoever holds one of
    the first `trials` that live makes it, and any other gives its own back. So there are never more
    than were asked for. `known` are the parameters that are tried before any is suggested.
    """

    def __init__(self, study: "optuna.Study", known: list[Params], trials: int) -> None:
        self.study, self.trials = study, trials
        self.known = {json.dumps(each, sort_keys=True): each for each in known[:trials]}
        self._seen: dict[int, tuple[object, float]] = {}

    def claim(self) -> "tuple[optuna.Trial, int] | None":
        """A trial that is ours to make and its place among all, from 0; None if none is free now.

        Then all are claimed, and after a moment it may be asked again: those who claimed them may
        have died, which shows in DEAD_SECONDS without a sign of life, by this process's own clock.
        """
        from optuna.trial import TrialState

        live = self._list_live()
        if len(live) >= self.trials and all(each.state != TrialState.WAITING for each in live):
            self._bury_dead(live)
            time.sleep(LOOK_SECONDS)
            return None
        if len(live) < self.trials:
            queued = {each.user_attrs.get(KNOWN) for each in live}
            for name, params in self.known.items():
                if name not in queued:
                    self.study.enqueue_trial(params, user_attrs={KNOWN: name})
        trial = self.study.ask()
        for place, each in enumerate(self._list_live()[: self.trials]):
            if each.number == trial.number:
                return trial, place
        self.study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)
        return None

    def _list_live(self) -> "list[optuna.trial.FrozenTrial]":
        """Trials done, at work or queued, in order; what two processes queued, once."""
        from optuna.trial import TrialState

        states = (TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING)
        live, queued = [], set()
        for trial in self.study.get_trials(deepcopy=False, states=states):
            name = trial.user_attrs.get(KNOWN)
            if name is None or name not in queued:
                live.append(trial)
            queued.add(name)
        return live

    def _bury_dead(self, live: "list[optuna.trial.FrozenTrial]") -> None:
        """Free the trials whose processes have not given a sign of life for too long."""
        from optuna.trial import TrialState

        now = time.monotonic()
        for trial in live:
            if trial.state != TrialState.RUNNING:
                continue
            beat = trial.user_attrs.get(BEAT)
            last, since = self._seen.get(trial.number, (beat, now))
            self._seen[trial.number] = (beat, since if beat == last else now)
            if beat == last and now - since >= DEAD_SECONDS:
                self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


@contextmanager
def showing_life(trial: "optuna.Trial") -> Iterator[None]:
    """Give signs of life while a trial is being made."""
    from optuna.exceptions import OptunaError

    over = threading.Event()

    def beat() -> None:
        count = 0
        while not over.is_set():
            # A database that does not answer is told of where the trial's end is written to it.
            with suppress(OptunaError, SQLAlchemyError):
                trial.set_user_attr(BEAT, count)
            count += 1
            over.wait(BEAT_SECONDS)

    thread = threading.Thread(target=beat, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
