"""The form of a live prediction: fields from the API's own description, answers back at the fields.

What a value must be is decided by the API alone; a text that is no number is sent as it was typed,
and the API says what is wrong with it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attrition_assets.serving.frontend.client import Kind, Trouble
from attrition_assets.serving.frontend.words import name_column

REQUIRED = "Field required"  # as the API says it
WIDEST_CHOICE = 10  # whole numbers in a range as narrow are chosen from a list
_WHOLE, _NUMBER = re.compile(r"[+-]?\d+"), re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


@dataclass
class Field:
    """One input: its name in the API, its type, what it accepts, and what was typed into it."""

    name: str
    kind: str
    choices: tuple[str, ...] = ()
    hint: str = ""
    nullable: bool = False
    typed: str = ""
    fault: str = ""
    label: str = field(init=False)

    def __post_init__(self) -> None:
        self.label = name_column(self.name)

    def read(self) -> Any:
        """What was typed, as the API takes it where it can be read so."""
        text = self.typed.strip()
        if not text and self.nullable:
            return None
        if self.kind == "integer" and _WHOLE.fullmatch(text):
            return int(text)
        if self.kind == "number" and _NUMBER.fullmatch(text):
            return float(text)
        return text


def list_fields(document: Mapping[str, Any]) -> list[Field]:
    """The fields of an employee, from an OpenAPI document. Raises Trouble if it has none."""
    try:
        schema = _content(document)["schema"]["properties"]["employees"]["items"]
        return [_read_field(name, part) for name, part in schema["properties"].items()]
    except (KeyError, TypeError, AttributeError):
        raise Trouble(
            "prediction API", Kind.ODD, "it does not describe what an employee is"
        ) from None


def fill_in(fields: list[Field], typed: Mapping[str, str]) -> None:
    """Put what was typed back into the fields."""
    for each in fields:
        each.typed = typed.get(each.name, "")[:200]


def fill_with_example(fields: list[Field], document: Mapping[str, Any]) -> None:
    """Fill in the example of the API's description: it is nobody."""
    example = _content(document).get("example") or {}
    employees = example.get("employees") or [{}]
    for each in fields:
        value = employees[0].get(each.name)
        each.typed = "" if value is None else str(value)


def make_employee(fields: list[Field]) -> dict[str, Any]:
    """The employee to ask about; a field that was left empty is left out."""
    return {each.name: each.read() for each in fields if each.typed.strip() or each.nullable}


def put_faults(fields: list[Field], trouble: Trouble) -> list[str]:
    """Put what the API says at its fields; return what belongs to none of them."""
    rest, by_name = [], {each.name: each for each in fields}
    for error in trouble.errors:
        place, said = str(error.get("field", "")), str(error.get("message", ""))
        found = next((each for part in place.split(".") if (each := by_name.get(part))), None)
        if found is None:
            rest.append(f"{place}: {said}")
        elif not found.fault:
            found.fault = _say(said, found)
    for each in fields:  # the API names the first faults only
        if trouble.errors and not (each.typed.strip() or each.nullable or each.fault):
            each.fault = _say(REQUIRED, each)
    return rest or ([] if trouble.errors else [trouble.detail])


def _content(document: Mapping[str, Any]) -> Any:
    body = document["paths"]["/predict"]["post"]["requestBody"]
    return body["content"]["application/json"]


def _read_field(name: str, schema: Mapping[str, Any]) -> Field:
    options = schema.get("anyOf") or [schema]
    nullable = any(each.get("type") == "null" for each in options)
    (part, *_) = [each for each in options if each.get("type") != "null"]
    levels = part.get("enum") or ([part["const"]] if "const" in part else [])
    kind = str(part.get("type") or ("integer" if _all_whole(levels) else "string"))
    low, high = part.get("minimum"), part.get("maximum")
    if not levels and kind == "integer" and _is_narrow(low, high):
        levels = list(range(int(low or 0), int(high or 0) + 1))
    hint = ""
    if not levels and low is not None and high is not None and abs(high) < 2**60:
        hint = f"{low:,g} to {high:,g}" + ("" if kind == "number" else ", whole")
    elif not levels:
        hint = "a whole number" if kind == "integer" else ""
    hint += (", or empty if not known" if hint else "may be empty") if nullable else ""
    return Field(name, kind, tuple(map(str, levels)), hint, nullable)


def _all_whole(levels: list[Any]) -> bool:
    return bool(levels) and all(type(level) is int for level in levels)


def _is_narrow(low: Any, high: Any) -> bool:
    return low is not None and high is not None and high - low < WIDEST_CHOICE


def _say(said: str, at: Field) -> str:
    """The API's words, as they help at a field."""
    if said == REQUIRED:
        return "Choose one" if at.choices else "Fill this in"
    return said.replace("Input should be", "It should be")
