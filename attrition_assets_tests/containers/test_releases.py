"""Releases of small images, by a real engine and registry: what is built, skipped, refused."""

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from attrition_assets.adapters.containers import Engine, _docker
from attrition_assets.adapters.releases import (
    Recipe,
    Release,
    Releases,
    follow_champion,
    make_release,
)
from attrition_assets.errors import ContainerError, RecordError

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]
NOWHERE = "127.0.0.1:9"
DOCKERFILE = """
FROM python:3.11-slim-bookworm AS one
COPY one.txt /
ARG REVISION
LABEL revision=$REVISION
HEALTHCHECK --interval=1s --retries=2 CMD ["python", "-c", "open('/one.txt')"]
CMD ["sleep", "60"]

FROM python:3.11-slim-bookworm AS two
COPY two.txt shared /
HEALTHCHECK --interval=1s --retries=2 CMD ["grep", "well", "/two.txt"]
CMD ["sleep", "60"]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    root = tmp_path / "project"
    (root / "docker").mkdir(parents=True)
    (root / "shared").mkdir()
    (root / "docker" / "Dockerfile").write_text(DOCKERFILE)
    (root / "docker" / "inputs.yaml").write_text(
        "one: [docker/Dockerfile, one.txt]\ntwo: [docker/Dockerfile, two.txt, shared]\n"
    )
    (root / "one.txt").write_text(f"one {tmp_path}")  # no other test's content
    (root / "shared" / "name.txt").write_text(f"shared {tmp_path}")
    (root / "two.txt").write_text("well")
    return Recipe(root, tmp_path / "model")


@pytest.fixture
def engine(registry: str) -> Iterator[Engine]:
    made = Engine(f"{registry}/tests/{uuid.uuid4().hex[:8]}")
    yield made
    if names := _docker("image", "ls", "--quiet", f"{made.registry}/*").split():
        _docker("image", "rm", "--force", *set(names))


def release(engine: Engine, recipe: Recipe, version: int = 1) -> tuple[Release, list[str]]:
    said: list[str] = []
    made = make_release(
        engine, recipe, version=version, reference_digest="f" * 64, report=said.append
    )
    return made, said


def list_built(made: Release) -> list[str]:
    return [image.target for image in made.images if image.built]


def test_what_changed_is_built_and_pushed_and_what_did_not_is_skipped(
    engine: Engine, recipe: Recipe
) -> None:
    first, said = release(engine, recipe)
    assert list_built(first) == ["one", "two"]
    assert any("COPY one.txt" in line for line in said)  # the build's own progress
    for image in first.images:
        assert image.digest == engine.digest(engine.name(image.target, image.tag))
        assert image.digest == engine.digest(engine.name(image.target, "candidate-1"))
    again, _ = release(engine, recipe, version=2)
    assert list_built(again) == []
    assert [image.digest for image in again.images] == [image.digest for image in first.images]
    assert engine.digest(engine.name("one", "candidate-2")) == first.images[0].digest
    (recipe.root / "shared" / "name.txt").write_text("changed")
    third, _ = release(engine, recipe, version=3)
    assert list_built(third) == ["two"]
    assert third.images[0] == again.images[0]
    assert third.images[1].digest != first.images[1].digest
    assert engine.digest(engine.name("two", "candidate-1")) == first.images[1].digest


def test_what_is_skipped_need_not_be_here(engine: Engine, recipe: Recipe) -> None:
    first, _ = release(engine, recipe)
    for image in first.images:
        _docker("image", "rm", "--force", str(engine.find(engine.name(image.target, image.tag))))
    again, _ = release(engine, recipe)
    assert list_built(again) == []
    assert [each.digest for each in again.images] == [each.digest for each in first.images]


def test_an_image_that_does_not_become_healthy_is_not_pushed(
    engine: Engine, recipe: Recipe
) -> None:
    (recipe.root / "two.txt").write_text("ill")
    for _ in range(2):  # it is not taken for tried out the second time
        with pytest.raises(ContainerError, match=r"a container of .*/two:untried is unhealthy"):
            release(engine, recipe)
        assert engine.digest(engine.name("one", "candidate-1")) is None
        assert engine.digest(engine.name("two", "untried")) is None
    assert not _docker("ps", "--all", "--quiet", "--filter", "label=attrition.tried-out")


def test_a_registry_that_is_away_is_an_error_and_no_absence(
    engine: Engine, recipe: Recipe, tmp_path: Path
) -> None:
    away = replace(engine, registry=f"{NOWHERE}/people")
    with pytest.raises(ContainerError, match=r"docker buildx imagetools failed: .*refused"):
        release(away, recipe)
    made, _ = release(engine, recipe)
    releases = Releases(tmp_path / "home")
    releases.write(made.model_copy(update={"registry": away.registry}))
    with pytest.raises(ContainerError, match="refused"):
        follow_champion(away, releases, 1)
    assert releases.read_champion() is None  # so that the next tick does it again


def test_the_tag_of_the_champion_follows_it_and_goes_back(
    engine: Engine, recipe: Recipe, tmp_path: Path
) -> None:
    releases, made = Releases(tmp_path / "home"), {}
    for version in (1, 2):
        (recipe.root / "one.txt").write_text(f"{tmp_path} {version}")
        made[version], _ = release(engine, recipe, version)
        releases.write(made[version])
    for champion in (1, 2, 1):
        said = follow_champion(engine, releases, champion)
        assert said == f"the tag champion names the images of version {champion} now"
        for image in made[champion].images:
            assert engine.digest(engine.name(image.target, "champion")) == image.digest
        assert follow_champion(engine, releases, champion) is None
    assert follow_champion(engine, releases, 3) == (
        "version 3 is champion, and no images of it are on record"
    )
    assert follow_champion(engine, releases, None) is None


def test_a_tag_does_not_follow_into_another_registry(
    engine: Engine, recipe: Recipe, tmp_path: Path
) -> None:
    releases = Releases(tmp_path / "home")
    made, _ = release(engine, recipe)
    releases.write(made)
    with pytest.raises(ContainerError, match=r"are in 127.0.0.1:5000/tests/.* not set"):
        follow_champion(Engine(), releases, 1)


def test_without_a_registry_images_are_named_in_the_engine(
    registry: str, recipe: Recipe, tmp_path: Path
) -> None:
    engine = Engine()
    made, _ = release(engine, recipe)
    assert [image.digest for image in made.images] == [None, None]
    names = [engine.name(image.target, image.tag) for image in made.images]
    candidates = [engine.name(image.target, "candidate-1") for image in made.images]
    assert [engine.find(name) for name in names] == [engine.find(name) for name in candidates]
    assert all(image.bytes and image.bytes > 10**7 for image in made.images)
    assert list_built(release(engine, recipe)[0]) == []
    _docker("image", "rm", "--force", *{str(engine.find(name)) for name in names})


def test_a_broken_record_is_refused_by_name(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "4.json").write_text("{")
    with pytest.raises(RecordError, match=r"images/4\.json tells of no release"):
        releases.read(4)


def test_images_are_built_from_a_checkout(registry: str, recipe: Recipe) -> None:
    shutil.rmtree(recipe.root / "docker")
    with pytest.raises(ContainerError, match="from a checkout of the project"):
        release(Engine(), recipe)
