import json
import statistics
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.judging import stats
from resbench.records import store
from tests.examples import PROFILE


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


def test_figures_are_recomputed_from_the_raw_samples(tmp_path):
    path = store.save(PROFILE, tmp_path)
    (found,) = json.loads(run("stats", path, "--json").stdout)
    (launch,) = PROFILE.series[0].launches
    medians = [statistics.median(cluster.wall_ns) / 1e9 for cluster in launch.clusters]
    assert found["median"]["estimate"] == pytest.approx(statistics.geometric_mean(medians))
    assert found["median"]["low"] < found["median"]["estimate"] < found["median"]["high"]
    samples = [sample / 1e9 for cluster in launch.clusters for sample in cluster.wall_ns]
    assert found["sd_s"] == pytest.approx(statistics.stdev(samples))
    assert found["pooled_mean_s"] == pytest.approx(statistics.fmean(samples))
    assert found["samples"] == len(samples)
    assert found["percentiles"] == {"p90": None, "p99": None}
    assert found["images_per_s"] is None


def test_a_table_shows_them(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    store.save(PROFILE, tmp_path)
    text = run("stats", tmp_path).stdout
    for shown in ("resnext50_32x4d, latency at batch 1", "needs 64 samples", "between clusters", "cold start"):
        assert shown in text
    assert f"{1e3 * stats.summarise(PROFILE.series[0]).median.estimate:.2f} ms" in text


def test_a_file_that_is_no_record_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    result = run("stats", tmp_path / "x.json")
    assert isinstance(result.exception, ResbenchError)
    assert "not a resbench record" in str(result.exception)


def test_env_prints_what_records_carry():
    data = json.loads(run("env", "--device", "cpu", "--seconds", "0.1", "--json").stdout)
    assert data["machine"]["device_kind"] == "cpu"
    assert data["conditions"]["noise"] in ("quiet", "busy", "overloaded", "unknown")
    text = run("env", "--device", "cpu", "--seconds", "0.1").stdout
    assert data["machine"]["math_libraries"] in text
    assert "machine " in text


def test_a_series_without_samples_is_passed_over(tmp_path):
    (whole,) = PROFILE.series
    path = store.save(replace(PROFILE, series=(replace(whole, launches=()), whole)), tmp_path)
    assert len(json.loads(run("stats", path, "--json").stdout)) == 1


@pytest.mark.parametrize("series", [(), (replace(PROFILE.series[0], launches=()),)], ids=["no series", "no samples"])
def test_a_record_without_timings_is_refused(series, tmp_path):
    path = store.save(replace(PROFILE, series=series), tmp_path)
    assert "holds no timings" in str(run("stats", path).exception)
