"""Whatever goes wrong ends as one line and an exit code; 1 is kept for verdicts."""

import errno
import os
import signal
import subprocess
import sys
import time
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import typer

from resbench import __main__ as program
from resbench.cli import app
from resbench.errors import ExitCode, InvalidMeasurementError, ResbenchError

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def interruptible():
    """SIGINT does what it does in a terminal; a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def ends(monkeypatch, capsys):
    """Run the program with a command that raises something; return the exit code and what is printed."""
    monkeypatch.setattr(sys, "argv", ["resbench", "list"])

    def ends(error):
        def invoke(self, ctx):
            raise error

        monkeypatch.setattr("typer.core.TyperGroup.invoke", invoke)
        code = program._exit_code()
        return code, capsys.readouterr().err

    return ends


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("division by zero"), AssertionError(), KeyError("x"), RecursionError(), EOFError("a")]
)
def test_what_nobody_foresaw_is_one_line_that_says_where_to_report_it_and_70(ends, error):
    code, line = ends(error)
    assert (code, line.count("\n")) == (70, 1)
    assert program.REPORT in line
    assert "RESBENCH_TRACEBACK=1" in line
    assert "Traceback" not in line


def test_bugs_are_reported_where_the_package_says():
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Issues"] == program.REPORT


def test_the_traceback_is_shown_on_request(ends, monkeypatch):
    monkeypatch.setenv("RESBENCH_TRACEBACK", "1")
    code, text = ends(ZeroDivisionError("division by zero"))
    assert code == ExitCode.BUG
    assert text.startswith("Traceback (most recent call last):")
    assert text.splitlines()[-1].startswith("resbench: unexpected ZeroDivisionError: division by zero; this is a bug")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ResbenchError("FILE: broken; mend it"), 2, "resbench: FILE: broken; mend it\n"),
        (InvalidMeasurementError("no samples"), 5, "resbench: no samples\n"),
        (KeyboardInterrupt(), 130, "resbench: interrupted\n"),
        (KeyboardInterrupt("8 of 9 kept"), 130, "resbench: interrupted: 8 of 9 kept\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, ""),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "resbench: No space left on device; make room, or "),
        (
            PermissionError(errno.EACCES, "Permission denied", "/a/b"),
            2,
            "resbench: /a/b: Permission denied; change its",
        ),
        (OSError(errno.EROFS, "Read-only file system", b"/a/\xff"), 2, r"resbench: /a/\udcff: Read-only file system;"),
        (OSError(errno.EINVAL, "Invalid argument"), 70, "resbench: unexpected OSError: [Errno 22] Invalid argument; "),
        (MemoryError(), 2, "resbench: out of memory; close other programs"),
        (typer.Exit(1), 1, ""),
        (typer.Exit(), 0, ""),
        (typer.BadParameter("no"), 2, "Error: Invalid value: no\n"),
        (SystemExit("words instead of a code"), 70, "resbench: unexpected RuntimeError: words instead of a code"),
    ],
)
def test_each_kind_of_end_has_its_code_and_line(ends, error, code, line):
    found, text = ends(error)
    assert found == code
    assert text.startswith(line)
    assert bool(text) == bool(line)


def test_a_message_that_nobody_can_read_is_no_reason_to_fail(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", None)
        assert program._of_error(ResbenchError("x")) == 2


def test_the_last_of_the_output_is_written_before_the_code_is_decided(monkeypatch, capsys):
    class Full:
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

        def fileno(self):
            raise ValueError

    monkeypatch.setattr(sys, "stdout", Full())
    assert program._flushed(0) == 2
    assert "No space left on device; make room" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["list", "ab resnet18", "check", "gate"])
def test_a_current_folder_that_is_gone_is_one_line(tmp_path, monkeypatch, capsys, command):
    monkeypatch.setattr(sys, "argv", ["resbench", *command.split()])
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert program._exit_code() == 2
    assert capsys.readouterr().err == "resbench: the current folder no longer exists; change to one that does\n"


def test_an_interruption_while_the_program_is_loaded_is_one_line(tmp_path):
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, "-m", "resbench"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "resbench: interrupted\n")


@pytest.mark.parametrize("raised", ["ImportError('cannot load module more than once')", "RecursionError()"])
def test_an_interruption_that_a_library_turns_into_another_error_is_one(monkeypatch, capsys, raised):
    """As numpy and torch do when it comes while they are loaded."""

    def run_command():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise eval(raised)

    monkeypatch.setattr(app, "run_command", run_command)
    assert program._exit_code() == 130
    assert capsys.readouterr().err == "resbench: interrupted\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interruption_that_a_library_swallows_while_it_is_loaded_comes_again(monkeypatch, capsys, tmp_path):
    (tmp_path / "swallows.py").write_text(
        "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\nexcept BaseException:\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    reached = []

    def run_command():
        import_module("swallows")
        reached.append("loaded")
        time.sleep(20)
        reached.append("awake")

    monkeypatch.setattr(app, "run_command", run_command)
    assert program._exit_code() == 130
    assert reached == ["loaded"]
    assert capsys.readouterr().err == "resbench: interrupted\n"


def test_a_module_that_runs_for_long_while_it_is_imported_can_be_interrupted(monkeypatch, capsys, tmp_path):
    (tmp_path / "trains.py").write_text("import signal, time\nsignal.raise_signal(signal.SIGINT)\ntime.sleep(20)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(program, "_LONGEST_LOAD_S", 0.01)
    monkeypatch.setattr(app, "run_command", lambda: import_module("trains"))
    assert program._exit_code() == 130
    assert capsys.readouterr().err == "resbench: interrupted\n"


def test_an_interruption_does_not_hide_what_the_program_says(monkeypatch, capsys):
    def run_command():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise ResbenchError("FILE: not saved; choose another folder")

    monkeypatch.setattr(app, "run_command", run_command)
    assert program._exit_code() == 2
    assert capsys.readouterr().err == "resbench: FILE: not saved; choose another folder\n"


def test_the_documented_exit_codes_are_all_there_are():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("- **Exit codes.**")]
    for code in [*ExitCode, 130, 141]:
        assert f"{int(code)} " in line


def test_the_commands_are_run_by_the_program(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["resbench", "--version"])
    with pytest.raises(SystemExit) as ended:
        app.run_command()
    assert ended.value.code == 0
