"""A sweep runs, is interrupted, goes on, and tells how far it is."""

import json
import sys
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from resbench import environment
from resbench.bench import profiling, recorded
from resbench.cli.app import app
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.records import jsonio, store
from resbench.records.record import Ceilings
from resbench.report import sweep as report
from resbench.running import fresh
from resbench.sweep import drive, engines, ledger, summary, work
from resbench.sweep.jobs import Job
from resbench.zoo import find
from tests.examples import PROFILE
from tests.imported import modules_after
from tests.test_running_arm import TINY

NAMES = ("tiny", "tiny2", "tiny3")
CEILINGS = Ceilings(matmul_size=1024, matmul_ns=(1,), copy_bytes=2**20, copy_ns=(1000, 1010))
QUICK = ("--with", "threads=1", "-b", "1")


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """Networks are "measured" at once, in this process; returns the names of those that were."""
    asked = []
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, *(replace(TINY, name=name) for name in NAMES)))
    monkeypatch.setattr(sys, "argv", ["resbench", "sweep"])
    monkeypatch.setattr(fresh, "call", lambda function, *arguments: function(*arguments))

    def profiled(network, how):
        asked.append(network.name)
        return record_of(network, how)

    monkeypatch.setattr(work, "profiled", profiled)
    return asked


def record_of(network, how):
    """A record with the settings and speeds that are asked for, and other figures."""
    request = profiling.requested(network, how)
    (series,) = PROFILE.series[:1]
    asked = {
        (speed, want.asked) for want in profiling.wanted_by(request, how) for speed in recorded.speeds.speeds_of(want)
    }
    return replace(
        PROFILE,
        network=network.name,
        settings=request.settings,
        series=tuple(replace(series, speed=speed, batch_size_asked=size) for speed, size in sorted(asked)),
        environment=replace(PROFILE.environment, machine=environment.machine(recorded.torch.device(request.device))),
        run=replace(PROFILE.run, duration_s=7.0),
    )


def sweep(*words):
    return CliRunner().invoke(app, ["sweep", *map(str, words)])


def status(folder):
    return json.loads(sweep("status", "-o", folder, "--json").stdout)


def test_every_job_leaves_a_record_and_is_not_measured_again(tmp_path, measured):
    first = sweep("tiny*", *QUICK, "--dtype", "fp32", "--dtype", "bf16", "-o", tmp_path)
    assert first.exit_code == 0, first.output
    assert "6 done" in first.stdout
    assert measured == [*NAMES, *NAMES]
    paths = sorted(tmp_path.rglob("*.json"))
    assert [path.name for path in paths] == ["profile-bf16-224px-1t-b1.json", "profile-fp32-224px-1t-b1.json"] * 3
    assert len(store.read_folder(tmp_path)) == 6  # the state of the sweep is no record
    again = sweep("tiny*", *QUICK, "-o", tmp_path)
    assert again.exit_code == 0, again.output
    assert "3 there" in again.stdout
    assert len(measured) == 6
    sweep("tiny", "-b", "2", "--with", "threads=1", "-o", tmp_path)
    assert measured[6:] == ["tiny"]


def test_the_command_in_a_record_is_the_sweeps(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["resbench", "sweep", "tiny"])
    seen = []
    monkeypatch.setattr(work, "profiled", lambda network, how: seen.append(sys.argv) or record_of(network, how))
    sweep("tiny", *QUICK, "-o", tmp_path)
    assert seen == [["resbench", "sweep", "tiny"]]


def test_a_dry_run_measures_nothing_and_estimates_from_records(tmp_path, measured):
    sweep("tiny", *QUICK, "-o", tmp_path)
    words = ("tiny*", *QUICK, "--dtype", "fp32", "--dtype", "bf16", "-o", tmp_path, "--dry-run")
    done = sweep(*words)
    assert "6 jobs: 1 there, 5 waiting" in done.stdout
    assert "those that wait take about 35 s" in done.stdout  # 7 s each
    assert measured == ["tiny"]
    shown = json.loads(sweep(*words, "--json").stdout)
    assert (shown["seconds"], shown["estimated_alike"], shown["counts"]) == (35.0, 1, {"there": 1, "waiting": 5})
    assert not (tmp_path / "new").exists()


def test_without_records_there_is_no_estimate(tmp_path):
    done = sweep("tiny", *QUICK, "-o", tmp_path / "new", "--dry-run")
    assert done.stdout.endswith("1 job: 1 waiting\n")
    assert not (tmp_path / "new").exists()


def test_settings_that_this_machine_refuses_fail_without_a_process(tmp_path, measured):
    done = sweep("tiny*", *QUICK, "--dtype", "fp32", "--dtype", "tf32", "--with", "device=cpu", "-o", tmp_path)
    assert done.exit_code == 2
    assert "3 done, 3 failed" in done.stdout
    assert "tiny (batch-size 1, dtype tf32, threads 1, device cpu): dtype tf32: only on CUDA" in done.stderr
    assert len(measured) == 3


def test_a_job_that_fails_stops_no_other_and_resume_tries_it_again(tmp_path, monkeypatch, measured):
    real = work.profiled

    def failing(network, how):
        if network.name == "tiny2":
            raise InvalidMeasurementError("outputs are not finite")
        return real(network, how)

    monkeypatch.setattr(work, "profiled", failing)
    done = sweep("tiny*", *QUICK, "-o", tmp_path)
    assert done.exit_code == 5
    assert "2 done, 1 failed" in done.stdout
    assert "profile tiny2 (batch-size 1, threads 1): outputs are not finite" in done.stderr
    assert f"`resbench sweep resume -o {tmp_path}`" in done.stderr
    monkeypatch.setattr(work, "profiled", real)
    again = sweep("resume", "-o", tmp_path)
    assert again.exit_code == 0
    assert "3 done" in again.stdout
    assert measured == ["tiny", "tiny3", "tiny2"]


def test_a_job_that_dies_is_tried_again_and_then_fails_with_its_last_lines(tmp_path, monkeypatch):
    tries = []

    def call(function, root, keys, code, attempt):
        tries.append(attempt)
        raise fresh.DiedError("the measuring process was killed by SIGKILL: bye", ("allocating", "bye"))

    monkeypatch.setattr(fresh, "call", call)
    done = sweep("tiny", *QUICK, "--retries", "1", "-o", tmp_path)
    assert (done.exit_code, tries) == (5, [1, 2])
    assert "failed (2 attempts)" in done.stdout
    assert "profile tiny printed last:\n  allocating\n  bye\n" in done.stdout
    (job,) = status(tmp_path)["jobs"]
    assert job["ending"]["lines"] == ["allocating", "bye"]
    assert "killed by SIGKILL" in job["ending"]["reason"]


def test_a_profile_whose_measuring_process_dies_is_tried_again(tmp_path, monkeypatch, measured):
    real, tries = work.profiled, []

    def profiled(network, how):
        tries.append(network.name)
        if len(tries) == 1:
            raise fresh.DiedError("the measuring process was killed by SIGKILL")
        return real(network, how)

    monkeypatch.setattr(work, "profiled", profiled)
    assert sweep("tiny", *QUICK, "-o", tmp_path).exit_code == 0
    assert [job["ending"]["attempts"] for job in status(tmp_path)["jobs"]] == [2]


def test_what_a_dead_worker_has_finished_is_not_done_again(tmp_path, monkeypatch, measured):
    def call(function, *arguments):
        function(*arguments)
        raise fresh.DiedError("died after its work", ())

    monkeypatch.setattr(fresh, "call", call)
    assert sweep("tiny", *QUICK, "-o", tmp_path).exit_code == 0
    assert measured == ["tiny"]


def test_ctrl_c_keeps_what_is_finished_and_resume_goes_on(tmp_path, monkeypatch, measured):
    def call(function, root, keys, *rest):
        if "tiny2" in keys[0]:
            raise KeyboardInterrupt
        return function(root, keys, *rest)

    monkeypatch.setattr(fresh, "call", call)
    done = sweep("tiny*", *QUICK, "-o", tmp_path)
    assert done.exit_code == 130
    assert "1 done, 2 waiting" in done.stdout
    shown = status(tmp_path)
    assert (shown["running"], shown["counts"]) == (False, {"done": 1, "waiting": 2})
    monkeypatch.setattr(fresh, "call", lambda function, *arguments: function(*arguments))
    assert sweep("resume", "-o", tmp_path).exit_code == 0
    assert measured == list(NAMES)


def test_a_second_sweep_into_a_folder_is_refused_and_status_works_meanwhile(tmp_path):
    sweep("tiny", *QUICK, "-o", tmp_path)
    with ledger.Ledger(tmp_path).owned():
        for words in (("tiny2", *QUICK), ("resume",)):
            error = sweep(*words, "-o", tmp_path).exception
            assert isinstance(error, ResbenchError)
            assert "another process runs a sweep into this folder" in str(error)
        assert status(tmp_path)["running"]
    assert not status(tmp_path)["running"]
    assert status(tmp_path)["counts"] == {"done": 1}


def test_status_shows_what_runs_and_how_long_the_rest_takes(tmp_path):
    state = ledger.Ledger(tmp_path)
    jobs = tuple(Job(kind="profile", name=name) for name in NAMES)
    options = ledger.EngineOptions()
    state.begin(ledger.StoredSweep(jobs=jobs, engine=options, retries=0, code="", command=()))
    state.end(jobs[0], ledger.Ending(state="done", record="a.json", seconds=10.0))
    state.note(ledger.Ticket(jobs=(jobs[1].key,), handle="", attempt=1))
    with state.owned():
        done = sweep("status", "-o", tmp_path)
    assert "1 done, 1 submitted, 1 waiting" in done.stdout
    assert "running; about 20 s left" in done.stdout
    assert status(tmp_path)["counts"] == {"done": 1, "waiting": 2}  # its process is gone, and the job with it


@pytest.mark.parametrize(
    ("engine", "seconds"),
    [
        ({"name": "here"}, 3 * 15 + 5 * 4),
        ({"name": "processes", "workers": 4}, 3 * 15 + 2 * 4),  # profiles alone, validations in two rounds
        ({"name": "processes", "workers": 4, "local_gpus": 2}, 2 * 15 + 2 * 4),
        ({"name": "slurm", "workers": 100}, 15 + 4),
    ],
)
def test_the_time_left_is_that_of_each_kind_as_many_at_a_time_as_run(engine, seconds):
    profile, validation = (Job(kind=kind, name="tiny") for kind in ("profile", "validate"))
    ended = [(profile, ledger.Ending(state="done", seconds=own)) for own in (10, 20)]
    ended += [(validation, ledger.Ending(state="done", seconds=4)), (validation, ledger.Ending(state="there"))]
    options = ledger.EngineOptions(**engine)
    assert summary.seconds_left(ended, [profile] * 3 + [validation] * 5, options) == seconds
    assert summary.seconds_left(ended[:2], [validation], options) == 15  # as long as what is known takes
    assert summary.seconds_left(ended[3:], [validation], options) is None
    assert summary.seconds_left([], [], options) == 0


def test_the_bar_says_how_many_failed_and_how_long_the_rest_takes(monkeypatch):
    shown, bar = (
        [],
        SimpleNamespace(
            add_task=lambda description, total: shown.append((total, description)),
            update=lambda _, advance, description: shown.append((advance, description)),
        ),
    )
    monkeypatch.setattr(report.terminal, "bars", lambda *_, **__: nullcontext(bar))
    *before, first, second, third = (Job(kind="profile", name=name) for name in ("before", *NAMES))
    ended = [(job, ledger.Ending(state="done", seconds=400)) for job in before]
    for known, start in (([], "jobs (0 failed)"), (ended, "jobs (0 failed, about 20 min left)")):
        shown.clear()
        with report.sweep_progress([first, second, third], ledger.EngineOptions(), known, quiet=True) as on_ending:
            on_ending(first, ledger.Ending(state="failed", exit_code=5))
            on_ending(second, ledger.Ending(state="done", record="x", seconds=200))
        assert shown[0] == (3, start)
    assert shown[1:] == [(1, "jobs (1 failed, about 13 min left)"), (1, "jobs (1 failed, about 5 min left)")]


def test_status_without_a_sweep_is_one_line(tmp_path):
    error = sweep("status", "-o", tmp_path).exception
    assert isinstance(error, ResbenchError)
    assert "start with `resbench sweep`" in str(error)


def test_a_damaged_state_is_one_line(tmp_path):
    sweep("tiny", *QUICK, "-o", tmp_path)
    (tmp_path / ".sweep" / "plan").write_text('{"jobs": 3}')
    assert "not the state of a sweep" in str(sweep("status", "-o", tmp_path).exception)


def test_a_worker_of_another_version_does_nothing(tmp_path, measured):
    sweep("tiny", *QUICK, "-o", tmp_path)
    with pytest.raises(ResbenchError, match="not the version that started the sweep"):
        work.work(tmp_path, ("x",), "0" * 64)
    assert measured == ["tiny"]


def test_another_version_is_refused_once_and_not_tried_again(tmp_path, monkeypatch, measured):
    monkeypatch.setattr(work, "code_sha256", lambda: "another")
    done = sweep("tiny", *QUICK, "-o", tmp_path)
    assert done.exit_code == 2
    assert "not the version" in done.stderr
    assert "attempts" not in done.stdout


def test_a_worker_that_cannot_see_the_folder_says_so(tmp_path):
    with pytest.raises(ResbenchError, match="workers must see the same folder"):
        work.work(tmp_path / "elsewhere", ("x",), ledger.code_sha256())


def test_a_changed_module_is_another_version(monkeypatch, tmp_path):
    (tmp_path / "a.py").write_text("1")
    monkeypatch.setattr(ledger.resbench, "__file__", str(tmp_path / "__init__.py"))
    before = ledger.code_sha256.__wrapped__()
    (tmp_path / "a.py").write_text("2")
    assert ledger.code_sha256.__wrapped__() != before


def test_jobs_of_an_engine_that_outlives_its_submitter_are_waited_for(tmp_path):
    """Two jobs were left running by a process that died; one of them ends, the other dies and is tried again."""
    state = ledger.Ledger(tmp_path)
    jobs = tuple(Job(kind="profile", name=name) for name in NAMES)
    stored = ledger.StoredSweep(jobs=jobs, engine=ledger.EngineOptions(), retries=1, code="", command=())
    state.begin(stored)
    for number, job in enumerate(jobs[:2]):
        state.note(ledger.Ticket(jobs=(job.key,), handle=str(number), attempt=1))

    class Cluster:
        outlives, local = True, False

        def __init__(self):
            self.submitted = []

        def has_room(self, busy, bundle):
            return len(busy) < 3

        def submit(self, bundles):
            self.submitted += [(bundle.jobs[0].name, bundle.attempt) for bundle in bundles]
            return [f"new {bundle.jobs[0].name}" for bundle in bundles]

        def poll(self, handle, bundle):
            if handle != "1":
                state.end(bundle.jobs[0], ledger.Ending(state="done", record="x", attempts=bundle.attempt))
            return engines.Ended(reason="node lost")

        def cancel(self, handle):
            raise AssertionError(handle)

    ended, cluster = [], Cluster()
    drive.drive(state, cluster, stored, lambda job, ending: ended.append((job.name, ending.state)))
    assert cluster.submitted == [("tiny3", 1), ("tiny2", 2)]
    assert sorted(ended) == [(name, "done") for name in NAMES]
    assert state.tickets() == []


def test_a_record_of_other_weights_or_another_definition_is_not_the_one_asked_for(tmp_path, monkeypatch):
    import torch

    import resbench

    torch.save(resbench.build("tiny").state_dict(), tmp_path / "a.pth")
    how = profiling.Profiling(running=profiling.Running(threads=1), batch_sizes=(1,), weights=str(tmp_path / "a.pth"))
    network = find.find("tiny")
    plain = replace(how, weights=None)
    record = record_of(network, plain)
    store.save(record, tmp_path)
    assert recorded.recorded_profile(network, plain, tmp_path) == record
    assert recorded.recorded_profile(network, how, tmp_path) is None
    digest = recorded.sha256(tmp_path / "a.pth")
    with_weights = replace(record, weights="a.pth", weights_sha256=digest)
    store.save(with_weights, tmp_path)
    assert recorded.recorded_profile(network, how, tmp_path) == with_weights
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "a.pth")
    monkeypatch.setattr(profiling, "headed", lambda network, *_: network)
    assert recorded.recorded_profile(network, how, tmp_path) is None


def test_a_record_reads_back_as_it_was_saved(tmp_path):
    sweep("tiny", *QUICK, "-o", tmp_path)
    (path,) = tmp_path.rglob("*.json")
    assert jsonio.read_record(path).network == "tiny"
    assert status(tmp_path)["jobs"][0]["ending"]["record"] == path.relative_to(tmp_path).as_posix()


def test_check_compares_the_records_with_a_baseline_at_the_end(tmp_path, monkeypatch):
    sweep("tiny", *QUICK, "-o", tmp_path / "old")
    same = sweep("tiny", *QUICK, "-o", tmp_path / "same", "--against", tmp_path / "old")
    assert same.exit_code == 0, same.output

    def larger(network, how):
        record = record_of(network, how)
        return replace(record, counts=replace(record.counts, params=record.counts.params + 1))

    monkeypatch.setattr(work, "profiled", larger)
    more = sweep("tiny", *QUICK, "-o", tmp_path / "more", "--against", tmp_path / "old")
    assert more.exit_code == 1
    assert "params" in more.stdout
    error = sweep("tiny", *QUICK, "-o", tmp_path / "more", "--against", tmp_path / "old", "--json").exception
    assert "would print two documents" in str(error)


def test_validations_of_one_set_decode_once(tmp_path, monkeypatch):
    """Each image is opened as often for two checkpoints as for one."""
    import torch
    from PIL import Image

    import resbench
    from tests import planted

    monkeypatch.chdir(tmp_path)
    for label in range(4):
        planted.write(tmp_path / "val" / f"c{label}" / "a.JPEG", 200 * label)
    for label in range(4, 10):
        planted.write(tmp_path / "val" / f"c{label}" / "a.JPEG", label)
    for number in range(2):
        torch.manual_seed(number)
        torch.save(resbench.build("tiny").state_dict(), f"w{number}.pth")
    opened, real = [], Image.open
    monkeypatch.setattr(Image, "open", lambda file, *rest, **named: opened.append(1) or real(file, *rest, **named))
    files = [word for number in range(2) for word in ("--with", f"weights=w{number}.pth")]
    words = ("tiny", "--data", "val", "--with", "plain", "--with", "input-px=32", "--with", "threads=1")
    done = sweep(*words, *files[:2], "-o", "one")
    alone = len(opened)
    assert done.exit_code == 0, done.output
    done = sweep(*words, *files, "-o", "two")
    assert done.exit_code == 0, done.output
    assert len(opened) == 2 * alone > 0
    assert len(store.read_folder(tmp_path / "two")) == 2
    assert "2 there" in sweep(*words, *files, "-o", "two").stdout
    assert len(opened) == 2 * alone


def test_a_machine_that_is_slower_than_its_peers_is_named(tmp_path):
    state = ledger.Ledger(tmp_path)
    jobs = tuple(Job(kind="profile", name=f"{host}-{k}") for host in ("a", "b", "slow") for k in range(4))
    stored = ledger.StoredSweep(jobs=jobs, engine=ledger.EngineOptions(), retries=0, code="", command=())
    state.begin(stored)
    for number, job in enumerate(jobs):
        host = job.name.partition("-")[0]
        time_ns = round(1e6 * (1.2 if host == "slow" else 1.0) * (1 + 0.002 * (number % 4)))
        best = replace(CEILINGS, matmul_ns=(time_ns, 2 * time_ns))
        path = store.save(replace(PROFILE, network=job.name, ceilings=best), tmp_path)
        record = path.relative_to(tmp_path).as_posix()
        state.end(job, ledger.Ending(state="done", record=record, host=host, seconds=1.0))
    done = sweep("status", "-o", tmp_path)
    assert "slow is slower than 2 other machines of its kind: its matrix product takes 1.200 [" in done.stdout
    (slow,) = status(tmp_path)["slow_machines"]
    assert (slow["host"], slow["what"], slow["records"], slow["peers"]) == ("slow", "matrix product", 4, 2)


def test_status_is_shown_without_torch(tmp_path):
    sweep("tiny", *QUICK, "-o", tmp_path)
    assert modules_after("sweep", "status", "-o", str(tmp_path)).isdisjoint({"torch", "numpy", "pandas", "scipy"})


def test_a_dry_run_for_a_cluster_leaves_it_to_the_workers_what_they_can_measure(tmp_path):
    sweep("tiny", *QUICK, "-o", tmp_path)
    words = ("tiny", *QUICK, "--with", "device=cuda", "-o", tmp_path, "--dry-run")
    assert "1 failed" in sweep(*words).stdout
    done = sweep(*words, "-b", "2", "--on", "slurm", "-j", "2")
    assert "2 jobs: 2 waiting\nthose that wait take about 7 s" in done.stdout  # two at a time


def test_a_record_that_cannot_be_written_fails_its_job_alone(tmp_path):
    sweep("tiny", *QUICK, "-o", tmp_path)
    (path,) = tmp_path.rglob("*.json")
    (path.parent.parent / "tiny2").touch()  # where its folder should be
    done = sweep("tiny*", *QUICK, "-o", tmp_path)
    assert done.exit_code == 2
    assert "1 done, 1 there, 1 failed" in done.stdout
    assert "tiny2: Not a directory; " in done.stderr
