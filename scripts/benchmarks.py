"""What all benchmarks share: the table they write, and the line of figures they end with."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "benchmarks"
# Of the code that runs, which is read now: the tree may change before the table is written.
REVISION = subprocess.run(
    ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
).stdout.strip()


def publish(
    name: str,
    title: str,
    about: str,
    rows: Sequence[Mapping[str, object]],
    figures: Mapping[str, object],
) -> None:
    """Write `docs/benchmarks/<name>.md` and `.json`, and print the figures as the last line.

    A quick run (QUICK=1) writes `<name>-quick` instead, which is not kept: it is too rough.
    """
    name = f"{name}-quick" if os.environ.get("QUICK") else name
    made = {
        "date": datetime.now(UTC).date().isoformat(),
        "revision": f"revision {REVISION}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}",
    }
    header = list(rows[0])
    lines = [
        f"# {title}",
        "",
        about,
        "",
        f"| {' | '.join(header)} |",
        f"|{'---|' * len(header)}",
        *(f"| {' | '.join(str(row[key]) for key in header)} |" for row in rows),
        "",
        f"`make bench-{name.removesuffix('-quick')}`, {', '.join(made.values())}.",
        "",
    ]
    print("\n".join(lines))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.md").write_text("\n".join(lines), "utf-8")
    content = {**made, "figures": dict(figures), "rows": [dict(row) for row in rows]}
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(json.dumps(figures))
