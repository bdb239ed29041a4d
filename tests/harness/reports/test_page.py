"""The page in a real browser: it sorts, switches, stays offline, and lets no text of others act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
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
MADE = {
    "spec": {
        "arranged": {"arrangement": [{"distribution": "zsg-near", "name": "nft", "params": {"measure": "<b>min</b>"}}]}
    }
}
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
            rouge = {"rougeL": {"task-a": [1.0, 2.0, 7.0 + seed], "task-b": [1.0, 2.0, 7.0 + seed]}}
            store.cell("random", [9.0, 6.0 + seed / 10, 5.0 + seed / 10], order=f"r{seed}", scores=rouge, **options)
            losses = {"task-a": [9.0, 4.0 + seed / 10, 3.0 + seed / 10], "task-b": [9.0, 6.0, 5.0]}
            nft = store.cell("nft", losses, order=f"n{seed}", embedder="minilm", described=MADE, **options)
            write_order(nft, [f"task-a/{number}" for number in range(4)])
        store.cell("cluster", [9.0, 8.0, 6.0], order="c", dataset=dataset, scores={"rougeL": {"task-a": 9.5}})
    store.cell(HOSTILE, [9.0, 7.0, 5.5], order="h", dataset="toy")
    failed = store.cell("less", order="f", state="failed", reason=HOSTILE)
    (failed / "log.txt").write_text(f'Traceback\n  File "/home/somebody/site/zsg_less/less.py", line 3\n{HOSTILE}')
    name = HOSTILE.replace("/", "")
    expected = {"lower": "nft", "than": "random", "figure": "aulc", "source": HOSTILE}
    store.plan(name, {"matrix": {"name": name, "arrangements": ["random", "nft"]}, "expect": [expected]})
    build(Store(store.path), folder / "report")
    return folder / "report" / "index.html"


def write_order(attempt: Path, ids: list[str]) -> None:
    pq.write_table(pa.table({"position": range(len(ids)), "example_id": ids}), attempt / "order.parquet")


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
        return self.page.locator("table.sortable").first.locator("tbody th").all_text_contents()


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
    for known in (["random", "cluster"], ["cluster", "random"]):
        heading(opened, "ROUGE-L").click()
        assert opened.arrangements()[:2] == known


def test_all_columns(opened: Opened) -> None:
    assert not heading(opened, "best loss").is_visible()
    opened.page.get_by_label("all columns").first.check()
    assert heading(opened, "best loss").is_visible()


def axes(chart) -> tuple[str, str]:  # type: ignore[no-untyped-def]
    return tuple(chart.evaluate("c => [c.layout.xaxis.title.text, c.layout.yaxis.title.text]"))


def drawn(chart, coordinate: str, name: str = "nft (minilm)") -> list[float]:  # type: ignore[no-untyped-def]
    script = (
        "(c, [k, n]) => { const t = c.data.find(t => t.name === n && t.mode !== 'lines'); return t ? [...t[k]] : []; }"
    )
    return chart.evaluate(script, [coordinate, name])


def test_the_curves_switch(opened: Opened) -> None:
    figure = opened.page.locator("figure").first
    chart = figure.locator(".chart")
    assert axes(chart) == ("step (log scale)", "loss on unseen tasks")
    assert drawn(chart, "x") == pytest.approx([0, 0.693147, 2.397895], abs=1e-6)
    figure.get_by_text("tokens", exact=True).click()
    figure.get_by_text("linear scale", exact=True).click()
    assert axes(chart)[0] == "training tokens"
    assert drawn(chart, "x") == [0, 100, 1000]
    figure.get_by_label("it is", exact=True).focus()
    opened.page.keyboard.press("ArrowRight")
    assert axes(chart)[1] == "loss on unseen tasks, minus random’s"
    assert drawn(chart, "y") == pytest.approx([0, -1.05, -1.05])


def test_the_metric_switches_curves_and_order(opened: Opened) -> None:
    figure = opened.page.locator("figure").first
    figure.locator(".metric-choice").select_option("ROUGE-L")
    assert axes(figure.locator(".chart"))[1] == "ROUGE-L on unseen tasks"
    assert drawn(figure.locator(".chart"), "y", "random") == [1, 2, 8]
    assert drawn(figure.locator(".chart"), "y") == []
    assert opened.arrangements()[:2] == ["cluster", "random"]
    assert sort_state(opened) == ["descending"]


def open_tasks(figure) -> None:  # type: ignore[no-untyped-def]
    figure.get_by_text("Every task by itself").click()
    figure.locator(".multiple polyline").first.wait_for()  # they are drawn once the browser tells of the opening


def test_a_task_by_itself(opened: Opened) -> None:
    figure = opened.page.locator("figure").first
    open_tasks(figure)
    assert figure.locator(".multiple polyline").count() == 2 * 4
    figure.get_by_role("button", name="task-a").click()
    assert axes(figure.locator(".chart"))[1] == "loss on task-a"
    assert drawn(figure.locator(".chart"), "y") == pytest.approx([9, 4.1, 3.1])
    figure.get_by_text("difference to random").click()
    assert drawn(figure.locator(".chart"), "y") == pytest.approx([0, -2, -2])
    figure.get_by_role("button", name="task-a").click()
    assert axes(figure.locator(".chart"))[1] == "loss on unseen tasks, minus random’s"
    figure.locator(".task-sort").select_option("apart")
    assert figure.locator(".multiple span").first.inner_text() == "task-a"


def test_another_table_is_chosen(opened: Opened) -> None:
    titles = opened.page.locator("section.board > h2")
    assert [title.is_visible() for title in titles.all()] == [True, False]
    opened.page.locator("[data-axis=dataset]").select_option("toy[noise=1]")
    assert [title.is_visible() for title in titles.all()] == [False, True]
    opened.page.locator(".main-svg:visible").first.wait_for()
    assert not opened.page.locator("[data-axis=model]").is_visible(), "there is one alone"


def test_rows_are_filtered(opened: Opened) -> None:
    opened.page.get_by_placeholder("arrangement").first.fill("NF")
    rows = opened.page.locator("table.sortable").first.locator("tbody tr:visible")
    assert rows.locator("th").all_inner_texts() == ["nft"]
    names = opened.page.locator(".chart").first.evaluate("c => [...new Set(c.data.map(t => t.name))]")
    assert names == ["nft (minilm)"]
    assert "1 of 4" in opened.page.locator("[role=status]").first.text_content()


def test_an_arrangement_has_a_page(opened: Opened) -> None:
    opened.page.locator("table.sortable").first.get_by_role("link", name="nft").click()
    page = opened.page.locator(".page:visible")
    assert page.get_by_role("heading", level=2).inner_text() == "nft"
    assert not opened.page.locator("section.board").first.is_visible()
    assert "answers" in page.locator(".badges").inner_text()
    assert "measure = <b>min</b>" in page.locator(".made-of").inner_text()
    assert "zsg-near" in page.locator(".made-of").inner_text()
    assert page.locator("figure.order path").first.get_attribute("d").count("M") == 4
    assert drawn(page.locator(".chart").first, "y") == pytest.approx([9, 5.05, 4.05])
    page.get_by_text("Its cells").first.click()
    assert page.locator(".cells").first.locator("tbody tr").count() == 3
    opened.page.go_back()
    assert opened.page.locator("section.board").first.is_visible()


def test_a_failure_has_a_page(opened: Opened) -> None:
    opened.page.locator("#reasons").get_by_role("link").click()
    page = opened.page.locator(".page:visible")
    assert "less" in page.locator("table").inner_text()
    assert 'File "…/site/zsg_less/less.py", line 3' in page.locator("pre").inner_text()
    assert "somebody" not in opened.page.content()
    assert opened.page.evaluate("window.hit") is None


def test_a_series_can_be_left_out(opened: Opened) -> None:
    figure = opened.page.locator("figure").first
    button = figure.get_by_role("button", name="nft (minilm)")
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    assert drawn(figure.locator(".chart"), "y") == []
    button.press("Enter")
    assert len(drawn(figure.locator(".chart"), "y")) == 3


def test_the_null_band_is_drawn(opened: Opened) -> None:
    band = opened.page.locator(".chart").first.evaluate(
        "c => { const t = c.data.find(t => t.name === 'random' && t.fill); return [...t.y]; }"
    )
    # Random ends at 5.0, 5.1, 5.2: 5.1 ± 4.302653 · 0.1 · √(4/3); at step 0 all are alike.
    assert band == pytest.approx([9, 5.603172, 4.603172, 5.596828, 6.596828, 9], abs=1e-4)


def test_text_of_others_is_inert_and_shown(opened: Opened) -> None:
    assert opened.page.evaluate("window.hit") is None
    assert "<script>" in opened.arrangements()[2]
    assert "onerror" in opened.page.locator("#reasons").inner_text()
    assert opened.page.locator("img").count() == 0
    point = opened.page.locator("figure").first.locator(".scatterlayer .trace").nth(4).locator(".point").last
    point.hover(force=True)
    assert "</script>" in opened.page.locator(".hoverlayer").first.text_content()


NAMES = ["\u202eright to left\u2066", "'\"`;--", "x" * 10_000, "&lt;b&gt;", "%{x}$\\alpha$"]


def test_names_of_any_kind_are_shown_as_they_are(browser, store_at, tmp_path: Path) -> None:
    store = store_at(tmp_path / "store")
    losses = {name: [9.0, 5.0, 4.0] for name in NAMES}
    for number, name in enumerate(["random", *NAMES]):
        write_order(store.cell(name, losses, order=f"o{number}", examples=f"s{number}"), [name, f"{name}2"])
    store.plan()
    build(Store(store.path), tmp_path / "report")
    opened = Opened(browser, tmp_path / "report" / "index.html", viewport={"width": 360, "height": 740})
    open_tasks(opened.page.locator("figure").first)
    assert {*opened.arrangements(), "random"} == {*NAMES, "random"}
    panels = opened.page.locator(".multiple").evaluate_all("all => all.map(each => each.firstChild.textContent)")
    assert sorted(panels) == sorted(NAMES)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert opened.faults == []
    opened.page.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_no_violation(browser, report: Path, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    opened = Opened(browser, report, viewport={"width": width, "height": 900}, color_scheme=scheme)
    open_tasks(opened.page.locator("figure").first)
    for place in ("", "#arrangement-2", "#reason-1"):
        opened.page.evaluate("place => { location.hash = place; }", place)
        opened.page.reload()
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(opened.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]})
        assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == []
    opened.page.close()


def test_nothing_but_the_pages_own_scripts_may_run(report: Path) -> None:
    html = report.read_text()
    assert len(re.findall(r"<script>", html)) == 6  # and Plotly, packed
    assert "default-src 'none'" in html
    assert "script-src 'sha256-" in html


def test_a_script_that_slipped_in_would_be_blocked(browser, report: Path, tmp_path: Path) -> None:
    tampered = tmp_path / "index.html"
    tampered.write_text(report.read_text().replace("<header>", "<header><script>window.hit = 1</script>"))
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
