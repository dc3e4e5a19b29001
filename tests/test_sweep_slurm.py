"""Sweeps through a real Slurm: its daemons make a cluster of this machine (tests/slurm_cluster.sh)."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from resbench.errors import ResbenchError
from resbench.records.store import read_folder
from tests import sweeps
from tests.sweeps import asked, counts, died, serial, sweep

SCRIPT = Path(__file__).with_name("slurm_cluster.sh")
PAGE = (Path(__file__).parent.parent / "docs" / "sweeping.md").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(
        not shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin"), reason="slurmctld is not installed"
    ),
]


@pytest.fixture(scope="module")
def cluster():
    """Start the cluster and return its slurm.conf; in a folder with a short name, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        started = subprocess.run([SCRIPT, "start", folder], stdout=subprocess.PIPE, text=True, check=True)
        yield started.stdout.strip()
        subprocess.run([SCRIPT, "stop", folder], check=True)


@pytest.fixture
def here(tmp_path, cluster, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", cluster)
    yield sweeps.folder(tmp_path, monkeypatch)
    subprocess.run(["scancel", "--me"], check=True)
    until(lambda: not queue())


def until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, queue("--states=all")
        time.sleep(0.1)


def queue(*words):
    """(number of a job, its state) for what is queued or runs."""
    shown = subprocess.run(
        ["squeue", "--me", "--array", "--noheader", "--sort=i", "--format=%i %T", *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [tuple(line.split()) for line in shown.stdout.splitlines()]


def started(*words):
    """Start a sweep on the cluster in a process of its own."""
    command = [sys.executable, "-m", "resbench", "sweep", *map(str, words), "--on", "slurm", "-o", "out"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def worked(here):
    """The process of each forward pass of a validation, in their order."""
    path = here / "worked"
    return path.read_text().split() if path.exists() else []


def attempts():
    jobs = json.loads(sweep("status", "-o", "out", "--json").stdout)["jobs"]
    return sorted(job["ending"]["attempts"] for job in jobs)


def test_a_worker_and_the_submitter_are_killed_and_nothing_is_lost_or_done_twice(here):
    (here / "die.SIGKILL").touch()
    with started(*asked(6), "--workers", "2", "--per-pass", "1") as process:
        until(lambda: list(here.glob("out/.sweep/*.ending")))
        process.kill()
    assert "submitted" in sweep("status", "-o", "out").stdout
    done = sweep("resume", "-o", "out")
    assert (done.exit_code, "6 done" in done.stdout) == (0, True), done.output
    assert died(here)
    assert attempts() == [1, 1, 1, 1, 1, 2]
    assert len(set(worked(here))) == 7  # one in place of that which was killed
    assert counts(here / "out") == serial(here / "serial", 6)


def test_a_job_that_runs_into_its_time_limit_is_tried_again(here):
    (here / "die.SIGSTOP").touch()  # its worker waits for ever
    done = sweep(*asked(2), "--on", "slurm", "--time-limit", "1", "-o", "out")
    assert (done.exit_code, "2 done" in done.stdout) == (0, True), done.output
    assert attempts() == [2, 2]
    assert queue("--states=all")[-2][1] == "TIMEOUT"
    assert counts(here / "out") == serial(here / "serial", 2)


@pytest.mark.parametrize(("ranks", "partition"), [(1, "low"), (2, "warned")])
def test_a_preempted_validation_goes_on_where_it_was(here, ranks, partition):
    (here / "slow").touch()
    words = [*asked(1), "-b", "2"]
    cluster_words = ["--partition", partition, "--ranks", ranks, "--slurm", "cpus-per-task=2"]
    with started(*words, *cluster_words) as process:
        until(lambda: list(here.glob("out/.sweep/unfinished/*/*.rows")))  # a batch is kept
        urgent = ["sbatch", "--wait", "--partition=high", "--output=/dev/null", "--wrap=true"]
        subprocess.run(urgent, check=True)
        before = worked(here)
        assert process.wait(120) == 0
    again = worked(here)[len(before) :]
    assert not set(before) & set(again)
    assert ranks > 1 or 0 < len(again) < 15  # three passes of each of five batches
    assert attempts() == [1]
    (record,) = read_folder(here / "out").values()
    assert record.environment.machine.cpu_cores == 2
    assert sweep(*words, "-o", "serial").exit_code == 0
    assert counts(here / "out") == counts(here / "serial")


def test_profiles_have_the_node_to_themselves_and_one_that_is_queued_again_is_measured_once(here):
    words = ["resnet20_cifar10", "--with", "time-budget=0.5", "--with", "threads=1", "-b", "1", "-b", "2"]
    with started(*words) as process:
        until(lambda: list(measuring(here)))  # which Slurm ends with its parent
        ((job, _), _) = sorted(queue(), key=lambda each: each[1] != "RUNNING")
        subprocess.run(["scontrol", "requeue", job], check=True)
        assert process.wait(240) == 0
    assert attempts() == [1, 1]
    assert len(read_folder(here / "out")) == 2
    shown = subprocess.run(["scontrol", "show", "job", job.partition("_")[0]], stdout=subprocess.PIPE, text=True)
    (_, first_ended), (second_started, _) = sorted(re.findall(r"StartTime=(\S+) EndTime=(\S+)", shown.stdout))
    assert first_ended <= second_started


def measuring(here):
    """The processes of profiles that measure memory."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        if "resbench.running.fresh" in (process.info["cmdline"] or []) and process.info["cwd"] == str(here):
            yield process


def test_a_job_that_is_suspended_is_waited_for(here):
    (here / "slow").touch()
    with started(*asked(1), "-b", "2") as process:
        until(lambda: worked(here))
        ((job, _),) = queue()
        subprocess.run(["scontrol", "suspend", job], check=True)
        time.sleep(8)  # more than three looks at the queue
        assert queue() == [(job, "SUSPENDED")]
        subprocess.run(["scontrol", "resume", job], check=True)
        assert process.wait(120) == 0
    assert attempts() == [1]
    assert len(set(worked(here))) == 1


def test_what_ctrl_c_left_running_is_cancelled(here):
    (here / "die.SIGSTOP").touch()
    with started(*asked(3), "--workers", "1", "--per-pass", "1") as process:
        until(lambda: worked(here))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert len(queue()) == 3
    assert sweep("cancel", "-o", "out").stderr == "stopped 3 workers\n"
    until(lambda: not queue(), seconds=20)
    assert sweep("resume", "-o", "out").exit_code == 0
    assert counts(here / "out") == serial(here / "serial", 3)


def test_the_script_runs_as_an_array_and_again(here):
    done = sweep(*asked(2), "--print-script", "--per-pass", "1", "--slurm", "cpus-per-task=2", "-o", "out 'dir'")
    (here / "sweep.sbatch").write_text(done.stdout)
    for _ in range(2):
        subprocess.run(["sbatch", "--wait", "sweep.sbatch"], check=True)
        assert "2 done" in sweep("status", "-o", "out 'dir'").stdout
    assert counts(here / "out 'dir'") == serial(here / "serial", 2)
    cores = {record.environment.machine.cpu_cores for record in read_folder(here / "out 'dir'").values()}
    assert cores == {2}


def test_a_refusal_of_sbatch_is_one_line(here):
    error = sweep(*asked(1), "--on", "slurm", "--partition", "nowhere", "-o", "out").exception
    assert isinstance(error, ResbenchError)
    assert str(error) == (
        "sbatch: invalid partition specified: nowhere; Batch job submission failed: Invalid partition name specified; "
        "correct --partition, --gpus or --slurm"
    )


def test_the_commands_of_the_page_start_a_cluster_sweep_and_stop_it(tmp_path):
    (block,) = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    install, *lines = block.splitlines()
    assert install.startswith("sudo apt-get install slurmctld slurmd slurm-client munge")
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        text = "\n".join(lines).replace("/tmp/", f"{folder}/").replace("tests/slurm_cluster.sh", str(SCRIPT))
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-ec", text], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
        )
        assert "2 done" in done.stdout
        assert len(read_folder(Path(folder) / "records")) == 2
