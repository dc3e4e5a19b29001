"""How commands explain themselves: panels, words for types, one name per option, names that the shell completes."""

import inspect
import re
from collections import defaultdict

import pytest
import typer.main
from typer.testing import CliRunner

from resbench.cli import groups
from resbench.cli.app import PANELS, app
from resbench.zoo.variants import VARIANTS
from resbench.zoo.weights import WEIGHTS
from tests.imported import modules_after


def commands(group, path="resbench"):
    """Every command with its path."""
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        yield from commands(command, f"{path} {name}") if hasattr(command, "commands") else ()


COMMANDS = dict(commands(typer.main.get_command(app)))


def help_of(path):
    return CliRunner().invoke(app, [*path.split()[1:], "--help"], env={"COLUMNS": "120"}).stdout


def panels(text):
    return re.findall(r"^(\S.*):$", text, re.MULTILINE)


def test_commands_stand_in_panels():
    shown = panels(help_of("resbench"))
    assert shown == ["Options", *PANELS]


@pytest.mark.parametrize("command", ["profile", "validate", "ab", "gate", "sweep run"])
def test_what_measures_has_its_options_in_panels(command):
    shown = panels(help_of(f"resbench {command}"))
    order = ["Arguments", groups.WHAT, groups.HOW, groups.OPTIONS, groups.OUTPUT, groups.ADVANCED]
    assert {groups.WHAT, groups.HOW, groups.OUTPUT} <= set(shown)
    assert [panel for panel in order if panel in shown] == shown


@pytest.mark.parametrize("path", COMMANDS)
def test_no_type_of_python_is_in_the_help(path):
    assert not re.search(
        r"<(?:str|int|float|path|file|dir|list|text)\b|x[<>]=|(?<= )VALUE\b|\b(?:INTEGER|FLOAT)\b", help_of(path)
    )


def test_numbers_say_their_bounds_in_words():
    assert "[default: 1; at least 1]" in help_of("resbench ab")
    assert "0.001 to 10" in help_of("resbench selfcheck")


def options():
    """(first long name, all names, what it takes) of every option, with its command."""
    for path, command in COMMANDS.items():
        for own in command.params:
            if own.param_type_name == "option":
                yield path, [name for name in own.opts if name.startswith("--")], own


def test_a_short_name_means_one_option_throughout():
    meant = defaultdict(set)
    for _, long, own in options():
        for short in set(own.opts) - set(long):
            meant[short].add(long[0])
    assert len(meant) > 5
    assert {short: names for short, names in meant.items() if len(names) > 1} == {}


def test_an_option_takes_the_same_kind_of_thing_throughout():
    """A folder, a file, a number: but for the few whose kind follows from what the command is about."""
    taken = defaultdict(set)
    for _, long, own in options():
        taken[long[0]].add("flag" if own.is_flag else own.metavar)
    assert (taken["--results"], taken["--limit"], taken["--rows"], taken["--json"], taken["--weights"]) == (
        {"DIR"},
        {"SHARE"},
        {"N"},
        {"flag"},
        {"FILE|NAME", "FILE"},
    )
    several = {name for name, kinds in taken.items() if len(kinds) > 1}
    assert several <= {"--output", "--format", "--to", "--batch-size", "--runtime", "--weights", "--against"}


PROGRESS = {"timing_progress", "tracked", "validating_progress", "checking_progress", "followed", "show_fetched"}


@pytest.mark.parametrize("path", COMMANDS)
def test_what_shows_progress_can_be_told_not_to(path):
    function = inspect.unwrap(COMMANDS[path].callback) if COMMANDS[path].callback else None
    if function and PROGRESS & {*function.__code__.co_names, *function.__code__.co_varnames}:
        assert any("-q" in own.opts for own in COMMANDS[path].params)


def test_names_of_version_0_1_still_work_and_are_not_shown():
    for command, old, new in (
        ("results show", "--limit", "--rows"),
        ("results diff", "--limit", "--rows"),
        ("lint", "--weights", "--checkpoints"),
        ("profile", "--img-size", "--input-px"),
        ("profile", "--fuse-bn", "--fuse"),
    ):
        names = {name for own in COMMANDS[f"resbench {command}"].params for name in own.opts}
        assert {old, new} <= names
        assert f"{old} " not in help_of(f"resbench {command}")


def completed(*words):
    text = " ".join(["resbench", *words])
    environment = {"_RESBENCH_COMPLETE": "complete_bash", "COMP_WORDS": text, "COMP_CWORD": str(len(words))}
    return CliRunner().invoke(app, [], env=environment, prog_name="resbench").stdout.split()


def test_the_shell_completes_networks_checkpoints_and_words_of_options():
    networks = {row.name for row in VARIANTS if row.name.startswith("seresnext5")}
    checkpoints = {row.name for row in WEIGHTS if row.name.startswith("gluon_seresnext5")}
    assert networks
    assert networks <= set(completed("profile", "seresnext5"))
    assert set(completed("weights", "path", "gluon_seresnext5")) == checkpoints
    assert set(completed("validate", "--weights", "gluon_seresnext5")) == checkpoints
    assert completed("profile", "--runtime", "open") == ["openvino"]
    assert completed("ab", "--dtype", "b") == ["bf16"]


def test_completing_imports_no_torch(monkeypatch):
    monkeypatch.setenv("_RESBENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "resbench profile seresn")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert modules_after().isdisjoint({"torch", "numpy", "pandas", "scipy"})


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (("profil", "resnet50"), "Did you mean 'profile'?"),
        (("results", "shwo", "resnet50"), "Did you mean 'show'?"),
        (("weights", "verfy", "a.pth"), "Did you mean 'verify'?"),
        (("sweep", "stauts"), "Did you mean 'status'?"),
        (("profile", "resnet50", "--sav"), "--save"),
    ],
)
def test_an_unknown_command_or_option_suggests_the_nearest(words, suggestion):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert suggestion in done.stderr


def test_the_summary_of_a_command_takes_one_line_of_80_columns():
    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).stdout
    commands_only = text.partition("\nBegin:\n")[2].partition("\n  Start with")[0]
    lines = [line for line in commands_only.splitlines() if line.startswith("  ")]
    assert [line.split()[0] for line in lines] == [name for names in PANELS.values() for name in names]


def test_the_help_of_the_program_says_where_to_start():
    assert "Start with `resbench demo`" in help_of("resbench")
