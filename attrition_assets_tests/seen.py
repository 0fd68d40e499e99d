"""What a person sees of a command, and what it left behind."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from attrition_assets import cli
from attrition_assets.adapters.files import content_digest
from attrition_assets.settings import PROJECT_ROOT


@contextmanager
def earlier_months_untouched(home: Path, rewritten: str = "") -> Iterator[None]:
    """Every file of a month but one has the same bytes afterwards; no temporary file is left."""
    before = digest_files(home)
    before.pop(rewritten, None)
    assert before
    yield
    after = digest_files(home)
    assert {name: after.get(name) for name in before} == before
    assert not list(home.rglob("*.tmp"))


def digest_files(home: Path) -> dict[str, str]:
    """The digest of each file of a month, by its path in the home.

    Not of what tells of all months, or how long they took.
    """
    folders = (home / "assets", home / "reports", home / "quarantine")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    cards = home / "reports" / "models"
    return {
        str(path.relative_to(home)): content_digest(path.read_bytes())
        for path in files
        if cards not in path.parents and path.name != "metrics.png"
    }


def assert_in_guide(output: str, home: Path, data: Path) -> None:
    """The message's first line stands in the guide, with its paths, port and date made generic."""
    message = output.splitlines()[0].replace(str(home), "/company/home")
    message = message.replace(str(data), "/company/data").replace("127.0.0.1:9 ", "127.0.0.1:5001 ")
    message = re.sub(r"to \d{4}-\d\d, the last", "to 2026-10, the last", message)
    guide = (PROJECT_ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    assert " ".join(message.split()) in " ".join(guide.split())


def attrition(home: Path, data: Path, *words: str, **more: str) -> Result:
    """The command in this process: what a person reads, and never a traceback."""
    environment = {"ATTRITION_HOME": str(home), "ATTRITION_DATA": str(data), **more}
    result = CliRunner().invoke(cli.main, words, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result
