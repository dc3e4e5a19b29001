"""All runtimes side by side: who is how many times as fast as eager torch, and why some cannot run at all."""

import json
import math
import re

import pytest
import torch
from typer.testing import CliRunner

from resbench.bench import ladder, subject
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records.record import Cluster
from resbench.running.runtimes import exported, runtime
from tests import planted
from tests.test_cli_validate import WNIDS
from tests.test_running_arm import tiny
from tests.test_running_runtimes import INSTALLED, files, quick, written

__all__ = ["files", "quick"]  # fixtures


def unit(*milliseconds):
    return tuple(Cluster(wall_ns=(round(ms * 1e6),) * 3, cpu_ns=(1,) * 3) for ms in milliseconds)


def test_speedups_are_taken_pair_by_pair():
    """A machine that becomes twice as slow meanwhile changes no ratio."""
    units = (unit(20, 5), unit(40, 10), unit(20, 5))
    samples = ladder.Interleaved(batch_size=1, runtimes=("eager", "onnxruntime"), calls=10, units=units)
    first, second = (ladder.rung_time(samples, index) for index in (0, 1))
    assert first.speedup is None
    assert first.call_s.estimate == pytest.approx(2e-3 * 2 ** (1 / 3))
    assert second.call_s.estimate == pytest.approx(0.5e-3 * 2 ** (1 / 3))
    assert (second.speedup.estimate, second.speedup.low, second.speedup.high) == pytest.approx((4, 4, 4))


def test_the_interval_of_a_speedup_holds_what_students_t_gives():
    from scipy import stats

    ratios = (2.0, 2.2, 1.9, 2.1)
    units = tuple(unit(10 * ratio, 10) for ratio in ratios)
    samples = ladder.Interleaved(batch_size=8, runtimes=("eager", "openvino"), calls=1, units=units)
    found = ladder.rung_time(samples, 1).speedup
    logs = [math.log(ratio) for ratio in ratios]
    low, high = stats.t.interval(0.95, 3, loc=sum(logs) / 4, scale=stats.sem(logs))
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)))


@pytest.fixture
def quickly(quick, monkeypatch):
    rows = {name: runtime.RUNTIMES[name] for name in ("eager", "onnxruntime", "tensorrt")}
    monkeypatch.setattr(ladder, "RUNTIMES", rows)
    monkeypatch.setattr(ladder, "MOST_UNITS", 3)


def run(*words):
    return CliRunner().invoke(app, ["ladder", "tiny", "--input-px", "32", "--threads", "1", "-b", "1,2", *words])


def test_runtimes_are_set_side_by_side_and_those_that_cannot_say_why(quickly, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    done = run()
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    (own,) = (line for line in lines if line.startswith("│ onnxruntime "))
    (eager,) = (line for line in lines if line.startswith("│ eager "))
    assert [cell.strip() for cell in eager.split("│")[2:-1]][0::3] == ["-", "1", "1"]
    assert own.count("[") == 6  # two times, two rates and two speedups, each with its interval
    assert "tensorrt: not on cpu; give --device cuda" in lines


def no_compiler(_forward, **_):
    def called(_):
        raise torch._dynamo.exc.TorchDynamoException("no C++ compiler\nand much more")

    return called


@pytest.mark.parametrize(
    ("compiler", "why"),
    [
        (no_compiler, r"cannot compile this network \(TorchDynamoException: no C\+\+ compiler\); it needs"),
        (
            lambda forward, **_: lambda batch: 2 * forward(batch),
            "fp32: not used: its logits differ .* by 1 of",
        ),
    ],
)
def test_what_cannot_be_compiled_or_answers_otherwise_says_why(quickly, monkeypatch, compiler, why):
    monkeypatch.setattr(ladder, "RUNTIMES", {name: runtime.RUNTIMES[name] for name in ("eager", "compile")})
    monkeypatch.setattr(torch, "compile", compiler)
    eager, compiled = json.loads(run("--json").stdout)["rungs"]
    assert [timed["batch_size"] for timed in eager["times"]] == [1, 2]
    assert re.search(why, compiled["why"])
    assert not compiled["times"]


def test_json_has_every_sample(quickly):
    found = json.loads(run("--json").stdout)
    assert [rung["runtime"] for rung in found["rungs"]] == ["eager", "onnxruntime", "tensorrt"]
    assert [samples["batch_size"] for samples in found["samples"]] == [1, 2]
    for samples in found["samples"]:
        assert samples["runtimes"] == ["eager", "onnxruntime"]
        assert [len(arms) for arms in samples["units"]] == [2, 2, 2]
    own = found["rungs"][1]
    assert own["exported"]["batch_sizes"] == [1, 2]
    for timed in own["times"]:
        assert timed["speedup"]["low"] <= timed["speedup"]["estimate"] <= timed["speedup"]["high"]


def test_a_batch_size_that_is_found_by_measuring_is_refused():
    with pytest.raises(ResbenchError, match="give numbers, such as 1,8"):
        raise run("-b", "auto").exception


def test_ctrl_c_shows_what_was_measured_until_then(quickly, monkeypatch):
    real = ladder.interleaved_subjects

    def interrupted(subjects, size, *rest):
        if size == 2:
            raise KeyboardInterrupt
        return real(subjects, size, *rest)

    monkeypatch.setattr(ladder, "interleaved_subjects", interrupted)
    done = run("--json")
    assert done.exit_code == 130
    assert [samples["batch_size"] for samples in json.loads(done.stdout)["samples"]] == [1]


def test_the_plain_tests_have_the_runtimes_of_the_test_group():
    assert INSTALLED == ["onnxruntime", "openvino"]


def test_images_that_cannot_be_evaluated_are_refused_before_time_is_taken(quickly, monkeypatch, tmp_path):
    monkeypatch.setattr(ladder, "ready", None)
    planted.write(tmp_path / "val" / "a" / "a.jpg", 5)
    torch.save(tiny().state_dict(), tmp_path / "tiny.pth")
    assert "give --weights too" in str(run("--data", str(tmp_path / "val")).exception)
    done = run("--data", str(tmp_path / "val"), "--weights", str(tmp_path / "tiny.pth"))
    assert "1 folders with images, but the head has 10 classes" in str(done.exception)
    done = run("--data", str(tmp_path / "val"), "--weights", str(tmp_path / "tiny.pth"), "--input-px", "32x64")
    assert "images are cut square" in str(done.exception)


def test_every_runtime_is_evaluated_on_the_images(quickly, planted_checkpoint, monkeypatch, tmp_path):
    for label, shift in ((5, 0), (17, 0), (400, 1), (999, -9)):
        planted.write(tmp_path / "val" / WNIDS[label] / "a.JPEG", label + shift)
    monkeypatch.setattr(subject, "load_checkpoint", planted.load_checkpoint)
    monkeypatch.setattr(exported, "write_model", written)
    words = ["ladder", "resnet18", "--input-px", "16", "-b", "1", "--weights", "some.pth", "--json"]
    done = CliRunner().invoke(app, [*words, "--data", str(tmp_path / "val")])
    assert done.exit_code == 0, done.output
    for rung in json.loads(done.stdout)["rungs"][:2]:
        own = rung["evaluation"]
        assert (own["top1_right"], own["top5_right"], own["images"]) == (2, 3, 4)
        assert own["settings"]["runtime"] == rung["runtime"]
