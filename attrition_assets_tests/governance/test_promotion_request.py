"""What a merged pull request promotes, and each reason why it does nothing."""

from collections.abc import Callable

import pytest

from attrition_assets.errors import PromotionError, RegistryError
from attrition_assets.governance.comparison import Comparison, explain_lack
from attrition_assets.governance.promotion_request import (
    PromotionDecision,
    PromotionRequest,
    decide_promotion,
    make_request,
    read_request,
)
from attrition_assets.governance.pull_requests import read_collaborators, read_event, read_reviews

from .test_pull_requests import load

LACK = explain_lack("40 leavers", same_recipe=True)


def request(
    version: int = 2,
    model: str = "a",
    comparison: Comparison = LACK,
    gender: str = "pass",
    threshold: str = "0.2",
) -> PromotionRequest:
    return make_request(
        version,
        model_sha256=model * 64,
        reference_digest="b" * 64,
        compared_with=1,
        comparison=comparison,
        fairness={"Gender": gender},
        audit=None,
        carried={"threshold": threshold},
    )


ASKED = request().render()
KNOWN = {2: request()}


def decide(
    payload: str = "merged.json",
    before: str | None = None,
    after: str | None = ASKED,
    champion: int | None = 1,
    look_up: Callable[[int], PromotionRequest | None] = KNOWN.get,
    approved: bool = True,
) -> PromotionDecision:
    event = read_event(load(payload))
    reviews = read_reviews(load("reviews.json") if approved else [])
    may_push = read_collaborators(load("collaborators.json"))
    return decide_promotion(event, reviews, may_push, before, after, look_up, champion)


def test_a_merge_with_label_and_approval_promotes_the_version_that_its_file_names() -> None:
    decision = decide()
    assert decision.promotes
    assert (decision.version, decision.approvers) == (2, ("reviewer",))
    assert decide(before=request(1).render()).promotes


@pytest.mark.parametrize(
    ("payload", "concerned", "said"),
    [
        ("closed_unmerged.json", True, "was closed without being merged: only a merge promotes"),
        ("labeled.json", False, "was labeled: only a merge promotes"),
        ("merged_unlabelled.json", False, "lacks the label model-promotion"),
        ("merged_elsewhere.json", True, "merged into trial; only a merge into main promotes"),
    ],
)
def test_any_other_event_does_nothing_and_says_why(
    payload: str, concerned: bool, said: str
) -> None:
    decision = decide(payload)
    assert (decision.promotes, decision.concerned) == (False, concerned)
    assert said in decision.reasons[0]


def test_without_an_approval_nothing_is_promoted() -> None:
    decision = decide(approved=False)
    assert not decision.promotes
    assert decision.reasons == ("nobody other than the author approves it (there is no review)",)


def test_all_that_speaks_against_it_is_told_at_once() -> None:
    decision = decide(approved=False, champion=2)
    assert len(decision.reasons) == 2
    assert decision.reasons[1] == "version 2 is champion already"


def refuse_to_read(version: int) -> PromotionRequest:
    raise PromotionError(f"the evidence of version {version} was changed")


def lose_the_model(version: int) -> PromotionRequest:
    raise RegistryError(f"model.skops of version {version} is not the one registered")


@pytest.mark.parametrize(
    ("look_up", "said"),
    [
        ({}.get, "the registry has no version 2"),
        ({2: request(model="c")}.get, "model_sha256 is aaaaaaaaaaaa in promotions/champion.yaml"),
        ({2: request(gender="look")}.get, "and .* in the registry"),
        ({2: request(comparison=explain_lack("41", same_recipe=True))}.get, "evidence_sha256 is"),
        (refuse_to_read, "the evidence of version 2 was changed"),
        (lose_the_model, r"model\.skops of version 2 is not the one registered"),
    ],
)
def test_evidence_that_is_not_the_registrys_promotes_nothing(
    look_up: Callable[[int], PromotionRequest | None], said: str
) -> None:
    decision = decide(look_up=look_up)
    assert not decision.promotes
    with pytest.raises(PromotionError, match=said):
        raise PromotionError(decision.reasons[0])


def test_evidence_that_is_retold_in_the_file_promotes_nothing() -> None:
    decision = decide(after=ASKED.replace("Gender: pass", "Gender: look"))
    assert "the evidence is told otherwise" in decision.reasons[0]
    assert decision.reasons[-1] == "propose it anew: `attrition propose --version 2`"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (ASKED, ASKED, "it does not change promotions/champion.yaml"),
        (ASKED, None, "no promotions/champion.yaml"),
        (None, "", "file: Input should be a valid dictionary"),
        (None, "version: 2", "model_sha256: Field required"),
        (None, "version: [", "expected the node content"),
        (None, ASKED.replace("version: 2", "version: two"), "version: Input should be a valid int"),
        (None, ASKED.replace("a" * 64, "a" * 63), "model_sha256: String should match pattern"),
        (None, ASKED + "approved: true\n", "approved: Extra inputs are not permitted"),
        (None, ASKED.replace("version: 2", "version: 2024-99-99"), "version: Input should be a"),
        (None, ASKED.replace("version: 2", "version: !!int ''"), "version: Input should be a"),
        pytest.param(None, f"version: {'9' * 5000}", "exceeded maximum size", id="long"),
        pytest.param(None, "[" * 3000, "it is nested too deeply", id="nested"),
        (None, '"\\U00110000": 2', "chr() arg not in range"),
        (None, ASKED + "# caf\N{REPLACEMENT CHARACTER}\n", "it holds bytes that are no UTF-8"),
    ],
)
def test_a_file_that_asks_for_nothing_promotes_nothing(
    before: str | None, after: str | None, said: str
) -> None:
    decision = decide(before=before, after=after)
    assert not decision.promotes
    assert said in decision.reasons[0]


def test_a_request_is_read_as_it_was_written() -> None:
    assert read_request(ASKED) == request()
