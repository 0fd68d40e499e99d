"""What a column's name says: the words of it, and those that mean something here."""

import re

# Parts of a column's name, in lower case and between underscores.
NAMED_LABELS = (
    r"attrition|churn(ed)?|turnover|terminated|exited|quit|resigned|leavers?",
    r"(?<!._)((has_|is_)?left|left_company|has_gone)(?!_.)",  # the whole name: not left-handed
    r"status|active|employed",
)
NAMED_PRESENT = r"active|employed|present"
NAMED_ID = r"id|uid|uuid|number|no|nr|code|key|ssn|email|mail|username|login"
NAMED_PERSON = r"(employee|emp|person|staff|worker)_(id|number|no|nr|code|key)"
NAMED_CODE = r"id|code|key"
NAMED_DATE = r"snapshot|as_of|asof|period|month|report(ed|ing)?_date|extract(ed)?"
NAMED_LEAK = (
    r"exit|termination|terminated|termd|severance|separation|resignation|resigned|last_day|"
    r"last_working|offboard(ing|ed)?|leaving|left|end_date|departure|term_(date|reason)|churn(ed)?"
)
NAMED_PROTECTED = (
    r"gender|sex|age|dob|birth|born|race|ethnic(ity)?|religion|faith|disab(ility|led)|marital|"
    r"married|pregnan(t|cy)|nationality|citizen(ship)?|orientation|veteran|hispanic|latino|"
    r"parental|children|dependents"
)
NAMED_NAME = r"(manager|supervisor|boss|employee|first|last|middle|full)_names?|surname"
NAMED_COUNT = r"num|number|count|times|years|months|weeks|days|hours"
NAMED_PLACE = r"zip|zipcode|postal|postcode|plz|address|street|latitude|longitude|lat|lon"


def is_named(column: str, pattern: str) -> bool:
    """Whether whole words of a column's name match a pattern."""
    return re.search(f"_({pattern})_", _split(column)) is not None


def _split(column: str) -> str:
    """The words of a name in lower case, each between underscores: `_date_of_birth_`."""
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", column)
    return "_" + "_".join(re.findall(r"[a-z0-9]+", words.lower())) + "_"
