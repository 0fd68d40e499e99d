"""Reference data on disk: each table under its own digest, and a pointer to the newest."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from attrition_assets.adapters.files import content_digest, to_parquet_bytes, write_atomically
from attrition_assets.contract import Contract
from attrition_assets.errors import RegistryError, TrainingError
from attrition_assets.months import parse_month
from attrition_assets.training.reference import ReferenceData


@dataclass(frozen=True)
class ReferenceStore:
    """Tables under `home/assets/reference_data/<digest>.parquet`; `newest.json` names one."""

    home: Path
    contract: Contract

    @property
    def folder(self) -> Path:
        """Where all reference tables lie."""
        return self.home / "assets" / "reference_data"

    def keep(self, reference: ReferenceData) -> str:
        """Store a table under its digest, make it the newest, and return the digest."""
        content = to_parquet_bytes(reference.table)
        digest = content_digest(content)
        write_atomically(self.folder / f"{digest}.parquet", content)
        pointer = json.dumps({"digest": digest, "as_of": str(reference.as_of)})
        write_atomically(self.folder / "newest.json", pointer.encode())
        return digest

    def keep_sources(self, digest: str, sources: Mapping[str, str]) -> None:
        """Put on record which months, by the digests of their tables, went into a table."""
        content = json.dumps(dict(sources), indent=1, sort_keys=True).encode()
        write_atomically(self.folder / f"{digest}.sources.json", content)

    def sources(self, digest: str) -> dict[str, str]:
        """The months that went into a table. Raises TrainingError if they are not on record."""
        path = self.folder / f"{digest}.sources.json"
        if not path.is_file():
            raise TrainingError(
                f"{path} is absent, so what the table was made of is not known: restore the file, "
                "or materialize reference_data again"
            )
        sources: dict[str, str] = json.loads(path.read_text("utf-8"))
        return sources

    def read_newest(self) -> tuple[ReferenceData, str]:
        """The newest reference data and its digest."""
        path = self.folder / "newest.json"
        if not path.is_file():
            raise TrainingError("no reference data yet: materialize reference_data first")
        pointer = json.loads(path.read_text("utf-8"))
        return self.read(pointer["digest"], parse_month(pointer["as_of"])), pointer["digest"]

    def read(self, digest: str, as_of: pd.Period) -> ReferenceData:
        """The reference data of a digest.

        Raises RegistryError if it is absent or its bytes are not those of the digest.
        """
        path = self.folder / f"{digest}.parquet"
        content = path.read_bytes() if path.is_file() else b""
        if content_digest(content) != digest:
            raise RegistryError(
                f"{path} {'was changed' if content else 'is absent'}: a model's baseline must be "
                "the very table it was trained on; restore the file, or retrain and promote"
            )
        return ReferenceData(pd.read_parquet(io.BytesIO(content)), as_of, self.contract)
