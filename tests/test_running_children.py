"""A process that is killed leaves none of its own behind."""

import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import psutil
import pytest

from resbench.running import children, fresh


def sleeping(seconds):
    time.sleep(seconds)


def family(mark):
    """The processes that inherited a mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("RESBENCH_TEST") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(holds, seconds):
    end = time.monotonic() + seconds
    while not (answer := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


def start(*command):
    mark = uuid4().hex
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=os.environ | {"RESBENCH_TEST": mark}, **quiet)
    return process, mark


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_a_function_in_a_fresh_process_ends_with_the_process_that_asked():
    call = "from resbench.running import fresh; from tests.test_running_children import sleeping; "
    process, mark = start(sys.executable, "-c", call + "fresh.call(sleeping, 300)")
    assert until(lambda: len(family(mark)) == 2, 60)
    kill(process)
    assert until(lambda: not family(mark), 10)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_a_child_whose_parent_is_gone_before_it_begins_does_not_begin(tmp_path):
    command = children.tied([sys.executable, "-c", f"open({str(tmp_path / 'begun')!r}, 'w')"])
    assert command[5] == str(os.getpid())
    command[5] = "1"  # as if this process, its parent, were another one by now
    subprocess.run(command, check=True)
    assert not (tmp_path / "begun").exists()


def test_elsewhere_a_child_notices_that_its_parent_is_gone():
    """Without the kernel's help: a parent starts a child that watches it, and is killed."""
    child = (
        "import time; from resbench.running import children; children._LINUX = False; "
        "children.end_with_parent(0.05); print('watching', flush=True); time.sleep(300)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process, mark = start(sys.executable, "-c", parent)
    assert until(lambda: len(family(mark)) == 2, 60)
    time.sleep(1)  # the child has to have begun to watch
    kill(process)
    assert until(lambda: not family(mark), 30)


def test_what_a_child_gives_back_is_not_changed_by_the_tie(capfd):
    assert fresh.call(str.upper, "a") == "A"


QUICK = ["--input-px", "32", "--threads", "1"]
COMMANDS = {
    "profile": ["profile", "resnet18", *QUICK, "--launches", "2", "--time-budget", "5"],
    "profile several": ["profile", "resnet18", "resnet34", *QUICK, "--time-budget", "5"],
    "ab": ["ab", "resnet18", *QUICK, "--b", f"python={sys.executable}"],
    "selfcheck": ["selfcheck", "--input-px", "32", "--runs", "3"],
    "gate": ["gate", "resnet18", *QUICK],
}


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
@pytest.mark.parametrize("seconds", [2, 5, 9, 14, 20])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_leaves_no_worker_behind(name, seconds):
    process, mark = start(sys.executable, "-m", "resbench", *COMMANDS[name])
    time.sleep(seconds)
    kill(process)
    assert until(lambda: not family(mark), 10), [one.cmdline() for one in family(mark)]
