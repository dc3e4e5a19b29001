"""What the documentation says is what the program does: its commands run, and print what it shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# docs/ci.md works in a repository of its own: test_docs_ci.py runs it.
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "ci.md")]
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
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
def test_a_command_prints_what_the_page_shows(page, command, shown):
    assert command.startswith("resbench ")
    done = subprocess.run(
        f"{sys.executable} -m {command}", shell=True, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.rstrip("\n") == shown.rstrip("\n"), done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    for block in PYTHON.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, str(page), "exec"), {})


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_inside_the_project_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_command_of_the_page_on_reliability_names_tests_that_exist():
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`pytest( -m nightly)? (tests/\w+\.py)`", page)
    assert len(named) > 10
    for nightly, path in named:
        assert not nightly or "pytest.mark.nightly" in (ROOT / path).read_text(encoding="utf-8"), path
        assert (ROOT / path).exists()
