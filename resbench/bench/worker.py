"""An arm of a comparison: in this process, or in one of its own that another interpreter or work tree runs.

The process is this module run as a program. It speaks JSON lines: a request first; then a line per order, an answer
per line. It waits for its next order on a pipe and takes no CPU meanwhile.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec
import torch

import resbench
from resbench.bench.entrance import entered
from resbench.bench.subject import Subject, difference_from_plain, ready
from resbench.errors import ExitCode, InvalidMeasurementError, ResbenchError, show_traceback
from resbench.records.record import Engine, Exported, Settings
from resbench.records.settings import with_runtime
from resbench.running.arm import Arm
from resbench.running.children import end_with_parent, tied
from resbench.running.device import within_memory
from resbench.running.runtimes.runtime import RUNTIMES
from resbench.running.settings import switches
from resbench.timing import speeds
from resbench.timing.calls import inference
from resbench.timing.clock import SPIN_S, Call, host_clock, wait_until_idle
from resbench.timing.sampler import without_garbage_collection
from resbench.words.escaped import visible


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """The first line that a process gets: what to run, as any version of this program understands it.

    The network is named: each work tree has its own code for that name.
    """

    network: str
    weights: str | None
    device: str
    settings: Settings
    time_budget_s: float = 0.0  # these two are for older versions, which need them
    target: float = 0.0


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says of itself before it takes orders."""

    program: str
    output_difference: float | None
    engine: Engine | None = None  # None: a version that knows eager torch and torch.compile only
    exported: Exported | None = None


class Local:
    """An arm in this process."""

    def __init__(self, arm: Arm, batch_size: int, *, slowdown: float = 0.0, switching: bool = False) -> None:
        """Take `slowdown` of each call's process time longer; `switching`: the other arm sets other switches."""
        self._settings = arm.settings
        runtime = arm.settings.runtime  # all but eager torch bring threads of their own, compiled code another libgomp
        pool = runtime if runtime == "eager" else f"{runtime} {id(self)}"
        self.pool = pool if _is_threaded(arm.settings, arm.device.type) else ""
        self._batch_size = batch_size
        self._work = inference(arm, batch_size, graph=arm.settings.cuda_graph)
        self._clock = host_clock(arm.device)
        self._slowdown = slowdown
        self._switching = switching
        self._call: Call = lambda: None

    def materialise(self) -> None:
        """Lay weights and images out afresh."""
        with self._running():
            (call,) = self._work()
        self._call = slowed(call, self._slowdown) if self._slowdown else call

    def time(self, calls: int) -> tuple[int, int]:
        """Return the wall and process time of `calls` calls in nanoseconds."""
        with self._running():
            if self._switching:
                self._call()  # threads come and go with a switch: not in the sample
            return self._clock(self._call, calls)

    def rest(self) -> None:
        """Wait until its threads no longer wait for another call."""
        wait_until_idle()

    @contextmanager
    def _running(self) -> Iterator[None]:
        with switches(self._settings), torch.inference_mode(), within_memory(f"batch size {self._batch_size}"):
            yield


class Remote:
    """An arm in a process of its own: to be started, asked whether it is ready before anything else, and closed."""

    def __init__(self, request: speeds.Request, batch_size: int, *, python: str | None, tree: Path | None) -> None:
        """Start the process with the interpreter `python` (None: this one) on the work tree `tree` (None: installed).

        Raises ResbenchError when it does not start.
        """
        paths = [str(tree.resolve())] if tree else []
        inherited = os.environ.get("PYTHONPATH")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([*paths, *([inherited] if inherited else [])])}
        # A path holds from here, not from the work tree that the process runs in; a bare name is looked up.
        program = shutil.which(python or sys.executable)
        self._name = python or sys.executable
        self._runtime = request.settings.runtime
        if program is None:
            raise ResbenchError(f"{self._name}: no such program; give a Python interpreter that has resbench")
        self._process = subprocess.Popen(
            tied([str(Path(program).absolute()), "-m", "resbench.bench.worker"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=tree,
            process_group=0,  # Ctrl-C is for the one who asked, who then ends this process
        )
        assignment = Assignment(
            network=request.network.name,
            weights=request.weights,
            device=request.device,
            settings=request.settings,
        )
        self._say([assignment, batch_size])
        self.pool = f"process {self._process.pid}" if _is_threaded(request.settings, request.device) else ""

    def ready(self) -> About:
        """Wait until the network is built. Raises ResbenchError when it cannot be, or not in the runtime asked for."""
        about = msgspec.convert(self._heard(), About)
        if about.engine is None and RUNTIMES[self._runtime].files:
            raise ResbenchError(f"{self._name}: {about.program} has no runtime {self._runtime}; leave out --runtime")
        return about

    def keep_to(self, core: int) -> None:
        """Run on this core only, from now on."""
        os.sched_setaffinity(self._process.pid, {core})

    def materialise(self) -> None:
        """Lay weights and images out afresh."""
        self._ask("materialise")

    def time(self, calls: int) -> tuple[int, int]:
        """Return the wall and process time of `calls` calls in nanoseconds, measured over there."""
        wall, cpu = self._ask(calls)
        return wall, cpu

    def rest(self) -> None:
        """Wait until its threads no longer wait for another call."""
        time.sleep(SPIN_S)

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError), self._process as process:
            process.kill()

    def _ask(self, order: Any) -> Any:
        self._say(order)
        return self._heard()

    def _say(self, order: Any) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # the answer will be missing
            _write(self._process.stdin, order)

    def _heard(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise InvalidMeasurementError(
                f"{self._name}: the measuring process died (exit code {self._process.wait()}); its own message is above"
            )
        answer = msgspec.json.decode(line)
        if "error" in answer:
            raise ResbenchError(f"{self._name}: {answer['error']}")
        return answer["result"]


def _is_threaded(settings: Settings, device: str) -> bool:
    return device == "cpu" and settings.threads != 1


def slowed(call: Call, share: float) -> Call:
    """Return `call` with a slowdown injected: afterwards the CPU burns `share` of the process time that it took."""

    def slow() -> None:
        before = time.process_time_ns()
        call()
        after = time.process_time_ns()
        until = after + (after - before) * share
        while time.process_time_ns() < until:
            pass

    return slow


def _serve() -> None:
    """Be the process."""
    end_with_parent()
    with os.fdopen(os.dup(1), "wb") as answers, ExitStack() as stack:
        os.dup2(2, 1)  # libraries may print what they like, but not into the answers
        arm: Local | None = None
        result: Any
        stack.enter_context(without_garbage_collection())
        for line in sys.stdin.buffer:
            try:
                order = msgspec.json.decode(line)
                if arm is None:
                    assignment, batch_size = msgspec.convert(order, tuple[Assignment, int])
                    request = _request(assignment)
                    subject = ready(request, [batch_size])
                    arm, result = Local(subject.arm, batch_size), described_subject(request, subject)
                elif order == "materialise":
                    arm.materialise()
                    result = None
                else:
                    result = arm.time(order)
            except ResbenchError as error:
                _write(answers, {"error": str(error)})
            except Exception as error:
                show_traceback(error)
                print(f"resbench: {visible(f'unexpected {type(error).__name__}: {error}')}", file=sys.stderr)
                sys.exit(ExitCode.BUG)
            else:
                _write(answers, {"result": result})


def _request(assignment: Assignment) -> speeds.Request:
    return speeds.Request(
        network=entered(assignment.network, assignment.settings.input_px),
        weights=assignment.weights,
        device=assignment.device,
        settings=with_runtime(assignment.settings),
    )


def described_subject(request: speeds.Request, subject: Subject, program: str | None = None) -> About:
    """Return what is said of a network that was made ready; `program`: what runs it, by default this one's versions."""
    own = f"resbench {resbench.__version__}, torch {torch.__version__}, Python {sys.version.split()[0]}"
    return About(
        program=program or own,
        output_difference=difference_from_plain(request, subject),
        engine=subject.arm.engine,
        exported=subject.exported,
    )


def _write(stream: IO[bytes], value: Any) -> None:
    stream.write(msgspec.json.encode(value) + b"\n")
    stream.flush()


if __name__ == "__main__":
    _serve()
