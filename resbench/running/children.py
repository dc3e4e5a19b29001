"""Child processes that end when the process that started them ends, even by SIGKILL."""

import os
import sys
import threading
import time
from collections.abc import Sequence

_LINUX = sys.platform == "linux"
# For a bare interpreter that asks the kernel to be killed with its parent (PR_SET_PDEATHSIG, SIGKILL) and then becomes
# the child: before the child does anything, and whatever program the child is.
_BECOME = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def tied(command: Sequence[str]) -> list[str]:
    """Return a command that runs `command` in a process that ends with this one.

    Where the system cannot do that (only Linux can), the child should call `end_with_parent`.
    """
    if not _LINUX:
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), *command]


def end_with_parent(seconds: float = 1.0) -> None:
    """End this process within `seconds` of its parent's end, on systems where `tied` does not see to it."""
    if not _LINUX:
        threading.Thread(target=_watch, args=(os.getppid(), seconds), daemon=True).start()


def _watch(parent: int, seconds: float) -> None:
    while os.getppid() == parent:
        time.sleep(seconds)
    os._exit(1)
