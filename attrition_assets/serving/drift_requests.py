"""What may be asked of the drift API: types made from the contract, nothing guessed.

A row is what the contract monitors of a person: features and protected attributes, no id. Of a
faulty row all fields are named, and of faulty rows the first: so that an answer stays short.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NotRequired

import numpy as np
import pandas as pd
from pydantic import Field, TypeAdapter, ValidationError, with_config
from pydantic_core import from_json
from typing_extensions import TypedDict

from attrition_assets.contract import Contract
from attrition_assets.serving.employees import STRICT, describe_column
from attrition_assets.serving.problems import explain_body

MOST_ROWS = 20_000
Rows = Sequence[Mapping[str, Any]]
Request = dict[str, Any]

# Below .001 the shuffles that resolve a level take longer than a request may.
Level = Annotated[
    float,
    Field(
        ge=0.001,
        le=0.5,
        description="the probability of an alarm when nothing changed; default a month's, by the "
        "monitoring policy",
    ),
]


def describe_feature_request(contract: Contract) -> TypeAdapter[Request]:
    """What reads the body of `POST /drift/feature`."""
    rows = _several(_describe_row(contract, contract.monitored))
    return _make("FeatureCheck", {"rows": rows, "reference": NotRequired[rows]})


def describe_score_request(contract: Contract) -> TypeAdapter[Request]:
    """What reads the body of `POST /drift/prediction` that has probabilities."""
    several = _several(Annotated[float, Field(ge=0, le=1)])
    return _make("ScoreCheck", {"probabilities": several, "reference": NotRequired[several]})


def describe_scoring_request(contract: Contract) -> TypeAdapter[Request]:
    """What reads the body of `POST /drift/prediction` that has rows, which are to be scored."""
    rows = _several(_describe_row(contract, contract.features))
    return _make("ScoringCheck", {"rows": rows, "reference": NotRequired[rows]})


def read_body(body: bytes, request: TypeAdapter[Request]) -> Request:
    """A body as it is declared. Raises ProblemError that names the first faulty row's fields."""
    try:
        return request.validate_json(body)
    except ValidationError as error:
        raise explain_body(error) from None


def asks_to_score(body: bytes) -> bool:
    """Whether a body has rows, which are to be scored, in place of probabilities."""
    try:
        read = from_json(body, allow_inf_nan=False)
    except ValueError:
        return False
    return isinstance(read, dict) and "rows" in read


def make_table(rows: Rows, names: Sequence[str], contract: Contract) -> pd.DataFrame:
    """Rows as a table of some columns, in the types in which a snapshot has them."""
    columns = {}
    for name in names:
        column, values = contract.columns[name], [row[name] for row in rows]
        if column.is_text:
            columns[name] = np.array(values, dtype=object)
        elif column.is_integer and not column.missing:
            columns[name] = np.array(values, dtype=np.int64)
        else:
            columns[name] = np.array(values, dtype=np.float64)
    return pd.DataFrame(columns)


def _describe_row(contract: Contract, needed: Sequence[str]) -> Any:
    """A row: what is `needed` of it, and whatever else is monitored, which may be left out."""
    described = {name: describe_column(contract.columns[name]) for name in contract.monitored}
    fields = {
        name: kind if name in needed else NotRequired[kind] for name, kind in described.items()
    }
    return with_config(STRICT)(TypedDict("Row", fields))  # type: ignore[operator]


def _several(kind: Any) -> Any:
    return Annotated[list[kind], Field(min_length=1, max_length=MOST_ROWS, fail_fast=True)]


def _make(name: str, fields: dict[str, Any]) -> TypeAdapter[Request]:
    options: dict[str, Any] = {"level": NotRequired[Level]}
    if name != "FeatureCheck":
        threshold = Annotated[
            float,
            Field(
                ge=0,
                le=1,
                description="from which probability on a person counts as flagged; default the "
                "champion's threshold, or 0.5 where there is no champion",
            ),
        ]
        options["flag_threshold"] = NotRequired[threshold]
    made: Any = with_config(STRICT)(TypedDict(name, fields | options))  # type: ignore[operator]
    return TypeAdapter(made)
