"""Who becomes champion: on what evidence, against which objections, and back again."""

import json
from collections.abc import Callable

import pytest

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import MODEL_NAME, Registry
from attrition_assets.defs.promotion import find_objection, promote_version, roll_back
from attrition_assets.errors import PromotionError, RecordError, RegistryError, StorageError
from attrition_assets.governance.comparison import Recommendation
from attrition_assets.governance.decisions import Kind

from .conftest import ADA, Place, advise, set_tag

pytestmark = pytest.mark.xdist_group("walked")


def test_a_version_carries_what_it_was_compared_with_and_the_audit(registry: Registry) -> None:
    first, second = registry.read_evidence(1), registry.read_evidence(2)
    assert (first.comparison, first.compared_with) == (None, 0)
    assert second.comparison is not None
    assert (second.comparison.verdict, second.compared_with) == (Recommendation.CANNOT_TELL, 1)
    assert second.comparison.leavers < 150
    assert registry.load(2).recipe == registry.load(1).recipe == "logistic-2"
    assert set(second.fairness) == {"Age", "Gender", "MaritalStatus"}


def test_what_cannot_be_told_is_promoted_by_an_override_only(
    registry: Registry, place: Place
) -> None:
    log = DecisionLog(registry.home)
    with pytest.raises(PromotionError, match=r"comparison says cannot tell: .*150 are needed"):
        promote_version(place.instance, registry, 2, **ADA)
    assert registry.champion_version() == 1
    refused = log.entries()[-1]
    assert (refused.kind, refused.facts["version"]) == (Kind.PROMOTION_REFUSED, 2)
    assert refused.facts["asked_by"] == "Ada"
    assert promote_version(place.instance, registry, 2, **ADA, override=True) == 1
    assert (log.entries()[-1].kind, log.entries()[-1].who) == (Kind.PROMOTED, "Ada")
    assert registry.champion_version() == 2


def test_what_is_advised_is_promoted_as_it_is(registry: Registry, place: Place) -> None:
    advise(registry, Recommendation.PROMOTE)
    assert promote_version(place.instance, registry, 2, **ADA) == 1
    advise(registry, Recommendation.KEEP)
    assert find_objection(registry, 2) is None  # it is champion already


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda registry: advise(registry, Recommendation.KEEP),
            "against the champion the comparison says keep",
        ),
        (
            lambda registry: set_tag(registry, 2, compared_with="7"),
            "it was compared with version 7, and version 1 is champion now",
        ),
        (
            lambda registry: set_tag(registry, 2, fairness=json.dumps({"Gender": "fail"})),
            "it fails the fairness audit on Gender, which the champion does not",
        ),
    ],
)
def test_each_objection_is_told_by_itself(
    change: Callable[[Registry], None], said: str, registry: Registry, place: Place
) -> None:
    advise(registry, Recommendation.PROMOTE)
    set_tag(registry, 1, fairness=json.dumps({"Gender": "look", "Age": "fail"}))
    set_tag(registry, 2, fairness=json.dumps({"Gender": "look", "Age": "fail"}))
    assert find_objection(registry, 2) is None
    change(registry)
    with pytest.raises(PromotionError, match=said):
        promote_version(place.instance, registry, 2, **ADA)
    assert registry.champion_version() == 1


@pytest.mark.parametrize(
    ("tag", "value"),
    [("comparison", "{"), ("fairness", "[1, 2]"), ("fairness", "null"), ("compared_with", "x")],
)
def test_evidence_that_was_changed_is_an_objection_and_stops_no_scoring(
    tag: str, value: str, registry: Registry, place: Place
) -> None:
    set_tag(registry, 2, **{tag: value})
    with pytest.raises(PromotionError, match="the evidence of version 2 was changed"):
        promote_version(place.instance, registry, 2, **ADA)
    assert promote_version(place.instance, registry, 2, **ADA, override=True) == 1
    assert registry.load_champion().version == 2


def test_a_version_without_evidence_replaces_no_champion_by_itself(
    registry: Registry, place: Place
) -> None:
    registry.client.delete_model_version_tag(MODEL_NAME, "2", "comparison")
    assert find_objection(registry, 2) == "it was never compared with version 1, the champion"
    promote_version(place.instance, registry, 2, **ADA, override=True)
    with pytest.raises(PromotionError, match="never compared with version 2"):
        promote_version(place.instance, registry, 1, **ADA)


def test_a_lost_alias_is_given_again_by_the_command_that_is_named(
    registry: Registry, place: Place
) -> None:
    registry.client.delete_registered_model_alias(MODEL_NAME, "champion")
    with pytest.raises(PromotionError, match="no champion to roll back from"):
        roll_back(place.instance, registry, **ADA)
    promote_version(place.instance, registry, 2, **ADA)
    assert registry.champion_version() == 2


def test_the_champion_is_not_made_champion_again_unless_dagster_does_not_know(
    registry: Registry, place: Place
) -> None:
    with pytest.raises(PromotionError, match="version 1 is champion already"):
        promote_version(place.instance, registry, 1, **ADA)
    registry.promote(2)  # behind Dagster's back
    assert promote_version(place.instance, registry, 2, **ADA) == 1
    assert roll_back(place.instance, registry, **ADA) == (1, 2)


def test_a_champion_made_elsewhere_is_rolled_back_as_well(registry: Registry, place: Place) -> None:
    registry.promote(2)
    assert roll_back(place.instance, registry, **ADA) == (1, 2)
    kinds = [(entry.kind, entry.who) for entry in DecisionLog(registry.home).entries()[-2:]]
    assert kinds == [(Kind.PROMOTED, "unknown"), (Kind.ROLLED_BACK, "Ada")]


def test_a_broken_champion_is_rolled_back_and_hinders_no_retraining(place: Place) -> None:
    registry = place.loop.registry
    set_tag(registry, 2, model_sha256="0" * 64)  # as if its file had been changed
    assert place.retrain("2025-05").success
    advice = registry.read_evidence(3).comparison
    assert advice is not None
    assert advice.verdict == Recommendation.CANNOT_TELL
    assert "model.skops of version 2 is not the one registered" in advice.reasons[0]
    assert roll_back(place.instance, registry, **ADA) == (1, 2)


def test_a_champion_moves_only_if_that_can_be_put_on_record(
    registry: Registry, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = DecisionLog(registry.home)
    with pytest.raises(RecordError, match="no text of UTF-8"):
        promote_version(place.instance, registry, 2, **(ADA | {"why": "caf\udce9"}), override=True)
    content = log.path.read_bytes()
    log.path.write_bytes(b"\xff" + content)
    with pytest.raises(RecordError, match="is no text any more"):
        promote_version(place.instance, registry, 2, **ADA, override=True)
    log.path.write_bytes(content)

    def refuse(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(DecisionLog, "append", refuse)
    with pytest.raises(StorageError, match="the disk is full"):
        promote_version(place.instance, registry, 2, **ADA, override=True)
    assert registry.champion_version() == 1


def test_a_rollback_leads_to_what_was_replaced_and_no_further(
    registry: Registry, place: Place
) -> None:
    assert DecisionLog(registry.home).entries()[-1].kind == Kind.ROLLED_BACK
    with pytest.raises(PromotionError, match="version 1 replaced no other"):
        roll_back(place.instance, registry, **ADA)
    assert registry.champion_version() == 1


def test_nobody_and_no_reason_promote_nothing(registry: Registry, place: Place) -> None:
    for given in ({"who": " "}, {"why": ""}):
        with pytest.raises(RecordError, match="nobody or no reason is named"):
            promote_version(place.instance, registry, 2, **(ADA | given), override=True)
    assert registry.champion_version() == 1


def test_a_version_is_found_by_the_run_that_made_it(registry: Registry) -> None:
    assert registry.find_version(registry.load(2).run_id) == 2
    with pytest.raises(RegistryError, match="was made by the MLflow run 'nope'"):
        registry.find_version("nope")
