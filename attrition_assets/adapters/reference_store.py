"""Reference data on disk: each table under its own digest, and a pointer to the newest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from attrition_assets.adapters.files import (
    content_digest,
    read_parquet,
    to_parquet_bytes,
    write_atomically,
)
from attrition_assets.contract import Contract
from attrition_assets.errors import RegistryError, TrainingError
from attrition_assets.months import parse_month
from attrition_assets.training.reference import LABEL, STEP_LABEL, ReferenceData


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

    def read_newest(self, *, compact: bool = False) -> tuple[ReferenceData, str]:
        """The newest reference data and its digest; `compact` as in `read`."""
        path = self.folder / "newest.json"
        if not path.is_file():
            raise TrainingError("no reference data yet: materialize reference_data first")
        pointer = json.loads(path.read_text("utf-8"))
        as_of = parse_month(pointer["as_of"])
        return self.read(pointer["digest"], as_of, compact=compact), pointer["digest"]

    def read(self, digest: str, as_of: pd.Period, *, compact: bool = False) -> ReferenceData:
        """The reference data of a digest, with texts as categories if `compact`.

        Raises RegistryError if it is absent or its bytes are not those of the digest.
        """
        content = self._read_checked(digest)
        table = self._read_compact(content) if compact else read_parquet(content)
        return ReferenceData(table, as_of, self.contract)

    def read_outcomes(self, digest: str, as_of: pd.Period) -> ReferenceData:
        """What a champion is judged by: the monitored columns and the labels, compact.

        Raises RegistryError as `read` does.
        """
        columns = [self.contract.snapshot_date, *self.contract.monitored, LABEL, STEP_LABEL]
        content = self._read_checked(digest)
        return ReferenceData(self._read_compact(content, columns), as_of, self.contract)

    def read_labels(self, digest: str, as_of: pd.Period) -> ReferenceData:
        """Who stands in which snapshot with which label, and nothing else of them.

        Raises RegistryError as `read` does.
        """
        columns = [self.contract.id, self.contract.snapshot_date, LABEL, STEP_LABEL]
        content = self._read_checked(digest)
        return ReferenceData(self._read_compact(content, columns), as_of, self.contract)

    def _read_compact(self, content: bytes, columns: list[str] | None = None) -> pd.DataFrame:
        """Columns one by one, so that no more than one is held twice."""
        texts = [name for name, column in self.contract.columns.items() if column.is_text]
        table = pq.read_table(pa.BufferReader(content), columns=columns, read_dictionary=texts)
        compact: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
        return compact

    def read_newest_month(self, digest: str) -> pd.DataFrame:
        """The rows of the newest snapshot, as `ReferenceData.newest`, without reading the others.

        Raises RegistryError as `read` does.
        """
        content, date = self._read_checked(digest), self.contract.snapshot_date
        newest = read_parquet(content, columns=[date])[date].max()
        return read_parquet(content, filters=[(date, "==", newest)])

    def _read_checked(self, digest: str) -> bytes:
        path = self.folder / f"{digest}.parquet"
        content = path.read_bytes() if path.is_file() else b""
        if content_digest(content) != digest:
            raise RegistryError(
                f"{path} {'was changed' if content else 'is absent'}: a model's baseline must be "
                "the very table it was trained on; restore the file, or retrain and promote"
            )
        return content
