"""`images` where none are asked for, where they cannot be had, and after a failure.

With a real engine: `attrition_assets_tests/containers`.
"""

import subprocess
from pathlib import Path

import pytest
from dagster import AssetCheckKey, AssetKey, DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.releases import Image, Release, Releases
from attrition_assets.cli.group import tell_images
from attrition_assets.defs.images import IN_REGISTRY, NONE, TRIED_OUT, move_champion_tag
from attrition_assets.defs.issues import read_retraining
from attrition_assets.defs.metadata import read_latest_metadata
from attrition_assets.demo import Loop
from attrition_assets.errors import ContainerError
from attrition_assets.monitoring.episodes import Label
from attrition_assets.months import parse_month
from attrition_assets_tests.processes import BIN, environment

from .conftest import LAST, Place, Walked

NO_DOCKER = "there is no Docker here: `docker` cannot be run"


@pytest.fixture
def asking(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    """A place where images are asked for, on a machine without Docker."""
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = place.settings.model_copy(update={"images": "build"})
    return Place(settings, Loop(settings, lambda line: None), place.instance)


def test_where_none_are_asked_for_a_retraining_says_so_and_its_checks_hold(
    walked: Walked, instance: DagsterInstance
) -> None:
    assert read_latest_metadata(instance, "images") == {"built": NONE, "pushed": NONE}
    keys = [AssetCheckKey(AssetKey("images"), name) for name in (IN_REGISTRY, TRIED_OUT)]
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    assert [record.status.value for record in latest.values()] == ["SUCCEEDED", "SUCCEEDED"]
    assert move_champion_tag(walked.settings, walked.loop.registry) is None
    assert not (walked.settings.home / "images").exists()


def record(place: Place, told: str) -> subprocess.CompletedProcess[str]:
    """`attrition record-images`, with this on its standard input."""
    command = [str(BIN / "attrition"), "record-images"]
    given = {"ATTRITION_HOME": str(place.settings.home), **environment(place.settings)}
    return subprocess.run(
        command, input=told, env=given, capture_output=True, text=True, check=False
    )


def test_what_was_built_elsewhere_is_put_on_record_and_shown(place: Place) -> None:
    image = Image(target="api", tag="content-1", digest="sha256:1", bytes=1, built=True)
    release = Release(version=2, reference_digest="f", registry="elsewhere", images=(image,))
    done = record(place, release.model_dump_json())
    assert done.stdout == "candidate-2 is on record: 1 images\n", done.stderr
    assert Releases(place.settings.home).read(2) == release
    told = read_latest_metadata(place.instance, "images")
    assert told is not None
    named = [told[name] for name in ("version", "built", "pushed", "tag")]
    assert named == [2, "api", "to elsewhere", "candidate-2"]
    refused = record(place, "{}")
    assert refused.returncode == 1
    assert "standard input holds no release" in refused.stderr


def test_images_that_are_asked_for_and_cannot_be_had_are_an_error(asking: Place) -> None:
    result = asking.loop.run(asking.instance, "retraining", assets=["images"])
    assert NO_DOCKER in asking.why(result)
    assert "ATTRITION_IMAGES=none" in asking.why(result)
    assert Releases(asking.settings.home).read(2) is None


def test_a_model_whose_images_failed_is_registered_and_its_month_says_both(asking: Place) -> None:
    result = asking.retrain(LAST)
    assert NO_DOCKER in asking.why(result)
    assert asking.loop.registry.challenger_version() == 3
    log = DecisionLog(asking.settings.home)
    told = read_retraining(asking.instance, parse_month(LAST), log)
    assert told is not None
    assert told.said == "retrained, version 3 waits; its images failed"
    assert told.label == Label.FAILED
    assert told.todo.startswith("mend why the images failed, then materialize `images`; read the")
    assert NO_DOCKER in told.lines[-1]


def test_a_tag_that_cannot_follow_the_champion_is_told_and_keeps_nothing_back(
    asking: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = asking.loop.registry
    assert move_champion_tag(asking.settings, registry) == (
        "version 2 is champion, and no images of it are on record"
    )
    folder = asking.settings.home / "images"
    folder.mkdir()
    (folder / "2.json").write_text(
        '{"version": 2, "reference_digest": "f", "registry": null, "images": [{"target": "api", '
        '"tag": "content-1", "digest": null, "bytes": 1, "built": true}]}'
    )
    with pytest.raises(ContainerError, match="there is no Docker here"):
        move_champion_tag(asking.settings, registry)
    tell_images(asking.settings, registry)
    assert capsys.readouterr().out.startswith("note: the images' tag was not moved, the sensor tag")
