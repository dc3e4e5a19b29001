"""A full disk: every command that writes says so in one line, exits 2, and leaves what was there as it was."""

import errno
import io
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from resbench.__main__ import main
from resbench.records import files
from resbench.records.store import save
from tests.examples import PROFILE
from tests.test_kills import command

QUICK = ["card", "card --update", "baseline save", "check --junit", "lint --fix", "weights convert", "results", "show"]


def words_of(name: str, folder: Path, inputs: Path) -> list[str]:
    match name:
        case "results":
            save(PROFILE, inputs)
            return ["results", "--results", str(inputs), "--output", str(folder / "all.csv")]
        case "show":
            return ["show", "resnet18", "--results", str(inputs), "-o", str(folder / "resnet18.svg")]
    return list(map(str, command(name, folder, inputs)))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Full(io.BytesIO):
    def write(self, *_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def on_a_full_disk(path):
    yield Full(), path.with_name("never made")


@pytest.mark.parametrize("name", QUICK)
def test_a_full_disk_is_one_line_and_changes_nothing(name, tmp_path, monkeypatch, capsys):
    folder, inputs = tmp_path / "out", tmp_path / "in"
    folder.mkdir()
    inputs.mkdir()
    words = words_of(name, folder, inputs)
    written = {"show": "resnet18.svg", "results": "all.csv", "check --junit": "report.xml"}
    if name in written:  # the older file of the name that is written
        (folder / written[name]).write_text("older\n")
    before = contents(folder)
    monkeypatch.setattr(files, "_temporary", on_a_full_disk)
    monkeypatch.setattr(sys, "argv", ["resbench", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("resbench: ")]
    assert ended.value.code == 2
    assert len(lines) == 1
    assert "No space left on device" in lines[0]
    assert contents(folder) == before


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB of its own, which takes root."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() or not mount or subprocess.run([mount, "-t", "tmpfs", "-o", "size=256k", "none", place]).returncode:
        pytest.skip("mounting a small file system takes root")
    yield place
    subprocess.run([shutil.which("umount") or "umount", place], check=True)


def fill(place: Path) -> None:
    with (place / "filler").open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(b"x" * 4096)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["net.onnx", "net.xml", "net.pt2"])
def test_an_export_without_room_for_its_temporary_files_is_one_line(name, tmp_path, small_disk):
    to = {".onnx": "onnx", ".xml": "openvino", ".pt2": "pt2"}[Path(name).suffix]
    words = ["export", "resnet20_cifar10", "--to", to, "-o", str(tmp_path / name)]
    program = [sys.executable, "-m", "resbench", *words]
    done = subprocess.run(
        program, env={**os.environ, "TMPDIR": str(small_disk)}, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("resbench: ")]
    assert (done.returncode, len(lines)) == (2, 1), done.stderr
    assert "No space left on device" in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", [*QUICK, "profile", "validate"])
def test_a_disk_that_is_really_full_is_one_line_and_changes_nothing(name, tmp_path, small_disk, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    inputs = tmp_path / "in"
    inputs.mkdir()
    words = words_of(name, small_disk, inputs)
    fill(small_disk)
    before = contents(small_disk)
    done = subprocess.run([sys.executable, "-m", "resbench", *words], capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("resbench: ")]
    assert (done.returncode, len(lines)) == (2, 1), done.stderr
    assert "No space left on device" in lines[0] or ": 0 B free, the frames take" in lines[0]
    assert "Traceback" not in done.stderr
    assert contents(small_disk) == before
