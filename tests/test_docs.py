"""What the documentation says is what the program does: its commands run, and print what it shows."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from resbench.accuracy import journal
from resbench.cli.app import app
from resbench.nets import cache

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
OTHERWISE = ("ci.md", "howto.md")  # run in folders of their own: test_docs_ci.py, test_howto.py
PAGES = [ROOT / "README.md", *(page for page in DOCS if page.name not in OTHERWISE)]
ALL_PAGES = [ROOT / "README.md", *DOCS, ROOT / "CONTRIBUTING.md"]
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
REPOSITORY = "https://github.com/resbench/resbench"
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\s*(?:\$ |- run: |- )?(resbench [\w-].*)$", re.MULTILINE)
INLINE = re.compile(r"`(resbench [^`\n]+)`")
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str, str]]:
    """(page, command, what the page shows that it prints) for every `$ resbench` line in a console block."""
    found = []
    for page in PAGES:
        for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                found.append((page.name, command, shown))
    return found


@pytest.mark.parametrize(("page", "command", "shown"), examples())
def test_a_command_prints_what_the_page_shows(page, command, shown, monkeypatch):
    monkeypatch.chdir(ROOT)
    program, *words = shlex.split(command)
    done = CliRunner().invoke(app, words)
    assert program == "resbench"
    assert done.stdout.rstrip("\n") == shown.rstrip("\n"), done.output


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists_with_its_options(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")  # lines that go on
    program = typer.main.get_command(app)
    named = COMMAND.findall("".join(FENCED.findall(text))) + INLINE.findall(FENCED.sub("", text))
    assert named or page.name in ("reliability.md", "python.md")  # which name tests and functions alone
    for line in named:
        command, words = program, shlex.split(line, comments=True)[1:]
        words += ["VALUE"] if re.fullmatch("--(?!help).+", words[-1]) else []  # the text is about the option itself
        while command:  # a parser raises where an option is not there
            context = command.context_class(command)
            _, words, _ = command.make_parser(context).parse_args(words)
            has_more = words and hasattr(command, "commands")
            _, command, words = command.resolve_command(context, words) if has_more else (None, None, [])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, monkeypatch):
    monkeypatch.setattr("resbench.bench.measuring._memory", lambda *_: iter(()))  # this and the next take seconds
    monkeypatch.setattr("resbench.bench.measuring._ceilings", lambda *_: None)
    monkeypatch.chdir(ROOT)
    for block in PYTHON.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, str(page), "exec"), {})


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_links_and_names_of_tests_and_benchmarks_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for path in re.findall(r"\b(?:tests|benchmarks)/[\w/*]+\.py\b", text):
        assert list(ROOT.glob(path)), f"{page.name} names {path}"
    marked = re.findall(r"pytest -m (\w+) (tests/\w+\.py)", text)
    assert len(marked) > 10 or page.name != "reliability.md"
    for marker, path in marked:
        assert f"pytest.mark.{marker}" in (ROOT / path).read_text(encoding="utf-8"), path


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_links_to_files_of_the_repository_lead_somewhere(page):
    links = re.findall(rf"{REPOSITORY}/(?:blob|tree)/main/([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [path for path in links if not (ROOT / path).exists()] == []


def test_the_page_of_files_names_the_variables_that_the_code_reads():
    page = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    read = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "resbench").rglob("*.py"))
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    assert {name for name in named if f'"{name}"' not in read} == set()
    assert set(re.findall(r'"(RESBENCH_[A-Z]+|TORCH_HOME|XDG_CACHE_HOME)"', read)) == named


def test_the_page_of_files_names_the_folders_that_commands_use_by_themselves(monkeypatch):
    page = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for used in (cache.folder(), journal.root()):
        assert f"`~/{used.relative_to(Path.home())}`" in page
    for name in ("profile", "validate", "card", "report", "demo"):
        command = typer.main.get_command(app).commands[name]
        (output,) = [own.default for own in command.params if own.name == "output"]
        assert re.search(rf"`{output}[/`]", page), name
