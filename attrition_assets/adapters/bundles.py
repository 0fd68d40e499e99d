"""A version as it is served: a folder with its model file, its card and what is known of it.

It is complete without MLflow and without the data: an image has one baked in, and an API keeps
serving it while the registry is away. It is written whole, under a name of its own, and then named
the current one.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, ValidationError

from attrition_assets.adapters.files import content_digest, write_atomically
from attrition_assets.adapters.registry import MODEL_FILE, TRUSTED_TYPES, Registry
from attrition_assets.contract import Contract
from attrition_assets.errors import RegistryError
from attrition_assets.values import Value

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FACTS, CARD, CURRENT = "bundle.json", "card.md", "current"


class BundleFacts(Value):
    """What is told of a served version. `contract_sha256` is that of the contract it scores by."""

    version: int
    as_of: str
    reference_digest: str
    threshold: float
    recipe: str
    horizon_months: int
    importance: dict[str, float]
    contract: str
    contract_sha256: str
    model_sha256: str
    written_at: AwareDatetime


@dataclass(frozen=True)
class Bundle:
    """A served version: what is told of it, its model, its card as Markdown (empty if none)."""

    facts: BundleFacts
    pipeline: "Pipeline"
    card: str


@dataclass(frozen=True)
class Bundles:
    """The bundles in one folder, and which of them is current."""

    folder: Path

    def write(self, registry: Registry, version: int, card: Path, now: datetime) -> BundleFacts:
        """Write a version's bundle and make it the current one; the others are removed.

        Raises RegistryError if the version cannot be loaded.
        """
        held, model = registry.load(version), registry.read_model(version)
        facts = BundleFacts(
            version=version,
            as_of=str(held.as_of),
            reference_digest=held.reference_digest,
            threshold=held.threshold,
            recipe=held.recipe,
            horizon_months=held.contract.horizon_months,
            importance=held.importance,
            contract=held.contract.name,
            contract_sha256=digest_contract(held.contract),
            model_sha256=held.model_sha256,
            written_at=now,
        )
        self.put(facts, model, card.read_bytes() if card.is_file() else b"")
        return facts

    def put(self, facts: BundleFacts, model: bytes, card: bytes) -> None:
        """Let a bundle of these be the current one."""
        name = f"{facts.version}-{facts.model_sha256[:12]}"
        place, before = self.folder / name, self.current()
        if place != before:
            shutil.rmtree(place, ignore_errors=True)
        write_atomically(place / MODEL_FILE, model)
        write_atomically(place / CARD, card)
        write_atomically(place / FACTS, facts.model_dump_json(indent=1).encode())
        write_atomically(self.folder / CURRENT, name.encode())
        for other in self.folder.glob("*-*"):  # the one before is kept: somebody may read it now
            if other not in (place, before):
                shutil.rmtree(other, ignore_errors=True)

    def current(self) -> Path | None:
        """Where the current bundle lies; None if there is none."""
        try:
            name = (self.folder / CURRENT).read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        return self.folder / name

    def read(self, contract: Contract) -> Bundle | None:
        """The current bundle, verified; None if there is none. What `read_bundle` raises."""
        place = self.current()
        return None if place is None else read_bundle(place, contract)


def read_bundle(place: Path, contract: Contract) -> Bundle:
    """A bundle, its model file verified before it is opened.

    Raises RegistryError if it is not whole, was changed, or scores by another contract.
    """
    import skops.io

    try:
        facts = BundleFacts.model_validate_json((place / FACTS).read_bytes())
        model = (place / MODEL_FILE).read_bytes()
        card = (place / CARD).read_text("utf-8")
    except (OSError, ValidationError) as error:
        said = str(error).splitlines()[0]
        raise RegistryError(
            f"{place} holds no whole model ({said}): write it anew, `attrition bundle FOLDER`"
        ) from None
    if content_digest(model) != facts.model_sha256:
        raise RegistryError(
            f"{place / MODEL_FILE} is not the model that was registered as version "
            f"{facts.version}: write it anew, `attrition bundle FOLDER`"
        )
    if facts.contract_sha256 != digest_contract(contract):
        raise RegistryError(
            f"{place} scores by another version of the contract {facts.contract!r} than the one "
            "in force here: serve it with the contract that it was trained under, or train and "
            "promote a version under this one"
        )
    return Bundle(facts, skops.io.loads(model, trusted=list(TRUSTED_TYPES)), card)


def digest_contract(contract: Contract) -> str:
    """SHA-256 of what a contract says of the columns that reach the model, in order, and the id."""
    named = (contract.id, *contract.features)
    said = "".join(f"{name}{contract.columns[name].model_dump_json()}" for name in named)
    return content_digest(said.encode())
