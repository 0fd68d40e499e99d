"""How the doctor's checks are asked, told and summed up. What is checked is beside this file."""

import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from sqlalchemy.exc import DatabaseError

from attrition_assets.adapters.mlflow_answers import mask_credentials
from attrition_assets.errors import AttritionError

ALL_WELL, WRONG, NOTHING_YET = 0, 1, 3
S = TypeVar("S")


class Outcome(StrEnum):
    """What became of a check. Only `OK` is well; `NOT_YET` is nothing there to be wrong."""

    OK = "ok"
    NOT_YET = "not yet"
    FAILED = "FAILED"
    NOT_CHECKED = "NOT CHECKED"


@dataclass(frozen=True)
class Answer:
    """What a check found, and what to do about it if it is not well."""

    outcome: Outcome
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Check(Generic[S]):
    """A question to a subject; `needs` names the checks without whose success it has no answer."""

    name: str
    ask: Callable[[S], Answer]
    remedy: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A check's answer under its name."""

    name: str
    outcome: Outcome
    found: str
    remedy: str

    def render(self) -> str:
        """A line, those that its text goes on with, and the remedy if something is to be done."""
        lines = textwrap.indent(self.found, " " * 16).strip()
        told = f"{self.outcome:<12} {self.name}: {lines}"
        return f"{told}\n{'':<13}-> {self.remedy}" if self.remedy else told


def well(found: str) -> Answer:
    """The answer of a check that holds."""
    return Answer(Outcome.OK, found)


def wrong(found: str, remedy: str = "") -> Answer:
    """The answer of a check that does not hold; without a remedy, the check's own is told."""
    return Answer(Outcome.FAILED, found, remedy)


def not_yet(found: str, remedy: str = "") -> Answer:
    """The answer where there is nothing yet that could be right or wrong."""
    return Answer(Outcome.NOT_YET, found, remedy)


def examine(checks: Iterable[Check[S]], subject: S) -> Iterator[Finding]:
    """Ask every check in order, each as soon as the one before is answered.

    A check whose needs did not hold is not asked: it is not known, and that is never well.
    """
    outcomes: dict[str, Outcome] = {}
    for check in checks:
        answer = _ask(check, subject, outcomes)
        outcomes[check.name] = answer.outcome
        remedy = answer.remedy or (check.remedy if answer.outcome == Outcome.FAILED else "")
        yield Finding(check.name, answer.outcome, mask_credentials(answer.found), remedy)


def render_verdict(findings: list[Finding]) -> tuple[str, int]:
    """The last line and the exit code."""
    failed = [each.name for each in findings if each.outcome == Outcome.FAILED]
    unknown = sum(each.outcome == Outcome.NOT_CHECKED for each in findings)
    if failed or unknown:
        more = f"; {unknown} could not be checked for that" if unknown else ""
        return f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}{more}", WRONG
    if absent := [each for each in findings if each.outcome == Outcome.NOT_YET]:
        step = next((each.remedy for each in absent if each.remedy), "make demo")
        names = ", ".join(each.name for each in absent)
        return f"nothing is wrong, but there is nothing yet of: {names}. Next: {step}", NOTHING_YET
    return f"all {len(findings)} checks hold", ALL_WELL


def _ask(check: Check[S], subject: S, outcomes: dict[str, Outcome]) -> Answer:
    for need in check.needs:
        if outcomes[need] == Outcome.NOT_YET:
            return not_yet(f"there is no {need} yet")
        if outcomes[need] != Outcome.OK:
            return Answer(Outcome.NOT_CHECKED, f"could not be checked: {need} does not hold")
    try:
        return check.ask(subject)
    except (AttritionError, OSError, DatabaseError) as error:
        return wrong(str(error).strip())
