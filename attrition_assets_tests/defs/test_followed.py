"""What is served follows the champion's alias in the real registry."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.adapters.bundles import Bundles
from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.promotion import roll_back
from attrition_assets.serving.follow import follow_once
from attrition_assets.serving.scorer import Scorer

from .conftest import ADA, LAST, NOW, Place


def test_each_new_champion_is_written_as_a_bundle_and_scores_like_itself(
    place: Place, tmp_path: Path
) -> None:
    registry, contract, folder = place.loop.registry, place.loop.contract, tmp_path / "models"
    people = pd.read_parquet(place.sent(LAST)).head(50)

    def serve() -> int:
        watch = follow_once(registry, folder, place.settings.home, NOW)
        assert (watch.fault, watch.at) == ("", NOW)
        bundle = Bundles(folder).read(contract)
        assert bundle is not None
        version = registry.load_champion()
        assert bundle.facts.reference_digest == version.reference_digest
        assert f"version {version.version}" in bundle.card.splitlines()[0].lower()
        scorer = Scorer(bundle.pipeline, contract)
        scores = scorer.score(people.to_dict("records")).probability  # type: ignore[arg-type]
        assert scores.tolist() == pytest.approx(version.score(people).tolist(), rel=1e-12)
        return bundle.facts.version

    assert serve() == 2
    before = Bundles(folder).current()
    assert serve() == 2
    assert Bundles(folder).current() == before
    roll_back(place.instance, registry, **ADA)
    assert serve() == 1


def test_a_registry_that_is_away_is_noted_and_the_last_good_model_stays(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models"
    follow_once(place.loop.registry, folder, place.settings.home, NOW)
    before = Bundles(folder).current()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away: Registry = replace(place.loop.registry, uri="http://127.0.0.1:9")
    watch = follow_once(away, folder, place.settings.home, NOW)
    assert "does not answer" in watch.fault
    assert Bundles(folder).current() == before
