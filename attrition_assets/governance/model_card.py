"""What a model card says, in sections: words, lists and tables, and where its pictures stand.

The facts come as a `ModelCard`. Its uses and limits are in `card_uses`, the time since in
`card_history`.
"""

from collections.abc import Mapping
from itertools import chain

from attrition_assets.governance.card_facts import ModelCard, TrainingData
from attrition_assets.governance.card_history import say_decisions, say_history
from attrition_assets.governance.card_uses import (
    APPROVED,
    NOT_ALLOWED,
    list_limits,
    say_flag,
    say_what,
)
from attrition_assets.governance.document import (
    Block,
    Bullets,
    Document,
    Picture,
    Section,
    Table,
    render_markdown,
    render_page,
)
from attrition_assets.governance.fairness_page import tabulate_groups, tabulate_parts
from attrition_assets.governance.intervals import Estimate

SHOWN_COLUMNS, SHOWN_REASONS = 15, 5
# Where the pictures of a version's MLflow run stand; any other is shown with what weighs in it.
CALIBRATION, FAIRNESS, HISTORY = "calibration", "fairness", "history"


def render_model_card(card: ModelCard) -> str:
    """The card as Markdown."""
    return render_markdown(write_card(card))


def render_card_page(card: ModelCard, pictures: Mapping[str, bytes]) -> str:
    """The card as a page. `pictures` are PNGs by name: calibration, fairness, history, others."""
    return render_page(write_card(card, pictures))


def write_card(card: ModelCard, pictures: Mapping[str, bytes] | None = None) -> Document:
    """The card's sections, in order."""
    shown = {name: Picture(title=_caption(name), png=png) for name, png in (pictures or {}).items()}
    through = f"with the months judged up to {card.through}" if card.through else "before any month"
    return Document(
        title=f"Model card: version {card.version}",
        subtitle=f"{card.data.contract}, as of {card.data.as_of}; written {through}",
        sections=(
            say_what(card),
            Section(title="Approved uses", blocks=(Bullets(points=APPROVED),)),
            Section(
                title="Uses that are not allowed",
                blocks=(Bullets(points=NOT_ALLOWED), say_flag(card.audit)),
            ),
            Section(title="Limits", blocks=(Bullets(points=list_limits(card)),)),
            _say_data(card.data),
            _say_recipe(card),
            _say_merit(card, shown),
            _say_groups(card, shown),
            _say_weights(card, shown),
            _say_comparison(card),
            say_decisions(card),
            say_history(card, _pick(shown, HISTORY)),
        ),
    )


def _say_data(data: TrainingData) -> Section:
    protected = ", ".join(data.protected) or "none"
    taken_in = "; ".join(f"{name}, because: {why}" for name, why in data.taken_in.items())
    return Section(
        title="What it learned from",
        blocks=(
            Table(
                header=("fact", "value"),
                rows=(
                    ("reference data", data.digest),
                    ("outcomes known by", data.as_of),
                    ("snapshots", f"{len(data.months)}: {', '.join(data.months)}"),
                    ("people", f"{data.people:,}"),
                    ("outcomes", f"{data.rows:,}, a row for each person and snapshot"),
                    (
                        "of those, left",
                        f"{data.leavers:,} ({data.leavers / data.rows:.1%}), within "
                        f"{data.horizon_months} months",
                    ),
                ),
            ),
            f"{len(data.features)} features: {', '.join(data.features)}.",
            f"Protected, left out of the model and used to audit it: {protected}.",
            f"Protected, and features all the same: {taken_in or 'none'}.",
            f"Ignored: {', '.join(data.ignored)}." if data.ignored else "No column is ignored.",
            "More of these data: `datasheet.md`, beside this card.",
        ),
    )


def _say_recipe(card: ModelCard) -> Section:
    again = (
        "The same data give the same model."
        if card.recipe.reproducible
        else "A time cap cut its search short, or several workers shared it: the same data may "
        "give another model."
    )
    return Section(
        title="How it was made",
        blocks=(
            f"Recipe {card.recipe.name}. {again}",
            Table(header=("parameter", "value"), rows=tuple(sorted(card.recipe.params.items()))),
        ),
    )


def _say_merit(card: ModelCard, pictures: Mapping[str, Picture]) -> Section:
    data, merit = card.data, card.merit
    rows = tuple((name, *_spread(each)) for name, each in merit.measures.items())
    sampled = (
        ""
        if merit.measured_rows == data.rows
        else f" Measured on {merit.measured_rows:,} of them, of people drawn at random."
    )
    return Section(
        title="How well it does on people it has not seen",
        blocks=(
            f"Out of fold: each of the {data.rows:,} outcomes is predicted by a model that did not "
            f"learn from that person.{sampled} The intervals count a person once, however many "
            "rows are theirs, and do not tell how another training would differ.",
            Table(header=("measure", "value", "95 % interval"), rows=rows),
            f"Calibration: slope {merit.calibration_slope} (1 is right; below, probabilities are "
            f"too extreme; above, too tame), mean error {merit.calibration_error:.3f} over tenths.",
            *_pick(pictures, CALIBRATION),
        ),
    )


def _say_groups(card: ModelCard, pictures: Mapping[str, Picture]) -> Section:
    title, audit = "How it does on groups", card.audit
    if audit is None:
        none = (
            "There was no audit: the contract declares no protected attribute."
            if not (card.data.protected or card.data.taken_in)
            else "There was no audit: the check `fair_to_groups` of its training says why."
        )
        return Section(title=title, blocks=(none,))
    single = [part for part in audit.partitions if len(part.attributes) == 1]
    chance = "" if audit.p_value is None else f" (p = {audit.p_value:.2g} over the worst group)"
    return Section(
        title=title,
        blocks=(
            f"Verdict: {audit.verdict}{chance}. {audit.people:,} people, each by the newest of "
            f"their rows, out of fold. Groups of fewer than "
            f"{audit.policy.smallest(audit.people):.0f} show no numbers.",
            *_list_reasons(audit.reasons),
            *(tabulate_groups(part, audit.policy, audit.people) for part in single),
            "In brackets: 95 % intervals. Ratio: flagged, over the most favoured group's. Recall: "
            "flagged of those who left; false flags: of those who stayed.",
            "By attribute and by pair of them (the groups of the pairs: `fairness.md` of its "
            "MLflow run):",
            tabulate_parts(audit),
            *_pick(pictures, FAIRNESS),
        ),
    )


def _list_reasons(reasons: tuple[str, ...]) -> list[Block]:
    if not reasons:
        return []
    rest = len(reasons) - SHOWN_REASONS
    more = (f"{rest} more in `fairness.md` of its MLflow run",) if rest > 0 else ()
    return [Bullets(points=(*reasons[:SHOWN_REASONS], *more))]


def _say_weights(card: ModelCard, pictures: Mapping[str, Picture]) -> Section:
    ranked = sorted(card.importance.items(), key=lambda item: (-item[1], item[0]))
    if ranked:
        rest = len(ranked) - SHOWN_COLUMNS
        more = f" The other {rest} weigh less." if rest > 0 else ""
        said: list[Block] = [
            "The mean absolute contribution of a column to the log-odds of leaving, over the "
            "people of the newest snapshot when it was trained, a sample of them where they are "
            f"many.{more}",
            Table(
                header=("column", "contribution"),
                rows=tuple((name, f"{value:.3f}") for name, value in ranked[:SHOWN_COLUMNS]),
            ),
        ]
    else:
        said = ["What each column contributes is not on record."]
    others = [name for name in pictures if name not in (CALIBRATION, FAIRNESS, HISTORY)]
    return Section(
        title="What weighs in it", blocks=(*said, *chain(*(_pick(pictures, n) for n in others)))
    )


def _say_comparison(card: ModelCard) -> Section:
    title, advice = "Against the champion of its time", card.comparison
    if card.evidence_fault:
        return Section(title=title, blocks=(f"Unknown: {card.evidence_fault}.",))
    if advice is None:
        none = "It was held against none: there was no champion."
        if card.compared_with:
            none = f"It was never held against version {card.compared_with}, the champion then."
        return Section(title=title, blocks=(none,))
    return Section(
        title=title,
        blocks=(
            f"Against version {card.compared_with}, on people that neither had learned from: "
            f"{advice.verdict}.",
            Bullets(points=advice.reasons),
        ),
    )


def _spread(each: Estimate) -> tuple[str, str]:
    return f"{each.value:.3f}", f"{each.low:.3f} to {each.high:.3f}"


def _pick(pictures: Mapping[str, Picture], name: str) -> list[Picture]:
    return [pictures[name]] if name in pictures else []


def _caption(name: str) -> str:
    return {
        CALIBRATION: "Calibration: the share that left against the predicted probability",
        FAIRNESS: "How often groups are flagged, over the most favoured group",
        HISTORY: "AUC on known outcomes, month by month, with 95 % intervals; the line is what it "
        "promised out of fold",
    }.get(name, name.replace("_", " ").capitalize())
