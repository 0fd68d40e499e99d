"""The body of a pull request: everything that a reviewer is to see, where it belongs."""

import pytest

from attrition_assets.errors import PromotionError
from attrition_assets.governance.comparison import explain_lack
from attrition_assets.governance.promotion_page import (
    MOST_DIFF,
    render_body,
    render_difference,
    render_evidence,
    render_verdicts,
)


def test_each_section_stands_in_its_place_and_is_not_read_as_a_template() -> None:
    body = render_body("A <!-- one -->\nB <!-- two -->\n", {"one": "<!-- two -->\n", "two": r"\1"})
    assert body == "A <!-- two -->\nB \\1\n"


def test_a_template_without_a_place_is_refused() -> None:
    with pytest.raises(PromotionError, match="has no place <!-- card -->: restore"):
        render_body("<!-- evidence -->", {"evidence": "", "card": ""})


def test_the_difference_is_fenced_whatever_it_holds_and_cut_where_it_is_long() -> None:
    assert render_difference("a\n", "a\n") == "Nothing.\n"
    told = render_difference("a\n", "```\nb\n")
    assert told.startswith("````diff\n") and told.endswith("+b\n````\n")
    long = render_difference("", "word\n" * MOST_DIFF)
    assert len(long) < MOST_DIFF + 100
    assert long.endswith("It is longer: the rest is in the commit.\n")


def test_the_evidence_names_what_it_was_compared_with_and_what_else_is_to_be_known() -> None:
    lack = explain_lack("40 leavers", same_recipe=True)
    told = render_evidence(3, 2, lack, ["it learned from 2026-01, corrected since"])
    assert told.startswith("**Note:** it learned from 2026-01")
    assert "Version 3 against version 2, the champion: **cannot tell**.\n\n- 40 leavers" in told
    assert "there was no champion" in render_evidence(1, 0, None)


def test_the_verdict_on_each_attribute_stands_beside_the_champions() -> None:
    told = render_verdicts(3, {"Age": "look", "Gender": "pass"}, 2, {"Age": "pass"}, None)
    assert "| groups by | version 2 | version 3 |" in told
    assert "| Age | pass | look |\n| Gender | - | pass |" in told
    assert "No fairness audit was made" in render_verdicts(3, {}, 2, {}, None)
