"""Where time goes: stages by a clock that is under control, operators beside torch's profiler."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from typer.testing import CliRunner

from resbench.bench import measuring, profiles, profiling
from resbench.cli.app import app
from resbench.counting.stages import count_by_stage
from resbench.errors import ResbenchError
from resbench.judging.stages import accounted, clock_of_stages, operator_kind, operator_shares, stage_shares
from resbench.nets.build import build
from resbench.records import store
from resbench.records.record import Settings
from resbench.report.stages import show_shares
from resbench.running.arm import prepare
from resbench.running.settings import Running
from resbench.timing import speeds, stages
from resbench.zoo import find
from tests.examples import PROFILE, STAGE_TIMES
from tests.test_running_arm import CPU, TINY

FAST = {"input_px": 32, "threads": 1, "time_budget_s": 0.01}


@pytest.fixture
def quick(monkeypatch, few_samples):
    monkeypatch.setattr(measuring, "_memory", lambda *_: iter(()))
    monkeypatch.setattr(measuring.ceilings, "measure_ceilings", lambda *_: None)
    monkeypatch.setattr(stages, "FEWEST_ROUNDS", 2)
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, TINY))


class Taking(nn.Module):
    """Takes a number of nanoseconds by the clock `now`, half of them on the CPU."""

    def __init__(self, now, nanoseconds):
        super().__init__()
        self.now, self.nanoseconds = now, nanoseconds

    def forward(self, x):
        self.now[0] += self.nanoseconds
        return x


class Staged(nn.Module):
    def __init__(self, now):
        super().__init__()
        self.now = now
        self.conv1, self.maxpool = Taking(now, 100), Taking(now, 20)
        self.layer1 = nn.Sequential(Taking(now, 30), Taking(now, 30))
        self.layer2, self.avgpool, self.fc = Taking(now, 500), Taking(now, 4), Taking(now, 6)

    def forward(self, x):
        self.now[0] += 1000  # before the first child: its stage's
        x = self.layer2(self.layer1(self.maxpool(self.conv1(x))))
        return self.fc(self.avgpool(x))


def test_a_stage_lasts_from_its_first_childs_call_to_that_of_the_next_stages(monkeypatch):
    now, made = [0], []

    class Told(stages.HostMarks):
        def now(self):
            return now[0], now[0] // 2

    def work():
        made.append(len(made))
        return (lambda: module(torch.zeros(1)),)

    monkeypatch.setattr(stages, "HostMarks", Told)
    module = Staged(now)
    times = stages.time_stages(module, work, 3, CPU, 0.0)
    assert times.batch_size == 3
    assert {part.name: set(part.wall_ns) for part in times.stages} == {
        "stem": {1120},
        "layer1": {60},
        "layer2": {500},
        "head": {10},
    }
    assert set(times.whole.wall_ns) == {1690}
    assert set(times.whole.cpu_ns) == {845}
    assert accounted(times, "wall_ns") == 1
    assert len(times.whole.wall_ns) == stages.FEWEST_ROUNDS
    assert made == [0]
    assert not any(child._forward_pre_hooks for child in module.modules())


def test_weights_are_laid_out_afresh_after_some_rounds(monkeypatch):
    made = []

    def work():
        made.append(1)
        return (lambda: None,)

    monkeypatch.setattr(stages, "FEWEST_ROUNDS", 25)
    stages.time_stages(nn.Linear(1, 1), work, 1, CPU, 0.0)
    assert len(made) == 3


@pytest.mark.parametrize("fuse", [False, True])
@pytest.mark.parametrize("name", ["tiny", "legacy_seresnet18"])
def test_the_operators_are_those_that_torchs_profiler_sees(quick, name, fuse):
    variant = find.find(name)
    arm = prepare(build(variant), Settings(input_px=(32, 32), threads=1, fuse=fuse), CPU, variant.classes)
    want = speeds.Wanted(speed="latency", batch_size=1, asked="1")
    times = speeds.stage_times(arm, want, 0.0, lambda _: None)
    with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU]) as profiler:
        arm.forward(torch.randn(1, 3, 32, 32))
    seen = {operator_kind(event.key.removeprefix("aten::")) for event in profiler.key_averages()}
    kinds = {share.name for share in operator_shares(times, "wall_ns")}
    assert kinds - {"other"} == seen - {"other"}
    assert ("batch norm" in kinds) is not fuse
    assert [part.name for part in times.stages] == list(count_by_stage(build(variant, device="meta"), 32))


@pytest.mark.nightly
@pytest.mark.parametrize("fuse", [False, True])
def test_the_ranking_of_operators_is_that_of_torchs_profiler(fuse):
    arm = prepare(build("resnet18"), Settings(input_px=(224, 224), threads=1, fuse=fuse), CPU, 1000)
    want = speeds.Wanted(speed="latency", batch_size=4, asked="4")
    times = speeds.stage_times(arm, want, 5.0, lambda _: None)
    with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(5):
            arm.forward(torch.randn(4, 3, 224, 224))
    seen: dict[str, float] = {}
    for event in profiler.key_averages():
        kind = operator_kind(event.key.removeprefix("aten::"))
        seen[kind] = seen.get(kind, 0.0) + event.self_cpu_time_total
    total = sum(seen.values())
    large = [kind for kind, _ in sorted(seen.items(), key=lambda item: -item[1]) if seen[kind] > 0.02 * total]
    assert [share.name for share in operator_shares(times, "cpu_ns")][: len(large)] == large
    assert accounted(times, "cpu_ns") == pytest.approx(1, abs=0.05)


def test_shares_are_of_medians_and_kinds_are_sums_of_passes():
    assert [(share.name, share.time_s) for share in stage_shares(STAGE_TIMES, "wall_ns")] == [
        ("stem", 31e-9),
        ("layer1", 61e-9),
        ("head", 10e-9),
    ]
    assert stage_shares(STAGE_TIMES, "cpu_ns")[1].share == pytest.approx(0.6)
    assert accounted(STAGE_TIMES, "wall_ns") == pytest.approx(102 / 110)
    shares = operator_shares(STAGE_TIMES, "wall_ns")
    assert [(share.name, share.time_s) for share in shares] == [
        ("convolution", 70e-9),
        ("activation", 19e-9),  # of 19, 20, 19: the median of sums
        ("batch norm", 10e-9),
    ]
    assert sum(share.share for share in shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mkldnn_convolution", "convolution"),
        ("_native_batch_norm_legit_no_training", "batch norm"),
        ("addmm", "linear"),
        ("add", "addition"),
        ("max_pool2d_with_indices", "pool"),
        ("mean", "pool"),
        ("hardtanh", "activation"),
        ("cat", "concatenation"),
        ("mul", "multiplication"),
        ("constant_pad_nd", "other"),
    ],
)
def test_kinds_of_operators(name, kind):
    assert operator_kind(name) == kind


def on_machine(noise):
    conditions = replace(PROFILE.environment.conditions, noise=noise)
    return replace(PROFILE, environment=replace(PROFILE.environment, conditions=conditions), stages=(STAGE_TIMES,))


def test_on_a_busy_machine_cpu_time_is_told(capsys):
    assert [clock_of_stages(on_machine(noise)) for noise in ("quiet", "unknown", "busy", "overloaded")] == [
        *("wall_ns", "wall_ns", "cpu_ns", "cpu_ns")
    ]
    show_shares(on_machine("overloaded"))
    shown = capsys.readouterr().out
    assert "CPU time at batch 2" in shown
    assert "the stages add up to 100.0 % of a pass without hooks" in shown
    show_shares(on_machine("quiet"))
    assert "92.7 %" in capsys.readouterr().out


def test_a_profile_by_stage_is_kept_and_resumed_and_set_beside_the_operations(quick, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    how = profiling.Profiling(
        running=Running(input_px=32, threads=1), time_budget_s=0.01, batch_sizes=(2,), by_stage=True
    )

    def record_of(profiling_):
        (outcome,) = profiles.profile_each([TINY], profiling_, root=tmp_path, resume=True)
        return outcome.record

    plain = record_of(replace(how, by_stage=False))
    record = record_of(how)
    assert plain.stages == ()
    assert record.run != plain.run
    assert [times.batch_size for times in record.stages] == [2]
    assert record_of(how).run == record.run
    assert store.read_folder(tmp_path)[store.path_of(record).as_posix()] == record
    words = ["count", "tiny", "--by-stage", "--input-px", "32", "--results", str(tmp_path)]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "at batch 2" in shown.stdout
    assert f"times: {store.path_of(record).as_posix()}" in shown.stdout
    stages_ = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)[0]["stages"]
    expected = {share.name: share.time_s for share in stage_shares(record.stages[0], clock_of_stages(record))}
    assert {name: stage["time_s"]["2"] for name, stage in stages_.items()} == expected
    other = CliRunner().invoke(app, ["count", "tiny", "--by-stage", "--results", str(tmp_path)])
    assert "at batch" not in other.stdout  # the record is of another input


@pytest.mark.parametrize("options", [{"train": True}, {"runtime": "compile"}, {"cuda_graph": True}])
def test_what_has_no_stages_to_time_is_one_line(quick, options):
    with pytest.raises(ResbenchError, match="--by-stage: stages cannot be told apart in training"):
        profiling.profile("tiny", batch_sizes=(2,), by_stage=True, **options, **FAST)
