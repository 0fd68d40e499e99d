"""The search of a retraining: where its trials lie, and how another process takes part in it."""

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from attrition_assets.adapters.database import Database, parse_url
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.registry import ModelVersion, Registry
from attrition_assets.contract import Contract
from attrition_assets.defs.gates import load_champion
from attrition_assets.errors import TrainingError
from attrition_assets.settings import Settings
from attrition_assets.training.families import Params
from attrition_assets.training.policy import TrainingPolicy
from attrition_assets.training.search import find_params
from attrition_assets.training.study import Found, StudyPlace, name_study


def plan_search(
    settings: Settings,
    digest: str,
    contract: Contract,
    policy: TrainingPolicy,
    first: Params | None,
) -> dict[str, Any]:
    """What a search is told, whoever takes part in it."""
    return {
        "trials": settings.trials,
        "families": policy.families,
        "half_life_months": policy.half_life_months,
        "first": first,
        "place": place_study(settings, digest, contract, policy, first),
        "seconds": settings.search_seconds,
    }


def place_study(
    settings: Settings,
    digest: str,
    contract: Contract,
    policy: TrainingPolicy,
    first: Params | None,
) -> StudyPlace:
    """Where the trials of a search lie: the shared database if one is named, else a file at home.

    A study is of one table, contract, policy and `first`: another search is another study.
    """
    name = name_study(digest, contract.model_dump_json(), policy.model_dump_json(), first=first)
    if settings.study_database is not None:
        url = SecretStr(parse_url(settings.study_database).render_as_string(hide_password=False))
        place = f"study {name} of {Database(settings.study_database).name}"
        return StudyPlace(name, url, place, shared=True)
    file = settings.home / "studies.db"
    return StudyPlace(name, SecretStr(f"sqlite:///{file}"), str(file))


def join_search(
    settings: Settings,
    registry: Registry,
    reference_store: ReferenceStore,
    policy: TrainingPolicy,
    report: Callable[[str], None],
) -> Found:
    """Make trials on the newest reference data until its search has all, and train nothing.

    Raises TrainingError if searches are not shared here, or there is no reference data.
    """
    if settings.study_database is None:
        raise TrainingError(
            "no search is shared here: set ATTRITION_STUDY_DATABASE, for the retraining too"
        )
    reference, digest = reference_store.read_newest(compact=True)
    held = load_champion(registry)
    first = held.params if isinstance(held, ModelVersion) else None
    plan = plan_search(settings, digest, registry.contract, policy, first)
    return find_params(reference, registry.contract, report=report, **plan)
