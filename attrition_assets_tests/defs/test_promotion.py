"""Who becomes champion: on what evidence, against which objections, and back again."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from dagster import DagsterInstance
from sqlalchemy.exc import OperationalError

from attrition_assets.adapters.champion_change import ChangeUnderWay
from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import MODEL_NAME, Registry
from attrition_assets.defs import promotion
from attrition_assets.defs.metadata import read_latest_metadata
from attrition_assets.defs.promotion import (
    find_objection,
    promote_version,
    reconcile_champion,
    roll_back,
)
from attrition_assets.errors import PromotionError, RecordError, RegistryError, StorageError
from attrition_assets.governance.comparison import Recommendation
from attrition_assets.governance.decisions import Kind
from attrition_assets_tests.outages import killed_after

from .conftest import ADA, NOW, Place, advise, find_audit, set_tag, set_verdicts


def test_a_version_carries_what_it_was_compared_with_and_the_audit(registry: Registry) -> None:
    first, second = registry.read_evidence(1), registry.read_evidence(2)
    assert (first.comparison, first.compared_with) == (None, 0)
    assert second.comparison is not None
    assert (second.comparison.verdict, second.compared_with) == (Recommendation.CANNOT_TELL, 1)
    assert second.comparison.leavers < 150
    assert registry.load(2).recipe == registry.load(1).recipe == "logistic-2"
    alone = {"Age", "Gender", "MaritalStatus"}
    pairs = {"Age x Gender", "Age x MaritalStatus", "Gender x MaritalStatus"}
    assert set(second.fairness) == alone | pairs


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


def leave_unaudited(registry: Registry, version: int) -> None:
    find_audit(registry, version).unlink()
    registry.client.delete_model_version_tag(MODEL_NAME, str(version), "fairness")


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
            lambda registry: set_verdicts(registry, 2, Gender="fail"),
            "it fails the fairness audit on Gender, which the champion does not",
        ),
        (
            lambda registry: set_verdicts(registry, 2, **{"Age x Gender": "fail"}),
            "it fails the fairness audit on Age x Gender, which the champion does not",
        ),
        (
            lambda registry: set_tag(registry, 2, fairness=json.dumps({"Gender": "pass"})),
            "of the verdicts and the threshold that it carries",
        ),
        (
            lambda registry: registry.client.delete_model_version_tag(MODEL_NAME, "2", "fairness"),
            "of the verdicts and the threshold that it carries",
        ),
        (
            lambda registry: set_tag(registry, 2, threshold="0.9"),
            "of the verdicts and the threshold that it carries",
        ),
        (lambda registry: find_audit(registry, 2).unlink(), "its run lacks fairness.json"),
        (lambda registry: leave_unaudited(registry, 2), "not audited on Age, Gender, MaritalSta"),
    ],
)
def test_each_objection_is_told_by_itself(
    change: Callable[[Registry], None], said: str, registry: Registry, place: Place
) -> None:
    advise(registry, Recommendation.PROMOTE)
    set_verdicts(registry, 1, Gender="look", Age="fail")
    set_verdicts(registry, 2, Gender="look", Age="fail")
    assert find_objection(registry, 2) is None
    change(registry)
    with pytest.raises(PromotionError, match=said):
        promote_version(place.instance, registry, 2, **ADA)
    assert registry.champion_version() == 1


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("comparison", "{"),
        ("fairness", "[1, 2]"),
        ("fairness", "null"),
        ("fairness", '{"Age": "failed"}'),
        ("compared_with", "x"),
    ],
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


def test_the_champion_is_not_made_champion_again(registry: Registry, place: Place) -> None:
    with pytest.raises(PromotionError, match="version 1 is champion already"):
        promote_version(place.instance, registry, 1, **ADA)
    registry.promote(2)  # behind everybody's back
    with pytest.raises(PromotionError, match="version 2 is champion already"):
        promote_version(place.instance, registry, 2, **ADA)
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


def ask_dagster(place: Place) -> dict[str, Any]:
    """What Dagster knows of the champion."""
    told = read_latest_metadata(place.instance, "champion")
    assert told is not None
    return told


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (ChangeUnderWay, "begin"),
        (Registry, "promote"),
        (DecisionLog, "append"),
        (promotion, "_tell_dagster"),
    ],
)
def test_a_promotion_and_a_rollback_killed_at_any_instant_are_made_once_by_who_asked(
    owner: object, name: str, registry: Registry, place: Place
) -> None:
    def read(kind: Kind) -> list[tuple[str, str, int]]:
        entries = [each for each in log.entries() if each.kind == kind]
        return [(each.who, each.why, int(each.facts["previous"])) for each in entries]

    log = DecisionLog(registry.home)
    promoted, rolled_back = read(Kind.PROMOTED), read(Kind.ROLLED_BACK)
    asked: dict[str, Any] = {"who": "Eve", "why": "needed", "now": NOW, "override": True}
    with killed_after(owner, name):
        promote_version(place.instance, registry, 2, **asked)
    assert promote_version(place.instance, registry, 2, **asked) == 1
    assert registry.champion_version() == 2
    assert read(Kind.PROMOTED) == [*promoted, ("Eve", "needed", 1)]
    assert "comparison says" in str(log.entries()[-1].facts["override"])
    assert ask_dagster(place)["version"] == 2

    with killed_after(owner, name):
        roll_back(place.instance, registry, **ADA)
    reconcile_champion(place.instance, registry, NOW)
    assert not ChangeUnderWay(registry.home).path.exists()
    if registry.champion_version() == 2:  # it had not begun
        assert read(Kind.ROLLED_BACK) == rolled_back
        roll_back(place.instance, registry, **ADA)
    assert registry.champion_version() == 1
    assert read(Kind.ROLLED_BACK) == [*rolled_back, (ADA["who"], ADA["why"], 2)]
    assert ask_dagster(place)["version"] == 1


def test_dagster_that_does_not_answer_is_told_later(
    registry: Registry, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr(DagsterInstance, "report_runless_asset_event", refuse)
        assert promote_version(place.instance, registry, 2, **ADA, override=True) == 1
    assert registry.champion_version() == 2
    assert ask_dagster(place)["version"] == 1
    assert reconcile_champion(place.instance, registry, NOW) is None
    told = ask_dagster(place)
    assert (told["version"], told["who"]) == (2, "Ada")


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
