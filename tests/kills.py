"""Runs resbench and kills it (SIGKILL) at the nth step that it takes in a folder: before a file is opened for writing,
renamed, removed, or a folder is made.

`python -m tests.kills FOLDER N WORDS...` is the process that dies; `killed` starts one.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

_STEPS = {"os.rename", "os.remove", "os.mkdir", "os.chmod", "os.link", "os.truncate", "shutil.rmtree"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def killed(folder: Path, number: int, *words: object) -> bool:
    """Run resbench with `words` until its step `number` below `folder`; whether it was killed before it ended."""
    command = [sys.executable, "-m", "tests.kills", str(folder), str(number), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    assert done.returncode in (0, 1, -signal.SIGKILL), done.stderr  # 1: a false figure, or a stale card
    return done.returncode < 0


def _main() -> None:
    folder, left = sys.argv[1], int(sys.argv[2])
    sys.argv = ["resbench", *sys.argv[3:]]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event not in _STEPS and not (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING):
            return
        if any(isinstance(argument, str) and argument.startswith(folder) for argument in arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    from resbench.__main__ import main

    main()


if __name__ == "__main__":
    _main()
