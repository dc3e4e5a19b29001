"""The program as a shell sees it: what it imports, what it prints where, how it exits."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from typer.testing import CliRunner

import resbench
from resbench.cli.app import COMMANDS, app
from resbench.records.pool import add
from resbench.records.store import save
from tests.examples import COUNTS, PROFILE
from tests.imported import modules_after

HEAVY = ("torch", "numpy", "pandas", "scipy", "jinja2", "PIL", "fvcore", "yaml", "rich")


def run(*words: str, cwd=None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "resbench", *words], capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def _no_records(tmp_path, monkeypatch):
    """Stay where no records lie, which the list of networks would show."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _a_record(tmp_path, monkeypatch):
    """Stay where a record lies, whose times the list of networks shows."""
    save(PROFILE, tmp_path / "results")
    monkeypatch.chdir(tmp_path)


def test_help_imports_nothing_heavy():
    assert modules_after("--help").isdisjoint(HEAVY)


def test_import_resbench_imports_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", f"import resbench, sys; print([m for m in {HEAVY!r} if m in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.usefixtures("_a_record")
@pytest.mark.parametrize("words", [("list",), ("results", "--json")])
def test_the_table_and_records_are_shown_without_torch_and_scipy(words):
    assert modules_after(*words).isdisjoint({"torch", "numpy", "pandas", "scipy"})


def test_every_public_name_can_be_imported():
    assert all(getattr(resbench, name) for name in resbench.__all__)
    with pytest.raises(AttributeError, match="nonesuch"):
        resbench.nonesuch  # noqa: B018


def test_the_console_script_is_the_module():
    (script,) = [entry for entry in entry_points(group="console_scripts") if entry.name == "resbench"]
    assert script.load() is import_module("resbench.__main__").main


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command):
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert f"resbench {command}" in done.stdout


def test_version_is_printed():
    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == f"resbench {resbench.__version__}"


def test_an_unknown_network_is_one_line_with_a_suggestion_and_exit_2():
    done = run("list", "resnext50_32x4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "resbench: unknown network 'resnext50_32x4'; did you mean " + done.stderr.split("mean ")[1]
    assert "resnext50_32x4d" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("_no_records")
def test_a_closed_pipe_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m resbench list --json | head -n 1", shell=True, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("_no_records")
def test_what_a_closed_pipe_cut_off_ends_as_in_other_tools():
    command = [sys.executable, "-m", "resbench", "list", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a device that is always full")
@pytest.mark.usefixtures("_no_records")
def test_a_full_disk_behind_stdout_is_one_line():
    done = subprocess.run(
        f"{sys.executable} -m resbench list --json > /dev/full", shell=True, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "No space left on device" in done.stderr


@pytest.mark.usefixtures("_no_records")
@pytest.mark.parametrize(
    ("words", "closed"),
    [
        ("list", ">&-"),
        pytest.param("list", "<&-", marks=pytest.mark.nightly),
        pytest.param("list --json", ">&-", marks=pytest.mark.nightly),
        pytest.param("list", "2>&-", marks=pytest.mark.nightly),
        ("list --json", "<&- >&- 2>&-"),
        ("lint -", "<&-"),
    ],
)
def test_streams_that_the_shell_has_closed_are_no_error(words, closed):
    command = f"{sys.executable} -m resbench {words} {closed}"
    done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (">&-" not in closed.split())


def test_a_pipe_that_knows_few_letters_gets_escapes(tmp_path):
    add(PROFILE, tmp_path)
    command = [sys.executable, "-m", "resbench", "history", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u2584" in done.stdout


def test_check_exits_0_on_equal_records_and_1_when_one_parameter_is_added(tmp_path):
    save(PROFILE, tmp_path / "old")
    save(PROFILE, tmp_path / "same")
    save(replace(PROFILE, counts=replace(COUNTS, params=COUNTS.params + 1)), tmp_path / "more")
    against = ["--against", str(tmp_path / "old")]
    assert CliRunner().invoke(app, ["check", str(tmp_path / "same"), *against]).exit_code == 0
    done = CliRunner().invoke(app, ["check", str(tmp_path / "more"), *against, "--json"])
    assert done.exit_code == 1
    worst = json.loads(done.stdout)[0]
    assert (worst["metric"], worst["verdict"]) == ("params", "regressed")
    assert worst["after"] == worst["before"] + 1


def test_check_of_an_unreadable_record_is_one_line_and_exit_2(tmp_path):
    (tmp_path / "broken.json").write_text('{"kind": "profile"')
    done = run("check", "broken.json", "--against", "broken.json", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("resbench: broken.json: not JSON")
    assert len(done.stderr.splitlines()) == 1


def test_check_refuses_other_conditions_with_exit_4(tmp_path):
    other = replace(PROFILE, settings=replace(PROFILE.settings, threads=8))
    one, two = save(PROFILE, tmp_path / "one"), save(other, tmp_path / "two")
    done = CliRunner().invoke(app, ["check", str(two), "--against", str(one)])
    assert done.exit_code == 4
    assert "threads 1 -> 8" in done.stdout
