"""SIGKILL at random instants: done again, all is as if nothing had happened, and nothing is twice.

An instant is drawn anew if the process had ended by then: it is uniform over the time it takes.
"""

import random
import time
from collections.abc import Callable

import pytest

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.governance.decisions import Kind
from attrition_assets_tests.github_server import GitHubServer
from attrition_assets_tests.processes import PATIENCE_SECONDS

from .conftest import OpenSite
from .forked import LOG, begin, command, do, kill_after
from .rows import STRUCK
from .site import Site
from .soundness import (
    assert_retrained_once,
    assert_same_version,
    assert_sound,
    assert_told_once,
    end_what_was_killed,
    follow_sensors,
)
from .stages import AFTER, FAILING, PROMOTE, ROLL_BACK, Stages, retrain_as_sensor

Record = Callable[[str, object], None]
# How long each kind last took here: the machine may be busier than when the stages were made.
took: dict[str, float] = {}


def kill(
    open_site: OpenSite,
    before: str,
    seconds: float,
    round_: int,
    server: GitHubServer,
    function: Callable[..., None],
    *given: str,
    **more: str,
) -> Site:
    """A site on which a process was killed at an instant that its kind and round seed."""
    draws = random.Random(f"{before} {round_}")
    while True:
        site = open_site(before)
        server.issues.clear()
        process = begin(function, site.settings, *given, **more)
        if kill_after(process, draws.uniform(0, took.get(before, seconds))):
            return site


@pytest.mark.faults("SIGKILL during the monthly job, then the month again")
def test_a_month_that_was_killed_is_the_same_when_it_is_run_again(
    open_site: OpenSite,
    stages: Stages,
    server: GitHubServer,
    github: dict[str, str],
    round_: int,
    record_property: Record,
) -> None:
    month = ("run", FAILING)
    seconds = stages.seconds("judged")
    site = kill(open_site, "ready", seconds, round_, server, command, *month, **github)
    record_property(STRUCK, site.struck_step())
    took["ready"] = do(command, site.settings, *month, **github)
    do(follow_sensors, site.settings, **github)
    assert_retrained_once(site)
    assert_sound(site, stages, "judged", [FAILING], versions=[1, 2])
    assert_same_version(site, stages)
    assert_told_once(server, stages, "judged")


@pytest.mark.faults("SIGKILL during the retraining job, then the retraining again")
def test_a_retraining_that_was_killed_makes_one_version_when_it_is_asked_for_again(
    open_site: OpenSite,
    stages: Stages,
    server: GitHubServer,
    github: dict[str, str],
    round_: int,
    record_property: Record,
) -> None:
    """The sensor's in even rounds, which the daemon would end; in odd ones a command."""
    seconds, retrain = stages.seconds("retrained"), ("retrain", "--reason", "a new pay scale")
    if round_ % 2:
        site = kill(open_site, "judged", seconds, round_, server, command, *retrain)
        record_property(STRUCK, site.struck_step())
    else:
        site = kill(open_site, "judged", seconds, round_, server, retrain_as_sensor)
        record_property(STRUCK, site.struck_step())
        end_what_was_killed(site)
    took["judged"] = do(command, site.settings, *retrain)
    do(follow_sensors, site.settings, **github)
    assert_sound(site, stages, "judged", [FAILING], versions=[1, 2])
    assert_same_version(site, stages)
    *killed, last = site.statuses()
    assert (set(killed) <= {"FAILURE"}, last) == (True, "SUCCESS")
    assert_told_once(server, stages, "judged")


@pytest.mark.faults("SIGKILL during a promotion or a rollback, then the same again")
def test_a_champion_that_was_being_made_is_made_once_when_it_is_asked_for_again(
    open_site: OpenSite,
    stages: Stages,
    server: GitHubServer,
    github: dict[str, str],
    round_: int,
    record_property: Record,
) -> None:
    """Promotions in even rounds, rollbacks in odd ones; then the next month, scored by it."""
    before, words, after, scored = [
        ("retrained", PROMOTE, "promoted", "scored by 2"),
        ("promoted", ROLL_BACK, "rolled back", "scored by 1"),
    ][round_ % 2]
    site = kill(open_site, before, stages.seconds(after), round_, server, command, *words)
    started = time.monotonic()
    again = begin(command, site.settings, *words)
    again.join(PATIENCE_SECONDS)
    took[before] = time.monotonic() - started
    said = (site.home.parent / LOG).read_text()
    made = "is champion already" in said or "replaced no other" in said
    assert again.exitcode == (1 if made else 0), said
    record_property(STRUCK, "once it was made" if made else "before it was made")
    do(command, site.settings, "run", AFTER, **github)
    assert_sound(site, stages, scored, [FAILING, AFTER], versions=[1, 2])
    assert_same_version(site, stages)
    entries = DecisionLog(site.home).entries()
    kinds = [each.kind for each in entries if each.who == "Ada"]
    assert kinds == [Kind.PROMOTED, Kind.ROLLED_BACK][: 1 + round_ % 2]
    assert_told_once(server, stages, scored)
