"""How large the report of 10,000 records is, and how long a browser takes to open and to filter it.

Needs `pip install '.[browser]'` and Chromium. Prints, for each action, the median and the range of the runs: wall time
and CPU time of the page's process (which a busy machine changes little), from the request to the first complete
table and plot, and from a choice to the next painted frame.

    python benchmarks/report_page.py [RECORDS]
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))
from resbench.report.page.writing import write_report
from tests.chromium import launch
from tests.measured_zoo import fill

RUNS = 7
CHOOSE = """([key, value]) => {
  const list = document.getElementById(`choice-${key}`), start = performance.now();
  list.value = value;
  list.dispatchEvent(new Event("change", {bubbles: true}));
  return new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))));
}"""
SEARCH = """text => {
  const query = document.getElementById("query"), start = performance.now(), shown = document.getElementById("shown");
  query.value = text;
  query.dispatchEvent(new Event("input"));
  return new Promise(done => new MutationObserver(() => done(performance.now() - start))
    .observe(shown, {childList: true}));
}"""
SORT = """() => {
  const start = performance.now();
  document.querySelector("[data-sort=time_ms]").click();
  return performance.now() - start;
}"""


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        fill(Path(folder) / "records", records - records // 50, records // 50)
        start = time.process_time()
        write_report(Path(folder) / "records", page, quiet=True)
        print(f"written in {time.process_time() - start:.1f} s of CPU time, {page.stat().st_size / 2**20:.1f} MiB")
        with sync_playwright() as running:
            browser = launch(running)
            measure(Timed(browser.new_page(viewport={"width": 1280, "height": 900})), page.as_uri())
            browser.close()
    print(f"load average at the end {os.getloadavg()[0]:.1f}, {os.cpu_count()} CPUs")


class Timed:
    """A page, and how long its actions take: the wall, and the CPU time of its process."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable")

    def cpu_ms(self) -> float:
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        return next(1000 * metric["value"] for metric in metrics if metric["name"] == "ProcessTime")

    def time(self, action: Callable[[], float]) -> tuple[float, float]:
        before = self.cpu_ms()
        wall_ms = action()
        return wall_ms, self.cpu_ms() - before


def measure(timed: Timed, address: str) -> None:
    page = timed.page
    show("open", [timed.time(lambda: opened(page, address)) for _ in range(RUNS)])
    print(page.inner_text("#shown"))
    for key, value in (("machine", "cuda-example-gpu"), ("speed", "latency"), ("x", "MACs")):
        before = page.input_value(f"#choice-{key}")
        times = []
        for _ in range(RUNS):
            times.append(timed.time(lambda key=key, value=value: page.evaluate(CHOOSE, [key, value])))
            page.evaluate(CHOOSE, [key, before])
            page.wait_for_timeout(1500)
        show(f"choose {key}", times)
    searches = [f"resnext time_ms<{20 + run}" for run in range(RUNS)]
    show(
        "search, with a pause of 120 ms",
        [timed.time(lambda text=text: page.evaluate(SEARCH, text)) for text in searches],
    )
    show("sort", [timed.time(lambda: page.evaluate(SORT)) for _ in range(RUNS)])


def opened(page: Page, address: str) -> float:
    page.goto("about:blank")
    page.goto(address)
    timing = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    return float(page.evaluate(timing))


def show(action: str, times_ms: list[tuple[float, float]]) -> None:
    wall, cpu = zip(*times_ms, strict=True)
    words = (
        f"{name} {statistics.median(ms):.0f} ms ({min(ms):.0f} to {max(ms):.0f})"
        for name, ms in (("wall", wall), ("CPU", cpu))
    )
    print(f"{action}: {', '.join(words)}")


if __name__ == "__main__":
    main()
