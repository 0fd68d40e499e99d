from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from attrition_assets.defs.command_runs import COMMAND_TAG, end_dead_runs, tagging_runs


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster.yaml").touch()
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_the_runs_of_a_command_end_with_it_and_those_of_others_are_left_alone(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    def start(**tags: str) -> str:
        begun = create_run_for_test(instance, status=DagsterRunStatus.STARTED, tags=tags)
        return str(begun.run_id)

    def statuses() -> list[str]:
        found = [instance.get_run_by_id(each) for each in (killed, alive, other)]
        return [each.status.value for each in found if each]

    killed, other = start(**{COMMAND_TAG: "killed"}), start()
    left = tmp_path / "commands" / "killed.held"
    left.parent.mkdir()
    left.touch()
    with tagging_runs(tmp_path) as tags:
        alive = start(**tags)
        end_dead_runs(instance, tmp_path)
        assert statuses() == ["FAILURE", "STARTED", "STARTED"]
        assert not left.exists()
        (held,) = left.parent.glob("*.held")
        assert held.stem == tags[COMMAND_TAG]
    end_dead_runs(instance, tmp_path)
    assert statuses() == ["FAILURE", "FAILURE", "STARTED"]
    assert [each.name for each in left.parent.iterdir()] == ["lock"]
