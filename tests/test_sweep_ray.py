"""Sweeps on Ray: what resbench asks of it (a stand-in), and a real cluster of this machine (marker engines)."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from resbench.errors import ResbenchError
from resbench.records.store import read_folder
from resbench.running import fresh
from resbench.sweep import drive, ledger, ray_cluster
from resbench.sweep.engines import Bundle
from resbench.sweep.jobs import Job
from tests import sweeps
from tests.fake_ray import FakeRay, RayError
from tests.sweeps import asked, bundle, counts, died, serial, sweep

QUICK = ("resnet20_cifar10", "--with", "threads=1", "-b", "1", "-b", "2", "--on", "ray", "-o", "out")


@pytest.fixture
def here(tmp_path, monkeypatch):
    return sweeps.folder(tmp_path, monkeypatch)


@pytest.fixture
def interrupted(monkeypatch):
    return sweeps.interrupt_once(monkeypatch)


@pytest.fixture
def ray(monkeypatch):
    """A stand-in for Ray, whose jobs write a file and end well."""
    package = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", package)
    monkeypatch.setattr(drive, "PAUSE_S", 0)

    def call(function, root, keys, code, attempt):
        state = ledger.Ledger(root)
        for job in state.stored().jobs:
            if job.key in keys:
                (root / f"{job.key}.json").write_text("a record")
                state.end(job, ledger.Ending(state="done", record=f"{job.key}.json", attempts=attempt))

    monkeypatch.setattr(fresh, "call", call)
    return package


def cluster(tmp_path, **options):
    return ray_cluster.RayCluster(ledger.EngineOptions(name="ray", workers=2, **options), ledger.Ledger(tmp_path), "")


@pytest.mark.usefixtures("here")
def test_jobs_run_and_the_actor_that_kept_them_is_gone_at_the_end(ray):
    done = sweep(*QUICK)
    assert (done.exit_code, "2 done" in done.stdout) == (0, True), done.output
    assert ray.resources == [{"num_cpus": 4.0}] * 2  # all that the largest living node has
    assert ray.actors == {}


def test_without_a_shared_folder_records_travel_back(here, ray, tmp_path):
    ray.elsewhere = tmp_path / "not" / "there"
    done = sweep(*QUICK)
    assert (done.exit_code, "2 done" in done.stdout) == (0, True), done.output
    assert [path.read_text() for path in (here / "out").glob("*.json")] == ["a record"] * 2
    assert not ray.elsewhere.exists()


def test_a_folder_of_another_sweep_at_the_same_path_is_not_taken_for_the_shared_one(here, ray, tmp_path):
    ray.elsewhere = tmp_path / "another"
    (ray.elsewhere / ".sweep").mkdir(parents=True)
    plan = ledger.StoredSweep(jobs=(), engine=ledger.EngineOptions(), retries=0, code="", command=(), id="another")
    ledger.Ledger(ray.elsewhere).begin(plan)
    assert sweep(*QUICK).exit_code == 0
    assert len(list((here / "out").glob("*.json"))) == 2


@pytest.mark.usefixtures("here")
def test_a_task_whose_worker_is_lost_is_tried_again(ray):
    ray.deaths = [RayError("the node died\nsomewhere")]
    done = sweep(*QUICK)
    assert (done.exit_code, "done (2 attempts)" in done.stdout) == (0, True), done.output
    ray.deaths = [RayError("the node died\nsomewhere")] * 6
    failed = sweep(*QUICK[:5], *QUICK[7:], "--retries", "0")
    assert failed.exit_code == 5
    assert "the worker was lost (RayError: the node died)" in failed.stderr


@pytest.mark.usefixtures("here")
def test_what_goes_on_after_ctrl_c_is_collected_by_resume(ray, interrupted):
    left = sweep(*QUICK)
    assert (left.exit_code, "2 submitted" in left.stdout) == (130, True), left.output
    assert len(ray.actors) == 1
    done = sweep("resume", "-o", "out")
    assert (done.exit_code, "2 done" in done.stdout) == (0, True), done.output
    assert ray.actors == {}


@pytest.mark.usefixtures("here")
def test_a_keeper_that_is_lost_costs_its_jobs_an_attempt(ray, interrupted):
    sweep(*QUICK)
    ray.actors.clear()
    done = sweep("resume", "-o", "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("done (2 attempts)") == 2


def test_a_keeper_that_dies_under_its_submitter_is_replaced(tmp_path, ray):
    ledger.Ledger(tmp_path).begin(
        ledger.StoredSweep(jobs=(), engine=ledger.EngineOptions(), retries=0, code="", command=())
    )
    own, one = cluster(tmp_path), bundle("validate")
    (handle,) = own.submit([one])
    ray.actors.clear()
    assert "the actor that kept this job has died" in own.poll(handle, one).reason
    (again,) = own.submit([one])
    assert own.poll(again, one).reason == "ended without a result"
    own.submit([one])
    ray.actors.clear()
    with pytest.raises(ResbenchError, match="Ray takes no jobs: it was killed; look at its cluster"):
        own.submit([one])


@pytest.mark.usefixtures("here")
def test_cancel_kills_the_workers_and_the_actor(ray, interrupted):
    sweep(*QUICK)
    assert sweep("cancel", "-o", "out").stderr == "stopped 2 workers\n"
    assert len(ray.cancelled) == 2
    assert ray.actors == {}


def test_what_each_kind_of_job_asks_of_the_cluster(tmp_path, ray):
    ask = cluster(tmp_path, ranks=2)._resources
    assert ask(bundle("profile")) == {"num_cpus": 4.0}
    assert cluster(tmp_path)._resources(bundle("validate")) == {"num_cpus": 1}
    threads = Bundle(jobs=(Job(kind="validate", name="a", options={"threads": 3}),))
    assert ask(threads) == {"num_cpus": 6}
    assert cluster(tmp_path, gpus=1)._resources(bundle("profile")) == {"num_cpus": 1, "num_gpus": 1}


def test_no_more_than_the_workers_are_in_the_cluster_at_a_time(tmp_path, ray):
    one = bundle("validate")
    assert [cluster(tmp_path).has_room([one] * busy, one) for busy in (0, 1, 2)] == [True, True, False]


@pytest.mark.parametrize(("before", "after"), [("4", None), ("3", "3")])
def test_a_timing_has_the_threads_that_the_same_profile_has_without_ray(ray, monkeypatch, before, after):
    monkeypatch.setenv("OMP_NUM_THREADS", before)  # of 4 CPUs: by Ray, or by the user
    ray_cluster._all_threads()
    assert os.environ.get("OMP_NUM_THREADS") == after


def test_parts_of_a_validation_need_a_shared_folder(tmp_path, ray):
    part = Bundle(jobs=(Job(kind="validate", name="a", part=(1, 2)),))
    stored = ledger.StoredSweep(jobs=part.jobs, engine=ledger.EngineOptions(), retries=0, code="", command=())
    task = ray_cluster.RayTask(stored=stored, root=tmp_path / "out", here=tmp_path / "gone", bundle=part, code="")
    ended = ray_cluster.carried_out(task).ended
    assert (ended.exit_code, "a folder that all nodes share" in ended.reason) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [(("--time-limit", "5"), "Ray has nothing of the kind"), (("--partition", "gpu"), "Ray has nothing of the kind")],
)
def test_options_that_ray_does_not_have_are_refused(words, message):
    assert message in str(sweep(*QUICK, *words).exception)


def test_without_ray_or_a_cluster_there_is_one_line(ray, monkeypatch):
    def init(**_):
        raise ConnectionError("Could not find any running Ray instance.\nPlease specify one.")

    ray.is_initialized, ray.init = lambda: False, init
    error = sweep(*QUICK).exception
    assert isinstance(error, ResbenchError)
    assert "Could not find any running Ray instance; start one with `ray start --head`" in str(error)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install ray" in str(sweep(*QUICK).exception)


@pytest.fixture
def real_cluster(here, monkeypatch):
    """A cluster of two nodes on this machine; what it starts ends with this process."""
    package = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    cluster.add_node(num_cpus=1)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster
    package.shutdown()
    cluster.shutdown()


@pytest.mark.engines
@pytest.mark.filterwarnings("ignore")
def test_twelve_jobs_of_which_two_are_killed_and_the_submitter_too(here, real_cluster):
    for number in range(2):
        (here / f"die{number}.SIGKILL").touch()
    words = [*asked(12), "--on", "ray", "--workers", "3", "--per-pass", "1", "--retries", "4", "-o", "out"]
    process = subprocess.Popen([sys.executable, "-m", "resbench", "sweep", *words], stderr=subprocess.DEVNULL)
    while len(list(here.glob("out/.sweep/*.ending"))) < 2:
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.wait()
    ended, taken = ({path.stem for path in here.glob(f"out/.sweep/*.{kind}")} for kind in ("ending", "ticket"))
    deadline = time.monotonic() + 120
    while not any((here / "out" / ".sweep" / f"{key}.ending").exists() for key in taken - ended):
        assert time.monotonic() < deadline, "nothing went on without the submitter"
        time.sleep(0.1)
    done = sweep("resume", "-o", "out")
    assert done.exit_code == 0, done.output
    assert "12 done" in done.stdout
    assert died(here)
    assert len(set((here / "worked").read_text().split())) == 14  # processes: two in place of dead ones
    assert counts(here / "out") == serial(here / "serial", 12)


@pytest.mark.engines
@pytest.mark.filterwarnings("ignore")
def test_a_profile_travels_back_from_a_worker_that_does_not_see_the_folder(here, real_cluster, monkeypatch):
    real, elsewhere = ray_cluster.RayCluster._task, here / "not" / "there"
    monkeypatch.setattr(ray_cluster.RayCluster, "_task", lambda *own: replace(real(*own), root=elsewhere))
    words = ["resnet20_cifar10", "--with", "time-budget=0.1", "--with", "threads=1", "-b", "1"]
    done = sweep(*words, "--on", "ray", "-o", "out")
    assert (done.exit_code, "1 done" in done.stdout) == (0, True), done.output
    (record,) = read_folder(here / "out").values()
    assert (record.network, record.settings.threads) == ("resnet20_cifar10", 1)
    assert not elsewhere.exists()
