"""What other tools read of a history is what was measured."""

import io
import json
from dataclasses import replace
from datetime import datetime

import pandas as pd
import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.judging.history import measures
from resbench.judging.timings import unit_times_s
from resbench.records.pool import add
from resbench.records.record import Evaluation
from resbench.report import exports
from tests.examples import EVALUATION, PROFILE, series
from tests.test_judging_timings import run

THROUGHPUT = replace(series("throughput", scale=8.0), batch_size=16)
NEWEST = replace(run(1.2, 9), series=(series(scale=1.2), THROUGHPUT))
CHECKPOINT = "gluon_seresnext50_32x4d"
RUNS = {
    "m/resnext50_32x4d/profile.json": [run(1.0, 1), run(1.1, 2), NEWEST],
    "m/seresnext50_32x4d/evaluation.json": [
        replace(
            EVALUATION,
            network="seresnext50_32x4d",
            weights=CHECKPOINT,
            pixels=replace(EVALUATION.pixels, resize_px=256, crop_px=224),
        )
    ],
}
NAME = "m/resnext50_32x4d/profile"
CPU_S = measures(NEWEST)["latency b1 (CPU time)"].value


def test_profiles_have_the_columns_of_timms_benchmark():
    table = pd.read_csv(io.StringIO(exports.timm_benchmark(RUNS)))
    # The columns of timm's results/benchmark-infer-*.csv.
    assert set(table) == {
        "model", "infer_samples_per_sec", "infer_step_time", "infer_batch_size", "infer_img_size", "infer_gmacs",
        "infer_macts", "param_count", "noise", "runtime",
    }  # fmt: skip
    assert table["infer_batch_size"].tolist() == [16, 1]
    fast = table.iloc[0]
    assert fast["infer_samples_per_sec"] * fast["infer_step_time"] / 1000 == pytest.approx(16, rel=1e-3)
    assert (fast["infer_img_size"], fast["infer_gmacs"], fast["param_count"]) == (224, 4.23, 25.03)


def test_speeds_of_an_overloaded_machine_are_marked_in_every_export():
    record = on_overloaded(NEWEST)
    table = pd.read_csv(io.StringIO(exports.timm_benchmark({"m/a.json": [NEWEST], "m/b.json": [record]})))
    assert sorted(table["noise"]) == ["overloaded", "overloaded", "quiet", "quiet"]
    pyperf = pytest.importorskip("pyperf")
    suite = pyperf.BenchmarkSuite.loads(exports.pyperf({"m/a.json": [NEWEST, record]}))
    metadata = [run.get_metadata() for run in suite.get_benchmarks()[0].get_runs()]
    assert [of["noise"] for of in metadata] == ["quiet", "overloaded"]


def on_overloaded(record):
    conditions = replace(record.environment.conditions, noise="overloaded")
    return replace(record, environment=replace(record.environment, conditions=conditions))


def test_evaluations_have_the_columns_of_timms_results_in_order():
    text = exports.timm_results(RUNS)
    assert text.splitlines() == [
        "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation",
        f"{CHECKPOINT},224,79.000,21.000,95.000,5.000,27.56,0.875,bilinear",
    ]


def test_pyperf_reads_its_suite():
    pyperf = pytest.importorskip("pyperf")
    suite = pyperf.BenchmarkSuite.loads(exports.pyperf(RUNS))
    benchmark = suite.get_benchmark(f"{NAME} latency b1 (CPU time)")
    assert (benchmark.get_nrun(), benchmark.get_nvalue()) == (3, 36)
    assert benchmark.get_unit() == "second"
    assert benchmark.get_values()[-12:] == tuple(unit_times_s(NEWEST.series[0], "cpu_ns"))
    assert benchmark.get_dates()[0] == datetime(2026, 1, 1, 0, 0, 1)


@pytest.mark.parametrize("name", exports.FORMATS)
def test_every_format_is_offered_and_written_whole(name, tmp_path):
    for runs in RUNS.values():
        for record in runs:
            add(record, tmp_path / "pool")
    output = tmp_path / "out"
    words = ["history", str(tmp_path / "pool"), "--format", name]
    done = CliRunner().invoke(app, [*words, "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert output.read_text() == CliRunner().invoke(app, words).stdout != ""


def test_evaluations_of_unknown_checkpoints_are_exported_with_the_ratio_of_their_sizes():
    own = replace(EVALUATION, pixels=replace(EVALUATION.pixels, resize_px=235, crop_px=224))
    assert isinstance(own, Evaluation)
    row = exports.timm_results({"m/a.json": [own]}).splitlines()[1]
    assert row.startswith("resnet18.pth,224,")
    assert ",0.953," in row
    assert PROFILE.network not in row


def test_speeds_on_images_are_exported_apart_and_never_as_timms_inference():
    fed = replace(series("end_to_end", scale=9.0), batch_size=16)
    runs = {"m/a.json": [replace(NEWEST, series=(THROUGHPUT, fed))]}
    assert len(exports.timm_benchmark(runs).splitlines()) == 2
    text = exports.pyperf(runs)
    assert "m/a end_to_end b16" in text
    assert "m/a throughput b16" in text


def test_a_series_that_failed_is_left_out():
    failed = replace(PROFILE, series=(replace(PROFILE.series[0], launches=()),))
    assert json.loads(exports.pyperf({"m/a.json": [failed]}))["benchmarks"] == []
