"""The versions as values to answer with: from the cards' facts and the decision log, no MLflow."""

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.errors import RegistryError
from attrition_assets.governance.card_facts import ModelCard
from attrition_assets.governance.card_history import describe_state
from attrition_assets.governance.card_uses import APPROVED, NOT_ALLOWED, list_limits, say_flag
from attrition_assets.governance.decisions import (
    CHAMPION_MADE,
    Entry,
    Kind,
    list_news,
    trace_champions,
)
from attrition_assets.governance.intervals import Estimate
from attrition_assets.monitoring.report import SMALLEST_GROUP
from attrition_assets.values import Value

FACTS = "card.json"


class Promotion(Value):
    """A move of the champion, or one that was refused; `override` is what it was made against."""

    number: int
    at: datetime
    kind: str
    version: int
    previous: int
    who: str
    why: str
    override: str


class VersionRead(Value):
    """A version that has a card."""

    version: int
    state: str
    as_of: str
    recipe: str
    auc: Estimate | None
    fairness: str | None
    months_scored: int


class Versions(Value):
    """Every version with a card, the newest first, and the moves of the champion, newest first.

    `challenger` is the newest version that nobody has promoted or refused since the champion was.
    """

    champion: int | None
    challenger: int | None
    versions: tuple[VersionRead, ...]
    promotions: tuple[Promotion, ...]


class CardRead(Value):
    """A version's model card: its facts, and what is said of its uses and its limits."""

    state: str
    approved: tuple[str, ...]
    not_allowed: tuple[str, ...]
    flag_means: str
    limits: tuple[str, ...]
    facts: ModelCard


class VersionReader:
    """Reads the versions of one home."""

    def __init__(self, home: Path) -> None:
        self.folder, self.log = home / "reports" / "models", DecisionLog(home)

    def read_all(self) -> Versions:
        """The versions, and which of them is champion and which waits."""
        entries = self.log.known_entries()
        led = trace_champions(entries)
        champion = led[-1] if led else None
        found = sorted(
            (int(path.parent.name) for path in self.folder.glob(f"[0-9]*/{FACTS}")), reverse=True
        )
        return Versions(
            champion=champion,
            challenger=_find_challenger(entries, champion),
            versions=tuple(_describe(self._require(each)) for each in found),
            promotions=tuple(_read_promotions(entries))[::-1],
        )

    def card(self, version: int) -> CardRead | None:
        """A version's card; None if it has none."""
        if not (self.folder / str(version) / FACTS).is_file():
            return None
        card = self._require(version)
        return CardRead(
            state=describe_state(version, card.decisions),
            approved=APPROVED,
            not_allowed=NOT_ALLOWED,
            flag_means=say_flag(card.audit),
            limits=list_limits(card),
            facts=hide_small_counts(card),
        )

    def _require(self, version: int) -> ModelCard:
        path = self.folder / str(version) / FACTS
        try:
            return ModelCard.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            raise RegistryError(
                f"{path} is not as it was written: `attrition card --version {version}` writes it"
            ) from None


def hide_small_counts(card: ModelCard) -> ModelCard:
    """The card without counts of one to four people in its groups: they read as 0, or as None."""
    if card.audit is None:
        return card

    def few(count: int | None) -> bool:
        return count is not None and 0 < count < SMALLEST_GROUP

    parts = tuple(
        part.model_copy(
            update={
                "groups": tuple(
                    group.model_copy(
                        update={
                            **({"people": 0} if few(group.people) else {}),
                            **({"leavers": None, "leaving": None} if few(group.leavers) else {}),
                        }
                    )
                    for group in part.groups
                )
            }
        )
        for part in card.audit.partitions
    )
    audit = card.audit.model_copy(update={"partitions": parts})
    return card.model_copy(update={"audit": audit})


def _describe(card: ModelCard) -> VersionRead:
    return VersionRead(
        version=card.version,
        state=describe_state(card.version, card.decisions),
        as_of=card.data.as_of,
        recipe=card.recipe.name,
        auc=card.merit.measures.get("AUC"),
        fairness=str(card.audit.verdict) if card.audit else None,
        months_scored=len(card.history),
    )


def _find_challenger(entries: list[Entry], champion: int | None) -> int | None:
    """The newest version that was registered and of which nothing was decided since."""
    registered = [
        int(each.facts["version"])
        for each in entries
        if each.kind == Kind.MODEL_REGISTERED and "version" in each.facts
    ]
    newest = max(registered, default=None)
    if newest is None or newest == champion or list_news(entries, newest):
        return None
    return newest


def _read_promotions(entries: list[Entry]) -> list[Promotion]:
    return [
        Promotion(
            number=each.number,
            at=each.at,
            kind=str(each.kind),
            version=int(each.facts.get("version", 0)),
            previous=int(each.facts.get("previous", 0)),
            who=each.who,
            why=each.why,
            override=str(each.facts.get("override", "")),
        )
        for each in entries
        if each.kind in (*CHAMPION_MADE, Kind.PROMOTION_REFUSED)
    ]
