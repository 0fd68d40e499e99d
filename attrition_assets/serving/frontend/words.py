"""Numbers, columns and findings in words, as the pages show them. Escaping is for the templates."""

import math
import re
from typing import Any

from markupsafe import Markup, escape

NONE = "-"
FEW = "too few"
# Finding of a drift report: its word, and its mark.
FINDINGS = {
    "drift": ("drift", "alarm"),
    "fault": ("broken", "alarm"),
    "no_drift": ("none", "calm"),
    "no_fault": ("sound", "calm"),
    "not_due": ("not due", "waits"),
    "cannot_tell": ("cannot tell", "unknown"),
}
DECISIONS = {
    "retrain": ("retraining advised", "alarm"),
    "keep": ("retraining not advised", "calm"),
    "cannot_tell": ("whether to retrain cannot be told", "unknown"),
}
DECISIONS_SHORT = {
    "retrain": ("advised", "alarm"),
    "keep": ("no", "calm"),
    "cannot_tell": ("cannot tell", "unknown"),
}
FAIRNESS = {
    "pass": ("pass", "calm"),
    "insufficient data": ("too few people", "waits"),
    "look": ("to be looked at", "unknown"),
    "fail": ("fail", "alarm"),
}
STATES = {
    "scored": ("scored", "calm"),
    "refused": ("refused", "alarm"),
    "not scored": ("not scored", "waits"),
}
QUESTIONS = {
    "data_quality": "Are data broken?",
    "feature_drift": "Have the people changed?",
    "prediction_drift": "Have the scores moved?",
    "concept_drift": "Do people leave for other reasons?",
    "performance": "Does the champion rank worse?",
    "champion_age": "Is the champion too old?",
}
SHORT = {
    "data_quality": "Data",
    "feature_drift": "Features",
    "prediction_drift": "Scores",
    "concept_drift": "Concept",
    "performance": "Performance",
    "champion_age": "Age",
}
_CODE = re.compile("`([^`]+)`")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def name_column(name: str) -> str:
    """A column's name as people write it.

    >>> name_column("YearsWithCurrManager"), name_column("pay_grade"), name_column("HRScore")
    ('Years with curr manager', 'Pay grade', 'HR score')
    """
    words = [word if len(word) > 1 and word.isupper() else word.lower() for word in _split(name)]
    text = " ".join(words) or name
    return text[0].upper() + text[1:]


def show_share(value: Any, digits: int = 1) -> str:
    """A share in percent; that there are too few to tell where it is None."""
    return FEW if value is None else f"{100 * float(value):.{digits}f} %"


def show_count(value: Any) -> str:
    """A count with its thousands apart."""
    return NONE if value is None else f"{int(value):,}"


def show_number(value: Any, digits: int = 3) -> str:
    """A number with so many decimals."""
    return NONE if value is None else f"{float(value):.{digits}f}"


def show_p(value: Any) -> str:
    """A p-value in as many digits as it deserves."""
    if value is None:
        return NONE
    return "< 0.0001" if value < 0.0001 else f"{float(value):.2g}"


def show_date(value: Any) -> str:
    """The day of a date and time."""
    return str(value or "")[:10]


def show_code(text: Any) -> Markup:
    """Text in which what stands between backticks is code.

    >>> show_code("see `a<b>`")
    Markup('see <code>a&lt;b&gt;</code>')
    """
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def show_factor(log_odds: float) -> str:
    """What is added to the log-odds, as what it does to the odds.

    >>> show_factor(0.3), show_factor(0.9)
    ('raises the odds of leaving by 35 %', 'multiplies the odds of leaving by 2.5')
    """
    factor = math.exp(log_odds)
    if factor >= 2:
        return f"multiplies the odds of leaving by {factor:.1f}"
    return f"raises the odds of leaving by {100 * (factor - 1):.0f} %"


def _split(name: str) -> list[str]:
    return _WORD.findall(name)
