"""The model cards of a walked home: what they show, when they are stale, and what is lost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance

from attrition_assets.adapters.model_cards import CARD, DATASHEET, FACTS, PAGE, ModelCards
from attrition_assets.contract import DEFAULT_CONTRACT, load_yaml
from attrition_assets.defs.metadata import read_all_metadata
from attrition_assets.defs.model_card import refresh_cards
from attrition_assets.defs.promotion import roll_back
from attrition_assets.defs.resources import build_resources
from attrition_assets.errors import RegistryError
from attrition_assets.governance.card_facts import ModelCard
from attrition_assets.governance.decisions import Kind
from attrition_assets.governance.model_card import render_model_card
from attrition_assets.monitoring.report import Finding
from attrition_assets.settings import Settings
from attrition_assets_tests.seen import attrition

from .conftest import DRIFT, LAST, NOW, RETRAINED, Place, Walked


def open_cards(settings: Settings) -> ModelCards:
    cards: ModelCards = build_resources(settings)["cards"]
    return cards


def read_facts(cards: ModelCards, version: int) -> ModelCard:
    return ModelCard.model_validate_json(cards.path(version, FACTS).read_bytes())


@contextmanager
def lost(path: Path) -> Iterator[None]:
    """Without a file of the walked home, which copies of it read as well."""
    away = path.with_name("away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


def test_each_version_has_its_card_with_the_months_that_it_scored(walked: Walked) -> None:
    cards = open_cards(walked.settings)
    assert cards.written() == [1, 2]
    first, second = read_facts(cards, 1), read_facts(cards, 2)
    assert [month.month for month in first.history] == [DRIFT, RETRAINED]
    assert [month.month for month in second.history] == [LAST]
    assert first.history[0].features == Finding.DRIFT
    assert "MonthlyIncome" in first.history[0].moved
    assert first.history[1].followed == "requested"
    assert [entry.kind for entry in first.decisions][:2] == [Kind.MODEL_REGISTERED, Kind.PROMOTED]
    assert "150 are needed" in str(second.decisions[-1].facts["override"])
    assert second.comparison is not None
    assert second.compared_with == 1
    assert cards.find_lacks(1) == cards.find_lacks(2) == ()


def test_card_and_datasheet_tell_what_was_measured(walked: Walked) -> None:
    cards = open_cards(walked.settings)
    held, facts = cards.registry.load(2), read_facts(cards, 2)
    text = cards.path(2, CARD).read_text("utf-8")
    tags = cards.registry.client.get_model_version("attrition", "2").tags
    assert f"{facts.merit.measures['AUC'].value:.4f}" == tags["auc"]
    assert held.reference_digest in text
    assert "No automatic action on a person" in text
    assert "Protected, left out of the model and used to audit it: Age, Gender, Marital" in text
    assert "promoted, in place of version 1, by override" in text
    assert f"| {LAST} | 400 |" in text
    assert held.reference_digest in cards.path(2, DATASHEET).read_text("utf-8")
    page = cards.path(2, PAGE).read_text("utf-8")
    assert page.count("data:image/png;base64,") >= 3
    assert "http" not in page.replace("http-equiv", "")


def test_a_protected_attribute_that_the_model_uses_is_told_with_its_reason(
    walked: Walked,
) -> None:
    facts = read_facts(open_cards(walked.settings), 2)
    used = {"protected": ("Gender",), "taken_in": {"Age": "a pension plan needs it"}}
    text = render_model_card(facts.model_copy(update={"data": facts.data.model_copy(update=used)}))
    assert "Protected, and features all the same: Age, because: a pension plan needs it." in text
    assert "It scores by protected attributes: Age." in text
    assert "features all the same: none." in render_model_card(facts)
    assert "It scores by protected" not in render_model_card(facts)


def test_the_challengers_card_was_there_when_it_was_registered(
    walked: Walked, instance: DagsterInstance
) -> None:
    registered = read_all_metadata(instance, "model")[0]
    assert registered["version"] == 2
    assert "a challenger: nobody has promoted it" in registered["card"]
    assert "It has scored no month yet." in registered["card"]
    made = read_all_metadata(instance, "model_card")[0]
    assert made["card"] == open_cards(walked.settings).path(2, CARD).read_text("utf-8")
    assert made["card_link"] == f"{walked.settings.reports_url}/models/2/card.html"


def test_a_card_is_stale_after_a_rollback_until_it_is_written_anew(place: Place) -> None:
    cards = open_cards(place.settings)
    roll_back(place.instance, cards.registry, who="Ada", why="a complaint", now=NOW)
    assert "(rolled back)" in cards.find_lacks(1)[0]
    assert refresh_cards(cards) == ([1, 2], {})
    assert "champion since 2025-06-10" in cards.path(1).read_text("utf-8")
    assert "version 1 took its place" in cards.path(2).read_text("utf-8")


def test_a_column_that_left_the_contract_since_is_still_named_on_the_card(
    place: Place, tmp_path: Path
) -> None:
    declared = load_yaml(DEFAULT_CONTRACT)
    del declared["columns"]["DistanceFromHome"]
    contract = tmp_path / "contract.yaml"
    contract.write_text(yaml.safe_dump(declared, sort_keys=False))
    cards = open_cards(place.settings.model_copy(update={"contract": contract}))
    roll_back(place.instance, cards.registry, who="Ada", why="a complaint", now=NOW)
    assert refresh_cards(cards) == ([1, 2], {})
    assert "DistanceFromHome" in read_facts(cards, 1).data.features


def test_the_card_says_why_a_search_may_differ_and_whom_contributions_are_of(
    walked: Walked,
) -> None:
    facts = read_facts(open_cards(walked.settings), 2)
    recipe = facts.recipe.model_copy(update={"reproducible": False})
    text = render_model_card(facts.model_copy(update={"recipe": recipe}))
    assert "A time cap cut its search short, or several workers shared it: the same data" in text
    assert "over the people of the newest snapshot when it was trained" in text
    assert "people it learned from" not in text


def test_a_month_that_was_sent_again_and_a_lost_card_are_missed(place: Place) -> None:
    cards = open_cards(place.settings)
    place.correct(LAST)
    assert place.run(LAST, "employee_snapshot").success
    assert cards.find_lacks(2) == (f"{LAST} as it was judged",)
    cards.write(2)
    assert f"{LAST} (sent again since, not judged again)" in cards.path(2).read_text("utf-8")
    cards.path(2).unlink()
    assert cards.find_lacks(2) == ("the card itself",)
    assert place.run(RETRAINED, "model_card").success  # scored by version 1: both are written
    assert cards.find_lacks(2) == ()


def test_a_version_whose_audit_is_lost_or_another_keeps_its_card(place: Place) -> None:
    cards = open_cards(place.settings)
    before, run_id = cards.path(2).read_bytes(), cards.registry.load(2).run_id
    (audit,) = place.settings.home.glob(f"mlflow/artifacts/{run_id}/**/fairness.json")
    with lost(audit):
        with pytest.raises(RegistryError, match=r"fairness.json of .* is lost, so there can be no"):
            cards.write(2)
        assert "is lost, so there can be no card" in place.why(place.run(LAST, "model_card"))
        assert cards.path(2).read_bytes() == before
        roll_back(place.instance, cards.registry, who="Ada", why="its card", now=NOW)
        written, failed = refresh_cards(cards)
    assert (written, list(failed)) == ([1], [2])
    told = json.dumps({"Age": "pass", "Gender": "pass", "MaritalStatus": "insufficient data"})
    cards.registry.client.set_model_version_tag("attrition", "2", "fairness", told)
    with pytest.raises(RegistryError, match=r"fairness.json of .* is not the audit that was"):
        cards.write(2)


def test_the_command_says_where_the_card_lies(place: Place) -> None:
    home, data = place.settings.home, place.settings.data
    said = attrition(home, data, "card", "--version", "1").output.splitlines()
    assert [Path(line).name for line in said] == [CARD, PAGE, DATASHEET]
    assert all(Path(line).is_file() for line in said)
    wrong = attrition(home, data, "card", "--version", "9")
    assert wrong.exit_code == 1
    assert "no version 9 of 'attrition'; there are [1, 2]" in wrong.output
