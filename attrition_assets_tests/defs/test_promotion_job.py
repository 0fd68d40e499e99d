"""Promotion as a Dagster run: by the same rules as by the command."""

from typing import Any

from dagster import ExecuteInProcessResult

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import Registry
from attrition_assets.governance.decisions import Kind

from .conftest import Place


def launch(place: Place, **config: Any) -> ExecuteInProcessResult:
    return place.loop.run(
        place.instance, "promotion", run_config={"ops": {"move_champion": {"config": config}}}
    )


def test_a_run_is_refused_with_the_reasons_and_promotes_by_an_override(
    place: Place, registry: Registry
) -> None:
    asked = {"version": 2, "who": "Ada", "why": "seen and found right"}
    refused = launch(place, **asked)
    assert "version 2 is not promoted: against the champion the comparison says cannot tell" in (
        place.why(refused)
    )
    assert registry.champion_version() == 1
    assert "no version 9 of 'attrition'; there are [1, 2]" in place.why(
        launch(place, **(asked | {"version": 9}))
    )
    assert launch(place, **asked, override=True).success
    assert registry.champion_version() == 2
    entry = DecisionLog(registry.home).entries()[-1]
    assert (entry.kind, entry.who, entry.why) == (Kind.PROMOTED, "Ada", "seen and found right")
