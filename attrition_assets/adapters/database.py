"""A company's own database: opened to read or to write, its errors in words, its URL kept secret.

What is read is in `snapshot_database.py`, what is written in `prediction_table.py`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
)

from attrition_assets.errors import DatabaseError

CONNECT_SECONDS = 10
SHORTEST_SECRET = 4  # to mask less would only garble
TABLE_NAME = re.compile(r"([A-Za-z_]\w*\.)?[A-Za-z_]\w*")
QUERY = re.compile(r"\(*\s*(select|with)\b", re.IGNORECASE)
EXAMPLE = "postgresql://reader:PASSWORD@db.example/hr or sqlite:////data/hr.db"


@dataclass(frozen=True)
class Database:
    """What a SQLAlchemy URL leads to. Neither its representation nor its errors show the URL.

    `setting` is where the URL is from, for who reads the errors.
    """

    url: SecretStr
    setting: str = "ATTRITION_DATABASE"

    @property
    def name(self) -> str:
        """What people may read of the URL: the kind of database, its name and its host."""
        url = parse_url(self.url)
        host = url.host or url.query.get("host")
        where = f" on {host}" if host else ""
        return f"the {url.get_backend_name()} database {url.database}{where}"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that cannot write: SQLite and PostgreSQL refuse, elsewhere none is kept.

        Raises DatabaseError.
        """
        with self.speaking(), self._open(writes=False) as engine, engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in one transaction: all that is written stands, or nothing.

        Raises DatabaseError; IntegrityError if rows stand in the way of those written.
        """
        with self.speaking(), self._open(writes=True) as engine, engine.begin() as connection:
            yield connection

    @contextmanager
    def _open(self, writes: bool) -> Iterator[Engine]:
        url, options = parse_url(self.url), {}
        if url.get_backend_name() == "sqlite":
            url = _open_file(url, writes, self.setting)
        if url.drivername == "postgresql+psycopg" and "connect_timeout" not in url.query:
            options = {"connect_timeout": CONNECT_SECONDS}
        try:
            engine = create_engine(
                url, connect_args=options, poolclass=NullPool, hide_parameters=True
            )
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            is_postgres = url.get_backend_name() == "postgresql"
            advice = "pip install 'attrition-assets[postgres]'" if is_postgres else "with pip"
            raise DatabaseError(
                f"{self.name} cannot be opened: {error}: install its driver ({advice})"
            ) from None
        except (ArgumentError, ValueError, TypeError):
            raise DatabaseError(
                f"{self.name} cannot be opened: an option after the ? of {self.setting} is not "
                "one that its driver takes"
            ) from None
        try:
            yield engine
        finally:
            engine.dispose()

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Turn what the database says into a DatabaseError that shows no secret."""
        try:
            yield
        except IntegrityError:
            raise
        except (SQLAlchemyError, UnicodeError) as error:
            raise DatabaseError(
                f"{self.name} does not do what is asked of it: {self.explain(error)}; correct "
                f"{self.setting} or what it should read or write, and do it again"
            ) from None

    def explain(self, error: Exception) -> str:
        """The first line of what the database said, without what may be a value or a password."""
        if isinstance(error, DataError):
            return "a value does not fit what is asked of it (it is not shown)"
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        url = parse_url(self.url)
        for secret in {str(url.password or ""), *map(str, url.query.values())}:
            if len(secret) >= SHORTEST_SECRET and secret != url.query.get("host"):
                said = said.replace(secret, "***")
        return next(iter(said.splitlines()), type(error).__name__)


def parse_url(url: SecretStr) -> URL:
    """The parts of a database's URL; PostgreSQL's driver is psycopg unless another is named.

    Raises DatabaseError that does not show the URL.
    """
    try:
        parts = make_url(url.get_secret_value())
    except (ArgumentError, ValueError):
        raise DatabaseError(f"is no SQLAlchemy URL such as {EXAMPLE} (it is not shown)") from None
    if "@" in f"{parts.host}{parts.database}":
        raise DatabaseError("has an @ too many (it is not shown): write one in a password as %40")
    if parts.drivername in ("postgresql", "postgres"):
        return parts.set(drivername="postgresql+psycopg")
    return parts


def check_source(source: str) -> str:
    """A table's name or a SELECT, stripped. Raises DatabaseError if it is neither."""
    source = source.strip()
    if not (TABLE_NAME.fullmatch(source) or QUERY.match(source)):
        raise DatabaseError(
            f"{source!r} is neither a table such as hr.headcount nor a query that begins with "
            "SELECT or WITH"
        )
    return source


def split_name(table: str) -> tuple[str, str | None]:
    """The name and the schema, if there is one, of `snapshots` or `hr.snapshots`."""
    schema, _, name = table.rpartition(".")
    return name, schema or None


def _open_file(url: URL, writes: bool, setting: str) -> URL:
    """The URL of a SQLite file that must be there: SQLite itself would make an empty one."""
    path = Path(url.database or "")
    if not url.database or not path.is_file():
        raise DatabaseError(
            f"there is no SQLite file {url.database or '(none is named)'}: correct "
            f"{setting}, such as sqlite:////data/hr.db with four strokes for a whole path"
        )
    if writes:
        return url
    readable = f"file:{quote(str(path.absolute()))}"
    return url.set(database=readable).update_query_dict({"mode": "ro", "uri": "true"})
