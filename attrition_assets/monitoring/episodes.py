"""The months as issues: one that lasts while something calls for a person, a closed one if not.

What each month tells comes in, and the issues as they should stand come out, the same whenever they
are asked for. Where they are sent is for `adapters.outbox`.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from attrition_assets.values import Value

LONGEST_BODY = 60_000  # characters; GitHub takes 65,536


class Label(StrEnum):
    """What an issue is found by."""

    DRIFT = "drift"
    RETRAINED = "retrained"
    NO_DRIFT = "no-drift"
    DATA_QUALITY = "data-quality"
    FAILED = "failed"


class MonthNews(Value):
    """What a month (`2026-01`) tells: its verdict and what was decided, each in a few words.

    `todo` is what one must do before the day `by`; `summary` the whole summary, as Markdown.
    """

    month: str
    verdict: str
    decided: str
    labels: tuple[Label, ...]
    todo: tuple[str, ...]
    by: str
    summary: str

    @property
    def calm(self) -> bool:
        """Whether nothing of it calls for a person."""
        return self.labels == (Label.NO_DRIFT,)


class Issue(Value):
    """An issue as it should stand. `key` is its first month, and tells it from all others."""

    key: str
    title: str
    body: str
    labels: tuple[Label, ...]
    is_open: bool

    @property
    def mark(self) -> str:
        """What its body begins with, wherever it was sent to: by this it is found again."""
        return f"<!-- attrition-assets: months from {self.key} -->"


def tell_issues(news: Iterable[MonthNews]) -> list[Issue]:
    """The issues of all months, in order.

    Months that are not calm share the issue of the first of them, open until a calm one follows; a
    calm month has a short one of its own, which is closed.
    """
    issues: list[Issue] = []
    episode: list[MonthNews] = []
    for each in sorted(news, key=lambda each: each.month):
        if not each.calm:
            episode.append(each)
            continue
        if episode:
            issues.append(_tell_episode(episode, over=each.month))
            episode = []
        issues.append(_tell_calm(each))
    if episode:
        issues.append(_tell_episode(episode, over=None))
    return issues


def _tell_calm(month: MonthNews) -> Issue:
    return _make_issue(month.month, f"{month.month}: {month.verdict}", [month.summary], [month])


def _tell_episode(months: Sequence[MonthNews], over: str | None) -> Issue:
    """One issue of several months: the newest whole, the others a line each."""
    first, newest = months[0], months[-1]
    lasting = f", since {first.month}" if len(months) > 1 else ""
    parts = []
    if over:
        parts.append(f"**Over: {over} was calm.** What is below is how it stood before.")
    elif newest.todo:
        todo = "\n".join(f"- {each}" for each in newest.todo)
        parts.append(f"**To do, before {newest.by}:**\n\n{todo}")
    parts.append(newest.summary)
    if earlier := months[-2::-1]:
        rows = "\n".join(f"| {each.month} | {each.verdict} | {each.decided} |" for each in earlier)
        parts.append(f"Before that:\n\n| month | found | decided |\n|---|---|---|\n{rows}")
    title = f"{newest.month}: {newest.verdict}{lasting}"
    return _make_issue(first.month, title, parts, months, is_open=over is None)


def _make_issue(
    key: str,
    title: str,
    parts: Sequence[str],
    months: Sequence[MonthNews],
    *,
    is_open: bool = False,
) -> Issue:
    said = {label for each in months for label in each.labels}
    issue = Issue(
        key=key,
        title=f"Attrition model, {title}"[:250],
        body="",
        labels=tuple(label for label in Label if label in said),
        is_open=is_open,
    )
    body = "\n\n".join((issue.mark, *(part.strip() for part in parts))) + "\n"
    if len(body) > LONGEST_BODY:
        body = f"{body[:LONGEST_BODY]}\n\nIt is longer: the rest is in the month's summary.\n"
    return issue.model_copy(update={"body": body})
