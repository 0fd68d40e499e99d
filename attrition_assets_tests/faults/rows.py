"""The suite's option, and the table that it ends with: a line for each row of the guide."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

ROW, STRUCK = "row", "struck"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="rounds of each kind of kill")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the report of a test say which row it belongs to, also from another process."""
    if marker := item.get_closest_marker("faults"):
        item.user_properties.append((ROW, marker.args[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was broken, how often, and how often all held."""
    told: dict[str, Counter[str]] = defaultdict(Counter)
    struck: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in _reports(terminalreporter, outcome):
            properties = dict(report.user_properties)
            if ROW not in properties or (outcome == "passed" and report.when != "call"):
                continue
            told[str(properties[ROW])][outcome] += 1
            if where := properties.get(STRUCK):
                struck[str(properties[ROW])][str(where)] += 1
    if not told:
        return
    terminalreporter.section("what was broken, and what held")
    for row, outcomes in sorted(told.items()):
        skipped = f", {outcomes['skipped']} skipped" if outcomes["skipped"] else ""
        rounds = outcomes.total() - outcomes["skipped"]
        where = ", ".join(f"{name} {times}" for name, times in struck[row].most_common())
        terminalreporter.write_line(
            f"{row}: {outcomes['passed']} of {rounds} held{skipped}"
            + (f" (struck: {where})" if where else "")
        )


def _reports(reporter: pytest.TerminalReporter, outcome: str) -> Iterable[pytest.TestReport]:
    return [each for each in reporter.stats.get(outcome, []) if isinstance(each, pytest.TestReport)]
