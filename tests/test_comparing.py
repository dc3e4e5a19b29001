"""Comparisons of real arms: small networks, little time; no verdict about speed is asserted but a forced one."""

import json
import os
import time
from contextlib import closing
from dataclasses import replace
from inspect import signature
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from resbench.bench import comparing, sides, subject, worker
from resbench.bench.sides import Side
from resbench.cli.ab import ab_
from resbench.cli.app import app
from resbench.cli.gate import gate_
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.judging import family, paired
from resbench.judging.finding import Verdict
from resbench.report import comparison as report
from resbench.report import terminal
from resbench.running import arm as arms
from resbench.running.settings import Running
from resbench.timing import interleave
from resbench.timing.contest import Rules
from resbench.words import findings as wording
from resbench.zoo import find
from tests.test_running_arm import CPU, TINY, chosen, tiny

QUICK = Rules(looks=(3,), confirm=False)
SMALL = Running(input_px=32)
TWICE = replace(TINY, name="twice", spec=replace(TINY.spec, depths=(2, 2)))
RESNET20 = find.find("resnet20_cifar10")  # for processes, which know the networks of the table


def local(**options):
    return worker.Local(arms.prepare(tiny(), chosen(), CPU, 10), 1, **options)


@pytest.fixture(scope="module")
def found():
    folded = replace(SMALL, fuse=True)
    return comparing.ab(Side(network=TINY, running=SMALL), Side(network=TINY, running=folded), rules=QUICK)


def test_the_report_names_arms_ratio_verdict_and_what_could_have_been_seen(found, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    findings = comparing.findings(found)
    report.show_comparison(found, findings, as_json=False)
    text = capsys.readouterr().out
    assert "B: tiny: 32x32 px, fp32, batch norm folded, 1 thread; this process; output within" in text
    assert f"{findings[0].ratio:.3f} [{findings[0].ratio_low:.3f}, {findings[0].ratio_high:.3f}]" in text
    assert "for information" in text
    assert f"a slowdown of {wording.share(findings[0], findings[0].detectable)} would have been found" in text


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict.REGRESSED, "B is slower, by more than the noise floor of 1 %"),
        (Verdict.IMPROVED, "B is faster"),
        (Verdict.OK, "B is not slower by 3 % or more"),
        (Verdict.INCONCLUSIVE, "inconclusive"),
    ],
)
def test_every_verdict_is_said_in_words(found, verdict, words):
    said = next(report.comparison_notes(found, replace(comparing.findings(found)[0], verdict=verdict)))
    assert said.startswith(words)


@pytest.mark.parametrize(
    ("threads", "cores", "words"),
    [
        ((1, 1), 8, ", with 1 thread (--threads 8 compares with 8)"),
        ((8, 8), 8, ", with 8 threads (--threads 1 compares with 1)"),
        ((1, 1), 1, ", with 1 thread"),
        ((1, 4), 8, ", with 1 thread for A and 4 threads for B"),
    ],
)
@pytest.mark.parametrize("verdict", [Verdict.REGRESSED, Verdict.IMPROVED, Verdict.OK, Verdict.INCONCLUSIVE])
def test_the_verdict_names_the_threads_that_it_holds_for(found, verdict, threads, cores, words):
    a, b = (
        replace(arm, settings=replace(arm.settings, threads=number))
        for arm, number in zip((found.a, found.b), threads, strict=True)
    )
    machine = replace(found.environment.machine, cpu_cores=cores)
    other = replace(found, a=a, b=b, environment=replace(found.environment, machine=machine))
    line = next(report.comparison_notes(other, replace(comparing.findings(found)[0], verdict=verdict)))
    assert words in line
    assert ("(--threads" in line) == ("(--threads" in words)


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (1.02, "B is slower, by more than the noise floor of 1 %, perhaps"),
        (1.9, "B is slower, by more than the lim"),
    ],
)
def test_it_is_said_whether_a_slowdown_is_certainly_beyond_the_limit(found, low, words):
    finding = replace(comparing.findings(found)[0], verdict=Verdict.REGRESSED, ratio_low=low)
    assert next(report.comparison_notes(found, finding)).startswith(words)
    fine = replace(found, rules=replace(found.rules, limit=0.005))
    assert "0.5 %" in next(report.comparison_notes(fine, replace(finding, verdict=Verdict.OK)))


def test_a_comparison_holds_every_sample_and_its_verdict_follows_from_them(found):
    assert [arm.settings.fuse for arm in (found.a, found.b)] == [False, True]
    assert found.a.settings.threads == found.b.settings.threads == 1
    assert found.a.output_difference is None
    assert 0 < found.b.output_difference < 1e-4
    assert len(found.units) == 3
    again = paired.judge(paired.unit_logs(found.units, found.judged_by), floor=0.01, limit=0.03)
    assert again == found.judgement
    first, second = comparing.findings(found)
    assert {first.metric, second.metric} == {"latency b1 (CPU time)", "latency b1 (wall time)"}
    assert first.detectable > 0.01
    assert first.ratio_low < first.ratio < first.ratio_high


@pytest.fixture(scope="module")
def three():
    sides = [Side(network=TINY, running=replace(SMALL, fuse=fuse)) for fuse in (False, True)]
    return comparing.ab(*sides, Side(network=TWICE, running=SMALL), rules=QUICK)


def test_further_arms_take_turns_with_the_first_two_and_are_judged_against_a(three):
    assert [arm.arm.network for arm in three.others.values()] == ["tiny", "twice"]
    assert {len(arms) for unit in three.units for arms in unit} == {3}
    findings = comparing.findings(three)
    assert [finding.record for finding in findings[:2]] == [
        "B against A: tiny against tiny",
        "C against A: tiny against twice",
    ]
    assert len(findings) == 4
    assert 1.3 < findings[1].ratio < 3  # twice the blocks
    logs = [paired.unit_logs(three.units, three.judged_by, arm) for arm in (1, 2)]
    again = paired.judge_arms(logs, floor=0.01, limit=0.03)
    assert again == tuple(arm.judgement for arm in three.others.values())


def test_each_of_several_arms_is_a_row_with_its_letter(three, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    report.show_comparison(three, comparing.findings(three), as_json=False)
    text = capsys.readouterr().out
    assert "C: twice: 32x32 px, fp32, 1 thread" in text
    rows = [line.split("│")[1].strip() for line in text.splitlines() if "│" in line]
    assert rows == ["B", "C", "B", "C"]
    assert "a slowdown of C of " in text


def test_a_comparison_fits_80_columns(three, capsys, monkeypatch):
    monkeypatch.setattr(terminal, "UNWRAPPED", 80)
    report.show_comparison(three, comparing.findings(three), as_json=False)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert (
        sum(f"[{finding.ratio_low:.3f}, {finding.ratio_high:.3f}]" in text for finding in comparing.findings(three))
        == 4
    )


def test_every_arm_decides_the_exit_code(three, monkeypatch):
    verdicts = [Verdict.OK, Verdict.REGRESSED, Verdict.INVALID]  # the third is for information
    findings = [replace(comparing.findings(three)[0], verdict=one) for one in verdicts]
    monkeypatch.setattr(comparing, "ab", lambda *_, **__: three)
    monkeypatch.setattr(comparing, "findings", lambda _: findings)
    assert ab("resnet18", "resnet18", "resnet34", "--b", "fuse").exit_code == 1
    data = json.loads(ab("resnet18", "resnet18", "resnet34", "--json").stdout)
    assert [arm["arm"]["network"] for arm in data["comparison"]["further"]] == ["twice"]


def test_an_injected_slowdown_burns_cpu_in_proportion_to_the_call():
    def work():
        until = time.process_time_ns() + 2_000_000
        while time.process_time_ns() < until:
            pass

    slow = worker.slowed(work, 3.0)
    before = time.process_time_ns()
    for _ in range(5):
        slow()
    assert time.process_time_ns() - before >= 5 * 8_000_000


def test_an_arm_is_laid_out_afresh_and_timed():
    arm = local()
    arm.materialise()
    places = [tensor.data_ptr() for tensor in arm._work.__closure__[0].cell_contents.module.parameters()]
    arm.materialise()
    assert places != [tensor.data_ptr() for tensor in arm._work.__closure__[0].cell_contents.module.parameters()]
    wall, cpu = arm.time(2)
    assert wall > 0
    assert cpu >= 0


def test_arms_with_other_threads_let_them_settle_before_the_clock_starts():
    calls = []
    arm = local(switching=True)
    arm._call = lambda: calls.append(torch.get_num_threads())
    arm.time(2)
    assert calls == [1, 1, 1]


def test_one_thread_is_the_default_of_comparisons_on_the_cpu_alone():
    side = Side(network=TINY, running=SMALL)
    assert sides.request_of(side, CPU).settings.threads == 1
    assert sides.request_of(side, torch.device("cuda", 0)).settings.threads is None


@pytest.mark.parametrize("command", [ab_, gate_])
def test_commands_that_compare_on_any_device_ask_for_no_threads_by_themselves(command):
    assert signature(command).parameters["threads"].default is None


def test_process_time_judges_on_a_busy_cpu_and_wall_time_else():
    class Watch:
        def __init__(self, grade):
            self.grade = grade

        def noise(self):
            return self.grade

    one, two = (sides.request_of(Side(network=TINY, running=Running(threads=n)), CPU) for n in (1, 2))
    assert sides.clock_of((one, one), Watch("busy")) == "cpu_ns"
    assert sides.clock_of((one, one), Watch("unknown")) == "cpu_ns"
    assert sides.clock_of((one, one), Watch("quiet")) == "wall_ns"
    assert sides.clock_of((one, two), Watch("busy")) == "wall_ns"


def test_an_arm_in_a_process_of_its_own_says_why_it_cannot_build_the_network_and_answers_until_it_dies(tmp_path):
    request = sides.request_of(Side(network=RESNET20, weights=str(tmp_path / "none.pth"), running=SMALL), CPU)
    arm = worker.Remote(request, 1, python=None, tree=Path.cwd())
    assert os.getpgid(arm._process.pid) != os.getpgid(0)  # Ctrl-C does not reach it
    with pytest.raises(ResbenchError, match="none"):
        arm.ready()
    assigned = worker.Assignment(network=RESNET20.name, weights=None, device="cpu", settings=request.settings)
    arm._say([assigned, 1])
    assert "resbench" in arm.ready().program
    arm.keep_to(core := min(os.sched_getaffinity(0)))
    assert os.sched_getaffinity(arm._process.pid) == {core}
    arm.materialise()
    wall, _ = arm.time(1)
    assert wall > 0
    arm._process.kill()
    with pytest.raises(InvalidMeasurementError, match="died"):
        arm.time(1)
    arm.close()
    assert arm._process.poll() is not None


def test_arms_with_a_tree_get_processes_of_their_own_for_every_unit(monkeypatch):
    started, cores = [], []

    class Remote(worker.Local):
        def __init__(self, request, batch_size, *, python, tree):
            started.append((python, tree))
            super().__init__(arms.prepare(tiny(), chosen(), CPU, 10), batch_size)

        def ready(self):
            started.append("ready")
            return worker.About(program="another program", output_difference=None)

        def keep_to(self, core):
            cores.append(core)

        def close(self):
            started.append("closed")

    monkeypatch.setattr(sides, "Remote", Remote)
    monkeypatch.setattr(comparing, "LAUNCH_LOOKS", (3,))
    monkeypatch.setattr(interleave, "BURST_S", 1e-9)
    monkeypatch.setattr(interleave, "MOST_PAIRS", 3)
    found = comparing.ab(Side(network=TINY), Side(network=TINY, tree=Path("base")), rules=QUICK)
    assert (
        started.count((None, None)) == started.count((None, Path("base"))) == 3
    )  # one per unit; the first sizes the clusters too
    assert started.count("closed") == 6
    assert started[2:4] == ["ready", "ready"]  # both get ready at the same time
    assert cores[::2] == cores[1::2]  # a core for both, drawn for every launch
    assert set(cores) <= os.sched_getaffinity(0)
    assert [len(unit) for unit in found.units] == [sides.CLUSTERS_PER_LAUNCH] * 3
    assert found.b.program == "another program"
    assert "3 launches" in comparing.findings(found)[0].why


def test_a_change_that_is_judged_with_others_keeps_its_verdict_and_an_unconfirmed_one_convicts_nobody(found):
    (alone,) = family.judge_together([comparing.timed_sides(found, "resnet18, twice")])
    expected = comparing.findings(found)[0]
    assert (alone.record, alone.verdict) == ("resnet18, twice", expected.verdict)
    assert alone.detectable == pytest.approx(expected.detectable)
    assert (alone.ratio_low, alone.ratio_high) == pytest.approx((expected.ratio_low, expected.ratio_high))
    torn = replace(found, confirmed=True, doubt="did not find the change again")
    (doubted,) = family.judge_together([comparing.timed_sides(torn, "resnet18, twice")])
    assert doubted.verdict == Verdict.INCONCLUSIVE
    assert "did not find the change again" in doubted.why


def test_images_that_do_not_fit_into_memory_are_one_line(monkeypatch):
    def fail(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")

    request = sides.request_of(Side(network=TINY, running=SMALL), CPU)
    local = worker.Local(replace(subject.ready(request).arm, forward=fail), 64)
    local.materialise()
    with pytest.raises(ResbenchError, match="batch size 64: does not fit into memory"):
        local.time(1)
    monkeypatch.setattr(subject, "settle_norms", fail)
    with pytest.raises(ResbenchError, match=r"input size \d+x\d+: does not fit into memory"):
        subject.ready(request)


def test_threads_of_torch_are_shared_and_each_arm_of_another_runtime_has_its_own():
    def pool(runtime, threads):
        settings = replace(chosen(), runtime=runtime, threads=threads)
        return worker.Local(replace(arms.prepare(tiny(), chosen(), CPU, 10), settings=settings), 1).pool

    assert pool("eager", 2) == pool("eager", 4) != ""
    assert len({pool("eager", 2), pool("compile", 2), pool("onnxruntime", 2), pool("openvino", 2)}) == 4
    assert {pool(runtime, 1) for runtime in ("eager", "onnxruntime", "openvino")} == {""}


def test_an_interpreter_that_is_not_there_or_lacks_resbench_is_named(tmp_path):
    request = sides.request_of(Side(network=RESNET20), CPU)
    with pytest.raises(ResbenchError, match="no/python: no such program"):
        worker.Remote(request, 1, python="no/python", tree=None)
    died = pytest.raises(InvalidMeasurementError, match="/bin/false: the measuring process died")
    with closing(worker.Remote(request, 1, python="/bin/false", tree=None)) as arm, died:
        arm.ready()


def ab(*words):
    return CliRunner().invoke(app, ["ab", *words])


def test_json_holds_samples_findings_and_environment(monkeypatch):
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, TINY))
    result = ab("tiny", "--input-px", "32", "--json", "--time-budget", "0.1", "--no-confirm")
    data = json.loads(result.stdout)
    assert result.exit_code == int("regressed" in {finding["verdict"] for finding in data["findings"]}), result.output
    assert set(data) == {"comparison", "findings"}
    assert len(data["comparison"]["units"]) >= 3
    assert data["comparison"]["environment"]["machine"]["device_kind"] == "cpu"


@pytest.mark.parametrize(
    ("verdict", "words", "code"),
    [
        (Verdict.OK, (), 0),
        (Verdict.IMPROVED, (), 0),
        (Verdict.REGRESSED, (), 1),
        (Verdict.INCONCLUSIVE, (), 0),
        (Verdict.INCONCLUSIVE, ("--fail-on-inconclusive",), 3),
        (Verdict.INVALID, (), 5),
    ],
)
def test_the_verdict_alone_decides_the_exit_code(found, monkeypatch, verdict, words, code):
    verdicts = [verdict, Verdict.REGRESSED]  # the second is for information
    findings = [replace(comparing.findings(found)[0], verdict=one) for one in verdicts]
    monkeypatch.setattr(comparing, "ab", lambda *_, **__: found)
    monkeypatch.setattr(comparing, "findings", lambda _: findings)
    assert ab("resnet18", *words).exit_code == code


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resnet18", "resnet19"), "did you mean"),
        (("resnet18", "--b", "dtype=tf32", "--device", "cpu"), "tf32: only on CUDA"),
        (("resnet18", "nolib:resnet18"), "no module named 'nolib'"),
    ],
)
def test_bad_input_is_one_line(words, message):
    result = ab(*words)
    assert isinstance(result.exception, ResbenchError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.mark.reference
@pytest.mark.parametrize("name", ["timm:resnet18", "torchvision:resnet18"])
def test_other_libraries_networks_are_arms_too(name):
    pytest.importorskip(name.partition(":")[0])
    found = comparing.ab(Side(network=TINY, running=SMALL), Side(network=find.find(name), running=SMALL), rules=QUICK)
    assert found.b.network == name


@pytest.mark.reference
def test_an_unknown_network_of_another_library_is_one_line():
    pytest.importorskip("timm")
    with pytest.raises(ResbenchError, match="timm:resnet19"):
        comparing.ab(Side(network=TINY), Side(network=find.find("timm:resnet19")), rules=QUICK)
