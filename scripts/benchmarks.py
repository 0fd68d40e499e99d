"""What all benchmarks share: the table they write, and the line of figures they end with."""

import json
import os
import platform
import resource
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from scipy import stats

QUICK = bool(os.environ.get("QUICK"))
FOLDER = Path(__file__).parents[1] / "docs" / "benchmarks"
# Of the code that runs, which is read now: the tree may change before the table is written.
REVISION = subprocess.run(
    ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
).stdout.strip()


Task, Result = TypeVar("Task"), TypeVar("Result")


@dataclass(frozen=True)
class Section:
    """One table of a benchmark: its heading (none if it is the only one), what it is, its rows."""

    heading: str
    about: str
    rows: Sequence[Mapping[str, object]]

    def render(self) -> list[str]:
        """The section as lines of Markdown."""
        header = list(self.rows[0])
        return [
            *([f"## {self.heading}", ""] if self.heading else []),
            self.about,
            "",
            f"| {' | '.join(header)} |",
            f"|{'---|' * len(header)}",
            *(f"| {' | '.join(str(row[key]) for key in header)} |" for row in self.rows),
            "",
        ]


def publish(
    name: str, title: str, sections: Sequence[Section], figures: Mapping[str, object]
) -> None:
    """Write `docs/benchmarks/<name>.md` and `.json`, and print the figures as the last line.

    A quick run (QUICK=1) writes `<name>-quick` instead, which is not kept: it is too rough.
    """
    name = f"{name}-quick" if QUICK else name
    made = {
        "date": datetime.now(UTC).date().isoformat(),
        "revision": f"revision {REVISION}",
        "machine": f"{_name_processor()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}",
    }
    lines = [
        f"# {title}",
        "",
        *(line for section in sections for line in section.render()),
        f"`make bench-{name.removesuffix('-quick')}`, {', '.join(made.values())}.",
        "",
    ]
    print("\n".join(lines))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.md").write_text("\n".join(lines), "utf-8")
    content = {**made, "figures": dict(figures)}
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(json.dumps(figures))


def _name_processor() -> str:
    """The processor by maker, family and model, by Linux; elsewhere what Python knows."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").split("\n\n")[0].splitlines() if told.is_file() else []
    held = {key.strip(): value.strip() for key, _, value in (each.partition(":") for each in lines)}
    if "model name" not in held:
        return platform.processor() or platform.machine()
    return f"{held['model name']} (family {held.get('cpu family')}, model {held.get('model')})"


def run_all(work: Callable[[Task], Result], tasks: Sequence[Task], what: str) -> list[Result]:
    """The result of each task, in order, on all cores, with a line of progress."""
    results = []
    with ProcessPoolExecutor() as pool:
        for number, result in enumerate(pool.map(work, tasks), start=1):
            results.append(result)
            print(f"\r{what}: {number} of {len(tasks)}", end="", flush=True)
    print()
    return results


def measure_cpu(work: Callable[[], object]) -> float:
    """CPU seconds of doing `work` once, in this process and those it starts and waits for."""
    before = _read_cpu()
    work()
    return _read_cpu() - before


def _read_cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def show_share(hits: int, tries: int) -> str:
    """A share in percent with its 95 % interval (Wilson, 1927)."""
    low, high = measure_interval(hits, tries)
    return f"{hits / tries:.1%} [{low:.1%}, {high:.1%}]"


def measure_interval(hits: int, tries: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927), 0..1."""
    interval = stats.binomtest(hits, tries).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
