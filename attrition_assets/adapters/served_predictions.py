"""The table of answered predictions, in a SQLite file or in a PostgreSQL database.

Rows are kept apart by request and row: what is written again stands once.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    inspect,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from attrition_assets.adapters.database import Database, parse_url
from attrition_assets.errors import DatabaseError

SETTING = "ATTRITION_SERVED_PREDICTIONS"
ACCEPTED = ("sqlite", "postgresql")
CONNECT_SECONDS, LOCKED_SECONDS = 5, 2  # until a database that does not answer counts as away
Rows = list[dict[str, Any]]

METADATA = MetaData()
SERVED = Table(
    "served_predictions",
    METADATA,
    Column("request_id", String(32), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("employee", String(200), nullable=False, index=True),
    Column("probability", Float(53), nullable=False),
    Column("flag", Boolean, nullable=False),
    Column("threshold", Float(53), nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("reasons", String, nullable=False),
    Column("asked_by", String(200), nullable=False),
    Column("scored_at", DateTime(timezone=True), nullable=False),
)

INSERTS = {  # made once: to make one takes as long as to run it
    "sqlite": sqlite.insert(SERVED).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(SERVED).on_conflict_do_nothing(),
}


@dataclass(frozen=True)
class ServedPredictions:
    """The table behind one SQLAlchemy URL; made when it is first written to."""

    url: SecretStr

    @cached_property
    def database(self) -> Database:
        """The database, which explains its errors without a password."""
        return Database(self.url, SETTING)

    @cached_property
    def engine(self) -> Engine:
        """Connections that stay open. SQLite files are made, and written ahead (WAL).

        Raises DatabaseError for any other kind of database.
        """
        url = parse_url(self.url)
        if url.get_backend_name() not in ACCEPTED:
            raise DatabaseError(
                f"{self.database.name} cannot keep served predictions: name a SQLite file or a "
                f"PostgreSQL database in {SETTING}"
            )
        if url.get_backend_name() == "postgresql":
            options = {"connect_timeout": CONNECT_SECONDS}
            return create_engine(
                url, connect_args=options, pool_pre_ping=True, hide_parameters=True
            )
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": LOCKED_SECONDS}, hide_parameters=True)

        @event.listens_for(engine, "connect")
        def _write_ahead(connection: Any, _: object) -> None:
            # A killed process loses nothing that was committed; only a machine without power may.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")

        return engine

    def write(self, rows: Rows) -> None:
        """Store rows, all or none; those that stand there already stand once.

        Raises DatabaseError.
        """
        with self.database.speaking(), self.engine.begin() as connection:
            if "made" not in self.__dict__:
                METADATA.create_all(connection)
            if rows:
                connection.execute(INSERTS[connection.dialect.name], rows)
        self.__dict__["made"] = True

    def read(self, limit: int, request_id: str | None = None) -> Rows:
        """The first rows, of one request or of any, in order. Raises DatabaseError."""
        found = select(SERVED).order_by(SERVED.c.scored_at, SERVED.c.request_id, SERVED.c.row)
        if request_id is not None:
            found = found.where(SERVED.c.request_id == request_id)
        with self.database.reading() as connection:
            return [dict(row._mapping) for row in connection.execute(found.limit(limit))]

    def count_before(self, instant: datetime) -> int:
        """How many rows were scored before an instant in UTC. Raises DatabaseError."""
        if not self._is_made():
            return 0
        found = select(func.count()).where(SERVED.c.scored_at < instant)
        with self.database.reading() as connection:
            return int(connection.execute(found).scalar_one())

    def remove_before(self, instant: datetime) -> None:
        """Remove the rows that were scored before an instant in UTC. Raises DatabaseError."""
        if self._is_made():
            with self.database.writing() as connection:
                connection.execute(delete(SERVED).where(SERVED.c.scored_at < instant))

    def _is_made(self) -> bool:
        """Whether anything was ever written: the table is there."""
        url = parse_url(self.url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            return False
        with self.database.reading() as connection:
            return inspect(connection).has_table(SERVED.name)

    def close(self) -> None:
        """End all connections."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def remove(self, rows: Rows) -> None:
        """Remove rows that stand elsewhere now. Raises DatabaseError."""
        keys = [(row["request_id"], row["row"]) for row in rows]
        gone = delete(SERVED).where(tuple_(SERVED.c.request_id, SERVED.c.row).in_(keys))
        with self.database.speaking(), self.engine.begin() as connection:
            connection.execute(gone)
