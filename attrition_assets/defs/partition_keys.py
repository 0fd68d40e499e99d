"""The keys of partitions: a month's, a unit's, and that of a unit's month. Nobody else reads them.

A month is `2026-01-01`; a unit is its name. Dagster joins the two, in the order of the names of
their dimensions, `month` and `unit`: `2026-01-01|north`.
"""

import pandas as pd

from attrition_assets.months import parse_month, partition_key

SEPARATOR = "|"


def month_key(month: pd.Period, unit: str | None = None) -> str:
    """The key of a month, or of a unit's month.

    >>> month_key(parse_month("2026-01")), month_key(parse_month("2026-01"), "north")
    ('2026-01-01', '2026-01-01|north')
    """
    key = partition_key(month)
    return key if unit is None else f"{key}{SEPARATOR}{unit}"


def read_key_month(key: str) -> pd.Period:
    """The month of a key. Raises ValueError if it has none, as the key of a unit alone.

    >>> str(read_key_month("2026-01-01|north"))
    '2026-01'
    """
    return parse_month(key.partition(SEPARATOR)[0])


def is_of_unit(key: str, unit: str | None) -> bool:
    """Whether a key is a unit's, or that of one of its months; without units, that of no unit.

    A key that is empty is that of no partition.

    >>> is_of_unit("2026-01-01|north", "north"), is_of_unit("north", "north")
    (True, True)
    >>> is_of_unit("2026-01-01|north", "south"), is_of_unit("2026-01-01", None)
    (False, True)
    """
    if unit is None:  # of a month alone, or of no partition
        return SEPARATOR not in key and not key[:1].isalpha()
    return read_key_unit(key) == unit


def read_key_unit(key: str) -> str:
    """The unit of a key, of which it is the last part.

    >>> read_key_unit("2026-01-01|north"), read_key_unit("north")
    ('north', 'north')
    """
    return key.rpartition(SEPARATOR)[2]
