"""Records as a table: its figures against scipy, which accuracy goes with which speed, and its columns."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import resbench
from resbench.bench import table
from resbench.bench.columns import RECORD_COLUMNS, SPEED_COLUMNS
from resbench.errors import ResbenchError
from resbench.records.pool import add
from resbench.records.record import Energy, Memory, Settings
from resbench.records.store import save
from tests.examples import EVALUATION, PROFILE, RUN, SETTINGS, series

NOW = datetime(2026, 1, 11, tzinfo=UTC)
IMAGENET = replace(EVALUATION.dataset, name="ImageNet-1k", images=50_000, classes=1000)
WHOLE = replace(EVALUATION, dataset=IMAGENET, images=50_000, top1_right=35_000, top5_right=44_000)


def of_records(*records):
    return table.record_rows({str(index): record for index, record in enumerate(records)}, NOW)


def of_speeds(*records):
    return table.speed_rows({str(index): record for index, record in enumerate(records)}, NOW)


def t_interval(values):
    """Geometric mean and its 95 % interval, by scipy."""
    logs = np.log(values)
    low, high = stats.t.interval(0.95, len(logs) - 1, loc=logs.mean(), scale=stats.sem(logs))
    return [float(np.exp(value)) for value in (logs.mean(), low, high)]


def test_a_row_per_speed_has_the_figures_that_scipy_gives():
    latency, throughput = series(scale=20.0), replace(series("throughput", 300.0), batch_size=8)
    rows = of_speeds(replace(PROFILE, series=(latency, throughput)))
    assert [(row["speed"], row["batch_size"]) for row in rows] == [("latency", 1), ("throughput", 8)]
    medians = [np.median(cluster.wall_ns) / 1e6 for cluster in latency.clusters]
    found = [rows[0][name] for name in ("time_ms", "time_low_ms", "time_high_ms")]
    assert found == pytest.approx(t_interval(medians))
    assert rows[0]["images_per_s"] is None
    rates = [8 / np.mean(cluster.wall_ns) * 1e9 for cluster in throughput.clusters]
    found = [rows[1][name] for name in ("images_per_s", "images_per_s_low", "images_per_s_high")]
    assert found == pytest.approx(t_interval(rates))
    assert rows[0]["cpu_ms"] == pytest.approx(t_interval(medians)[0])
    assert (rows[0]["samples"], rows[0]["clusters"], rows[0]["launches"]) == (36, 12, 1)
    assert rows[0]["age_days"] == 10


def test_a_row_per_record_has_the_smallest_latency_batch_and_the_best_throughput():
    sizes = [replace(series("latency", 10.0 * size), batch_size=size) for size in (8, 2)]
    full = [replace(series("throughput", scale), batch_size=size) for scale, size in ((100.0, 8), (1000.0, 32))]
    memory = (Memory(batch_size=32, allocated_bytes=3 * 2**20), Memory(batch_size=2, allocated_bytes=2**20))
    energy = (Energy(batch_size=8, images=4, millijoules=100, wall_ns=1),)
    (row,) = of_records(replace(PROFILE, series=(*sizes, *full), memory=memory, energy=energy))
    assert (row["latency_batch"], row["throughput_batch"]) == (2, 8)
    assert row["latency_ms"] == pytest.approx(20 * 1.01, rel=0.02)
    assert row["images_per_s"] == pytest.approx(80, rel=0.02)
    assert (row["memory_mib"], row["energy_mj"]) == (3, 25)


@pytest.mark.parametrize("rows", [table.record_rows, table.speed_rows])
def test_cpu_times_are_left_out_where_nobody_wants_them(rows):
    records = {"a": PROFILE, "b": WHOLE}
    whole = rows(records, NOW)
    assert whole[0]["cpu_ms"] > 0
    without = [{name: value for name, value in row.items() if name != "cpu_ms"} for row in whole]
    assert rows(records, NOW, cpu=False) == without


def test_a_training_step_is_its_three_phases():
    phases = [
        series(f"train_{phase}", scale) for phase, scale in (("forward", 10), ("backward", 20), ("optimizer", 10))
    ]
    (row,) = of_records(replace(PROFILE, series=tuple(phases)))
    assert row["train_images_per_s"] == pytest.approx(1000 / 40, rel=0.02)
    assert row["latency_ms"] is None


def test_an_evaluation_has_its_accuracy_in_per_cent_with_wilsons_interval():
    (row,) = of_speeds(EVALUATION)
    low, high = stats.binomtest(158, 200).proportion_ci(0.95, method="wilson")
    assert (row["top1"], row["top5"], row["top1_source"]) == (79.0, 95.0, "measured")
    assert (row["top1_low"], row["top1_high"]) == pytest.approx((100 * low, 100 * high))
    assert row["speed"] is None
    assert row["params"] == 11_689_512  # torchvision's documentation of resnet18


def profiled(**changes):
    return replace(PROFILE, network="resnet18", **changes)


def accuracy_beside(*records):
    row = of_records(*records)[0]
    return row["top1"], row["top1_source"], row["dataset"]


def test_a_speed_goes_with_the_accuracy_on_the_published_images():
    other = replace(EVALUATION, images=60_000, top1_right=59_000, top5_right=60_000)
    assert accuracy_beside(profiled(), other, WHOLE) == (70.0, "measured", "ImageNet-1k")


def test_without_an_evaluation_it_goes_with_the_best_published_accuracy():
    top1, source, images = accuracy_beside(profiled(), EVALUATION)
    assert (source, images) == ("published", "ImageNet-1k")
    assert top1 > 70
    assert accuracy_beside(replace(PROFILE, network="mine"))[:2] == (None, None)
    assert accuracy_beside(replace(PROFILE, network="mine"), replace(EVALUATION, network="mine")) == (
        79.0,
        "measured",
        "val",
    )


def test_a_known_misprint_is_no_accuracy():
    wide = Settings(input_px=(299, 299), threads=1)
    row = of_records(replace(PROFILE, network="inception_resnet_v2", settings=wide))[0]
    assert row["top1"] is None or row["top1"] > 50


@pytest.mark.parametrize(
    "change",
    [
        {"settings": replace(SETTINGS, input_px=(128, 128))},
        {"settings": replace(SETTINGS, dtype="bf16")},
        {"weights": "other.pth", "weights_sha256": "cd" * 32},
        {"network": "resnet34"},
    ],
)
def test_an_accuracy_of_another_input_type_checkpoint_or_network_does_not_go_with_a_speed(change):
    assert accuracy_beside(replace(profiled(), **change), WHOLE)[1] != "measured"


def test_another_input_size_has_no_published_accuracy_either():
    assert accuracy_beside(profiled(settings=replace(SETTINGS, input_px=(128, 128)))) == (None, None, None)


def test_the_accuracy_of_the_own_checkpoint_goes_first():
    own = profiled(weights="resnet18.pth", weights_sha256=WHOLE.weights_sha256)
    better = replace(WHOLE, weights="better.pth", weights_sha256="ef" * 32, top1_right=40_000)
    assert accuracy_beside(own, better, WHOLE)[0] == 70.0
    assert accuracy_beside(profiled(), better, WHOLE)[0] == 80.0


def test_what_may_not_repeat_is_said():
    drifted = replace(PROFILE, series=(replace(PROFILE.series[0], drifting=True),))
    assert [row["doubt"] for row in of_speeds(PROFILE, drifted)] == ["", "drifted while it was measured"]


def test_the_frame_has_the_documented_columns_with_their_types(tmp_path):
    save(PROFILE, tmp_path)
    save(WHOLE, tmp_path)
    found = resbench.results(tmp_path)
    assert list(found) == list(SPEED_COLUMNS)
    assert {str(found[name].dtype) for name, column in SPEED_COLUMNS.items() if column.whole} == {"Int64"}
    assert str(found["energy_mj"].dtype) == "float64"  # nothing in it
    assert found["started"].tolist() == [pd.Timestamp(RUN.started)] * 2
    assert sorted(found["kind"]) == ["evaluation", "profile"]
    named = set(re.findall(r"\w+", resbench.results.__doc__))
    assert set(SPEED_COLUMNS) <= named


def test_every_run_of_a_pool_is_a_row(tmp_path):
    later = replace(PROFILE, run=replace(RUN, started="2026-02-01T00:00:00+00:00"))
    for record in (PROFILE, later):
        add(record, tmp_path)
    assert len(resbench.results(tmp_path)) == 2
    with pytest.raises(ResbenchError, match="no such file or folder"):
        resbench.results(tmp_path / "nowhere")


def test_columns_of_both_tables_mean_the_same():
    shared = SPEED_COLUMNS.keys() & RECORD_COLUMNS.keys() - {
        "images_per_s",
        "images_per_s_low",
        "images_per_s_high",
        "cpu_ms",
        "memory_mib",
        "energy_mj",
    }
    assert len(shared) > 25
    assert all(SPEED_COLUMNS[name] == RECORD_COLUMNS[name] for name in shared)


def test_pandas_is_imported_in_one_module_when_a_frame_is_made():
    sources = {path: path.read_text() for path in Path(resbench.__file__).parent.rglob("*.py")}
    importing = [
        path.name for path, text in sources.items() if re.search(r"^ +import pandas|^import pandas", text, re.M)
    ]
    assert importing == ["table.py"]


def test_the_page_on_results_says_what_each_column_holds():
    page = (Path(__file__).parents[1] / "docs" / "results.md").read_text()
    shown = set(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.M))
    assert shown == {(name, column.meaning) for name, column in (*SPEED_COLUMNS.items(), *RECORD_COLUMNS.items())}
