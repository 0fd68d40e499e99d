"""The table of metrics: a Parquet file a month, together one table; and its newest for Prometheus.

What the rows say is for `monitoring.metrics`.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from attrition_assets.adapters.files import alone, read_parquet, to_parquet_bytes, write_atomically
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.metrics import find_wrong_types
from attrition_assets.monitoring.prometheus import render_prometheus
from attrition_assets.months import list_months


@dataclass(frozen=True)
class MetricsTable:
    """The months under `home/metrics`, and the newest as text under `home/prometheus`.

    Apart, since whoever reads a folder as one table reads every file in it.
    """

    home: Path

    @property
    def folder(self) -> Path:
        """Where the months lie, and nothing else whose name has no dot before it."""
        return self.home / "metrics"

    @property
    def prometheus(self) -> Path:
        """What Prometheus' node exporter reads."""
        return self.home / "prometheus" / "attrition.prom"

    def path(self, month: pd.Period) -> Path:
        """Where a month's rows lie."""
        return self.folder / f"{month}.parquet"

    def months(self) -> list[pd.Period]:
        """The months in the table, in order."""
        return list(list_months(self.folder.glob("*.parquet")))

    def write(self, month: pd.Period, rows: pd.DataFrame) -> None:
        """Replace a month's rows, and the text if it is the newest."""
        write_atomically(self.path(month), to_parquet_bytes(rows))
        self.write_prometheus()

    def write_prometheus(self) -> None:
        """Write the text anew from the newest month; without any there is none.

        Raises SnapshotError if that month cannot be read.
        """
        if not self.folder.is_dir():
            return
        # One at a time, or an older month that is run beside the newest could end up as the text.
        with alone(self.folder / ".lock"):
            if months := self.months():
                text = render_prometheus(self.read(months[-1]))
                write_atomically(self.prometheus, text.encode())
            else:
                self.prometheus.unlink(missing_ok=True)

    def read(self, month: pd.Period) -> pd.DataFrame:
        """A month's rows.

        Raises SnapshotError if there are none, or if they are not of the documented schema.
        """
        path = self.path(month)
        mend = f"move it away, then materialize monthly_metrics for {month}"
        if not path.is_file():
            raise SnapshotError(
                f"no metrics of {month} at {path}: materialize monthly_metrics for it"
            )
        try:
            rows = read_parquet(path)
        except (OSError, ValueError) as error:
            why = str(error).splitlines()[0]
            raise SnapshotError(f"{path} cannot be read: {mend} ({why})") from None
        if wrong := find_wrong_types(rows):
            raise SnapshotError(
                f"{path} is not of this release's schema ({'; '.join(wrong)}): {mend}"
            )
        return rows

    def read_all(self) -> pd.DataFrame:
        """The rows of all months, in order. Raises SnapshotError that names a file, as `read`."""
        return pd.concat([self.read(month) for month in self.months()], ignore_index=True)
