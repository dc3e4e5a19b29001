"""Freed memory is kept for the next use."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, threading
from resbench.running.allocator import keep_memory

def again():
    bytearray(64 << 20)

def in_a_thread():
    thread = threading.Thread(target=again)
    thread.start()
    thread.join()

{kept}
in_a_thread()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
in_a_thread()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept):
    command = [sys.executable, "-c", FAULTS.format(kept=kept)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc only")
def test_a_second_use_of_as_much_memory_faults_no_pages_in():
    assert faults("keep_memory()") < faults("") / 4  # 64 MiB in pages of 4 KiB are 16,384
