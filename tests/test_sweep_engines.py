"""Sweeps in processes that survive their submitter, and on a Slurm that is made of scripts."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from resbench.errors import ResbenchError
from resbench.records.store import read_folder
from resbench.sweep import drive, engines, ledger, pinning, processes, script, slurm, start, submitted
from resbench.sweep.jobs import Job
from tests import sweeps
from tests.sweeps import asked, bundle, counts, died, serial, sweep

STUBS = Path(__file__).parent / "data" / "slurm"


@pytest.fixture
def here(tmp_path, monkeypatch):
    return sweeps.folder(tmp_path, monkeypatch)


def work_without_torch(bundle, root, code):
    """Stands for `work_of`, so that a process starts at once: the first try is killed (-9), the second is done."""
    jobs, attempt, root = bundle.jobs, bundle.attempt, root.absolute()

    def run():  # local, so that it is pickled whole
        import os
        import signal

        from resbench.sweep.ledger import Ending, Ledger

        with (root.parent / "worked").open("a") as worked:
            worked.write(f"{jobs[0].name} {attempt}\n")
        if attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        for job in jobs:
            Ledger(root).end(job, Ending(state="done", record="x", attempts=attempt))
        return "over"

    return run


def work_for_a_minute(bundle, root, code):
    return lambda: time.sleep(60)


@pytest.fixture
def interrupted(monkeypatch):
    return sweeps.interrupt_once(monkeypatch)


QUICK = ("resnet20_cifar10", "--with", "threads=1", "-b", "1", "--on", "processes", "-o", "out")


def test_a_process_that_is_killed_is_replaced_after_its_submitter_has_gone(here, monkeypatch, interrupted):
    monkeypatch.setattr(processes, "work_of", work_without_torch)
    left = sweep(*QUICK)
    assert (left.exit_code, "1 submitted" in left.stdout) == (130, True), left.output
    assert "jobs of an earlier sweep may still run" in str(sweep(*QUICK).exception)
    done = sweep("resume", "-o", "out")
    assert (done.exit_code, "1 done" in done.stdout) == (0, True), done.output
    assert (here / "worked").read_text().split("\n")[:-1] == ["resnet20_cifar10 1", "resnet20_cifar10 2"]
    assert all(job.done() for job in interrupted[0]._jobs.values())


def test_ctrl_c_with_cancel_leaves_nothing_running(here, monkeypatch, interrupted):
    monkeypatch.setattr(processes, "work_of", work_for_a_minute)
    left = sweep(*QUICK, "--cancel")
    assert (left.exit_code, "1 waiting" in left.stdout) == (130, True), left.output
    (job,) = interrupted[0]._jobs.values()
    assert job._process.wait(timeout=10) == -signal.SIGKILL
    assert ledger.Ledger(here / "out").tickets() == []


@pytest.mark.nightly
def test_workers_that_are_killed_and_a_submitter_that_goes_lose_nothing(here, interrupted):
    """Six validations in one process, which is killed (-9); the submitter leaves at once."""
    (here / "die.SIGKILL").touch()
    left = sweep(*asked(6), "--on", "processes", "-o", "out")
    assert left.exit_code == 130, left.output
    assert "6 submitted" in left.stdout
    done = sweep("resume", "-o", "out")
    assert done.exit_code == 0, done.output
    assert "6 done" in done.stdout
    assert died(here)
    assert len(set((here / "worked").read_text().split())) == 2  # one in place of that which was killed
    states = json.loads(sweep("status", "-o", "out", "--json").stdout)["jobs"]
    assert sorted(state["ending"]["attempts"] for state in states) == [2] * 6
    assert all(job.done() for job in interrupted[0]._jobs.values())
    assert counts(here / "out") == serial(here / "serial", 6)


@pytest.mark.nightly
def test_forty_jobs_of_which_a_fifth_is_killed_and_the_submitter_too(here):
    for number in range(8):
        (here / f"die{number}.SIGKILL").touch()
    words = [*asked(40), "--on", "processes", "--workers", "2", "--per-pass", "1", "--retries", "8", "-o", "out"]
    process = subprocess.Popen([sys.executable, "-m", "resbench", "sweep", *words], stderr=subprocess.DEVNULL)
    while len(list(here.glob("out/.sweep/*.ending"))) < 5:
        assert process.poll() is None
        time.sleep(0.2)
    process.kill()
    process.wait()
    done = sweep("resume", "-o", "out")
    assert done.exit_code == 0, done.output
    assert "40 done" in done.stdout
    assert died(here)
    assert counts(here / "out") == serial(here / "serial", 40)


@pytest.mark.nightly
def test_a_part_whose_worker_is_killed_is_evaluated_again_alone(here):
    (here / "die.SIGKILL").touch()
    words = [*asked(1), "-b", "2", "--on", "processes"]
    done = sweep(*words, "--split", "3", "--workers", "2", "-o", "out")
    assert done.exit_code == 0, done.output
    assert died(here)
    states = json.loads(sweep("status", "-o", "out", "--json").stdout)["jobs"]
    assert sorted(state["ending"]["attempts"] for state in states) == [1, 1, 1, 2]
    assert sweep(*words, "-o", "serial").exit_code == 0
    assert counts(here / "out") == counts(here / "serial")


@pytest.mark.nightly
def test_ctrl_c_at_the_terminal_leaves_jobs_running(here):
    """The signal goes to the whole group of processes, as a terminal sends it."""
    words = [*asked(3), "--on", "processes", "-o", "out"]
    command = [sys.executable, "-m", "resbench", "sweep", *words]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
        while not list(here.glob("out/.sweep/*.ticket")):
            assert process.poll() is None
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, "3 jobs left running" in errors) == (130, True), errors
    done = sweep("resume", "-o", "out")
    assert done.exit_code == 0, done.output
    states = json.loads(sweep("status", "-o", "out", "--json").stdout)["jobs"]
    assert [state["ending"]["attempts"] for state in states] == [1, 1, 1]


@pytest.mark.nightly
def test_profiles_in_processes_run_one_at_a_time(here):
    words = ["resnet20_cifar10", "--with", "time-budget=0.1", "--with", "threads=1", "-b", "1", "-b", "2"]
    done = sweep(*words, "--on", "processes", "--workers", "2", "-o", "out")
    assert done.exit_code == 0, done.output
    first, second = (record.run for record in read_folder(here / "out").values())
    assert max(first.started, second.started) >= min(first.started, second.started)
    assert len(read_folder(here / "out")) == 2


def engine(tmp_path, **options):
    return processes.Processes(ledger.EngineOptions(name="processes", **options), ledger.Ledger(tmp_path), "")


def test_what_takes_time_runs_alone_and_validations_share(tmp_path):
    own = engine(tmp_path, workers=2)
    profile, validation = bundle("profile"), bundle("validate")
    room = [
        ([], (True, True)),
        ([profile], (False, False)),
        ([validation], (False, True)),
        ([validation, validation], (False, False)),
    ]
    for busy, expected in room:
        assert (own.has_room(busy, profile), own.has_room(busy, validation)) == expected, busy


def test_only_the_processes_of_submitit_are_taken_for_a_running_job(tmp_path):
    own = engine(tmp_path)
    assert own.poll(str(os.getpid()), bundle("profile")).reason.startswith("the worker died without a result")
    own.cancel(str(os.getpid()))  # this one lives on
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "submitit.local._local"]) as running:
        handle = str(running.pid)
        while not psutil.Process(running.pid).cmdline():
            time.sleep(0.01)
        assert own.poll(handle, bundle("profile")) is None
        own.cancel(handle)
        assert running.wait() == -signal.SIGKILL
    assert own.poll(handle, bundle("profile"))


def test_gpus_with_names_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8932f937")
    with pytest.raises(ResbenchError, match="numbers of devices only"):
        engine(tmp_path)


class Executor:
    """Stands for submitit's: notes which GPUs and CPUs a process would have."""

    def __init__(self, folder, max_num_timeout):
        self.parameters, self.started = {}, []

    def update_parameters(self, **parameters):
        self.parameters = parameters

    def submit(self, work):
        assert self.parameters["gpus_per_node"] == len(self.parameters["visible_gpus"])
        self.started.append((self.parameters["visible_gpus"], pinning.os.sched_getaffinity(0)))
        return SimpleNamespace(job_id=str(1000 + len(self.started)))


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    """An engine with the GPUs 1 and 3 beside four cores of two CPUs each, of which this process has all but one."""
    affinity = [{0, 1, 2, 3, 4, 5, 6}]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,3")
    monkeypatch.setattr(processes.torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(processes, "submitit", lambda: SimpleNamespace(LocalExecutor=Executor))
    monkeypatch.setattr(pinning, "_siblings", lambda cpu: str(cpu % 4))
    monkeypatch.setattr(pinning.os, "sched_getaffinity", lambda _: affinity[0], raising=False)
    monkeypatch.setattr(pinning.os, "sched_setaffinity", lambda _, cpus: affinity.__setitem__(0, cpus), raising=False)
    yield engine(tmp_path, workers=3)
    assert affinity == [{0, 1, 2, 3, 4, 5, 6}]


@pytest.mark.nightly
@pytest.mark.skipif(len(pinning.physical_cores()) < 2, reason="this machine has one core, or does not tell")
def test_profiles_on_two_gpus_see_one_each_and_half_of_the_cores(here, monkeypatch):
    """The GPUs are numbers alone: the processes run on the CPU, and their records say what they had."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(processes.torch.cuda, "device_count", lambda: 2)
    words = ["resnet20_cifar10", "--with", "time-budget=0.1", "--with", "threads=1", "-b", "1", "-b", "2"]
    done = sweep(*words, "--on", "processes", "-o", "out")
    assert done.exit_code == 0, done.output
    records = [record.environment for record in read_folder(here / "out").values()]
    assert {own.conditions.variables["CUDA_VISIBLE_DEVICES"] for own in records} == {"0", "1"}
    assert sum(own.machine.cpu_cores for own in records) == len(os.sched_getaffinity(0))


def test_gpus_that_torch_cannot_use_count_for_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(processes.torch.cuda, "device_count", lambda: 0)
    assert not engine(tmp_path).has_room([bundle("profile")], bundle("profile", "b"))  # both on the CPU


def test_each_gpu_has_one_profile_pinned_to_its_share_of_the_cores(two_gpus):
    profile, other = bundle("profile"), bundle("profile", "b")
    assert two_gpus.has_room([profile], other)
    assert not two_gpus.has_room([profile, other], bundle("profile", "c"))
    assert not two_gpus.has_room([profile], bundle("validate"))
    assert two_gpus.submit([profile, other]) == ["1001@1", "1002@3"]
    assert two_gpus._executor.started == [([1], {0, 4, 1, 5}), ([3], {2, 6, 3})]


def test_a_gpu_that_an_earlier_process_left_busy_is_not_taken(two_gpus):
    two_gpus._ledger.note(ledger.Ticket(jobs=("a",), handle="17@1", attempt=1))
    assert two_gpus.submit([bundle("profile", "b")]) == ["1001@3"]


def test_validations_are_spread_over_gpus_and_not_pinned(two_gpus):
    assert two_gpus.submit([bundle("validate", name) for name in "abc"]) == ["1001@1", "1002@3", "1003@1"]
    assert {len(cpus) for _, cpus in two_gpus._executor.started} == {7}


@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_a_job_that_names_its_device_sees_all_and_is_timed_alone(two_gpus, device):
    named = engines.Bundle(jobs=(Job(kind="profile", name="a", options={"device": device}),))
    assert not two_gpus.has_room([named], bundle("profile"))
    assert not two_gpus.has_room([bundle("profile")], named)
    assert two_gpus.submit([named]) == ["1001"]
    ((gpus, cpus),) = two_gpus._executor.started
    assert (gpus, len(cpus)) == ([1, 3], 7)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no processes")
def test_a_process_that_starts_pinned_stays_on_its_cpus():
    before = os.sched_getaffinity(0)
    last = max(before)
    with pinning.pinned({last}):
        done = subprocess.run(
            [sys.executable, "-S", "-c", "import os; print(os.sched_getaffinity(0))"], capture_output=True, text=True
        )
    assert done.stdout == f"{{{last}}}\n"
    assert os.sched_getaffinity(0) == before
    assert set().union(*pinning.physical_cores()) == before


def test_without_submitit_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    error = sweep("resnet18", "--on", "processes", "-o", tmp_path).exception
    assert isinstance(error, ResbenchError)
    assert "pip install submitit" in str(error)


def test_without_slurm_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    error = sweep("resnet18", "--on", "slurm", "-o", tmp_path).exception
    assert "no srun on this machine" in str(error)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gpus", "1"), "are of a cluster"),
        (("--on", "processes", "--partition", "gpu"), "are of a cluster"),
        (("--workers", "2"), "one after another here"),
        (("--time-limit", "5"), "one after another here"),
    ],
)
def test_options_that_the_place_does_not_have_are_refused(words, message, tmp_path):
    assert message in str(sweep("resnet18", *words, "-o", tmp_path).exception)


def test_a_worker_says_why_it_refused_its_jobs(tmp_path):
    end = submitted.SubmittedWork(root=tmp_path, keys=("x",), code="other", attempt=1)()
    assert (end.exit_code, "not the version" in end.reason) == (2, True)


def test_a_worker_that_slurm_has_queued_again_leaves_no_result(tmp_path, monkeypatch):
    def preempted(*job):
        raise subprocess.CalledProcessError(1, ["scontrol", "requeue", "7"])

    monkeypatch.setattr(submitted, "work", preempted)
    with pytest.raises(SystemExit):
        submitted.SubmittedWork(root=tmp_path, keys=("x",), code="", attempt=1)()


# Slurm: its commands are stubs that queue, run, preempt and account as it does (tests/data/slurm).


@pytest.fixture
def cluster(here, monkeypatch):
    monkeypatch.setenv("PATH", f"{STUBS}:{os.environ['PATH']}")
    monkeypatch.setenv("STUB_SLURM", str(here / "slurm"))
    (here / "slurm").mkdir()
    return here / "slurm"


def flags(text):
    return {key: value or True for key, value in re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", text, re.MULTILINE)}


def options(**chosen):
    return ledger.EngineOptions(name="slurm", **{"workers": 4, **chosen})


def test_what_sbatch_is_told_about_jobs_that_take_time(tmp_path, cluster):
    state = ledger.Ledger(tmp_path / "out")
    chosen = options(workers=2, minutes=90, partition="gpu", gpus=1, slurm={"account": "lab", "constraint": "a100"})
    handles = slurm.Slurm(chosen, state, "code").submit([bundle("profile", name) for name in "abc"])
    (text,) = (path.read_text() for path in cluster.glob("*.sh"))
    directives = flags(text)
    expected = {
        "array": "0-2%2",
        "time": "90",
        "partition": "gpu",
        "gpus-per-node": "1",
        "requeue": True,
        "account": "lab",
        "constraint": "a100",
        "job-name": "resbench",
        "open-mode": "append",
        "signal": "USR2@0",
    }
    assert {key: directives.get(key) for key in expected} == expected
    assert "exclusive" not in directives
    assert [handle.partition("_")[2] for handle in handles] == ["0", "1", "2"]


def test_without_gpus_what_takes_time_has_a_node_and_validations_share_it(tmp_path, cluster):
    own = slurm.Slurm(options(), ledger.Ledger(tmp_path / "out"), "code")
    handles = own.submit([bundle("validate", "a"), bundle("profile", "b"), bundle("validate", "c")])
    exclusive = {path.stem: "exclusive" in flags(path.read_text()) for path in cluster.glob("*.sh")}
    assert [exclusive[handle.partition("_")[0]] for handle in handles] == [False, True, False]


def test_a_refusal_of_sbatch_is_one_line(tmp_path, cluster, monkeypatch):
    own = slurm.Slurm(options(partition="nowhere"), ledger.Ledger(tmp_path / "out"), "code")
    with pytest.raises(ResbenchError, match=r"sbatch: invalid partition specified: nowhere; .*; correct --partition"):
        own.submit([bundle("profile")])


@pytest.mark.nightly
def test_a_preempted_job_is_queued_again_and_goes_on(here, cluster, monkeypatch):
    """The worker gets Slurm's signal while it works; submitit asks for a requeue, and the second run ends the job."""
    (here / "die.SIGUSR2").touch()
    monkeypatch.setattr(drive, "PAUSE_S", 0.1)
    done = sweep(*asked(2), "--on", "slurm", "--partition", "gpu", "--time-limit", "60", "-o", "out")
    assert done.exit_code == 0, done.output
    assert "2 done" in done.stdout
    assert (cluster / "log").read_text().split("\n")[:4] == ["sbatch 1", "run 1", "requeue 1", "run 1"]
    states = json.loads(sweep("status", "-o", "out", "--json").stdout)["jobs"]
    assert [state["ending"]["attempts"] for state in states] == [1, 1]
    assert counts(here / "out") == serial(here / "serial", 2)


def test_jobs_that_slurm_kills_fail_with_its_reason_after_their_retries(tmp_path, cluster, monkeypatch):
    monkeypatch.setenv("STUB_STATE", "OUT_OF_MEMORY")
    monkeypatch.setattr(drive, "PAUSE_S", 0.1)
    state = ledger.Ledger(tmp_path / "out")
    stored = start.stored_sweep([Job(kind="profile", name="a")], options(), retries=1, together=None)
    start.begin(state, stored)
    ended = []
    drive.drive(state, slurm.Slurm(options(), state, "code"), stored, lambda job, ending: ended.append(ending))
    (ending,) = ended
    assert (ending.attempts, ending.exit_code) == (2, 5)
    assert "state out_of_memory" in ending.reason


def test_a_job_that_is_suspended_or_that_slurm_is_silent_about_is_not_over(cluster, monkeypatch):
    (cluster / "7.state").write_text("SUSPENDED")
    assert [slurm.Queue().is_done(job) for job in ("7", "8")] == [False, True]  # the other is listed no more
    monkeypatch.delenv("STUB_SLURM")  # without which squeue fails
    assert not slurm.Queue().is_done("8")


def test_the_queue_is_looked_at_once_for_all_jobs_and_anew_after_a_submission(tmp_path, cluster, monkeypatch):
    looks = []
    monkeypatch.setattr(slurm, "_states", lambda: looks.append(1))
    own = slurm.Slurm(options(), ledger.Ledger(tmp_path / "out"), "code")
    assert [own.poll(str(number), bundle("validate")) for number in range(100)] == [None] * 100
    own.poll("0", bundle("validate"))
    assert len(looks) == 1
    handles = own.submit([bundle("validate")])
    own.poll(handles[0], bundle("validate"))
    assert len(looks) == 2


def test_cancel_stops_what_slurm_still_has(tmp_path, cluster, monkeypatch):
    monkeypatch.setenv("STUB_STATE", "PENDING")
    state = ledger.Ledger(tmp_path / "out")
    stored = start.stored_sweep([Job(kind="profile", name=name) for name in "ab"], options(), retries=1, together=None)
    start.begin(state, stored)
    own = slurm.Slurm(options(), state, "code")
    bundles = [engines.Bundle(jobs=(job,)) for job in stored.jobs]
    for handle, submitted_bundle in zip(own.submit(bundles), bundles, strict=True):
        state.note(ledger.Ticket(jobs=submitted_bundle.keys, handle=handle, attempt=1))
    done = sweep("cancel", "-o", tmp_path / "out")
    assert (done.exit_code, done.stderr) == (0, "stopped 2 workers\n")
    assert (cluster / "log").read_text().split("\n")[1:-1] == ["scancel 1_0", "scancel 1_1"]
    assert state.tickets() == []


def test_a_script_for_sbatch_runs_the_plan_without_submitit(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    words = ["--print-script", "--per-pass", "1", "--workers", "2", "--partition", "gpu", "--slurm", "account=lab"]
    done = sweep(*asked(2), *words, "--gpus", "1", "-o", "out dir")
    assert done.exit_code == 0, done.output
    expected = {
        "job-name": "resbench",
        "array": "0-1%2",
        "time": "1440",
        "partition": "gpu",
        "gpus-per-node": "1",
        "requeue": True,
        "account": "lab",
        "open-mode": "append",
        "output": f"'{here / 'out dir'}/.sweep/logs/%A_%a.out'",
    }
    assert flags(done.stdout) == expected
    subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=True)
    command = done.stdout.splitlines()[-1]
    assert command.endswith(f"-m resbench sweep work \"$SLURM_ARRAY_TASK_ID\" -o '{here / 'out dir'}'")
    for number in (0, 1):
        ended = sweep("work", number, "-o", "out dir")
        assert ended.exit_code == 0, ended.output
    assert "2 done" in sweep("status", "-o", "out dir").stdout
    assert counts(here / "out dir") == serial(here / "serial", 2)
    assert "tasks 0 to 1" in str(sweep("work", 2, "-o", "out dir").exception)
    assert "submit it to sbatch again" in str(sweep("resume", "-o", "out dir").exception)


@pytest.mark.nightly
def test_the_script_runs_as_an_array(here, cluster):
    done = sweep(*asked(2), "--print-script", "--per-pass", "1", "-o", "out")
    (here / "sweep.sbatch").write_text(done.stdout)
    subprocess.run(["sbatch", "sweep.sbatch"], check=True)
    while (cluster / "log").read_text().count("end") < 2:
        time.sleep(0.2)
    assert [path.read_text() for path in sorted(cluster.glob("*.state"))] == ["COMPLETED", "COMPLETED"]
    assert counts(here / "out") == serial(here / "serial", 2)


def test_a_script_with_more_tasks_than_an_array_has_is_refused(tmp_path):
    jobs = [Job(kind="profile", name=str(number)) for number in range(1001)]
    with pytest.raises(ResbenchError, match="1,001 tasks; an array has 1,000"):
        script.script_of(start.stored_sweep(jobs, options(), retries=0, together=None), tmp_path)
