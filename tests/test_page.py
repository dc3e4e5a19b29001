"""`resbench report`: one file that loads nothing, where every text from records is inert and every figure is theirs."""

import base64
import hashlib
import json
import re
import statistics
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.records.store import save
from tests import examples
from tests.measured_zoo import evaluations, fill, profiles

DOCS = Path(__file__).parent.parent / "docs" / "report.md"
HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\'"&lt;\u2028${1}'


def report(*words: object):
    return CliRunner().invoke(app, ["report", *map(str, words)])


class Parsed(HTMLParser):
    """The elements of a page as a browser would find them, with the text of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        self.texts.setdefault(attributes.get("id") or tag, data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, str]:
    folder = fill(tmp_path_factory.mktemp("records"), 9, 3)
    output = folder / "page.html"
    assert report(folder, "-o", output).exit_code == 0
    return folder, output.read_text(encoding="utf-8")


def data_of(html: str) -> dict:
    return json.loads(Parsed(html).texts["data"])


def column(data: dict, name: str) -> list:
    held = data["values"][name]
    return held if isinstance(held, list) else [held["words"][index] for index in held["index"]]


def test_the_page_loads_nothing_and_its_policy_lets_nothing_else_run(written):
    page = Parsed(written[1])
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "action", "background", "data", "poster"} & attributes.keys(), tag
        assert all(not name.startswith("on") for name in attributes), tag
    assert [attributes["href"] for attributes in page.all("link")] == ["data:,"]
    assert "@import" not in page.texts["style"]
    assert "url(" not in page.texts["style"]
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv")]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    scripts = re.findall(r"<script>(.*?)</script>", written[1], re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"'sha256-([^']+)'", policy.partition("style-src")[0]) == hashes
    assert "unsafe" not in policy


def test_the_page_without_data_is_small(written):
    page = Parsed(written[1])
    kib = (len(written[1].encode()) - len(page.texts["data"].encode()) - len(page.texts["samples"])) / 1024
    stated = re.search(r"The page takes (\d+) KiB without data", DOCS.read_text(encoding="utf-8"))[1]
    assert kib == pytest.approx(int(stated), abs=1.5)
    assert kib < 200


def test_names_from_records_are_text_wherever_they_stand(tmp_path):
    conditions = replace(examples.CONDITIONS, os=HOSTILE, host=HOSTILE)
    machine = replace(examples.MACHINE, device_name=HOSTILE, torch=HOSTILE)
    record = replace(
        examples.PROFILE,
        network=HOSTILE,
        weights=HOSTILE,
        environment=replace(examples.ENVIRONMENT, machine=machine, conditions=conditions),
        run=replace(examples.RUN, command=HOSTILE),
    )
    save(record, tmp_path / "records")
    assert report(tmp_path / "records", "-o", tmp_path / "page.html", "--title", HOSTILE).exit_code == 0
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Parsed(html)
    assert len(page.all("script")) == 4
    assert page.all("img") == []
    assert page.texts["title"] == page.texts["h1"] == HOSTILE
    assert column(data_of(html), "network") == [HOSTILE]
    (packed,) = page.texts["samples"].split("\n")
    assert dict(json.loads(zlib.decompress(base64.b64decode(packed)))["facts"])["command"] == HOSTILE


def test_every_figure_is_computed_from_the_samples_of_its_record(written):
    folder, html = written
    data = data_of(html)
    for path, speed, batch_size, time_ms, low, high in zip(
        *(column(data, name) for name in ("record", "speed", "batch_size", "time_ms", "time_low_ms", "time_high_ms")),
        strict=True,
    ):
        record = json.loads((folder / path).read_text())
        if record["kind"] == "evaluation":
            assert (speed, time_ms) == (None, None)
            continue
        (series,) = [s for s in record["series"] if (s["speed"], s["batch_size"]) == (speed, batch_size)]
        middle = statistics.median if speed == "latency" else statistics.fmean
        medians = [middle(cluster["wall_ns"]) / 1e6 for cluster in series["launches"][0]["clusters"]]
        assert time_ms == pytest.approx(statistics.geometric_mean(medians), rel=1e-9)
        assert low < time_ms < high


def test_accuracies_are_right_answers_over_images(written):
    folder, html = written
    data = data_of(html)
    kinds, paths, shares = (column(data, name) for name in ("kind", "record", "top1"))
    measured = [(path, share) for kind, path, share in zip(kinds, paths, shares, strict=True) if kind == "evaluation"]
    assert len(measured) == 3
    for path, share in measured:
        record = json.loads((folder / path).read_text())
        assert share == pytest.approx(100 * record["top1_right"] / record["images"], rel=1e-9)


def test_raw_samples_travel_with_the_page_in_the_order_of_time(written):
    folder, html = written
    data, packed = data_of(html), Parsed(html).texts["samples"].split("\n")
    paths = data["values"]["record"]["words"]
    assert len(paths) == len(packed) == data["records"] == 12
    for path, line in zip(paths, packed, strict=True):
        record, shown = json.loads((folder / path).read_text()), json.loads(zlib.decompress(base64.b64decode(line)))
        raw = [
            [[c["wall_ns"] for c in launch["clusters"]] for launch in s["launches"]] for s in record.get("series", [])
        ]
        assert [series["launches"] for series in shown["series"]] == raw


def test_the_same_records_give_the_same_bytes(written, tmp_path):
    assert report(written[0], "-o", tmp_path / "again.html", "--title", f"Records of {written[0].name}").exit_code == 0
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == written[1]


def test_a_page_is_replaced_and_a_file_of_somebody_else_is_not(tmp_path):
    save(examples.PROFILE, tmp_path / "records")
    (tmp_path / "mine.html").write_text("<h1>Mine</h1>")
    done = report(tmp_path / "records", "-o", tmp_path / "mine.html")
    assert done.exit_code != 0
    assert "was not written by `resbench report`" in str(done.exception)
    for _ in range(2):
        assert report(tmp_path / "records", "-o", tmp_path / "page.html").exit_code == 0


def test_a_folder_without_records_or_samples_is_one_line(tmp_path):
    assert "no such file or folder" in str(report(tmp_path / "absent", "-o", tmp_path / "p.html").exception)
    save(replace(examples.PROFILE, series=()), tmp_path / "records")
    done = report(tmp_path / "records", "-o", tmp_path / "p.html")
    assert "no record holds a sample or an image" in str(done.exception)
    assert not (tmp_path / "p.html").exists()


def test_choices_are_offered_for_what_the_records_hold(tmp_path):
    for record in evaluations(2):
        save(record, tmp_path / "accuracies")
    report(tmp_path / "accuracies", "-o", tmp_path / "a.html")
    data = data_of((tmp_path / "a.html").read_text())
    assert [choice["name"] for choice in data["x"]] == ["MACs", "parameters", "activations"]
    for record in profiles(80):
        save(record, tmp_path / "speeds")
    report(tmp_path / "speeds", "-o", tmp_path / "b.html")
    data = data_of((tmp_path / "b.html").read_text())
    names = [choice["name"] for choice in data["x"]]
    assert names[:2] == ["latency", "throughput"]
    assert {"peak memory", "energy per image", "MACs", "parameters"} <= set(names)


def test_records_are_chosen_as_by_results(written, tmp_path):
    folder, html = written
    done = report(folder, "-o", tmp_path / "some.html", "--where", "kind == 'profile' and latency_ms < 100")
    assert done.exit_code == 0
    some, every = data_of((tmp_path / "some.html").read_text(encoding="utf-8")), data_of(html)
    times = zip(*(column(every, name) for name in ("record", "speed", "time_ms")), strict=True)
    fast = {path for path, speed, time_ms in times if speed == "latency" and time_ms < 100}
    assert 0 < len(fast) < 9
    assert set(column(some, "record")) == fast
    assert "no record meets" in str(report(folder, "-o", tmp_path / "none.html", "--where", "top1 > 99.9").exception)


def test_the_plotting_library_is_the_one_that_its_page_names():
    vendor = files("resbench.report.page") / "vendor"
    rows = dict(re.findall(r"^\| (\S+) \| ([0-9a-f]{64}) \|$", (vendor / "README.md").read_text(), re.MULTILINE))
    assert rows.keys() == {"LICENSE", "uPlot.iife.min.js", "uPlot.min.css"}
    for name, digest in rows.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest
    assert "The MIT License" in (vendor / "LICENSE").read_text()
    version = re.search(r"uPlot ([\d.]+),", (vendor / "README.md").read_text())[1]
    assert f"(v{version})" in (vendor / "uPlot.iife.min.js").read_text()[:80]
