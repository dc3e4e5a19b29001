"""`python -m resbench`, and the console script: whatever goes wrong ends as one line and an exit code."""

import _thread
import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

REPORT = "https://github.com/resbench/resbench/issues"
_INTERRUPTED, _CLOSED_PIPE = 130, 141  # as the shell has them for SIGINT and SIGPIPE
_LONGEST_LOAD_S = 5.0  # for which Ctrl-C waits: a user's own module may run for hours while it is imported
_LOOK_AGAIN_S = 0.05
_ADVICE = {
    errno.ENOSPC: "make room, or write elsewhere",
    errno.EDQUOT: "make room, or write elsewhere",
    errno.EACCES: "change its permissions, or choose another place",
    errno.EPERM: "change its permissions, or choose another place",
    errno.EROFS: "choose a place that can be written to",
}


def main() -> None:
    """Run the program and exit. Only a verdict gives exit code 1; `docs/architecture.md` has the others."""
    sys.exit(_flushed(_exit_code()))


def _exit_code() -> int:
    with _noted_interruptions() as interruptions:
        try:
            Path.cwd()  # where it is gone, MKL would end the process with words of its own
            from resbench.cli.app import run_command

            run_command()
        except SystemExit as ended:
            return _of_exit(ended)
        except BaseException as error:
            return _of_error(KeyboardInterrupt() if interruptions and _is_odd(error) else error)
    return 0


@contextmanager
def _noted_interruptions() -> Iterator[list[float]]:
    """Yield when SIGINT came, in seconds. It waits while a module is loaded.

    There libraries swallow it, or end with another error: torch and numpy do both.
    """
    came: list[float] = []
    ended = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        came.append(time.monotonic())
        if not _is_loading(frame) or came[-1] - came[0] > _LONGEST_LOAD_S:
            signal.default_int_handler(number, frame)
        again = threading.Timer(_LOOK_AGAIN_S, lambda: None if ended.is_set() else _interrupt_again())
        again.daemon = True
        again.start()

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, or somebody else's
        yield came
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        ended.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt_again() -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # wakes what sleeps
    else:
        _thread.interrupt_main()


def _is_loading(frame: FrameType | None) -> bool:
    """Tell whether a module is imported at this point of the program."""
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _is_odd(error: BaseException) -> bool:
    """Tell whether an error is none that the program raises or explains itself."""
    from resbench.errors import ResbenchError

    return not isinstance(error, ResbenchError | OSError | KeyboardInterrupt | MemoryError)


def _of_exit(ended: SystemExit) -> int:
    """Return the code of an exit that typer decided on: it hides interruptions and closed pipes behind codes."""
    cause = ended.__context__
    if isinstance(cause, BrokenPipeError):
        return _CLOSED_PIPE
    if ended.code == _INTERRUPTED:
        return _of_error(getattr(cause, "__cause__", None) or KeyboardInterrupt())
    if isinstance(ended.code, int) or ended.code is None:
        return ended.code or 0
    return _of_error(RuntimeError(ended.code))


def _of_error(error: BaseException) -> int:
    """Print what `error` means to the user in one line; return the exit code."""
    from resbench.errors import ExitCode, ResbenchError, show_traceback

    if isinstance(error, BrokenPipeError):
        return _CLOSED_PIPE
    if isinstance(error, KeyboardInterrupt):
        _say(": ".join(["interrupted", *map(str, error.args)]))
        return _INTERRUPTED
    if isinstance(error, ResbenchError):
        _say(str(error))
        return error.exit_code
    show_traceback(error)
    if isinstance(error, MemoryError):
        _say("out of memory; close other programs, or ask for fewer or smaller things at a time")
    elif isinstance(error, OSError) and (trouble := _trouble(error)):
        _say(trouble)
    else:
        _say(
            f"unexpected {type(error).__name__}: {error}; this is a bug: please report it at {REPORT} with the command "
            "and what it prints with RESBENCH_TRACEBACK=1"
        )
        return ExitCode.BUG
    return ExitCode.USAGE


def _trouble(error: OSError) -> str | None:
    """Return what the system refused and what helps; None when it does not say of what."""
    if not _here():
        return "the current folder no longer exists; change to one that does"
    if error.filename is None and error.errno not in _ADVICE:
        return None
    place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return f"{place}{error.strerror}; {_ADVICE.get(error.errno or 0, 'give another one')}"


def _here() -> bool:
    try:
        return Path.cwd().is_dir()
    except OSError:
        return False


def _flushed(code: int) -> int:
    """Return `code`, or what becomes of it when the last of the output cannot be written."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except OSError as error:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries again at its end
        return _of_error(error)


def _say(message: str) -> None:
    from resbench.words.escaped import visible

    with suppress(OSError, ValueError, AttributeError):  # nobody may be listening
        print(f"resbench: {visible(message)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
