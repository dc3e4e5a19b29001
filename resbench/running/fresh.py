"""Functions run in a fresh process: nothing warm, nothing resident, nothing left behind.

The child is this module run as a program: it reads one JSON argument from stdin, calls a function that its command
line names, and writes the JSON result to stdout. Records that it makes carry the command of the process that asked.
"""

import os
import signal
import subprocess
import sys
from importlib import import_module
from typing import Any

import msgspec

from resbench.errors import ExitCode, InvalidMeasurementError, NotComparableError, ResbenchError

_ERRORS: dict[int, type[ResbenchError]] = {
    ExitCode.USAGE: ResbenchError,
    ExitCode.NOT_COMPARABLE: NotComparableError,
    ExitCode.INVALID: InvalidMeasurementError,
}
_PREFIX = "resbench: "


def call(function: str, argument: Any) -> Any:
    """Run `function` ("package.module:name") on `argument` in a fresh process; return its result as plain values.

    Raises the ResbenchError that the function raised, or InvalidMeasurementError when the process died.
    """
    done = subprocess.run(
        [sys.executable, "-m", "resbench.running.fresh", function],
        input=msgspec.json.encode([sys.argv, argument]),
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        return msgspec.json.decode(done.stdout)
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if last.startswith(_PREFIX) and done.returncode in _ERRORS:
        raise _ERRORS[done.returncode](last.removeprefix(_PREFIX))
    raise InvalidMeasurementError(f"the measuring process {_ending(done.returncode)}: {last or 'it said nothing'}")


def _ending(code: int) -> str:
    if code >= 0:
        return f"failed with exit code {code}"
    name = signal.Signals(-code).name
    return f"was killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")


def _main() -> None:
    """Be the child. Only the result goes to the real stdout: libraries may print what they like to stderr."""
    with os.fdopen(os.dup(1), "wb") as stdout:
        os.dup2(2, 1)
        module, _, name = sys.argv[1].partition(":")
        sys.argv, argument = msgspec.json.decode(sys.stdin.buffer.read())
        try:
            result = getattr(import_module(module), name)(argument)
        except ResbenchError as error:
            print(f"{_PREFIX}{error}", file=sys.stderr)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(130)
        stdout.write(msgspec.json.encode(result))


if __name__ == "__main__":
    _main()
