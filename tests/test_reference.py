"""The generated pages say what the code says: every command, option and public function, and no other."""

import re
from pathlib import Path

import pytest
import typer.main

import resbench
from docs.reference import __main__ as reference
from docs.reference.commands import walked
from docs.reference.markdown import markdown
from resbench.cli.app import app

DOCS = Path(__file__).parent.parent / "docs"
COMMANDS = (DOCS / "commands.md").read_text(encoding="utf-8")
PYTHON = (DOCS / "python.md").read_text(encoding="utf-8")
OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")


def commands(group, path="resbench"):
    for name, command in group.commands.items():
        if not command.hidden:
            yield f"{path} {name}", command
            yield from commands(command, f"{path} {name}") if hasattr(command, "commands") else ()


PROGRAM = typer.main.get_command(app)
DOCUMENTED = dict(re.findall(r"^###? (resbench [\w -]+)\n(.*?)(?=^##|\Z)", COMMANDS, re.MULTILINE | re.DOTALL))


def options_of(command):
    """The options that a command takes, those without a place in the help left out."""
    shown = [own for own in command.params if own.param_type_name == "option" and not own.hidden]
    return {word for own in shown for word in (*own.opts, *own.secondary_opts)} - {"--help", "-h"}


def first_cells(section):
    return [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("page", list(reference.pages().items()), ids=lambda page: page[0].name)
def test_the_generated_pages_are_fresh(page):
    path, text = page
    assert path.read_text(encoding="utf-8") == text, "stale: run `python -m docs.reference`"


def test_every_command_has_a_section_and_every_section_a_command():
    assert list(DOCUMENTED) == [path for path, _ in walked(PROGRAM, "resbench")]
    assert set(DOCUMENTED) == {path for path, _ in commands(PROGRAM)}


@pytest.mark.parametrize(("path", "command"), list(commands(PROGRAM)))
def test_every_option_of_a_command_is_in_its_section_and_no_other(path, command):
    cells = first_cells(DOCUMENTED[path])
    assert {word for cell in cells for word in OPTION.findall(cell)} == options_of(command)
    arguments = [own for own in command.params if own.param_type_name == "argument"]
    assert sum(not OPTION.search(cell) for cell in cells) == len(arguments)


def test_options_of_the_program_are_documented():
    head = COMMANDS[COMMANDS.index("## Options of the program") : COMMANDS.index("## resbench ")]
    assert {"--version", "--zoo"} <= options_of(PROGRAM) == set(OPTION.findall(" ".join(first_cells(head))))


@pytest.mark.parametrize("name", resbench.__all__)
def test_every_public_function_is_documented(name):
    assert f"### resbench.{name}\n" in PYTHON


def test_check_prints_what_differs_and_writing_mends_it(tmp_path, capsys, monkeypatch):
    page = tmp_path / "commands.md"
    monkeypatch.setattr(reference, "pages", lambda: {page: "as it is\n"})
    for before, shown in ((None, "+as it is"), ("as it was\n", "-as it was")):
        if before:
            page.write_text(before)
        assert reference.main(["--check"]) == 1
        assert shown in capsys.readouterr().out
        assert page.exists() == bool(before)
        assert reference.main([]) == reference.main(["--check"]) == 0
        assert page.read_text() == "as it is\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("top1 < 20 of 'se*' and *.pth", "top1 &lt; 20 of 'se\\*' and \\*.pth"),
        ("with --data, as `--data *`", "with `--data`, as `--data *`"),
        ("latency_ms", "latency\\_ms"),
    ],
)
def test_what_markdown_would_take_for_markup_is_escaped(text, expected):
    assert markdown(text) == expected


def test_no_cell_of_a_table_is_cut_where_github_shows_it():
    for page in (COMMANDS, PYTHON):
        rows = [line for line in page.splitlines() if line.startswith("| ")]
        assert [row for row in rows if len(re.findall(r"(?<!\\)\|", row)) != 3] == []
