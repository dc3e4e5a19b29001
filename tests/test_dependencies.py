"""Every direct dependency has a reason in docs/dependencies.md, and is imported somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGE = (ROOT / "docs" / "dependencies.md").read_text()
IMPORTED_AS = {"pillow": "PIL", "pyyaml": "yaml"}


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[\[<>=!~; ]", requirement)[0] for requirement in requirements]


@pytest.mark.parametrize("name", names(PROJECT["dependencies"]))
def test_a_runtime_dependency_has_a_row_with_its_reason(name):
    assert re.search(rf"^\| {re.escape(name)} \| [^|]{{10,}} \| [^|]{{3,}} \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("extra", PROJECT["optional-dependencies"])
def test_an_extra_is_listed_with_its_packages(extra):
    (row,) = re.findall(rf"^\| `{re.escape(extra)}` \| ([^|]*) \|", PAGE, re.MULTILINE)
    assert row.split(", ") == names(PROJECT["optional-dependencies"][extra])


@pytest.mark.parametrize("name", names(PROJECT["dependencies"]))
def test_a_runtime_dependency_is_imported(name):
    module = IMPORTED_AS.get(name, name)
    sources = [path.read_text() for path in (ROOT / "resbench").rglob("*.py")]
    assert any(re.search(rf"^\s*(import|from) {module}\b", source, re.MULTILINE) for source in sources)


def test_every_package_has_a_lowest_version():
    """`.ci/lowest` runs the tests with it."""
    extras = PROJECT["optional-dependencies"]
    requirements = PROJECT["dependencies"] + [text for extra in extras if extra != "lint" for text in extras[extra]]
    assert [text for text in requirements if not re.search(r"[>=]=\d", text)] == []
