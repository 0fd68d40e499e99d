"""The switch: thrown by somebody, for a reason, and never read as off when it cannot be read."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from attrition_assets.adapters.suspension import ScoringSwitch, Suspension
from attrition_assets.errors import SuspendedError

SUSPENSION = Suspension(
    who="the works council", why="an audit", since=datetime(2026, 1, 5, 9, tzinfo=UTC)
)


def test_scoring_goes_on_until_it_is_suspended_and_again_once_it_is_resumed(tmp_path: Path) -> None:
    switch = ScoringSwitch(tmp_path)
    switch.require_on()
    switch.suspend(SUSPENSION)
    assert switch.read() == SUSPENSION
    with pytest.raises(
        SuspendedError, match=r"since 2026-01-05 09:00 UTC by the works council: an audit; lift"
    ):
        switch.require_on()
    switch.resume()
    switch.require_on()
    assert switch.read() is None


def test_a_suspension_is_not_replaced_by_another(tmp_path: Path) -> None:
    switch = ScoringSwitch(tmp_path)
    switch.suspend(SUSPENSION)
    with pytest.raises(SuspendedError, match="an audit; resume it first"):
        switch.suspend(SUSPENSION.model_copy(update={"why": "something else"}))
    assert switch.read() == SUSPENSION


def test_a_switch_that_cannot_be_read_counts_as_suspended(tmp_path: Path) -> None:
    switch = ScoringSwitch(tmp_path)
    switch.path.write_text("{")
    with pytest.raises(SuspendedError, match="scoring counts as suspended"):
        switch.require_on()
    switch.resume()
    switch.require_on()


def test_resuming_what_is_not_suspended_is_told(tmp_path: Path) -> None:
    with pytest.raises(SuspendedError, match="nothing to resume"):
        ScoringSwitch(tmp_path).resume()
