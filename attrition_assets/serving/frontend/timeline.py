"""The months as the two APIs know them together: scores of one, verdicts of the other."""

from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from attrition_assets.serving.frontend.charts import Point, draw_line
from attrition_assets.serving.frontend.client import Kind, Part, Trouble
from attrition_assets.serving.frontend.words import show_count, show_share

CALLS, UNREADABLE = "retrain", "unreadable"


@dataclass(frozen=True)
class Month:
    """One month; `scores` or `verdicts` are empty where its API knows nothing of it."""

    name: str
    scores: dict[str, Any] = field(default_factory=dict)
    verdicts: dict[str, Any] = field(default_factory=dict)

    @property
    def findings(self) -> dict[str, str]:
        """What each judge found."""
        return dict(self.verdicts.get("findings") or {})

    @property
    def auc(self) -> Point:
        """How well leavers were ranked, with its interval where there is one."""
        told = self.verdicts.get("auc")
        if self.findings.get("performance") == "not_due" or told is None:
            return Point(self.name, None)
        if not isinstance(told, dict):
            return Point(self.name, float(told))
        return Point(self.name, told.get("value"), told.get("low"), told.get("high"))

    @property
    def promised(self) -> float | None:
        """The AUC that the champion promised."""
        told = self.verdicts.get("auc")
        return told.get("promised") if isinstance(told, dict) else None


@dataclass(frozen=True)
class Timeline:
    """All months in order, and what each API said when it was asked for them."""

    months: tuple[Month, ...]
    scored: Part
    judged: Part

    @property
    def latest(self) -> Month | None:
        """The newest month that was scored."""
        known = [month for month in self.months if month.scores.get("state") == "scored"]
        return known[-1] if known else None

    @property
    def status(self) -> int:
        """200 if there is anything to show."""
        return 200 if self.scored.data or self.judged.data else self.scored.status

    def find(self, name: str) -> Month | None:
        """A month by its name."""
        return next((month for month in self.months if month.name == name), None)

    def beside(self, name: str) -> tuple[str | None, str | None]:
        """The months before and after one."""
        names = [month.name for month in self.months]
        if name not in names:
            return None, None
        at = names.index(name)
        before = names[at - 1] if at else None
        return before, names[at + 1] if at + 1 < len(names) else None

    @property
    def has_intervals(self) -> bool:
        """Whether the drift API tells how sure an AUC is."""
        return any(month.auc.low is not None for month in self.months)

    @property
    def marks(self) -> dict[str, str]:
        """What befell the months, as the charts mark it."""
        marks = {}
        for month in self.months:
            if month.verdicts.get("decision") == CALLS:
                marks[month.name] = "alarm"
            elif month.scores.get("state") == "refused":
                marks[month.name] = "gap"
        return marks

    def draw(self, what: str, title: str) -> Markup:
        """A number of the scores by month."""
        show = show_count if what == "headcount" else show_share
        points = [Point(month.name, month.scores.get(what)) for month in self.months]
        return draw_line(points, show, title, marks=self.marks, from_zero=what != "headcount")

    def draw_auc(self, here: str = "") -> Markup:
        """The AUC by month with its intervals; the month `here` is marked."""
        points = [month.auc for month in self.months]
        return draw_line(
            points,
            lambda value: f"{value:.2f}",
            "AUC by month",
            marks=self.marks,
            from_zero=False,
            here=here,
        )


def merge_months(scored: Part, judged: Part) -> Timeline:
    """One timeline of what both APIs answered; what has no list of months counts as trouble."""
    scored, judged = _require_months(scored, "prediction API"), _require_months(judged, "drift API")
    scores = {each["month"]: each for each in (scored.data or {}).get("months", ())}
    verdicts = {
        each["month"]: each
        for each in (judged.data or {}).get("months", ())
        if each.get("findings") or each.get("state") == UNREADABLE  # others only came
    }
    months = tuple(
        Month(name, scores.get(name, {}), verdicts.get(name, {}))
        for name in sorted({*scores, *verdicts})
    )
    return Timeline(months, scored, judged)


def _require_months(part: Part, service: str) -> Part:
    if part.trouble is not None:
        return part
    months = part.data.get("months") if isinstance(part.data, dict) else None
    if isinstance(months, list) and all(isinstance(m, dict) and "month" in m for m in months):
        return part
    return Part(trouble=Trouble(service, Kind.ODD, "it answered no list of months"))
