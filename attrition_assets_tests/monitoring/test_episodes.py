"""Months as issues: one that lasts while something is wrong, a closed one of each calm month."""

import pytest

from attrition_assets.monitoring.episodes import LONGEST_BODY, Issue, Label, MonthNews, tell_issues

LABELS = {"c": Label.NO_DRIFT, "d": Label.DRIFT, "q": Label.DATA_QUALITY, "f": Label.FAILED}


def tell(month: int, kind: str) -> MonthNews:
    return MonthNews(
        month=f"2026-{month:02}",
        verdict={"c": "no drift", "d": "drift: features (Pay)"}.get(kind, kind),
        decided="Retraining is advised" if kind == "d" else "Nothing",
        labels=(LABELS[kind],),
        todo=() if kind == "c" else (f"look at {month}",),
        by=f"2026-{month + 2:02}-01",
        summary=f"# 2026-{month:02}\n\nAll of it.\n",
    )


def tell_all(kinds: str) -> list[Issue]:
    return tell_issues(tell(number, kind) for number, kind in enumerate(kinds, start=1))


@pytest.mark.parametrize(
    ("kinds", "keys", "open_ones"),
    [
        ("", [], []),
        ("cc", ["2026-01", "2026-02"], []),
        ("d", ["2026-01"], ["2026-01"]),
        ("cdqf", ["2026-01", "2026-02"], ["2026-02"]),
        ("ddcd", ["2026-01", "2026-03", "2026-04"], ["2026-04"]),
    ],
)
def test_what_is_not_calm_shares_an_issue_until_a_calm_month(
    kinds: str, keys: list[str], open_ones: list[str]
) -> None:
    issues = tell_all(kinds)
    assert [issue.key for issue in issues] == keys
    assert [issue.key for issue in issues if issue.is_open] == open_ones
    assert tell_issues(reversed([tell(n, k) for n, k in enumerate(kinds, 1)])) == issues


def test_a_lasting_issue_tells_the_newest_month_first_and_what_to_do() -> None:
    (issue,) = tell_all("dqd")
    assert issue.title == "Attrition model, 2026-03: drift: features (Pay), since 2026-01"
    assert issue.labels == (Label.DRIFT, Label.DATA_QUALITY)
    assert issue.body.splitlines()[:5] == [
        "<!-- attrition-assets: months from 2026-01 -->",
        "",
        "**To do, before 2026-05-01:**",
        "",
        "- look at 3",
    ]
    assert issue.body.count("All of it.") == 1
    rows = [line for line in issue.body.splitlines() if line.startswith("| 2026")]
    assert rows == [
        "| 2026-02 | q | Nothing |",
        "| 2026-01 | drift: features (Pay) | Retraining is advised |",
    ]


def test_what_is_over_says_so_and_asks_for_nothing() -> None:
    first, second = tell_all("dc")
    assert "**Over: 2026-02 was calm.**" in first.body
    assert "To do" not in first.body
    assert second.title == "Attrition model, 2026-02: no drift"
    assert second.labels == (Label.NO_DRIFT,)


def test_a_body_is_cut_where_github_would_not_take_it() -> None:
    long = tell(1, "d").model_copy(update={"summary": "x" * 70_000})
    (issue,) = tell_issues([long])
    assert LONGEST_BODY < len(issue.body) < 65_536
    assert "the rest is in the month's summary" in issue.body
