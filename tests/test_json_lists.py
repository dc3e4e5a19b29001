"""`--json` of a command that takes several things is a list, also when it is given one, unless they have one answer."""

import json
import shlex

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.records.pool import add
from resbench.records.store import save
from tests.examples import EVALUATION, PROFILE
from tests.test_cli_results import stored
from tests.test_help import COMMANDS

ONE_ANSWER = {"ab", "compare", "sweep run"}  # a comparison of all that is given, the state of a sweep
MEASURING = {"profile", "validate", "gate"}  # test_cli_profile.py, test_bench_setwise.py, test_cli_gate.py
LISTS = {
    "list": ("resnet50", "'resnet5*'"),
    "weights list": ("resnet50.tv_in1k", "resnet50"),
    "count": ("resnet20_cifar10", "resnet20_cifar10 resnet32_cifar10"),
    "stats": ("results", "results other"),
    "results diff": ("a.json b.json", "a.json b.json c.json"),
    "lint": ("a.md", "a.md b.md"),
}


@pytest.fixture
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        stored(tmp_path / f"{name}.json", (0, 7, 1, 1))
        (tmp_path / f"{name}.md").write_text("| Model | Params (M) |\n| --- | --- |\n| resnet50 | 25.56 |\n")
    save(PROFILE, tmp_path / "other")
    for record in (PROFILE, EVALUATION):
        save(record, tmp_path / "results")
        add(record, tmp_path / "pool")


def printed(command):
    return json.loads(CliRunner().invoke(app, [*shlex.split(command), "--json"]).stdout)


def test_every_command_that_takes_several_things_is_looked_at():
    takes_several = {
        path.removeprefix("resbench ")
        for path, command in COMMANDS.items()
        if any(own.nargs == -1 for own in command.params) and any("--json" in own.opts for own in command.params)
    }
    assert takes_several == ONE_ANSWER | MEASURING | set(LISTS)


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(("command", "given"), [(command, given) for command in LISTS for given in LISTS[command]])
def test_several_things_are_a_list_and_so_is_one(command, given):
    value = printed(f"{command} {given}")
    assert isinstance(value, list)
    assert all(isinstance(item, dict) for item in value)
    number = 1 if command == "results diff" else 0  # the first is what the others are compared with
    if command not in ("list", "weights list"):  # whose patterns may mean many
        assert len(value) == len(given.split()) - number


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    "command",
    ["results", "results show results", "check results --against results", "history pool", "baseline list --pool pool"],
)
def test_records_of_a_folder_are_a_list(command):
    assert isinstance(printed(command), list)
