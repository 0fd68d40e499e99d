"""Releases: the images of a version, built from content, tried out, pushed, on record by digest.

An image's tag `content-...` names the bytes that it was built from, and stands only for what was
tried out: what is there under it is neither built nor pushed again. A release is on record once
all of it is where it should be. The tag `candidate-N` names version N's images, and `champion`
those of the champion.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from attrition_assets.adapters.bundles import CARD
from attrition_assets.adapters.containers import Engine
from attrition_assets.adapters.files import write_atomically
from attrition_assets.errors import ContainerError, RecordError
from attrition_assets.values import Value

API = "api"
BAKED = "docker/baked"  # where the model lies in the context that `api` is built from
CHAMPION, UNTRIED = "champion", "untried"
CONTENT_DIGITS = 16
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")


class Image(Value):
    """One image: its content's tag, its id in the engine, its digest if it was pushed.

    `built` tells whether it was built for this release, and not for one before; `bytes` is unknown
    where only the registry holds it.
    """

    target: str
    tag: str
    digest: str | None
    bytes: int | None
    built: bool


class Release(Value):
    """The images of one version. `registry` is None if they were not pushed."""

    version: int
    reference_digest: str
    registry: str | None
    images: tuple[Image, ...]

    @property
    def candidate(self) -> str:
        """The tag of its images."""
        return f"candidate-{self.version}"


@dataclass(frozen=True)
class Releases:
    """The releases on record in one home."""

    home: Path

    def _path(self, name: int | str) -> Path:
        return self.home / "images" / f"{name}.json"

    def write(self, release: Release) -> None:
        """Put a release on record, in place of one before of this version."""
        write_atomically(self._path(release.version), release.model_dump_json(indent=1).encode())

    def read(self, version: int) -> Release | None:
        """A version's release; None if there is none. Raises RecordError if it cannot be read."""
        return self._read(self._path(version))

    def read_champion(self) -> Release | None:
        """The release that the tag `champion` was moved to last; None if it never was."""
        return self._read(self._path(CHAMPION))

    def write_champion(self, release: Release) -> None:
        """Note that the tag `champion` names the images of this release."""
        write_atomically(self._path(CHAMPION), release.model_dump_json(indent=1).encode())

    def _read(self, path: Path) -> Release | None:
        try:
            return Release.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise RecordError(
                f"{path} tells of no release ({str(error).splitlines()[0]}): remove it, then "
                "materialize images"
            ) from None


@dataclass(frozen=True)
class Recipe:
    """What the images are built from: the project's folder, and the folder of the baked model."""

    root: Path
    model: Path

    def read_targets(self) -> dict[str, list[str]]:
        """What each target is made of: files and folders, from the root."""
        try:
            held = yaml.safe_load((self.root / "docker" / "inputs.yaml").read_text("utf-8"))
        except FileNotFoundError:
            raise ContainerError(
                f"there is no docker/inputs.yaml in {self.root}: images are built from a checkout "
                "of the project, not from an installed package"
            ) from None
        return {target: list(paths) for target, paths in held.items()}

    def assemble(self, target: str, paths: Iterable[str], place: Path) -> str:
        """Copy what a target is made of, and nothing else, to `place`; return its SHA-256."""
        for each in paths:
            source, copy = self.root / each, place / each
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=IGNORED, dirs_exist_ok=True)
            else:
                shutil.copy(source, copy)
        if target == API:
            shutil.copytree(self.model, place / BAKED)
        digest = hashlib.sha256()
        for path in sorted(path for path in place.rglob("*") if path.is_file()):
            if path.name == CARD and place / BAKED in path.parents:
                continue  # written anew each month: what was reviewed stays what it is
            content = path.read_bytes()
            mode = "x" if path.stat().st_mode & 0o100 else "-"
            digest.update(f"{path.relative_to(place)} {mode} {len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()

    def revision(self) -> str:
        """The checkout's git revision, `-dirty` if it was changed since; unknown if it is none."""
        words = ["git", "-C", str(self.root), "describe", "--always", "--abbrev=40", "--dirty"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return "unknown"
        return done.stdout.strip()


def make_release(
    engine: Engine,
    recipe: Recipe,
    *,
    version: int,
    reference_digest: str,
    report: Callable[[str], None],
) -> Release:
    """Build, try out and, if the engine has a registry, push what is not there under its content.

    The tag `candidate-N` is moved once all of it is there. Raises ContainerError; nothing is a
    release then.
    """
    engine.require()
    images = []
    for target, paths in recipe.read_targets().items():
        arguments = {"REVISION": recipe.revision()}
        if target == API:
            arguments |= {
                "MODEL": BAKED,
                "MODEL_VERSION": str(version),
                "REFERENCE_DIGEST": reference_digest,
            }
        with tempfile.TemporaryDirectory(prefix="image-") as folder:
            tag = f"content-{recipe.assemble(target, paths, Path(folder))[:CONTENT_DIGITS]}"
            wanted = version if target == API else None
            images.append(_provide(engine, target, tag, Path(folder), arguments, wanted, report))
    release = Release(
        version=version,
        reference_digest=reference_digest,
        registry=engine.registry,
        images=tuple(images),
    )
    for image in images:
        _name(engine, image, release.candidate)
    return release


def _provide(
    engine: Engine,
    target: str,
    tag: str,
    context: Path,
    arguments: dict[str, str],
    version: int | None,
    report: Callable[[str], None],
) -> Image:
    """An image under its content's tag, built if there is none; the API's answers by `version`."""
    name = engine.name(target, tag)
    digest = engine.digest(name) if engine.registry else None
    if digest:
        report(f"{target}: {tag} is in the registry: skipped")
        return Image(target=target, tag=tag, digest=digest, bytes=None, built=False)
    built = engine.find(name) is None
    if built:
        report(f"{target}: {tag} is built ...")
        engine.build(target, UNTRIED, context, arguments, report)
        report(f"{target}: {tag} is tried out ...")
        try_out(engine, engine.name(target, UNTRIED), version)
        engine.alias(engine.name(target, UNTRIED), name)
    if engine.registry:
        report(f"{target}: {tag} is pushed ...")
        digest = engine.push(name)
    return Image(target=target, tag=tag, digest=digest, bytes=engine.measure(name), built=built)


def try_out(engine: Engine, image: str, version: int | None) -> None:
    """Start an image and wait until it is healthy; with `version`, let its API score one employee.

    Raises ContainerError if it does not start or another version answers.
    """
    with engine.running(image) as container:
        if version is not None and (answered := engine.ask_prediction(container)) != version:
            raise ContainerError(f"{image} answers by version {answered}, not {version}")


def _name(engine: Engine, image: Image, tag: str) -> None:
    """Let a tag name an image, in the registry if it was pushed, else in the engine."""
    if image.digest:
        engine.retag(image.target, image.digest, tag)
    else:
        engine.alias(engine.name(image.target, image.tag), engine.name(image.target, tag))


def follow_champion(
    engine: Engine, releases: Releases, champion: int | None, *, ask: bool = False
) -> str | None:
    """Let the tag `champion` name the champion's images; say what was done, None if nothing was to
    be done.

    What is on record as done is not looked at, unless the registry is to be asked again. Raises
    ContainerError where they cannot be named so: the next call does it again.
    """
    if champion is None:
        return None
    release, named = releases.read(champion), releases.read_champion()
    if release is None:
        return f"version {champion} is champion, and no images of it are on record"
    if named == release and not ask:
        return None
    if release.registry != engine.registry:
        raise ContainerError(
            f"the images of version {champion} are in {release.registry or 'no registry'}, and "
            f"ATTRITION_IMAGE_REGISTRY is {engine.registry or 'not set'}: materialize images again"
        )
    for image in release.images:
        _name(engine, image, CHAMPION)
    releases.write_champion(release)
    return f"the tag {CHAMPION} names the images of version {champion} now"
