"""Which modules the program has imported when it exits."""

import json
import subprocess
import sys


def modules_after(*words: str, before: str = "") -> set[str]:
    """The top-level modules after a run of the program with these words, and the code `before`, in its own process."""
    program = (
        "import sys, json, atexit\n"
        "atexit.register(lambda: print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})), file=sys.stderr))\n"
        f"sys.argv = ['resbench', *{words!r}]\n{before}\n"
        "from resbench.__main__ import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))
