"""The page in a real browser: it sorts, switches, stays offline, and lets no text of others act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from zsg_harness.reports import build
from zsg_harness.store.store import Store

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 1'>\u2028%{y}<b>"


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright import sync_api as playwright

    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(store_at, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    store = store_at(folder / "store")
    for dataset in ("toy", "toy[noise=1]"):
        for seed in range(3):
            streams = {"data": None, "order": seed, "train": None}
            options = {"seeds": [seed], "streams": streams, "dataset": dataset}
            store.cell("random", [9.0, 6.0 + seed / 10, 5.0 + seed / 10], order=f"r{seed}", **options)
            store.cell("nft", [9.0, 5.0 + seed / 10, 4.0 + seed / 10], order=f"n{seed}", embedder="minilm", **options)
        store.cell("cluster", [9.0, 8.0, 6.0], order="c", dataset=dataset, scores={"rougeL": {"task-a": 9.5}})
    store.cell(HOSTILE, [9.0, 7.0, 5.5], order="h", dataset="toy")
    store.cell("less", order="f", state="failed", reason=HOSTILE)
    store.plan(HOSTILE.replace("/", ""))
    build(Store(store.path), folder / "report")
    return folder / "report" / "index.html"


class Opened:
    """A page, and what it did that it should not."""

    def __init__(self, browser, path: Path, **options: object) -> None:
        self.page = browser.new_page(**options)
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._requested)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(".main-svg")

    def _requested(self, request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.faults.append(request.url)

    def arrangements(self) -> list[str]:
        return self.page.locator("table.sortable").first.locator("tbody th").all_inner_texts()


@pytest.fixture
def opened(browser, report: Path) -> Iterator[Opened]:
    opened = Opened(browser, report)
    yield opened
    assert opened.faults == []
    opened.page.close()


def heading(opened: Opened, name: str):  # type: ignore[no-untyped-def]
    return opened.page.locator("table.sortable").first.get_by_role("button", name=name, exact=True)


def sort_state(opened: Opened) -> list[str]:
    script = "[...document.querySelector('table.sortable').tHead.rows[0].cells].map(c => c.getAttribute('aria-sort'))"
    return [state for state in opened.page.evaluate(script) if state]


def test_it_starts_ranked(opened: Opened) -> None:
    names = opened.arrangements()
    assert [names[0], names[1], names[3]] == ["nft", "random", "cluster"]
    assert sort_state(opened) == ["ascending"]
    assert opened.page.title().endswith("zsg-harness leaderboard")
    assert opened.page.locator("html").get_attribute("lang") == "en"


def test_a_click_sorts_and_another_turns_round(opened: Opened) -> None:
    ranked = opened.arrangements()
    heading(opened, "final loss").click()
    assert opened.arrangements() == ranked
    heading(opened, "final loss").click()
    assert opened.arrangements() == ranked[::-1]
    assert sort_state(opened) == ["descending"]
    assert "descending" in opened.page.locator("[role=status]").first.text_content()


def test_the_keyboard_sorts(opened: Opened) -> None:
    heading(opened, "arrangement").focus()
    opened.page.keyboard.press("Enter")
    assert opened.arrangements()[1:] == ["cluster", "nft", "random"]
    opened.page.keyboard.press("Space")
    assert opened.arrangements()[:3] == ["random", "nft", "cluster"]


def test_what_is_missing_stays_last(opened: Opened) -> None:
    for _ in range(2):
        heading(opened, "ROUGE-L").click()
        assert opened.arrangements()[0] == "cluster"


def test_all_columns(opened: Opened) -> None:
    assert not heading(opened, "best loss").is_visible()
    opened.page.get_by_label("all columns").first.check()
    assert heading(opened, "best loss").is_visible()


def test_the_curves_switch(opened: Opened) -> None:
    figure = opened.page.locator("figure").first
    chart = figure.locator(".chart")

    def axes() -> tuple[str, str]:
        return chart.evaluate("c => [c.layout.xaxis.title.text, c.layout.yaxis.title.text]")

    def lines() -> list[list[float]]:
        return chart.evaluate("c => c.data.filter(t => t.mode !== 'lines').map(t => [...t.x])")

    assert axes() == ["step (log scale)", "loss on unseen tasks"]
    assert lines()[0] == pytest.approx([0, 0.693147, 2.397895], abs=1e-6)
    figure.get_by_text("tokens", exact=True).click()
    figure.get_by_text("linear scale", exact=True).click()
    assert axes()[0] == "training tokens"
    assert lines()[0] == [0, 100, 1000]
    figure.get_by_label("loss", exact=True).focus()
    opened.page.keyboard.press("ArrowRight")
    assert axes()[1] == "loss minus random's"
    difference = chart.evaluate("c => [...c.data.find(t => t.name.startsWith('nft') && t.mode !== 'lines').y]")
    assert difference == pytest.approx([0, -1, -1])


def test_the_other_chart_does_not_follow(opened: Opened) -> None:
    opened.page.locator("figure").first.get_by_text("tokens", exact=True).click()
    title = opened.page.locator("figure").nth(1).locator(".chart").evaluate("c => c.layout.xaxis.title.text")
    assert title == "step (log scale)"


def test_a_series_can_be_left_out(opened: Opened) -> None:
    figure = opened.page.locator("figure").first
    button = figure.get_by_role("button", name="nft (minilm)")
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    shown = figure.locator(".chart").evaluate("c => c.data.filter(t => t.visible === false).map(t => t.name)")
    assert shown == ["nft (minilm)"] * 2


def test_the_null_band_is_drawn(opened: Opened) -> None:
    band = opened.page.locator(".chart").first.evaluate(
        "c => { const t = c.data.find(t => t.name === 'random' && t.fill); return [...t.y]; }"
    )
    # Random ends at 5.0, 5.1, 5.2: 5.1 ± 4.302653 · 0.1 · √(4/3); at step 0 all are alike.
    assert band == pytest.approx([9, 5.603172, 4.603172, 5.596828, 6.596828, 9], abs=1e-5)


def test_text_of_others_is_inert_and_shown(opened: Opened) -> None:
    assert opened.page.evaluate("window.hit") is None
    assert "<script>" in opened.arrangements()[2]
    assert "onerror" in opened.page.locator("#reasons").inner_text()
    assert opened.page.locator("img").count() == 0
    point = opened.page.locator("figure").first.locator(".scatterlayer .trace").nth(6).locator(".point").last
    point.hover(force=True)
    assert "</script>" in opened.page.locator(".hoverlayer").first.text_content()


def test_nothing_but_the_pages_own_scripts_may_run(report: Path) -> None:
    html = report.read_text()
    assert len(re.findall(r"<script>", html)) == 2
    assert "default-src 'none'" in html
    assert "script-src 'sha256-" in html


def test_a_script_that_slipped_in_would_be_blocked(browser, report: Path, tmp_path: Path) -> None:
    tampered = tmp_path / "index.html"
    tampered.write_text(report.read_text().replace("<main>", "<main><script>window.hit = 1</script>"))
    opened = Opened(browser, tampered)
    assert opened.page.evaluate("window.hit") is None
    assert any("Content Security Policy" in fault for fault in opened.faults)
    opened.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_dark(browser, report: Path, scheme: str) -> None:
    opened = Opened(browser, report, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360
    red = int(re.findall(r"\d+", opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))[0])
    assert (red < 64) == (scheme == "dark")
    assert opened.faults == []
    opened.page.close()
