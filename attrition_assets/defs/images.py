"""`images`: the container images of the newest version, built after a retraining; and the tag that
follows the champion.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    Config,
    MaterializeResult,
    ResourceParam,
    asset,
)
from pydantic import Field

from attrition_assets.adapters.bundles import Bundles
from attrition_assets.adapters.containers import Engine
from attrition_assets.adapters.model_cards import ModelCards
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.releases import (
    Recipe,
    Release,
    Releases,
    follow_champion,
    make_release,
)
from attrition_assets.defs.metadata import read_latest_metadata, show_table
from attrition_assets.errors import ContainerError
from attrition_assets.settings import PROJECT_ROOT, Settings

IN_REGISTRY, TRIED_OUT = "images_in_registry", "images_tried_out"
CHECKS = [
    AssetCheckSpec(name, asset="images", description=what, blocking=True)
    for name, what in {
        IN_REGISTRY: "The registry holds each image under the digest that is on record.",
        TRIED_OUT: "Each starts and becomes healthy, and the API in it answers by its version.",
    }.items()
]
NONE = "none are asked for: ATTRITION_IMAGES is none"


class ImagesConfig(Config):
    """Of which version."""

    version: int = Field(0, ge=0, description="the version that is baked in; default the newest")


@asset(deps=["model"], group_name="attrition", kinds={"docker"}, check_specs=CHECKS, pool="images")
def images(
    context: AssetExecutionContext,
    config: ImagesConfig,
    registry: ResourceParam[Registry],
    cards: ResourceParam[ModelCards],
    settings: ResourceParam[Settings],
) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
    """Images of the prediction API with the newest version in it, the drift API, the pages, MLflow
    and Dagster, each built if what it is made of changed, else skipped.

    Tried out before they are pushed, and on record once all are: a push that fails half-way is no
    release. Where none are asked for, nothing is built, and it says so.
    """
    if settings.images == "none":
        yield MaterializeResult(metadata={"built": NONE, "pushed": NONE})
        for check in (IN_REGISTRY, TRIED_OUT):
            yield AssetCheckResult(check_name=check, passed=True, description=NONE)
        return
    version = config.version or _find_newest(context, registry)
    engine = open_engine(settings)
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = Path(name)
        made_at = registry.find_creation(version)  # the same version gives the same bytes
        facts = Bundles(folder).write(registry, version, cards.path(version, "card.md"), made_at)
        release = make_release(
            engine,
            Recipe(PROJECT_ROOT, folder),
            version=version,
            reference_digest=facts.reference_digest,
            report=context.log.info,
        )
    Releases(settings.home).write(release)
    built = [image.target for image in release.images if image.built]
    pushed = f"to {release.registry}" if release.registry else "none: no registry is set"
    yield MaterializeResult(
        metadata={
            "version": version,
            "built": ", ".join(built) or "none: all were there",
            "pushed": pushed,
            "tag": release.candidate,
            "images": show_table([image.model_dump(mode="json") for image in release.images]),
        }
    )
    yield check_registry(engine, release)
    said = f"built and tried out now: {', '.join(built) or 'none'}; the others before, as they are"
    yield AssetCheckResult(check_name=TRIED_OUT, passed=True, description=said)


def open_engine(settings: Settings) -> Engine:
    """Docker as the settings name it: with a registry if images are pushed."""
    return Engine(settings.image_registry if settings.images == "push" else None)


def check_registry(engine: Engine, release: Release) -> AssetCheckResult:
    """Whether the registry holds each image of a release under its digest, asked now."""
    if release.registry is None:
        said = "none were pushed: no registry is set"
        return AssetCheckResult(check_name=IN_REGISTRY, passed=True, description=said)
    found = {
        image.target: engine.digest(engine.name(image.target, release.candidate))
        for image in release.images
    }
    wrong = [image.target for image in release.images if found[image.target] != image.digest]
    said = f"{release.candidate} of {', '.join(wrong)} is another image than the one on record"
    return AssetCheckResult(
        check_name=IN_REGISTRY,
        passed=not wrong,
        description=said if wrong else f"{len(found)} images at {release.registry}",
    )


def move_champion_tag(settings: Settings, registry: Registry) -> str | None:
    """Let the images' tag `champion` follow the registry's alias; what was done, if anything.

    Raises ContainerError.
    """
    if settings.images == "none":
        return None
    releases = Releases(settings.home)
    return follow_champion(open_engine(settings), releases, registry.champion_version())


def _find_newest(context: AssetExecutionContext, registry: Registry) -> int:
    """The version of which images are built: the newest model, else the champion."""
    made = read_latest_metadata(context.instance, "model")
    version = int(made["version"]) if made else registry.champion_version()
    if version is None:
        raise ContainerError("there is no model to build images of: materialize model first")
    return version
