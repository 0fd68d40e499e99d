"""The pages in a real headless Chromium, against the real commands on a small real home."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import read_contract
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings

from ..processes import wait_until
from ..walking import DRIFT, FAULT, LAST, Walked
from .browser import Servers, open_browser, serving_all
from .frontend_home import prepare, shrink_group

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PAGES = (
    "/",
    "/months",
    f"/months/{DRIFT}",
    f"/months/{FAULT}",
    f"/months/{LAST}",
    f"/months/{LAST}/flagged",
    "/predict",
    "/predict?example",
    "/model",
    "/model?version=1",
)
# What a keyboard must reach, in order; what is inside a closed <details> is not shown.
REACHABLE = """
return [...document.querySelectorAll(`a[href], button, input:not([type=hidden]), select, summary,
  [tabindex="0"]`)].filter(each => each.checkVisibility());
"""
FOCUSED = """
const at = document.activeElement, style = getComputedStyle(at);
return [at === document.body ? null : at, style.outlineStyle !== 'none' &&
  parseFloat(style.outlineWidth) >= 2];
"""
# Text whose contrast with what it stands on is below WCAG's AA.
PALE = """
const rgb = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
  return {r, g, b, a}; };
const light = ({r, g, b}) => { const [x, y, z] = [r, g, b].map(v => { v /= 255;
  return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
  return .2126 * x + .7152 * y + .0722 * z; };
const ground = at => { for (; at; at = at.parentElement) {
  const colour = rgb(getComputedStyle(at).backgroundColor); if (colour.a > 0) return colour; }
  return {r: 255, g: 255, b: 255}; };
const found = [];
for (const at of document.querySelectorAll('body *')) {
  const own = [...at.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || !at.checkVisibility() || at.closest('.aside, .skip, title')) continue;
  const style = getComputedStyle(at), svg = at instanceof SVGElement;
  const [one, two] = [light(rgb(svg ? style.fill : style.color)), light(ground(at))];
  const ratio = (Math.max(one, two) + .05) / (Math.min(one, two) + .05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
  if (ratio < (large ? 3 : 4.5)) found.push(`${at.textContent.trim()}: ${ratio.toFixed(2)}`);
}
return found;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def home(browser: WebDriver, walked: Walked, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The walked home, with three people left in a department; not made without a browser."""
    settings = prepare(walked, tmp_path_factory.mktemp("served") / "home")
    shrink_group(settings, LAST, "Department", "Human Resources", 3)
    return settings


@pytest.fixture(scope="module")
def servers(home: Settings) -> Iterator[Servers]:
    with serving_all(home) as servers:
        yield servers


def show(browser: WebDriver, width: int, scheme: str = "light") -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def said(browser: WebDriver) -> str:
    return browser.find_element(By.ID, "main").text


def await_page(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition of the page; on one that is being left, none holds."""

    def holds() -> bool:
        try:
            return condition()
        except (NoSuchElementException, StaleElementReferenceException):
            return False

    wait_until(holds, what)


def press(browser: WebDriver, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def open_all(browser: WebDriver) -> None:
    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_without_a_complaint_and_fits_a_phone(
    browser: WebDriver, servers: Servers, path: str
) -> None:
    for width in (1280, 375):
        show(browser, width)
        browser.get_log("browser")  # type: ignore[no-untyped-call]
        browser.get(servers.url + path)
        assert browser.find_element(By.TAG_NAME, "h1").is_displayed()
        open_all(browser)
        extent = browser.execute_script("return document.documentElement.scrollWidth")
        assert extent <= width
        assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_all_text_has_the_contrast_to_be_read(
    browser: WebDriver, servers: Servers, path: str, scheme: str
) -> None:
    show(browser, 1280, scheme)
    browser.get(servers.url + path)
    open_all(browser)
    assert browser.execute_script(PALE) == []


@pytest.mark.parametrize("path", PAGES)
def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(
    browser: WebDriver, servers: Servers, path: str
) -> None:
    show(browser, 1280)
    browser.get(servers.url + path)
    expected = browser.execute_script(REACHABLE)
    assert len(expected) > 5
    for each in expected:
        press(browser, Keys.TAB)
        focused, is_shown = browser.execute_script(FOCUSED)
        assert focused == each and is_shown


def test_the_first_tab_is_a_way_past_the_navigation(browser: WebDriver, servers: Servers) -> None:
    show(browser, 1280)
    browser.get(servers.url)
    press(browser, Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the content" and skip.location["y"] >= 0
    press(browser, Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "main"
    press(browser, Keys.TAB)
    inside = browser.execute_script(
        "return document.getElementById('main').contains(document.activeElement)"
    )
    assert inside


def test_a_score_is_asked_for_by_keyboard_alone(browser: WebDriver, servers: Servers) -> None:
    show(browser, 375)
    browser.get(f"{servers.url}/predict")
    browser.find_element(By.LINK_TEXT, "Fill in an example").send_keys(Keys.ENTER)
    wait_until(lambda: "example" in browser.current_url, "the example")
    browser.find_element(By.ID, "field-EmployeeNumber").send_keys(Keys.ENTER)
    await_page(lambda: "The score" in said(browser), "the score")
    assert "What raises it most" in said(browser) and "A flag is no decision" in said(browser)
    assert browser.current_url == f"{servers.url}/predict"  # nothing of a person is in it


def test_faults_lead_to_their_fields(browser: WebDriver, servers: Servers) -> None:
    browser.get(f"{servers.url}/predict?example")
    pay = browser.find_element(By.ID, "field-MonthlyIncome")
    pay.clear()
    pay.send_keys("plenty", Keys.ENTER)
    await_page(lambda: "Not scored" in said(browser), "the fault")
    browser.find_element(By.LINK_TEXT, "Monthly income").send_keys(Keys.ENTER)
    pay = browser.find_element(By.ID, "field-MonthlyIncome")
    assert pay.get_attribute("aria-invalid") == "true" and pay.get_attribute("value") == "plenty"
    described = str(pay.get_attribute("aria-describedby")).split()
    texts = [browser.find_element(By.ID, each).text for each in described]
    assert any("valid integer" in text for text in texts)


def test_no_group_of_fewer_than_five_people_is_shown(
    browser: WebDriver, servers: Servers, home: Settings
) -> None:
    contract = read_contract()
    people = SnapshotStore(home.home, contract).read(parse_month(LAST))
    browser.get(servers.url)
    open_all(browser)
    small = 0
    for card in browser.find_elements(By.CSS_SELECTOR, "section.card"):
        column = str(card.get_attribute("aria-labelledby")).removeprefix("by-")
        counts = people[column].astype(str).value_counts()
        rows = card.find_elements(By.CSS_SELECTOR, "tbody tr")
        shown = {row.find_element(By.TAG_NAME, "th").text for row in rows}
        few = {str(level).replace("_", " ") for level in counts.index[counts < 5]}
        assert not few & shown
        small += len(few)
        assert all(int(row.find_elements(By.TAG_NAME, "td")[0].text) >= 5 for row in rows)
    assert small  # there was something to hide
    assert "2 groups are not shown" in said(browser)


def test_an_api_that_is_killed_is_said_to_be_away_until_it_is_back(
    browser: WebDriver, servers: Servers
) -> None:
    servers.end_predictions()
    try:
        browser.get(servers.url)
        assert "The prediction API is away" in said(browser)
        browser.get(f"{servers.url}/months")
        assert "The prediction API is away" in said(browser) and "advised" in said(browser)
    finally:
        servers.start_predictions()
    browser.find_element(By.LINK_TEXT, "Try again").click()
    await_page(lambda: "is away" not in said(browser), "the API to be back")


def test_the_flagged_list_comes_as_a_file(
    browser: WebDriver, servers: Servers, home: Settings, tmp_path: Path
) -> None:
    place: dict[str, Any] = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", place)
    browser.get(f"{servers.url}/months/{LAST}/flagged")
    browser.find_element(By.LINK_TEXT, "Export all as CSV").send_keys(Keys.ENTER)
    file = tmp_path / f"flagged-{LAST}.csv"
    wait_until(file.is_file, "the file")
    scores = pd.read_parquet(home.home / "assets" / "predictions" / f"{LAST}-01.parquet")
    with file.open(newline="") as text:
        assert len(list(csv.DictReader(text))) == scores["flag"].sum()


def test_the_full_report_is_shown_and_reaches_nothing(browser: WebDriver, servers: Servers) -> None:
    browser.get(f"{servers.url}/months/{DRIFT}")
    browser.find_element(By.PARTIAL_LINK_TEXT, "The full report").click()
    await_page(lambda: DRIFT in browser.find_element(By.TAG_NAME, "h1").text, "the report")
    assert browser.execute_script("return self.origin") == "null"


def test_printed_pages_leave_out_what_is_for_the_screen(
    browser: WebDriver, servers: Servers
) -> None:
    browser.get(f"{servers.url}/months/{DRIFT}")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not browser.find_element(By.CSS_SELECTOR, ".top nav").is_displayed()
        assert browser.find_element(By.TAG_NAME, "h1").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
