"""The report in a real browser: what it draws, how it is used, and that it can be read by everybody."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from resbench.records.store import save
from resbench.report.page.writing import write_report
from tests import chromium, examples
from tests.measured_zoo import fill
from tests.test_page import HOSTILE

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[browser]'")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
]
CPU, GPU = "cpu-example-cpu-2c", "cuda-example-gpu"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        started = chromium.launch(running)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    folder = fill(tmp_path_factory.mktemp("records"), 150, 9)
    write_report(folder, folder / "page.html", title="Backbones", quiet=True)
    return (folder / "page.html").as_uri()


@pytest.fixture
def opened(browser, address):
    """Opens the page, and fails for anything on the console and for every request but the page's own."""
    contexts, complaints = [], []

    def open_page(fragment: str = "", where: str = address, **options):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith((where, "data:")) or complaints.append(request.url))
        page.goto(f"{where}#{fragment}")
        page.wait_for_selector("#claims :is(canvas, .empty)")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def until(page, expression: str) -> None:
    """Wait until an expression holds; playwright's own way would need a page that may evaluate strings."""
    for _ in range(150):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never so: {expression}")


def rows(page) -> list[list[str]]:
    return page.eval_on_selector_all("tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))")


def heading(page, name: str) -> int:
    names = page.eval_on_selector_all("thead th", "cells => cells.map(cell => cell.innerText)")
    return next(index for index, text in enumerate(names) if text.startswith(name))


def cells(page, name: str) -> list[str]:
    place = heading(page, name)
    return [row[place] for row in rows(page)]


def numbers(page, name: str) -> list[float]:
    return [float(re.match(r"[\d,.]+", cell)[0].replace(",", "")) for cell in cells(page, name) if cell]


def painted(page, selector: str) -> set[tuple[int, int, int]]:
    """The opaque colours of the canvas in an element."""
    script = """canvas => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
      copy.drawImage(canvas, 0, 0);
      const data = copy.getImageData(0, 0, canvas.width, canvas.height).data, found = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) found.add(data.slice(i, i + 3).join());
      return [...found];
    }"""
    return {tuple(map(int, text.split(","))) for text in page.eval_on_selector(f"{selector} canvas", script)}


def test_headings_sort_and_the_address_keeps_it(opened):
    page = opened()
    page.click("thead button:has-text('time of a call')")
    times = numbers(page, "time of a call")
    assert len(times) == 25
    assert times == sorted(times)
    assert page.get_attribute("th[aria-sort]", "aria-sort") == "ascending"
    page.click("thead button:has-text('time of a call')")
    times = numbers(page, "time of a call")
    assert times == sorted(times, reverse=True)
    shown = rows(page)
    again = opened(page.url.partition("#")[2])
    assert rows(again) == shown


def test_choices_and_searches_filter_table_plots_and_address(opened):
    page = opened()
    page.select_option("#choice-machine", GPU)
    assert set(cells(page, "machine")) == {GPU}
    assert page.inner_text("#legend").count(GPU) == page.inner_text("#legend").count("batch 1") == 1
    page.fill("#query", "resnext time_ms<20 top1>80")
    until(page, "location.hash.includes('q=')")
    assert all("resnext" in name for name in cells(page, "network"))
    assert max(numbers(page, "time of a call")) < 20
    assert min(numbers(page, "top-1")) > 80
    shown = page.inner_text("#shown")
    assert re.match(rf"{len(rows(page))} of 459 rows, \d+ of 159 records; machine {GPU}; search “resnext", shown)
    assert opened(page.url.partition("#")[2]).inner_text("#shown") == shown
    page.click("text=Show all")
    assert page.inner_text("#shown") == "459 of 459 rows, 159 of 159 records"


def test_pages_of_the_table_hold_every_row_once(opened):
    page = opened()
    page.select_option("#size", "100")
    seen = rows(page)
    while page.is_enabled("#next"):
        page.click("#next")
        seen += rows(page)
    assert len(seen) == 459
    assert page.inner_text("#place") == "Page 5 of 5"


def test_what_the_table_shows_is_what_the_records_say(opened, address):
    page = opened("sort=time_ms&speed=latency")
    folder = Path(address.removeprefix("file://")).parent
    for path in (folder / CPU / "resnet50").glob("profile-fp32*.json"):
        counts = json.loads(path.read_text())["counts"]
        page.goto(f"{address}#q=network%3Dresnet50&machine={CPU}&speed=latency")
        until(page, "document.querySelectorAll('tbody tr').length < 5")
        assert cells(page, "parameters") == [f"{counts['params'] / 1e6:.2f} M"]
        macs = counts["terms"]["conv"] + counts["terms"]["fc"]
        assert cells(page, "MACs") == [f"{macs / 1e9:.3f} G"]
        return
    raise AssertionError("no such record")


def test_hovering_names_a_point_and_a_click_opens_its_record(opened):
    page = opened("q=network%3Dresnet50&speed=latency&machine=" + GPU)
    box = page.locator("#scatter .u-over").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2  # of a plot with a single point
    page.mouse.move(*middle)
    tip = page.inner_text("#tip").split("\n")
    assert tip[0] == "resnet50, fp32, latency, batch 1"
    assert re.fullmatch(r"latency [\d.]+ ms \[[\d.]+, [\d.]+\]", tip[1])
    page.mouse.click(*middle)
    page.wait_for_selector("#record[open]")
    assert page.inner_text("#record-title") == "resnet50: profile"
    facts = page.inner_text("#record-body")
    for part in ("Example GPU", "command", "resbench profile", "24 in 8 clusters of 1 processes", "median of a call"):
        assert part in facts
    assert page.locator("#record canvas").count() == 6  # a histogram and an order of time for each of three speeds
    assert painted(page, "#record .plot")
    page.keyboard.press("Escape")
    until(page, "!location.hash.includes('record')")


def test_the_order_of_time_shows_every_sample(opened, address):
    page = opened()
    page.click("tbody button >> nth=0")
    page.wait_for_selector("#record[open]")
    path = page.inner_text("#record-body dd >> nth=0")
    record = json.loads((Path(address.removeprefix("file://")).parent / path).read_text())
    samples = [ns for cluster in record["series"][0]["launches"][0]["clusters"] for ns in cluster["wall_ns"]]
    order = page.locator("#record .plot >> nth=1")
    order.focus()
    for number, ns in enumerate(samples, start=1):
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#tip") == f"sample {number}\n{float(f'{ns / 1e6:.6f}'):,} ms"


def test_everything_can_be_done_with_the_keyboard(opened):
    page = opened("speed=latency&machine=" + GPU)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the table"
    page.focus("#scatter")
    page.keyboard.press("Home")
    first = page.inner_text("#tip")
    page.keyboard.press("ArrowRight")
    second = page.inner_text("#tip")
    assert first != second
    assert page.inner_text("#live").split("; ") == second.split("\n")
    figures = [float(re.search(r"latency ([\d.]+) ms", text)[1]) for text in (first, second)]
    assert figures == sorted(figures)
    page.keyboard.press("Enter")
    page.wait_for_selector("#record[open]")
    assert page.evaluate("document.activeElement.id") == "close"
    page.keyboard.press("Enter")
    page.wait_for_selector("#record", state="hidden")
    page.focus("thead button >> nth=0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.sort") == "network"
    assert page.get_attribute("th[aria-sort]", "aria-sort") == "ascending"


def test_noisy_records_are_outlines_and_say_so(opened):
    page = opened("speed=latency&noise=overloaded")
    assert "outline, dashed: the machine was not quiet" in page.inner_text("#legend")
    assert (255, 255, 255) in painted(page, "#scatter")  # the paper inside of the outlines
    page.focus("#scatter")
    page.keyboard.press("Home")
    assert "in doubt: overloaded" in page.inner_text("#tip")
    quiet = opened("speed=latency&noise=quiet&q=doubt%3D")
    assert (255, 255, 255) not in painted(quiet, "#scatter")


def test_the_front_is_what_no_other_point_beats(opened, address):
    page = opened("speed=latency&machine=" + GPU)
    page.select_option("#size", "1000")
    points = [
        (float(time.split()[0].replace(",", "")), float(top1.split()[0]), name)
        for name, time, top1 in zip(
            *(cells(page, name) for name in ("network", "time of a call", "top-1")), strict=True
        )
        if top1
    ]
    best = {
        name
        for time, top1, name in points
        if not any(t <= time and a >= top1 and (t, a) != (time, top1) for t, a, _ in points)
    }
    named = page.inner_text("#front").removeprefix("On the Pareto fronts of the series: ").removesuffix(".")
    assert set(named.split(", ")) == best


WATCH_TEXT = """
  const context = CanvasRenderingContext2D.prototype, { rect, fillText } = context;
  window.drawn = [];
  context.rect = function (...box) { this.lastRect = box; return rect.apply(this, box); };
  context.fillText = function (text, x, y) {
    window.drawn.push({ text, x, y, wide: this.measureText(text).width, area: this.lastRect });
    return fillText.call(this, text, x, y);
  };
"""


@pytest.mark.parametrize("width", [1280, 420])
def test_names_beside_points_lie_within_the_plot(opened, width):
    page = opened("log=1", viewport={"width": width, "height": 900})
    page.add_init_script(WATCH_TEXT)
    page.reload()
    page.wait_for_selector("#scatter canvas")
    networks = re.findall(r"\w+", page.inner_text("#front").partition(": ")[2])
    until(page, "window.drawn.length > 20")
    named = [text for text in page.evaluate("window.drawn") if text["text"] in networks]
    assert named
    for text in named:
        left, top, wide, high = text["area"]
        assert left <= text["x"] <= text["x"] + text["wide"] <= left + wide, text["text"]
        assert top <= text["y"] <= top + high, text["text"]


def test_other_costs_and_series_can_be_chosen(opened):
    page = opened()
    for name in ("throughput", "MACs", "parameters", "peak memory", "energy per image"):
        page.select_option("#choice-x", name)
        assert f"against {name}, " in page.get_attribute("#scatter", "aria-label")
        assert not page.get_attribute("#scatter", "aria-label").endswith(" 0 points")
    page.select_option("#choice-by", "machine")
    assert page.inner_text("#legend").splitlines()[0] == GPU
    page.select_option("#choice-y", "top-5 accuracy")
    assert page.locator("#scatter canvas").count() == 1


def test_batch_sizes_and_claims_are_drawn(opened):
    page = opened("q=network%3Dresnet18&machine=" + GPU)
    assert page.get_attribute("#batches", "aria-label").startswith("throughput over the batch size, 1 lines")
    assert "resnet18" in page.inner_text("#batches-note")
    page = opened("kind=evaluation")
    assert page.get_attribute("#claims", "aria-label").startswith("top-1 against published top-1, 9 points")
    page.focus("#claims")
    page.keyboard.press("End")
    assert "published top-1" in page.inner_text("#tip")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_has_nothing_to_object_to(opened, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install '.[browser]'")
    page = opened(color_scheme=scheme, viewport={"width": width, "height": 800})
    for _ in ("the page", "a record"):
        audit = axe.Axe().run(page).response
        assert [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in audit["violations"]] == []
        assert len(audit["passes"]) > 10
        if not page.is_visible("#record"):
            page.click("tbody button >> nth=0")
            page.wait_for_selector("#record canvas")


def test_dark_is_dark_and_print_is_light(opened):
    page = opened(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(20, 23, 28)"
    assert (122, 183, 255) in painted(page, "#scatter")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.wait_for_timeout(100)
    colours = painted(page, "#scatter")
    assert (10, 91, 181) in colours
    assert (122, 183, 255) not in colours
    assert not page.is_visible("#filters")
    assert page.is_visible("#shown")
    width = page.evaluate("document.querySelector('#scatter canvas').getBoundingClientRect().width")
    assert width <= page.evaluate("document.querySelector('#scatter').clientWidth")
    assert page.pdf(format="A4", landscape=True).startswith(b"%PDF")


def test_a_phone_scrolls_the_table_and_not_the_page(opened):
    page = opened(viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("document.querySelector('#table').scrollWidth") > 360
    page.tap("tbody button >> nth=0")
    page.wait_for_selector("#record[open]")
    assert page.evaluate("document.querySelector('#record').scrollWidth") <= 360


def test_hostile_names_are_text(opened, tmp_path):
    record = replace(examples.PROFILE, network=HOSTILE, weights=HOSTILE)
    save(record, tmp_path / "records")
    write_report(tmp_path / "records", tmp_path / "page.html", title=HOSTILE, quiet=True)
    page = opened(where=(tmp_path / "page.html").as_uri())
    assert page.inner_text("h1").split() == HOSTILE.split()
    page.click("tbody button >> nth=0")
    page.wait_for_selector("#record[open]")
    assert page.text_content("#record-title") == f"{HOSTILE}: profile"
    assert page.text_content("tbody button") == HOSTILE
    assert page.locator("img").count() == 0
