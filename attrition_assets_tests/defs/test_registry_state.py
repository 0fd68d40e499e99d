"""The registry on a copy of the walked state: what is lost or changed is an error, no guess."""

from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.adapters.registry import MODEL_NAME, Registry
from attrition_assets.errors import RegistryError

from .conftest import LAST, Walked


@pytest.fixture
def registry(walked: Walked, tmp_path: Path) -> Registry:
    settings = walked.copy_to(tmp_path / "home")
    return Registry(settings.mlflow_uri, settings.home, walked.loop.contract)


def test_a_lost_champion_alias_is_an_error_that_says_how_to_restore_it(registry: Registry) -> None:
    registry.client.delete_registered_model_alias(MODEL_NAME, "champion")
    with pytest.raises(RegistryError, match=r"attrition promote --version N`, N in \[1, 2\]"):
        registry.load_champion()
    assert registry.promote(1) is None
    assert registry.champion_version() == 1


def test_an_unknown_version_changes_nothing(registry: Registry) -> None:
    with pytest.raises(RegistryError, match=r"no version 7 of 'attrition'; there are \[1, 2\]"):
        registry.promote(7)
    assert registry.champion_version() == 2


def test_a_model_file_that_is_not_the_registered_one_is_not_opened(registry: Registry) -> None:
    registry.client.set_model_version_tag(MODEL_NAME, "2", "model_sha256", "0" * 64)
    with pytest.raises(RegistryError, match=r"model\.skops of version 2 is not the one registered"):
        registry.load(2)


def test_held_out_scores_that_are_not_the_registered_ones_are_not_read(registry: Registry) -> None:
    registry.client.set_model_version_tag(MODEL_NAME, "2", "held_out_sha256", "0" * 64)
    with pytest.raises(
        RegistryError, match=r"held_out\.parquet of version 2 is not the one regist"
    ):
        registry.load(2)


def test_a_version_that_no_retraining_registered_is_not_loaded(registry: Registry) -> None:
    registry.client.delete_model_version_tag(MODEL_NAME, "2", "threshold")
    with pytest.raises(RegistryError, match="version 2 of 'attrition' lacks the tags threshold"):
        registry.load(2)


@pytest.mark.parametrize(
    ("tag", "value"),
    [("threshold", "abc"), ("threshold", "nan"), ("as_of", "2025-13"), ("params", "{")],
)
def test_tags_that_were_changed_are_told(tag: str, value: str, registry: Registry) -> None:
    registry.client.set_model_version_tag(MODEL_NAME, "2", tag, value)
    with pytest.raises(RegistryError, match="the tags of version 2 of 'attrition' were changed"):
        registry.load(2)


def test_rolling_back_is_promoting_the_version_before(registry: Registry) -> None:
    assert registry.promote(1) == 2
    assert registry.load_champion().version == 1
    assert registry.versions() == [1, 2]


def test_a_loaded_version_scores_as_it_did_when_the_month_was_scored(
    registry: Registry, walked: Walked
) -> None:
    path = walked.settings.home / "assets" / "predictions" / f"{LAST}-01.parquet"
    snapshot = walked.loop.store.read(pd.Period(LAST, freq="M"))
    scored = registry.load(2).score(snapshot)
    assert scored.tolist() == pd.read_parquet(path)["probability"].tolist()


def test_before_any_training_there_is_no_champion_and_it_says_what_to_do(
    walked: Walked, tmp_path: Path
) -> None:
    empty = Registry(f"sqlite:///{tmp_path}/mlflow/mlflow.db", tmp_path, walked.loop.contract)
    assert empty.champion_version() is None
    with pytest.raises(RegistryError, match="there is no model yet: materialize reference_data"):
        empty.load_champion()


def test_a_table_that_the_version_was_not_trained_for_is_refused_in_words(
    registry: Registry, walked: Walked
) -> None:
    pay = walked.unseen["MonthlyIncome"].astype("float64")
    table = walked.unseen.assign(MonthlyIncome=pay.where(pay.index > 3))
    with pytest.raises(
        RegistryError,
        match=r"version 2 of 'attrition' cannot score this table .*missing in MonthlyIncome",
    ):
        registry.load(2).score(table)
