"""What a pull request asks for in `promotions/champion.yaml`, and whether its merge promotes.

Values in, a decision with reasons out. Who approved is for `pull_requests`, how it looks for
`promotion_page`; git, GitHub and the registry are for `adapters`.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Annotated

import yaml
from pydantic import Field, ValidationError

from attrition_assets.contract import explain_faults
from attrition_assets.errors import PromotionError, RegistryError
from attrition_assets.governance.comparison import Comparison
from attrition_assets.governance.fairness_report import FairnessAudit
from attrition_assets.governance.pull_requests import PullRequestEvent, Review, find_approvals
from attrition_assets.values import Value

CHAMPION_FILE, CARD_FILE = "promotions/champion.yaml", "promotions/model_card.md"
PROMOTION_LABEL = "model-promotion"
HEADER = "# The version that shall score, and on what evidence: written by `attrition propose`.\n"
SHOWN = 12  # characters of a digest
NO_TEXT = "\N{REPLACEMENT CHARACTER}"  # stands for what is no UTF-8

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class EvidenceSummary(Value):
    """The evidence in short: compared with which version (0: with none), and how."""

    compared_with: int = Field(ge=0)
    verdict: str
    reasons: tuple[str, ...]
    fairness: dict[str, str]


class PromotionRequest(Value):
    """A version, with the digests of its model, of what it learned from and of its evidence.

    The registry's own is made by `make_request` too: where both are equal, nothing was changed.
    """

    version: int = Field(ge=1)
    model_sha256: Digest
    reference_digest: Digest
    evidence_sha256: Digest
    evidence: EvidenceSummary

    def render(self) -> str:
        """The request as the content of its file."""
        held = self.model_dump(mode="json")
        return HEADER + yaml.safe_dump(held, sort_keys=False, allow_unicode=True, width=100)


class PromotionDecision(Value):
    """Whether the merge of a pull request promotes `version`; if not, `reasons` say why.

    `concerned`: it was closed with the label, so that a refusal is worth a record.
    """

    promotes: bool
    reasons: tuple[str, ...]
    concerned: bool
    version: int | None = None
    approvers: tuple[str, ...] = ()


def make_request(
    version: int,
    *,
    model_sha256: str,
    reference_digest: str,
    compared_with: int,
    comparison: Comparison | None,
    fairness: Mapping[str, str],
    audit: FairnessAudit | None,
    carried: Mapping[str, str],
) -> PromotionRequest:
    """The request for a version as the registry knows it; its digest is of all the evidence.

    `carried` is what else the version carries and is judged by, as the threshold of its flags.
    """
    whole = {
        "carried": dict(carried),
        "compared_with": compared_with,
        "comparison": comparison.model_dump(mode="json") if comparison else None,
        "fairness": dict(fairness),
        "audit": audit.model_dump(mode="json") if audit else None,
    }
    return PromotionRequest(
        version=version,
        model_sha256=model_sha256,
        reference_digest=reference_digest,
        evidence_sha256=sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest(),
        evidence=EvidenceSummary(
            compared_with=compared_with,
            verdict=str(comparison.verdict) if comparison else "not compared",
            reasons=comparison.reasons if comparison else (),
            fairness=dict(fairness),
        ),
    )


def read_request(text: str) -> PromotionRequest:
    """The content of the file as a request. Raises PromotionError that names what is wrong.

    YAML's types are left out: what each text must be is for the request's fields.
    """
    try:
        if NO_TEXT in text:
            raise ValueError("it holds bytes that are no UTF-8")
        return PromotionRequest.model_validate(yaml.load(text, yaml.BaseLoader))
    except ValidationError as error:
        faults = explain_faults(error, "file")
    except RecursionError:
        faults = "  it is nested too deeply"
    except (yaml.YAMLError, ValueError) as error:
        faults = "  " + " ".join(str(error).split())
    raise PromotionError(
        f"{CHAMPION_FILE} asks for nothing that can be promoted:\n{faults}\nit is written by "
        "`attrition propose`, not by hand"
    )


def decide_promotion(
    event: PullRequestEvent,
    reviews: Sequence[Review],
    may_push: Collection[str],
    before: str | None,
    after: str | None,
    look_up: Callable[[int], PromotionRequest | None],
    champion: int | None,
) -> PromotionDecision:
    """Whether a pull request's merge promotes, and which version; every reason why not.

    `may_push` has the logins, in lower case, of those who may. `before` and `after` are
    `promotions/champion.yaml` without and with the merge, None where there is none. `look_up` gives
    what the registry has of a version, None if it is unknown; it raises PromotionError if the
    evidence is unreadable, RegistryError if the version is. What the evidence itself speaks against
    is for whoever promotes.
    """
    labelled = event.has_label(PROMOTION_LABEL)
    if event.action != "closed" or not event.pull_request.merged:
        what = "closed without being merged" if event.action == "closed" else event.action
        return PromotionDecision(
            promotes=False,
            reasons=(f"the pull request was {what}: only a merge promotes",),
            concerned=labelled and event.action == "closed",
        )
    if not labelled:
        reason = f"the pull request lacks the label {PROMOTION_LABEL}"
        return PromotionDecision(promotes=False, reasons=(reason,), concerned=False)
    if not event.merged_into_default:
        base, default = event.pull_request.base.ref, event.repository.default_branch
        reason = f"it was merged into {base}; only a merge into {default} promotes"
        return PromotionDecision(promotes=False, reasons=(reason,), concerned=True)
    approvals = find_approvals(event, reviews, may_push)
    version, faults = _judge_file(before, after, look_up, champion)
    reasons = (*approvals.objections, *faults)
    return PromotionDecision(
        promotes=not reasons,
        reasons=reasons,
        concerned=True,
        version=version,
        approvers=approvals.approvers,
    )


def _judge_file(
    before: str | None,
    after: str | None,
    look_up: Callable[[int], PromotionRequest | None],
    champion: int | None,
) -> tuple[int | None, list[str]]:
    """The version that the file asks for, if it can be read, and what speaks against it."""
    if after is None or after == before:
        return None, [f"it does not change {CHAMPION_FILE}" if after else f"no {CHAMPION_FILE}"]
    try:
        asked = read_request(after)
    except PromotionError as error:
        return None, [str(error)]
    version = asked.version
    if version == champion:
        return version, [f"version {version} is champion already"]
    try:
        held = look_up(version)
    except (PromotionError, RegistryError) as error:
        return version, [str(error)]
    if held is None:
        return version, [f"the registry has no version {version}"]
    changed = [
        f"{name} is {_shorten(getattr(asked, name))} in {CHAMPION_FILE} and "
        f"{_shorten(getattr(held, name))} in the registry"
        for name in ("model_sha256", "reference_digest", "evidence_sha256")
        if getattr(asked, name) != getattr(held, name)
    ]
    if not changed and asked != held:
        changed = [f"the evidence is told otherwise in {CHAMPION_FILE} than in the registry"]
    if changed:
        changed.append(f"propose it anew: `attrition propose --version {version}`")
    return version, changed


def _shorten(digest: str) -> str:
    return digest[:SHOWN]
