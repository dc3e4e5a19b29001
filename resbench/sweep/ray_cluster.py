"""Jobs of a Ray cluster: an actor owns them, so that they go on when the process that submitted them ends."""

import importlib
import os
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from resbench.errors import ResbenchError, first_line
from resbench.records.files import write_together
from resbench.sweep.engines import Bundle, Ended, done_fresh
from resbench.sweep.ledger import FOLDER, EngineOptions, Ledger, StoredSweep, hostname

_NAMESPACE = "resbench"


@dataclass(frozen=True, slots=True, kw_only=True)
class RayTask:
    """What a task is to do: a bundle of a sweep, wherever it runs."""

    stored: StoredSweep  # with the jobs of the bundle alone
    root: Path  # the folder of records, as the submitter sees it
    here: Path  # the folder that relative paths begin in
    bundle: Bundle
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What comes back from a task."""

    ended: Ended
    files: Mapping[str, bytes] = field(default_factory=dict)  # of the folder of records, if the worker cannot see it


class RayCluster:
    """Each bundle has its GPUs; without `--gpus` one that takes time has all CPUs of a node, others share nodes."""

    outlives = True
    local = False

    def __init__(self, options: EngineOptions, ledger: Ledger, code: str) -> None:
        self._options, self._ledger, self._code = options, ledger, code
        self._ray = _connected()
        self._keepers: dict[str, Any] = {}  # actors by name
        self._own = ""  # the name of the actor that gets new tasks

    def has_room(self, busy: Sequence[Bundle], bundle: Bundle) -> bool:  # noqa: ARG002
        """Tell whether one more may be queued or run."""
        return len(busy) < self._options.workers

    def submit(self, bundles: Sequence[Bundle]) -> list[str]:
        """Give tasks to the keeper of this process; a handle names both."""
        stored, keeper = self._ledger.stored(), self._keeper()
        handles = [uuid.uuid4().hex for _ in bundles]
        starts = [
            keeper.start.remote(handle, self._task(bundle, stored), self._resources(bundle))
            for handle, bundle in zip(handles, bundles, strict=True)
        ]
        try:
            self._ray.get(starts)
        except self._ray.exceptions.RayError as error:
            raise ResbenchError(
                f"Ray takes no jobs: {first_line(error)}; look at its cluster, and `resbench sweep resume`"
            ) from None
        return [f"{self._own}/{handle}" for handle in handles]

    def poll(self, handle: str, bundle: Bundle) -> Ended | None:  # noqa: ARG002
        """Return what became of a bundle, and write what came with it; None: it is not over."""
        delivery = self._ask("collect", handle)
        if delivery is None:
            return None
        write_together({self._ledger.root / name: content for name, content in delivery.files.items()})
        return delivery.ended

    def cancel(self, handle: str) -> None:
        """Take the task out of the queue, or kill its worker."""
        self._ask("stop", handle)

    def _keeper(self) -> Any:
        if not self._own:
            self._own = f"resbench-{uuid.uuid4().hex}"
            actor = self._ray.remote(Keeper).options(
                name=self._own, namespace=_NAMESPACE, lifetime="detached", num_cpus=0, max_restarts=0
            )
            self._keepers[self._own] = actor.remote()
        return self._keepers[self._own]

    def _ask(self, method: str, handle: str) -> Delivery | None:
        """Ask the keeper of a task; end it when that was its last one."""
        name, _, task = handle.partition("/")
        try:
            if name not in self._keepers:
                self._keepers[name] = self._ray.get_actor(name, namespace=_NAMESPACE)
            answer: tuple[Delivery | None, int] = self._ray.get(getattr(self._keepers[name], method).remote(task))
        except self._ray.exceptions.ActorUnavailableError:  # for a moment
            return None
        except (ValueError, self._ray.exceptions.RayActorError):
            self._forget(name)
            return Delivery(ended=Ended(reason="the actor that kept this job has died, or its cluster was stopped"))
        delivery, left = answer
        if not left:
            self._ray.kill(self._keepers[name])
            self._forget(name)
        return delivery

    def _forget(self, keeper: str) -> None:
        self._keepers.pop(keeper, None)
        self._own = "" if self._own == keeper else self._own

    def _task(self, bundle: Bundle, stored: StoredSweep) -> RayTask:
        own = msgspec.structs.replace(stored, jobs=bundle.jobs)
        return RayTask(stored=own, root=self._ledger.root.absolute(), here=Path.cwd(), bundle=bundle, code=self._code)

    def _resources(self, bundle: Bundle) -> dict[str, float]:
        if self._options.gpus:
            return {"num_cpus": 1, "num_gpus": self._options.gpus}
        if bundle.times:
            return {"num_cpus": max(node["Resources"].get("CPU", 1) for node in self._ray.nodes() if node["Alive"])}
        return {"num_cpus": self._options.ranks * bundle.jobs[0].options.get("threads", 1)}


class Keeper:
    """An actor that owns tasks, and keeps what they return until it is collected."""

    def __init__(self) -> None:
        self._ray = _ray()
        self._tasks: dict[str, Any] = {}

    def start(self, handle: str, task: RayTask, resources: Mapping[str, float]) -> None:
        """Queue a task."""
        self._tasks[handle] = self._ray.remote(carried_out).options(**resources, max_retries=0).remote(task)

    def collect(self, handle: str) -> tuple[Delivery | None, int]:
        """Return what came of a task (None: it is not over), and how many tasks are left."""
        if handle not in self._tasks:
            return Delivery(ended=Ended(reason="the cluster does not know this job")), len(self._tasks)
        if not self._ray.wait([self._tasks[handle]], timeout=0)[0]:
            return None, len(self._tasks)
        try:
            delivery = self._ray.get(self._tasks.pop(handle))
        except self._ray.exceptions.RayError as error:
            reason = f"the worker was lost ({type(error).__name__}: {first_line(error)})"
            delivery = Delivery(ended=Ended(reason=reason))
        return delivery, len(self._tasks)

    def stop(self, handle: str) -> tuple[None, int]:
        """Take a task out of the queue, or kill its worker; return how many tasks are left."""
        if handle in self._tasks:
            self._ray.cancel(self._tasks.pop(handle), force=True)
        return None, len(self._tasks)


def carried_out(task: RayTask) -> Delivery:
    """Do a bundle in a worker: in the folder of records if it can be seen here, else in one whose files travel back."""
    if task.here.is_dir():
        os.chdir(task.here)
    if task.bundle.times:
        _all_threads()
    ledger = Ledger(task.root)
    if ledger.has_plan() and ledger.stored().id == task.stored.id:
        return Delivery(ended=done_fresh(ledger, task.bundle, task.code))
    if task.bundle.jobs[0].part:
        reason = f"--split: {task.root} cannot be seen on {hostname()}; give a folder that all nodes share as -o"
        return Delivery(ended=Ended(reason=reason, exit_code=ResbenchError.exit_code))
    with tempfile.TemporaryDirectory(prefix="resbench-") as folder:
        ledger = Ledger(Path(folder))
        ledger.begin(task.stored)
        ended = done_fresh(ledger, task.bundle, task.code)
        return Delivery(ended=ended, files=_made(ledger.root))


def _made(root: Path) -> dict[str, bytes]:
    """Return the records, and how jobs ended, by their paths below `root`."""
    paths = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    made = [path for path in paths if path.parts[0] != FOLDER or path.suffix == ".ending"]
    return {path.as_posix(): (root / path).read_bytes() for path in made}


def _all_threads() -> None:
    """Undo Ray's setting of OpenMP to as many threads as a task has CPUs: torch's own number is one for each core."""
    cpus = _ray().get_runtime_context().get_assigned_resources().get("CPU", 1)
    if os.environ.get("OMP_NUM_THREADS") == str(int(cpus)):
        del os.environ["OMP_NUM_THREADS"]


def _connected() -> Any:
    """Return Ray, connected to a cluster that runs. Raises ResbenchError when there is none."""
    ray = _ray()
    if not ray.is_initialized():
        try:
            address = os.environ.get("RAY_ADDRESS", "auto")
            ray.init(address=address, namespace=_NAMESPACE, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ResbenchError(
                f"--on ray: no cluster: {first_line(error)}; start one with `ray start --head`, or name one in "
                "RAY_ADDRESS"
            ) from None
    return ray


def _ray() -> Any:
    """Return the package. Raises ResbenchError when it is not installed."""
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError:
        raise ResbenchError("--on ray: needs ray; pip install ray, or leave --on out") from None
