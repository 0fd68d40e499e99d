"""A file and the versions that it replaced: what is written anew never loses what was there.

`folder/2026-01-01.parquet` is the present version; those before it lie in
`folder/superseded/2026-01-01/1.parquet`, `2.parquet`, ... Where files lie is for their stores.
"""

from pathlib import Path

from attrition_assets.adapters.files import write_atomically


def write_version(path: Path, content: bytes) -> int:
    """Write `content` to `path`, keeping what it replaces; return its number, from 1.

    The same content again is the same version.
    """
    earlier = superseded(path)
    held = path.read_bytes() if path.is_file() else None
    # After a crash between the two writes the newest superseded version is the present one.
    crashed = bool(held is not None and earlier and earlier[-1].read_bytes() == held)
    if held == content:
        return len(earlier) + (0 if crashed else 1)
    if held is not None and not crashed:
        kept = _folder(path) / f"{len(earlier) + 1}{path.suffix}"
        write_atomically(kept, held)
        earlier = [*earlier, kept]
    write_atomically(path, content)
    return len(earlier) + 1


def superseded(path: Path) -> list[Path]:
    """The versions before the present one, the first first."""
    return sorted(_folder(path).glob(f"[0-9]*{path.suffix}"), key=lambda each: int(each.stem))


def list_versions(path: Path) -> list[Path]:
    """All versions, the present one the last; empty if there is none."""
    earlier = superseded(path)
    if not path.is_file():
        return earlier
    # After a crash in `write_version` the newest superseded version is the present one.
    if earlier and earlier[-1].read_bytes() == path.read_bytes():
        earlier.pop()
    return [*earlier, path]


def _folder(path: Path) -> Path:
    return path.parent / "superseded" / path.stem
