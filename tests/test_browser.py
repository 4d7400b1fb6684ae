"""The committed report as its reader has it: in a browser, on a desk and a phone, light and dark."""

import pytest
from browser import needs_chromium, opened, serious

from study import paths

pytestmark = needs_chromium
REPORT = paths.ROOT / "report" / "report.html"


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1400, True), (390, False)])
def test_accessible_within_the_screen_and_self_contained(width, dark):
    with opened(REPORT, width, dark) as page:
        assert serious(page) == {}
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_link_inside_leads_somewhere():
    with opened(REPORT) as page:
        dead = page.evaluate(
            """[...document.querySelectorAll('a[href^="#"]')].map(a => decodeURIComponent(a.hash.slice(1)))
               .filter(id => id && !document.getElementById(id))"""
        )
        assert dead == []
        assert page.evaluate("document.querySelectorAll('main a[href^=\"#fig\"], main a[href^=\"#tbl\"]').length") > 10
        assert "??" not in page.inner_text("main")


def test_every_interactive_chart_draws():
    with opened(REPORT) as page:
        charts = page.query_selector_all("figure.interactive .chart")
        assert len(charts) > 5
        for chart in charts:
            chart.scroll_into_view_if_needed()
            chart.wait_for_selector(".main-svg", state="attached")
            # A chart without its traces has axes alone.
            assert chart.evaluate("c => c.querySelectorAll('.trace, .hm').length > 0")


def test_switches_for_code_and_theme():
    with opened(REPORT) as page:
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


def test_tables_sort_and_figures_enlarge():
    with opened(REPORT) as page:
        head = page.locator("main table th button").first
        table = head.locator("xpath=ancestor::table")
        before = table.locator("tbody tr").all_inner_texts()
        head.click()
        assert head.locator("xpath=ancestor::th").get_attribute("aria-sort") == "ascending"
        assert sorted(table.locator("tbody tr").all_inner_texts()) == sorted(before)
        page.get_by_role("button", name="Enlarge").first.click()
        assert page.locator("#viewer").evaluate("v => v.open && v.querySelector('img').naturalWidth > 0")
        page.keyboard.press("Escape")
        assert not page.locator("#viewer").evaluate("v => v.open")


def test_everything_can_be_read_without_script():
    with opened(REPORT, scripts=False) as page:
        pictures = page.query_selector_all("main figure img")
        assert len(pictures) > 40 and all(image.get_attribute("alt") for image in pictures)
        assert not page.is_visible("#code-switch") and not page.is_visible("#theme-switch")
