"""The hyper-parameter search: Optuna's trials, kept where a killed search finds them again."""

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr
from sqlalchemy import NullPool
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError

from attrition_assets.errors import TrainingError
from attrition_assets.training.families import DEFAULTS, Family, Params, suggest_params
from attrition_assets.training.shared_study import Sharing, showing_life

if TYPE_CHECKING:
    import optuna

STARTUP_TRIALS = 5
LOCK_SECONDS = 5
CONNECT_SECONDS = 10
OPENINGS = 5


@dataclass(frozen=True)
class StudyPlace:
    """Where the trials of a search lie: a database, by its SQLAlchemy `url`, or only in memory.

    `place` says where that is, for people. A `shared` one may be worked on by several processes at
    once, in an order that nobody can repeat.
    """

    name: str = "search"
    url: SecretStr | None = None
    place: str = "memory"
    shared: bool = False


def name_study(*parts: str, first: Params | None) -> str:
    """One name for one search, by a digest of what it is of and of what it tries first.

    `parts` say what it is of: data, contract and policy.
    """
    told = json.dumps(first, sort_keys=True)
    return hashlib.sha256("\n".join([*parts, told]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Found:
    """The trials of a search: parameters and log-loss, in order; whether each can be repeated."""

    trials: list[tuple[Params, float]]
    reproducible: bool

    def best(self, family: Family) -> tuple[Params, float] | None:
        """The best of a family, None if none was tried."""
        own = [each for each in self.trials if each[0]["family"] == family]
        return min(own, key=lambda each: each[1], default=None)


def search_params(
    measure: Callable[[Params], float],
    *,
    trials: int,
    families: tuple[Family, ...],
    first: Params | None,
    place: StudyPlace,
    seconds: float | None,
    seed: int,
    report: Callable[[str], None],
) -> Found:
    """Find parameters with a low `measure`, in as many trials as are asked for, at least one.

    Tried are `first`, if it is given, each family's defaults, then what TPE suggests (Bergstra et
    al., 2011). Each trial's sampler is seeded by how many are done, so that a search that was
    killed goes on where it was, to the same end. Trials of a shared study are made by all who
    search there at the time, each trial by one of them, and `report` is told of one's own. Raises
    TrainingError if the place of the study is damaged, locked or does not answer.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    known = [first] if first and first["family"] in families else []
    known += [DEFAULTS[each] for each in families if DEFAULTS[each] not in known]
    started = time.monotonic()
    with _answering(place):
        study = _open_study(place)
        sharing = Sharing(study, known, trials) if place.shared else None
        while (done := len(found := _list_done(study))) < trials:
            if found and seconds is not None and time.monotonic() - started >= seconds:
                break
            study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=STARTUP_TRIALS,
                seed=None if sharing else seed + done,
                constant_liar=sharing is not None,  # what others are at is not tried again
            )
            if sharing is not None:
                if (claimed := sharing.claim()) is None:
                    continue
                trial, done = claimed
                with showing_life(trial):
                    params = suggest_params(trial, families)
                    loss = measure(params)
                study.tell(trial, loss, skip_if_finished=True)
            elif done < len(known):
                params = known[done]
                loss = measure(params)
                _add_known(study, params, families, loss)
            else:
                trial = study.ask()
                params = suggest_params(trial, families)
                loss = measure(params)
                study.tell(trial, loss)
            report(f"trial {done + 1} of {trials}: {describe_params(params)}, log-loss {loss:.4f}")
    return Found(found, reproducible=not place.shared and len(found) >= trials)


def describe_params(params: Params) -> str:
    """Parameters in words: `logistic, C=0.03`."""
    own = [f"{name}={value:.4g}" for name, value in params.items() if not isinstance(value, str)]
    return ", ".join([str(params["family"]), *own])


def _add_known(
    study: "optuna.Study", params: Params, families: tuple[Family, ...], loss: float
) -> None:
    """Tell a study of a trial that it did not suggest."""
    import optuna

    fixed = optuna.trial.FixedTrial(params)
    suggest_params(fixed, families)
    study.add_trial(
        optuna.create_trial(params=params, distributions=fixed.distributions, value=loss)
    )


def _list_done(study: "optuna.Study") -> list[tuple[Params, float]]:
    """Parameters and loss of the trials that ended; one that was killed is as if it never began."""
    import optuna

    ended = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    return [(dict(each.params), float(each.values[0])) for each in ended]


def _open_study(place: StudyPlace) -> "optuna.Study":
    import optuna

    if place.url is None:
        return optuna.create_study(study_name=place.name)
    url = place.url.get_secret_value()
    options = {}
    if url.startswith("sqlite"):
        options = {"connect_args": {"timeout": LOCK_SECONDS}}
    elif url.startswith("postgresql+psycopg:") and "connect_timeout" not in url:
        options = {"connect_args": {"connect_timeout": CONNECT_SECONDS}}
    engine = {"poolclass": NullPool, "hide_parameters": True, **options}
    for again in reversed(range(OPENINGS)):
        try:
            storage = optuna.storages.RDBStorage(url, engine_kwargs=engine)
            break
        except (IntegrityError, ProgrammingError):
            # Of those who make Optuna's tables at the same time one succeeds.
            if not again:
                raise
            time.sleep(random.uniform(0.1, 0.5))
    return optuna.create_study(storage=storage, study_name=place.name, load_if_exists=True)


@contextmanager
def _answering(place: StudyPlace) -> Iterator[None]:
    """Say in the project's own words that the place of a study is damaged or does not answer."""
    from optuna.exceptions import OptunaError

    try:
        yield
    except (OptunaError, SQLAlchemyError, ImportError) as error:
        cause = error.__cause__ or error
        said = str(cause.orig if isinstance(cause, DBAPIError) else cause).strip().splitlines()
        mend = "correct ATTRITION_STUDY_DATABASE" if place.shared else "remove the file"
        raise TrainingError(
            f"the trials of the search, in {place.place}, cannot be read or written "
            f"({said[0] if said else type(cause).__name__}): if another process holds it, wait for "
            f"it; if it is damaged, {mend}: trials are only lost work. Then retrain again"
        ) from None
