"""Records in Python and in notebooks: one line, a small table, and the figures that the commands show."""

import copy
import html
import math
import pickle
from dataclasses import replace
from statistics import median
from xml.etree import ElementTree

import pytest
from scipy import stats
from scipy.stats import binomtest

import resbench
from resbench.records import jsonio
from resbench.records.record import Launch
from resbench.records.store import save
from tests.examples import EVALUATION, MACHINE, PROFILE, series
from tests.imported import modules_after

BATCHES = (
    replace(series("latency", 30.0), batch_size=8),
    series("latency", 10.0),
    replace(series("throughput", 40.0), batch_size=8),
    replace(series("throughput", 20.0), batch_size=2),
)
FULL = replace(PROFILE, series=BATCHES)
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m & '\""


def test_the_latency_is_that_of_the_smallest_batch_with_students_interval():
    logs = [math.log(median(cluster.wall_ns) / 1e6) for cluster in BATCHES[1].clusters]
    low, high = stats.t.interval(0.95, len(logs) - 1, loc=sum(logs) / len(logs), scale=stats.sem(logs))
    assert FULL.latency_ms == pytest.approx(math.exp(sum(logs) / len(logs)))
    assert FULL.interval == pytest.approx((math.exp(low), math.exp(high)))


def test_the_throughput_is_the_highest_of_any_batch():
    logs = [math.log(sum(cluster.wall_ns) / len(cluster.wall_ns) / 1e9) for cluster in BATCHES[2].clusters]
    assert FULL.images_per_s == pytest.approx(8 / math.exp(sum(logs) / len(logs)))
    low, high = FULL.images_per_s_interval
    assert low < FULL.images_per_s < high


def test_an_accuracy_is_in_per_cent_with_wilsons_interval():
    low, high = binomtest(158, 200).proportion_ci(method="wilson")
    assert (EVALUATION.top1, EVALUATION.top5) == (79.0, 95.0)
    assert EVALUATION.interval == pytest.approx((100 * low, 100 * high))


def test_the_figures_are_those_of_the_data_frame(tmp_path):
    for record in (FULL, EVALUATION):
        save(record, tmp_path)
    frame = resbench.results(tmp_path)
    (row,) = frame[(frame.speed == "latency") & (frame.batch_size == 1)].to_dict("records")
    assert (row["time_ms"], row["time_low_ms"], row["time_high_ms"]) == pytest.approx((FULL.latency_ms, *FULL.interval))
    assert frame[frame.speed == "throughput"].images_per_s.max() == pytest.approx(FULL.images_per_s)
    assert frame[frame.kind == "evaluation"].top1.item() == EVALUATION.top1


def test_what_a_record_lacks_is_none():
    nothing = replace(PROFILE, series=())
    assert (nothing.latency_ms, nothing.interval, nothing.images_per_s, nothing.images_per_s_interval) == (None,) * 4
    empty = replace(series(), launches=())
    assert replace(PROFILE, series=(empty,)).latency_ms is None
    alone = replace(PROFILE, series=(series(clusters=1),))
    assert alone.latency_ms == pytest.approx(1.01, rel=0.02)
    assert alone.interval is None
    unseen = replace(EVALUATION, images=0, top1_right=0, top5_right=0)
    assert (unseen.top1, unseen.top5, unseen.interval) == (None, None, None)
    for record in (nothing, alone, unseen):
        assert len(repr(record).splitlines()) == 1
        ElementTree.fromstring(record._repr_html_())


def test_a_record_is_a_line_with_its_main_figures():
    assert repr(FULL).startswith("<Profile of resnext50_32x4d: cpu Example CPU; 224x224 px, fp32, 1 thread; ")
    for text in (
        "parameters 25,028,904",
        "latency at batch 1 10.1 ms [",
        "throughput at batch 8 ",
        "] images/s; machine was quiet>",
    ):
        assert text in repr(FULL)
    low, high = EVALUATION.interval
    assert f"top-1 79.00 % [{low:.2f}, {high:.2f}]" in repr(EVALUATION)
    assert repr(EVALUATION).endswith("; images 200 of val>")


@pytest.mark.parametrize("record", [FULL, EVALUATION], ids=["profile", "evaluation"])
def test_a_notebook_gets_a_table_with_everything_escaped(record):
    machine = replace(MACHINE, device_name=HOSTILE)
    hostile = replace(
        record, network=HOSTILE, weights=HOSTILE, environment=replace(record.environment, machine=machine)
    )
    table = ElementTree.fromstring(hostile._repr_html_())
    assert {element.tag for element in table.iter()} == {"table", "tr", "th", "td"}
    cells = [cell.text for cell in table.iter("td")]
    shown = HOSTILE.replace("\x1b", "\\x1b")
    assert (cells[0], cells[1]) == (shown, f"cpu {shown}")
    assert "\x1b" not in repr(hostile)
    assert html.unescape(hostile._repr_html_()).count(shown) == 3


def test_records_are_compared_copied_and_stored_as_before():
    for record in (FULL, EVALUATION):
        assert (
            jsonio.loads(jsonio.dumps(record)) == record == copy.deepcopy(record) == pickle.loads(pickle.dumps(record))
        )
        assert hash(record.run) == hash(copy.copy(record).run)
    assert Launch.__name__ in repr(PROFILE.series[0])  # parts of records keep the form of dataclasses


def test_reading_records_loads_no_statistics(tmp_path):
    path = save(PROFILE, tmp_path)
    code = (
        f"from pathlib import Path; from resbench.records.jsonio import read_record; read_record(Path({str(path)!r}))"
    )
    assert modules_after("--version", before=code).isdisjoint({"numpy", "scipy", "torch"})
