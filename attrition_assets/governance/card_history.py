"""What a model card says of the time since: decisions on the version, and the months it scored."""

from collections.abc import Sequence

from attrition_assets.governance.card_facts import MOVES, ModelCard, MonthRecord
from attrition_assets.governance.decisions import Entry
from attrition_assets.governance.document import Block, Bullets, Picture, Section, Table
from attrition_assets.governance.intervals import Estimate
from attrition_assets.monitoring.decision import Decision
from attrition_assets.monitoring.report import Finding

MARKS = {Finding.DRIFT: "alarm", Finding.FAULT: "alarm", Finding.CANNOT_TELL: "unknown"}


def describe_state(version: int, decisions: Sequence[Entry]) -> str:
    """Whether the version is champion, by the last decision that moved it there or away."""
    moves = [each for each in decisions if each.kind in MOVES]
    if not moves:
        return "a challenger: nobody has promoted it"
    last = moves[-1]
    if last.facts.get("version") == version:
        return f"champion since {last.at:%Y-%m-%d}"
    return f"version {last.facts.get('version')} took its place on {last.at:%Y-%m-%d}"


def say_decisions(card: ModelCard) -> Section:
    """Who decided what about the version, and why."""
    if not card.decisions:
        return Section(title="What was decided about it", blocks=("Nothing is on record.",))
    rows = tuple(
        (
            str(each.number),
            f"{each.at:%Y-%m-%d}",
            _describe(each, card.version),
            each.who,
            each.why,
        )
        for each in card.decisions
    )
    header = ("entry", "date", "decision", "who", "why")
    return Section(title="What was decided about it", blocks=(Table(header=header, rows=rows),))


def _describe(entry: Entry, version: int) -> str:
    if entry.kind in MOVES and entry.facts.get("version") != version:
        return f"replaced by version {entry.facts.get('version')} ({entry.kind})"
    previous = entry.facts.get("previous")
    place = f", in place of version {previous}" if previous else ""
    override = ", by override" if entry.facts.get("override") else ""
    return f"{entry.kind}{place}{override}"


def say_history(card: ModelCard, pictures: Sequence[Picture]) -> Section:
    """What was found in each month that the version scored, and what followed."""
    title = "Month by month"
    if not card.history:
        return Section(title=title, blocks=("It has scored no month yet.",))
    header = (
        *("month", "people", "features moved", "scores moved", "leaving changed", "ranks worse"),
        *("AUC (95 %)", "retraining"),
    )
    return Section(
        title=title,
        blocks=(
            "What the drift report of each month that it scored found. The AUC is that of all "
            "outcomes since its training that were known by then, judged once a quarter; between, "
            "the last one stands.",
            *pictures,
            Table(
                header=header,
                rows=tuple(_list_cells(each) for each in card.history),
                marks=tuple(_mark(each) for each in card.history),
            ),
            *_explain_months(card.history),
        ),
    )


def _list_cells(month: MonthRecord) -> tuple[str, ...]:
    name = month.month if month.stands else f"{month.month} (sent again since, not judged again)"
    if month.advised is None:
        return (name, *("?",) * 6, "another release judged it")
    auc = "" if month.auc is None else f"{Estimate(**month.auc.model_dump(exclude={'promised'}))}"
    return (
        name,
        f"{month.people:,}",
        _answer(month.features, month.moved),
        _answer(month.scores),
        _answer(month.concept, month.concept_columns),
        _answer(month.performance),
        f"{auc}, {month.leavers} leavers" if auc else "-",
        _say_advice(month),
    )


def _answer(finding: Finding | None, columns: tuple[str, ...] = ()) -> str:
    if finding is None:
        return "?"
    named = ", ".join(columns[:3]) + (f" and {len(columns) - 3} more" if len(columns) > 3 else "")
    return f"{finding.answer}: {named}" if columns else finding.answer


def _say_advice(month: MonthRecord) -> str:
    advised = {
        Decision.RETRAIN: "advised",
        Decision.KEEP: "not advised",
        Decision.CANNOT_TELL: "cannot tell",
        None: "?",
    }[month.advised]
    if month.advised in (Decision.KEEP, None) or not month.followed:
        return advised
    return f"{advised}; {month.followed}"


def _mark(month: MonthRecord) -> str:
    found = (month.features, month.scores, month.concept, month.performance)
    marks = [MARKS.get(each, "") for each in found if each]
    return "alarm" if "alarm" in marks else "unknown" if "unknown" in marks else ""


def _explain_months(history: tuple[MonthRecord, ...]) -> list[Block]:
    points = [
        f"{month.month}: {'; '.join(month.reasons)}"
        for month in history
        if month.advised in (Decision.RETRAIN, Decision.CANNOT_TELL)
    ]
    points += [f"{each.month}: broken: {', '.join(each.broken)}" for each in history if each.broken]
    return [Bullets(points=tuple(points))] if points else []
