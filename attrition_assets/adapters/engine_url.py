"""Which URLs lead to an engine of large tables. What is behind one is opened in `engine`."""

import re

from attrition_assets.errors import EngineError

DUCKDB = "duckdb://"
SPARK = re.compile(r"spark://.+|sc://.+|local(\[[^\]]+\])?|yarn|k8s://.+")
DATABASES = ("postgres", "postgresql", "snowflake", "bigquery")
ACCEPTED = (
    "duckdb://, with ?memory_limit=4GB&threads=4 if need be; Spark by its master, "
    "spark://host:7077, sc://host, yarn or local[4]; postgresql://, snowflake:// or bigquery://"
)


def check_engine_url(url: str) -> str:
    """The URL, if it is one of an engine. Raises EngineError that says what is accepted."""
    scheme = re.match(r"[a-z0-9]*", url).group()  # type: ignore[union-attr]
    if not (
        SPARK.fullmatch(url)
        or (url.startswith(f"{scheme}://") and scheme in ("duckdb", *DATABASES))
    ):
        raise EngineError(f"no engine has a URL that begins with {scheme!r}: give {ACCEPTED}")
    return url
