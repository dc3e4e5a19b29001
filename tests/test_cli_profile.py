import json
import math
from dataclasses import replace
from statistics import median

import pytest
from scipy import stats
from typer.testing import CliRunner

import resbench
from resbench.bench import measuring, profiles, profiling
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records import jsonio
from resbench.report import profile as report
from resbench.zoo import find
from tests.examples import PROFILE, series
from tests.test_running_arm import TINY

PARAMETERS = f"{sum(tensor.numel() for tensor in resbench.build(TINY).parameters()):,}"
QUICK = ["--input-px", "32", "--time-budget", "0.1", "--threads", "1"]


@pytest.fixture
def without_memory(monkeypatch):
    """A fresh process for the memory costs seconds; it has a test of its own."""
    monkeypatch.setattr(measuring, "_memory", lambda *_: iter(()))
    monkeypatch.setattr(measuring.ceilings, "measure_ceilings", lambda *_: None)


@pytest.fixture(autouse=True)
def quick_networks(monkeypatch, few_samples):
    small = (TINY, replace(TINY, name="tiny2"))
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, *small))


def profile(*words, runner=CliRunner()):
    return runner.invoke(app, ["profile", *words])


def fails(*words):
    result = profile(*words)
    assert isinstance(result.exception, ResbenchError), result.output
    return str(result.exception)


def test_json_is_the_saved_record_byte_for_byte_with_its_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["resbench", "profile", "resnet20_cifar10"])  # not pytest's, which is escaped
    monkeypatch.setattr(measuring.ceilings, "COPY_BYTES", {"cpu": 2**20})
    monkeypatch.setattr(measuring.ceilings, "ENOUGH_NS", 1)
    result = profile("resnet20_cifar10", *QUICK, "--batch-size", "2", "--save", "-o", str(tmp_path), "--json")
    assert result.exit_code == 0, result.output
    (path,) = tmp_path.rglob("*.json")
    assert result.stdout_bytes == b"[\n" + path.read_bytes() + b"]\n"
    assert f"saved {path}" in result.stderr
    record = jsonio.read_record(path)
    assert [(series.speed, series.batch_size) for series in record.series] == [("latency", 2), ("throughput", 2)]
    assert record.counts.params == 269_722
    assert record.settings.threads == 1
    assert record.environment.machine.device_kind == "cpu"
    (memory,) = record.memory
    assert len(record.ceilings.matmul_ns) > 1
    assert memory.resident_bytes > memory.resident_before_bytes + record.counts.weights_bytes


def test_a_sheet_shows_costs_speeds_and_environment(without_memory, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    result = profile("tiny", *QUICK)
    assert result.exit_code == 0, result.output
    for shown in (PARAMETERS, "latency", "throughput", "cpu:", "1 thread", "machine "):
        assert shown in result.stdout


def test_several_networks_run_in_fresh_processes_and_are_resumed(tmp_path, without_memory, monkeypatch):
    asked = []

    def call(function, network, how):  # the process itself is tested in test_running_fresh
        asked.append((function, network.name))
        return function(network, how)

    monkeypatch.setattr(profiling.fresh, "call", call)
    words = ("tiny", "tiny2", *QUICK, "-b", "1", "--save", "-o", str(tmp_path), "--resume")
    first = profile(*words, "--json")
    assert first.exit_code == 0, first.output
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert [record["network"] for record in json.loads(first.stdout)] == ["tiny", "tiny2"]
    next(path for path in files if "tiny2" in str(path)).unlink()
    (kept,) = tmp_path.rglob("*.json")
    again = profile(*words)
    assert again.exit_code == 0, again.output
    assert kept.stat().st_mtime_ns == files[kept]
    assert set(tmp_path.rglob("*.json")) == set(files)
    once, twice = (
        (profiling.profiled, "tiny"),
        (profiling.profiled, "tiny2"),
    )
    assert asked == [once, twice, twice]


def test_ctrl_c_keeps_the_series_that_were_finished(tmp_path, monkeypatch):
    real = measuring._series

    def interrupted(*arguments):
        yield next(real(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "_series", interrupted)
    result = profile("tiny", *QUICK, "--save", "-o", str(tmp_path))
    assert result.exit_code == 130
    (path,) = tmp_path.rglob("*.json")
    assert [series.speed for series in jsonio.read_record(path).series] == ["latency"]
    assert PARAMETERS in result.stdout


def test_ctrl_c_before_anything_is_finished_writes_nothing(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(measuring, "_series", interrupted)
    result = profile("tiny", *QUICK, "--save", "-o", str(tmp_path))
    assert result.exit_code == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no networks given"),
        (("--all", "resnet18"), "names and --all"),
        (("resnet19",), "did you mean"),
        (("resnet18", "-b", "0"), "batch size '0'"),
        (("resnet18", "-b", "1,x"), "batch size 'x'"),
        (("resnet18", "--input-px", "0"), "input size"),
        (("resnet18", "--dtype", "fp8"), "dtype 'fp8': unknown"),
        (("resnet18", "--dtype", "tf32", "--device", "cpu"), "tf32: only on CUDA"),
        (("resnet18", "--amp"), "amp: runs in half precision"),
        (("resnet18", "--cuda-graph", "--device", "cpu"), "cuda-graph: only on CUDA"),
        (("resnet18", "--compile-mode", "fastest"), "compile mode 'fastest'"),
        (("resnet18", "--train", "--fuse"), "fuse with train"),
        (("resnet18", "--compile-mode", "default"), "compile mode: belongs to the runtime compile"),
        (("resnet18", "--runtime", "tvm"), "runtime 'tvm': unknown; choose from eager, compile"),
        (("resnet18", "--runtime", "tensorrt", "--device", "cpu"), "runtime tensorrt: not on cpu; give --device cuda"),
        (("resnet18", "--runtime", "onnxruntime", "--train"), "runtime onnxruntime: runs forward passes only"),
        (("resnet18", "--runtime", "onnxruntime", "--dtype", "bf16"), "runtime onnxruntime: no bf16 on cpu"),
        (("resnet18", "--runtime", "openvino", "--fuse"), "fuse with runtime openvino"),
        (("resnet18", "--device", "tpu"), "device 'tpu'"),
        (("inception_resnet_v2", "--input-px", "32"), "cannot take 32x32 px"),
        (("resnet18", "--device", "meta"), "device 'meta'"),
        (("resnet18", "--weights", "no/such.pth"), "no/such.pth"),
    ],
)
def test_bad_input_is_one_line(words, message, tmp_path):
    line = fails(*words, "--save", "-o", str(tmp_path))
    assert message in line
    assert "\n" not in line
    assert not list(tmp_path.iterdir())


def test_resume_without_save_is_refused():
    assert "--resume: skips what was saved" in fails("resnet18", "--resume")


def test_a_network_that_fails_does_not_stop_the_others(tmp_path, monkeypatch):
    def call(function, network, how):
        if network.name == "tiny":
            raise ResbenchError("no luck")
        raise KeyboardInterrupt

    monkeypatch.setattr(profiling.fresh, "call", call)
    result = profile("tiny", "tiny2", *QUICK)
    assert "tiny: no luck" in result.stderr
    assert result.exit_code == 130  # the second was reached


def test_networks_are_profiled_in_the_order_given():
    names = ["resnext50_32x4d", "resnet18", "resnet[13][84]", "gluon_resnet50_v1b"]
    found = profiles.chosen_in_order(names, every=False)
    assert [network.name for network in found] == ["resnext50_32x4d", "resnet18", "resnet34", "resnet50"]
    with pytest.raises(ResbenchError, match="no networks given"):
        profiles.chosen_in_order([], every=False)


def test_several_networks_are_a_table_in_order_with_cpu_time_and_the_ratio_to_the_first(capsys):
    slow = replace(PROFILE, network="slow", series=(series(scale=3.0), replace(series("throughput"), batch_size=8)))
    report.profiles_table([PROFILE, slow])
    lines = [line.split("│") for line in capsys.readouterr().out.splitlines() if "│" in line]
    rows = [[cell.strip() for cell in line[1:-1]] for line in lines]
    assert [row[0] for row in rows] == ["resnext50_32x4d", "slow", "slow"]
    assert [row[6] for row in rows] == ["1.01 ms", "3.03 ms", "1.01 ms"]
    timed = (PROFILE.series[0], slow.series[0])
    logs = [[math.log(median(cluster.wall_ns)) for cluster in one.clusters] for one in timed]
    interval = stats.ttest_ind(*reversed(logs), equal_var=False).confidence_interval()
    low, high = math.exp(interval.low), math.exp(interval.high)
    assert [row[-1] for row in rows] == ["1", f"3.000 [{low:.3f}, {high:.3f}]", "-"]
