"""`images`: the container images of the newest version, built after a retraining; and the tag that
follows the champion.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    Config,
    DagsterInstance,
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
from attrition_assets.defs.metadata import show_table
from attrition_assets.defs.partitions import UNITS
from attrition_assets.errors import ContainerError
from attrition_assets.settings import PROJECT_ROOT, Settings

IN_REGISTRY, TRIED_OUT = "images_in_registry", "images_tried_out"
CHECKS = [
    AssetCheckSpec(name, asset="images", description=what, blocking=True, partitions_def=UNITS)
    for name, what in {
        IN_REGISTRY: "The registry holds each image under the digest that is on record.",
        TRIED_OUT: "Each starts and becomes healthy, and the API in it answers by its version.",
    }.items()
]
NONE = "none are asked for: ATTRITION_IMAGES is none"


class ImagesConfig(Config):
    """Of which version."""

    version: int = Field(0, ge=0, description="the version that is baked in; default the newest")


@asset(
    partitions_def=UNITS,
    deps=["model"],
    group_name="attrition",
    kinds={"docker"},
    check_specs=CHECKS,
    pool="images",
)
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
    releases = Releases(settings.home)
    version = config.version or max(registry.versions(), default=0)
    if not version:
        raise ContainerError("there is no model to build images of: materialize model first")
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
    releases.write(release)
    yield MaterializeResult(metadata=_describe(release))
    in_registry = check_registry(engine, release)
    yield in_registry
    said = f"built and tried out now: {_list_built(release)}; the others before, as they are"
    yield AssetCheckResult(check_name=TRIED_OUT, passed=True, description=said)
    if not in_registry.passed:
        raise ContainerError(str(in_registry.description))
    try:
        moved = follow_champion(engine, releases, registry.champion_version(), ask=True)
    except ContainerError as error:  # the release stands; the sensor tries again
        context.log.warning(f"the images' tag was not moved: {error}")
    else:
        context.log.info(moved or "there is no champion for a tag to name")


def _describe(release: Release) -> dict[str, Any]:
    return {
        "version": release.version,
        "built": _list_built(release),
        "pushed": f"to {release.registry}" if release.registry else "none: no registry is set",
        "tag": release.candidate,
        "images": show_table([image.model_dump(mode="json") for image in release.images]),
    }


def record_release(instance: DagsterInstance, releases: Releases, release: Release) -> None:
    """Put a release on record that was made and checked elsewhere, and show it in Dagster."""
    releases.write(release)
    key, metadata = AssetKey("images"), _describe(release)
    instance.report_runless_asset_event(AssetMaterialization(key, metadata=metadata))
    for name in (IN_REGISTRY, TRIED_OUT):
        instance.report_runless_asset_event(
            AssetCheckEvaluation(
                asset_key=key,
                check_name=name,
                passed=True,
                metadata={},
                description="checked where they were made, by `make images`",
                blocking=True,
            )
        )


def _list_built(release: Release) -> str:
    built = [image.target for image in release.images if image.built]
    return ", ".join(built) or "none: all were there"


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
