"""What happens to a command from outside: a clock set back, a lost rank, a full disk. One line, nothing torn."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import resbench
from resbench.records.jsonio import read_record
from resbench.records.record import Profile
from tests.test_running_children import until

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]
SECONDS = 60  # after which a rank whose partner is gone must have ended, on a machine that others use too
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
QUICK = ["--input-px", "32", "--threads", "1", "-b", "1", "--time-budget", "2"]


def start(*words: object, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "resbench", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=os.environ | variables, **pipes)


@pytest.fixture
def batch(tmp_path):
    """A test batch of CIFAR-10 that takes a while, and a checkpoint."""
    (tmp_path / "test_batch.bin").write_bytes(bytes(3073 * 4_000))
    torch.save(resbench.build("resnet20_cifar10").state_dict(), tmp_path / "weights.pth")
    data = ["--data", tmp_path / "test_batch.bin", "--weights", tmp_path / "weights.pth", "resnet20_cifar10"]
    return ["validate", *data, "--batch-size", 8, "--threads", 1]


@pytest.mark.parametrize("lost", [0, 1])
def test_when_a_rank_is_killed_the_other_ends_in_one_line_and_the_same_command_goes_on(batch, tmp_path, lost):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    both = [start(*batch, **cache, **place, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(2)]
    assert until(lambda: len(list((tmp_path / "cache").rglob("*.rows"))) == 2, 600)
    both[lost].send_signal(signal.SIGKILL)
    ended = time.monotonic()
    output, errors = both[1 - lost].communicate(timeout=600)  # first it evaluates its own share
    both[lost].communicate()
    print(f"rank {lost} killed: the other ended after {time.monotonic() - ended:.0f} s with {errors!r}")
    assert both[1 - lost].returncode == 2
    assert output == ""
    assert len(errors.splitlines()) == 1
    assert "another rank has stopped" in errors
    again = start(*batch, **cache)
    output, errors = again.communicate(timeout=600)
    assert again.returncode == 0, errors
    assert "4,000" in output


@pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime (Debian: apt-get install faketime)")
@pytest.mark.parametrize("monotonic", ["1", "0"], ids=["wall clock", "every clock"])
@pytest.mark.parametrize("seconds", [3, 5, 7, 9])
def test_a_clock_that_is_set_back_during_a_measurement_leaves_a_sound_record_or_none(tmp_path, seconds, monotonic):
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    variables = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1"}
    process = start(
        *("profile", "resnet20_cifar10", *QUICK, "--save", "-o", tmp_path / "results"),
        **variables,
        FAKETIME_DONT_FAKE_MONOTONIC=monotonic,
    )
    time.sleep(seconds)
    offset.write_text("-1h\n")
    _, errors = process.communicate(timeout=900)
    records = [read_record(path) for path in (tmp_path / "results").rglob("*.json")]
    print(f"set back after {seconds} s: exit code {process.returncode}, {len(records)} records, {errors[-200:]!r}")
    assert process.returncode in (0, 5)
    assert process.returncode == 5 or len(records) == 1
    assert "Traceback" not in errors
    for record in records:
        assert isinstance(record, Profile)
        assert record.run.duration_s >= 0
        assert all(0 < nanoseconds < 10**11 for cluster in record.clusters() for nanoseconds in cluster.wall_ns)


@pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="needs root and unshare")
@pytest.mark.parametrize("kib", [4, 8, 16, 64])
def test_a_disk_that_is_full_during_a_measurement_is_one_line_and_leaves_nothing_torn(tmp_path, kib):
    folder = tmp_path / "small"
    folder.mkdir()
    words = [sys.executable, "-m", "resbench", "profile", "resnet20_cifar10", *QUICK, "--save", "-o", f"{folder}/r"]
    script = f"mount -t tmpfs -o size={kib}k none {folder} && ({' '.join(words)}; echo $?; find {folder} -type f)"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=900)
    code, *files = done.stdout.splitlines()[-2:] if done.stdout else [""]
    print(f"{kib} KiB: {done.stdout[-100:]!r}, {done.stderr[-200:]!r}")
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stdout.splitlines() if line.isdigit() or line.startswith(str(folder))]
    assert lines[0] in ("0", "2")
    assert not any(line.endswith(".tmp") for line in lines)
    assert lines[0] == "0" or "No space left on device" in done.stderr
    assert (lines[0] == "0") == any(line.endswith(".json") for line in lines), (code, files)
