"""What scripts rely on changes only with a word in the CHANGELOG: commands, options, functions, fields of records.

`data/interface_0.1.0.json` is the interface of the last release, as `interface()` gives it.
"""

import dataclasses
import inspect
import json
import re
import typing
from collections import Counter
from pathlib import Path

import pytest
import typer.main

import resbench
from resbench.cli.app import WIDEST_HELP, app
from resbench.records.record import Evaluation, Profile

RELEASED = json.loads(Path(__file__).with_name("data").joinpath("interface_0.1.0.json").read_text())
CHANGELOG = (Path(__file__).parent.parent / "CHANGELOG.md").read_text(encoding="utf-8")
SINCE = CHANGELOG[CHANGELOG.index("## ") : CHANGELOG.index("\n## 0.1.0\n")]
NAMED = set(re.findall(r"--?[\w-]+|\w+", " ".join(re.findall(r"`([^`]+)`", SINCE))))


def commands(group, path="") -> dict[str, list[str]]:
    found = {}
    for name, command in group.commands.items():
        words = {word for own in command.params for word in (*own.opts, *own.secondary_opts) if word.startswith("-")}
        found[f"{path}{name}"] = sorted(words)
        found |= commands(command, f"{path}{name} ") if hasattr(command, "commands") else {}
    return found


def types_in(*kinds) -> dict[str, type]:
    """The dataclasses that records consist of, by name."""
    found: dict[str, type] = {}
    for kind in kinds:
        found |= types_in(*typing.get_args(kind))
        if dataclasses.is_dataclass(kind):
            found |= {kind.__name__: kind} | types_in(*typing.get_type_hints(kind).values())
    return found


TYPES = types_in(Profile, Evaluation)


def interface() -> dict[str, dict[str, list[str]]]:
    functions = {name: list(inspect.signature(getattr(resbench, name)).parameters) for name in resbench.__all__}
    fields = {name: sorted(own.name for own in dataclasses.fields(kind)) for name, kind in TYPES.items()}
    return {"commands": commands(typer.main.get_command(app)), "functions": functions, "fields": fields}


def changed(kind: str) -> list[tuple[str, str]]:
    """What was added to or removed from the interface: the command, function or type, and its part ("": itself)."""
    old, new = RELEASED[kind], interface()[kind]
    whole = [(name, "") for name in old.keys() ^ new.keys() if name.split()[0] in old or " " not in name]
    return whole + [(name, part) for name in old.keys() & new.keys() for part in set(old[name]) ^ set(new[name])]


def test_the_witness_is_an_older_interface():
    assert len(RELEASED["commands"]) > 20
    assert len(changed("commands")) > 20
    assert RELEASED.keys() == interface().keys()


def test_commands_and_options_that_came_or_went_are_in_the_changelog():
    assert [(name, part) for name, part in changed("commands") if not set((part or name).split()) <= NAMED] == []


def test_functions_that_came_or_went_are_in_the_changelog():
    assert [name for name, part in changed("functions") if not part and name not in NAMED] == []


def test_no_field_of_a_record_is_gone_and_new_ones_are_optional():
    for name, part in changed("fields"):
        if part in RELEASED["fields"].get(name, ()) or name not in TYPES:
            assert part in NAMED, f"{name}.{part} is gone: write how old records are read"
        elif part:
            (field,) = [own for own in dataclasses.fields(TYPES[name]) if own.name == part]
            missing = (field.default, field.default_factory) == (dataclasses.MISSING, dataclasses.MISSING)
            assert not missing, f"{name}.{part} is new and has no default: older records cannot be read"


def helps(group, path="resbench"):
    context = group.make_context(path, ["--help"], resilient_parsing=True)
    yield path, group.get_help(context)
    for name, command in getattr(group, "commands", {}).items():
        yield from helps(command, f"{path} {name}")


def whole_words(text) -> Counter[str]:
    return Counter(re.sub(r"(?<=\w)-\n +", "-", text).split())  # a line may end after a hyphen


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_help_fits_the_terminal_and_breaks_no_word(width, monkeypatch):
    program = typer.main.get_command(app)
    monkeypatch.setenv("COLUMNS", "1000")
    wide = {name: whole_words(text) for name, text in helps(program)}
    monkeypatch.setenv("COLUMNS", str(width))
    for name, text in helps(program):
        lines = [
            line for line in text.splitlines() if not line.startswith("    resbench ")
        ]  # examples stay as they are
        assert max(map(len, lines)) <= min(width, WIDEST_HELP), name
        assert whole_words(text) == wide[name], name


def test_completion_in_a_notebook_sees_the_public_functions():
    assert set(resbench.__all__) <= set(dir(resbench))


@pytest.mark.parametrize("name", resbench.__all__)
def test_public_functions_have_named_parameters_and_a_description(name):
    function = getattr(resbench, name)
    kinds = {own.kind for own in inspect.signature(function).parameters.values()}
    assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    assert all(own.annotation is not inspect.Parameter.empty for own in inspect.signature(function).parameters.values())
    assert function.__doc__
