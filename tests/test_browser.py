"""The committed report as its reader has it: in the system's Chromium, driven by Playwright, on a desk and a phone."""

import csv
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from study import paths

REPORT = paths.ROOT / "report" / "report.html"
pytestmark = pytest.mark.slow


@contextmanager
def opened(browser, width: int = 1400, scripts: bool = True) -> Iterator:
    """The report's page; at the end, nothing may have been fetched, and nothing logged as an error."""
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="light", java_script_enabled=scripts,
        reduced_motion="reduce",
    )  # fmt: skip
    page.set_default_timeout(120_000)  # the page is large, and tests run two at a time
    faults, fetched = [], []
    page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(REPORT.as_uri())
    yield page
    page.context.close()
    assert not faults
    assert {url for url in fetched if not url.startswith(("data:", "blob:"))} == {REPORT.as_uri()}


@pytest.fixture(scope="module")
def page(browser) -> Iterator:
    """One page for all tests that leave it as they found it; the first one finds it as it is opened."""
    with opened(browser) as page:
        yield page


COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""The rules of axe-core that another theme can break."""
NO_COLOURS = {"rules": {"color-contrast": {"enabled": False}}}
"""The rules that a narrow screen can break; this one takes longest."""


def serious(page, options: dict | None = None) -> dict[str, list[str]]:
    """axe-core's serious and critical violations on a page: rule -> beginnings of the elements' HTML."""
    from axe_playwright_python.sync_playwright import Axe

    # Of elements that break no rule, which are many, nothing is to be told.
    found = Axe().run(page, options={"resultTypes": ["violations"]} | (options or {})).response["violations"]
    return {
        rule["id"]: [node["html"][:120] for node in rule["nodes"][:5]]
        for rule in found
        if rule["impact"] in ("serious", "critical")
    }


def assert_within_the_screen(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Tables fit too: on a phone their rows are cards.
    clipped = page.evaluate(
        """[...document.querySelectorAll(".scroll")].filter(box => box.scrollWidth > box.clientWidth + 1)
           .map(box => box.getAttribute("aria-label"))"""
    )
    assert clipped == []


def test_accessible_and_within_the_screen_in_light_and_dark(page):
    assert serious(page) == {}
    assert_within_the_screen(page)
    page.set_viewport_size({"width": 1300, "height": 900})
    assert_within_the_screen(page)
    page.set_viewport_size({"width": 1400, "height": 900})

    # Pictures keep their colours in the dark, on a sheet that is less bright.
    page.emulate_media(color_scheme="dark")
    assert serious(page, COLOURS) == {}
    assert page.evaluate("getComputedStyle(document.querySelector('main figure img')).filter") == "brightness(0.88)"
    page.emulate_media(color_scheme="light")


def test_accessible_and_within_the_screen_of_a_phone(browser):
    with opened(browser, 390) as page:
        assert serious(page, NO_COLOURS) == {}
        assert_within_the_screen(page)
        page.get_by_role("button", name="Enlarge").first.click()
        assert page.evaluate("document.querySelector('#viewer img').clientWidth") > 600
        page.keyboard.press("Escape")
        page.click("#menu")
        page.click("#chapter-switch")
        page.click('#contents a[href="#references"]')
        assert page.evaluate(CHAPTERS_SEEN) == 1 and page.is_visible("#refs")


CHAPTERS_SEEN = "[...document.querySelectorAll('main > .chapter')].filter(part => part.checkVisibility()).length"


def test_every_link_inside_leads_somewhere(page):
    dead = page.evaluate(
        """[...document.querySelectorAll('a[href^="#"]')].map(a => decodeURIComponent(a.hash.slice(1)))
           .filter(id => id && !document.getElementById(id))"""
    )
    assert dead == []
    assert page.evaluate('document.querySelectorAll(\'main a[href^="#fig"], main a[href^="#tbl"]\').length') > 10
    assert "??" not in page.inner_text("main")


def test_every_interactive_chart_draws(page):
    charts = page.query_selector_all("figure.interactive .chart")
    assert len(charts) >= 5
    for chart in charts:
        chart.scroll_into_view_if_needed()
        chart.wait_for_selector(".main-svg", state="attached")
        # A chart without its traces has axes alone.
        assert chart.evaluate("c => c.querySelectorAll('.trace, .hm').length > 0")


def test_switches_for_code_and_theme(browser):
    with opened(browser) as page:
        code = page.locator("#code-switch")
        opens = "[...document.querySelectorAll('details.code')].filter(d => d.open).length"
        total = page.evaluate("document.querySelectorAll('details.code').length")
        assert total > 5 and page.evaluate(opens) < total
        code.click()
        assert page.evaluate(opens) == total and code.inner_text() == "Hide all code"
        code.click()
        assert page.evaluate(opens) == 0

        paper = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(paper)
        page.locator("#theme-switch").click()
        dark = page.evaluate(paper)
        assert dark != light
        page.reload()
        assert page.evaluate(paper) == dark, "the choice is not remembered"


COLUMNS = """[...document.querySelectorAll("main table:has(th button)")].map(table =>
    [...table.tHead.rows[0].cells].map((_, i) =>
        [...table.tBodies[0].rows].map(row => row.cells[i].textContent.trim())))
"""


@pytest.mark.parametrize(
    ("kind", "key"),
    [(r"[\d,]+", lambda text: int(text.replace(",", ""))), (r"[A-Za-z ]+", str.lower)],
    ids=["numbers", "words"],
)
def test_tables_sort(page, kind, key):
    at, column, texts = next(
        (at, column, texts)
        for at, table in enumerate(page.evaluate(COLUMNS))
        for column, texts in enumerate(table)
        # A sorted column shows nothing, and numbers of one length are sorted as texts are.
        if all(re.fullmatch(kind, text) for text in texts)
        and texts != sorted(texts, key=key)
        and len({len(text) for text in texts}) > 1
    )
    table = page.locator("main table:has(th button)").nth(at)
    head, before = table.locator("thead th").nth(column), table.locator("tbody tr").all_inner_texts()
    for direction in ("ascending", "descending"):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == direction
        found = [key(text) for text in page.evaluate(COLUMNS)[at][column]]
        assert found == sorted(map(key, texts), reverse=direction == "descending")
        assert sorted(table.locator("tbody tr").all_inner_texts()) == sorted(before)


def test_search_leads_to_the_words(page):
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.press("/")
    page.keyboard.type("scorecard replication")
    found = page.locator("#found a")
    assert "scorecard" in found.first.inner_text().lower()
    page.keyboard.press("Enter")
    page.locator("#found").wait_for(state="hidden")
    assert page.evaluate("scrollY") > 1000
    page.fill("#search input", "no such words anywhere")
    assert page.inner_text("#found") == "0 places"
    page.fill("#search input", "early sto")
    assert {text.lower() for text in page.locator("#found mark").all_inner_texts()} == {"early", "sto"}
    page.fill("#search input", "ottleneck")
    assert page.inner_text("#found") == "0 places", "found inside of words"
    page.fill("#search input", "rebuilt as")  # a formula follows, which also holds its TeX
    assert "\\hat" not in page.inner_text("#found")
    page.fill("#search input", "")


def hover(page, link):
    """Rest on a link until its card shows."""
    link.scroll_into_view_if_needed()
    deadline = time.monotonic() + 60
    while not page.is_visible("#preview"):  # a scroll, of which the page learns later, hides it again
        assert time.monotonic() < deadline
        page.mouse.move(0, 0)
        link.hover()


def test_a_figure_shows_beside_a_link_to_it(page):
    link = page.locator('main p a[href^="#fig"]').first
    hover(page, link)
    assert page.is_visible("#preview img")
    assert re.search(r"Figure\s\d+\b", link.inner_text())[0] in page.inner_text("#preview")
    page.mouse.move(0, 0)
    page.wait_for_selector("#preview", state="hidden")


def test_a_card_that_shows_a_part_says_so(page):
    for height, cut in ((2000, 0), (300, 1)):
        page.set_viewport_size({"width": 1400, "height": height})
        hover(page, page.locator('main p a[href^="#tbl"]').first)
        assert page.locator("#preview.cut").count() == cut
        page.mouse.move(0, 0)
        page.wait_for_selector("#preview", state="hidden")
    page.set_viewport_size({"width": 1400, "height": 900})


def test_one_chapter_at_a_time(browser):
    with opened(browser) as page:
        assert page.evaluate(CHAPTERS_SEEN) == page.locator("main > .chapter").count() > 5
        page.click("#chapter-switch")
        assert page.evaluate(CHAPTERS_SEEN) == 1 and page.is_visible("main > .title")
        page.click("main > .chapter.here .pager a")
        assert page.evaluate(CHAPTERS_SEEN) == 1 and not page.is_visible("main > .title")
        second = page.url
        page.click('#contents a[href="#references"]')
        assert page.is_visible("#refs") and page.evaluate(CHAPTERS_SEEN) == 1

        # The way back, and a copied address.
        page.go_back()
        assert page.url == second and page.evaluate(CHAPTERS_SEEN) == 1 and not page.is_visible("#refs")
        page.go_back()
        assert page.is_visible("main > .title")
        page.goto(second)
        page.reload()
        assert page.evaluate(CHAPTERS_SEEN) == 1 and not page.is_visible("main > .title")
        page.click("#chapter-switch")
        assert page.evaluate(CHAPTERS_SEEN) > 5


def test_back_returns_to_the_place(browser):
    from playwright.sync_api import expect

    with opened(browser) as page:
        page.click("#chapter-switch")
        page.click("main > .chapter.here .pager a")
        link = page.locator('.chapter.here p a[href^="#ref-"]').last
        link.click()
        expect(page.locator("#refs")).to_be_visible()
        page.go_back()
        expect(link).to_be_in_viewport()


def test_a_check_leads_to_its_row_and_back(page):
    page.locator("main a.check").nth(3).click()
    assert page.locator("tr:target td").last.is_visible()
    page.locator("tr:target a").click()
    assert page.locator("a.check:target").is_visible()


def test_data_of_charts_and_tables_download(page):
    charts = page.locator("main figure.interactive[id] .label").all_inner_texts()
    for label in [*charts, page.locator("main table[id] .label").first.inner_text()]:
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Data of {label.rstrip('.')}", exact=True).click()
        head, *rows = csv.reader(download.value.path().read_text(encoding="utf-8").splitlines())
        assert download.value.suggested_filename.endswith(".csv") and len(rows) > 1
        # Each value says of what it is.
        if label in charts:
            assert {"series", "value"} & set(head) and all(map(all, rows))


def test_figures_and_tables_lead_to_their_notebooks(page):
    links = page.evaluate(
        "[...document.querySelectorAll('.tools a')].map(link => [link.ariaLabel, link.getAttribute('href')])"
    )
    assert {label.split()[2] for label, _ in links} == {"Figure", "Table"}
    found = {(REPORT.parent / href).resolve() for _, href in links}
    assert found == set(paths.NOTEBOOKS.glob("*.ipynb"))


def test_figures_and_tables_show_the_code_that_made_them(page):
    """The code names the figure that it makes; the chapters' tables and figures all have it, others have none."""
    controls = page.locator(".chapter .tools button[aria-label^='Code of']")
    names = page.eval_on_selector_all(
        ".tools button[aria-label^='Code of']",
        """controls => controls.map(control => {
        control.click();
        const shown = control.closest("figure") ?? control.parentElement.previousElementSibling.querySelector("table");
        const code = [...document.querySelectorAll(".behind:not([hidden])")].map(one => one.textContent);
        control.click();
        return [shown.id.replace(/^(fig|tbl):/, ""), code];
    })""",
    )
    assert controls.count() == len(names) > 50
    assert all(len(code) == 1 and f'"{name}"' in code[0] for name, code in names)
    assert page.locator(".behind:not([hidden])").count() == 0


def test_a_page_taken_out_of_its_folder_leads_to_no_notebook(browser, tmp_path):
    alone = browser.new_page()
    alone.goto(Path(shutil.copy(REPORT, tmp_path)).as_uri())
    assert alone.locator(".tools button").count() > 50 and alone.locator(".tools a").count() == 0
    alone.context.close()


def test_figures_enlarge(page):
    page.get_by_role("button", name="Enlarge").first.click()
    assert page.locator("#viewer").evaluate("v => v.open && v.querySelector('img').naturalWidth > 0")
    caption = page.locator("main figure[id] figcaption").first
    assert page.inner_html("#viewer .caption") == caption.inner_html()
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").evaluate("v => v.open")


def test_everything_can_be_read_without_script(browser):
    with opened(browser, scripts=False) as page:
        pictures = page.query_selector_all("main figure img")
        assert len(pictures) >= 40 and all(image.get_attribute("alt") for image in pictures)
        assert not page.is_visible("#code-switch") and not page.is_visible("#theme-switch")
