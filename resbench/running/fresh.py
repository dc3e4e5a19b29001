"""Functions run in a fresh process: nothing warm, nothing resident, nothing left behind.

The child is this module run as a program: it is handed the pickled function and its arguments on stdin and writes the
pickled result to stdout. Records that it makes carry the command of the process that asked.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from resbench.errors import ExitCode, InvalidMeasurementError, NotComparableError, ResbenchError, show_traceback
from resbench.running.children import end_with_parent, tied

P = ParamSpec("P")
R = TypeVar("R")
ERRORS: dict[int, type[ResbenchError]] = {
    ExitCode.USAGE: ResbenchError,
    ExitCode.NOT_COMPARABLE: NotComparableError,
    ExitCode.INVALID: InvalidMeasurementError,
}
_PREFIX = "resbench: "
_LINES = 20  # of what a process that died printed last


class DiedError(InvalidMeasurementError):
    """A fresh process that ended without a result; `lines` are the last that it printed."""

    def __init__(self, message: str, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.lines = tuple(lines)


def call(function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Call `function`, which a module defines at its top level, in a fresh process; return its result.

    Raises the ResbenchError that the function raised, or DiedError when the process died.
    """
    done = subprocess.run(
        tied([sys.executable, "-m", "resbench.running.fresh"]),
        input=pickle.dumps(sys.argv) + pickle.dumps((function, arguments, named)),
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        result: R = pickle.loads(done.stdout)  # of our own child
        return result
    if os.environ.get("RESBENCH_TRACEBACK") == "1":
        sys.stderr.write(done.stderr.decode(errors="replace"))
    lines = done.stderr.decode(errors="replace").strip().splitlines()[-_LINES:]
    last = lines[-1] if lines else ""
    if last.startswith(_PREFIX) and done.returncode in ERRORS:
        raise ERRORS[done.returncode](last.removeprefix(_PREFIX))
    raise DiedError(f"the measuring process {_ending(done.returncode)}: {last or 'it printed nothing'}", lines)


def _ending(code: int) -> str:
    if code >= 0:
        return f"failed with exit code {code}"
    name = signal.Signals(-code).name
    return f"was killed by {name}" + (", perhaps because memory ran out" if name == "SIGKILL" else "")


def _main() -> None:
    """Be the child. Only the result goes to the real stdout: libraries may print what they like to stderr."""
    end_with_parent()
    with os.fdopen(os.dup(1), "wb") as stdout:
        os.dup2(2, 1)
        sys.argv = pickle.load(sys.stdin.buffer)
        try:
            function, arguments, named = pickle.load(sys.stdin.buffer)
            result = function(*arguments, **named)
        except ResbenchError as error:
            print(f"{_PREFIX}{error}", file=sys.stderr)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(130)
        except Exception as error:
            show_traceback(error)
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            sys.exit(ExitCode.BUG)
        stdout.write(pickle.dumps(result))


if __name__ == "__main__":
    _main()
