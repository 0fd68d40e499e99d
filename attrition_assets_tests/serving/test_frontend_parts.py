"""What the pages are made of: words, charts, pictures, fields, visits."""

import base64
import doctest
from types import ModuleType

import pytest
from pydantic import SecretStr

from attrition_assets.serving import months_read
from attrition_assets.serving.frontend import charts, session, words
from attrition_assets.serving.frontend.charts import Point, draw_gauge, draw_line
from attrition_assets.serving.frontend.client import Kind, Part, Trouble
from attrition_assets.serving.frontend.figures import read_figures
from attrition_assets.serving.frontend.predict_form import fill_in, list_fields, make_employee
from attrition_assets.serving.frontend.session import HOURS, Sessions, choose_target
from attrition_assets.serving.frontend.timeline import merge_months


@pytest.mark.parametrize("module", [charts, session, words, months_read])
def test_examples_run(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted and not found.failed


def test_a_line_has_its_values_in_words_and_a_gap_where_there_is_none() -> None:
    points = [Point("2026-01", 0.1), Point("2026-02", None), Point("2026-03", 0.3, 0.2, 0.4)]
    drawn = draw_line(points, lambda value: f"{value:.1f}", "Risk", marks={"2026-03": "alarm"})
    assert 'role="img"' in drawn and "0.1 in 2026-01, 0.3 in 2026-03" in drawn
    assert drawn.count("<circle") == 2 and "<polyline" not in drawn
    assert drawn.count('class="range"') == 1 and 'class="alarm"' in drawn


def test_what_a_chart_is_told_is_text() -> None:
    drawn = draw_line([Point('<b>"', 1.0)], str, '"><script>')
    assert "<script" not in drawn and "<b>" not in drawn


def test_a_chart_of_nothing_is_nothing() -> None:
    assert draw_line([Point("2026-01", None)], str, "Risk") == ""


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.5, 1.0, 5000.0])
def test_any_number_can_be_drawn(value: float) -> None:
    assert "nan" not in draw_line([Point("a", value), Point("b", value)], str, "Any")
    assert "nan" not in draw_gauge(min(value, 1.0), 0.07)


def picture(text: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


def test_of_a_report_only_pictures_are_taken_and_words() -> None:
    page = (
        f'<figure><img src="{picture("<svg/>")}" alt="Pay &amp; more"><figcaption><b>Pay</b> up'
        "</figcaption></figure>"
        '<figure><img src="https://elsewhere.test/x.svg" alt="far"></figure>'
        '<figure><img src="data:image/svg+xml;base64,***" alt="broken"></figure>'
        '<figure><script>alert(1)</script></figure><img src="data:text/html;base64,PGI+">'
    )
    (found,) = read_figures(page)
    assert (found.alternative, found.caption) == ("Pay & more", "Pay up")
    assert read_figures("no report") == []


def describe(**properties: object) -> dict[str, object]:
    employee = {"type": "object", "properties": properties}
    schema = {"properties": {"employees": {"type": "array", "items": employee}}}
    body = {"content": {"application/json": {"schema": schema}}}
    return {"paths": {"/predict": {"post": {"requestBody": body}}}}


def test_fields_are_what_the_api_describes() -> None:
    whole = {"type": "integer", "minimum": 1, "maximum": 3}
    document = describe(
        Id={"type": "string"},
        Site={"type": "string", "enum": ["North", "South"]},
        Grade=whole,
        Pay={"anyOf": [{"type": "number", "minimum": 0, "maximum": 10}, {"type": "null"}]},
    )
    identity, site, grade, pay = list_fields(document)
    assert site.choices == ("North", "South") and grade.choices == ("1", "2", "3")
    assert pay.nullable and pay.hint == "0 to 10, or empty if not known"
    fill_in([identity, site, grade, pay], {"Id": " x ", "Site": "North", "Grade": "2", "Pay": ""})
    assert make_employee([identity, site, grade, pay]) == {
        "Id": "x",
        "Site": "North",
        "Grade": 2,
        "Pay": None,
    }


@pytest.mark.parametrize("document", [{}, {"paths": []}, {"paths": {"/predict": None}}])
def test_an_api_that_describes_no_employee_is_trouble(document: dict[str, object]) -> None:
    with pytest.raises(Trouble):
        list_fields(document)


def test_a_visit_ends_after_its_hours_or_when_it_is_closed() -> None:
    visits = Sessions()
    token = visits.open(SecretStr("key"), 0.0)
    found = visits.find(token, 10.0)
    assert found is not None and found.get_secret_value() == "key"
    assert visits.find(token, HOURS * 3600.0) is None
    assert visits.find("made up", 10.0) is None and visits.find(None, 10.0) is None
    visits.close(token)
    assert visits.find(token, 10.0) is None


@pytest.mark.parametrize("asked", ["//x", "/\\x", "https://x", "x", "/a\nb", "/a\\b"])
def test_after_signing_in_nobody_is_sent_elsewhere(asked: str) -> None:
    assert choose_target(asked) == "/"


def test_months_are_those_of_both_apis_and_one_answer_is_enough() -> None:
    away = Part(trouble=Trouble("drift API", Kind.AWAY))
    scored = Part(data={"months": [{"month": "2026-02", "state": "scored"}, {"month": "2026-01"}]})
    judged = Part(
        data={
            "months": [
                {"month": "2025-12", "state": "not judged"},
                {"month": "2026-01", "findings": {"performance": "no_drift"}, "auc": 0.7, "new": 1},
            ]
        }
    )
    both = merge_months(scored, judged)
    assert [month.name for month in both.months] == ["2026-01", "2026-02"]
    assert both.months[0].auc == Point("2026-01", 0.7) and both.beside("2026-01") == (
        None,
        "2026-02",
    )
    assert merge_months(scored, away).status == 200 and merge_months(away, away).status == 503
    assert merge_months(scored, Part(data=["?"])).judged.trouble is not None
