"""What is released: its version comes from the tag, its pages hold, and it installs."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

from tests.scripted import git

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FALLBACK = PYPROJECT["tool"]["hatch"]["version"]["fallback-version"]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))


def test_without_a_repository_the_version_is_the_newest_of_the_changelog_in_development():
    newest = re.search(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"{newest[1]}.dev0" == FALLBACK


def test_links_of_the_readme_are_absolute_on_a_package_index_and_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for substitution in PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(substitution["pattern"], substitution["replacement"], text)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 10
    assert {link for link in links if not link.startswith("https://github.com/resbench/resbench/")} == set()
    paths = [re.sub(r"^.*?/(?:blob|raw)/main/|#.*", "", link) for link in links]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub's steps are bash")
@pytest.mark.parametrize(("tag", "works"), [("v9.8.7", True), ("v9.8.8", False), ("9.8.7", True), ("v9.8", False)])
def test_a_tag_that_the_package_or_the_changelog_does_not_have_is_not_released(tag, works, tmp_path):
    (step,) = [step for step in WORKFLOW["jobs"]["build"]["steps"] if "TAG" in step.get("env", {})]
    program = tmp_path / "released" / "bin" / "resbench"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho resbench 9.8.7\n")
    program.chmod(0o755)
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 9.8.7\n")
    environment = os.environ | {"TAG": tag, "RUNNER_TEMP": str(tmp_path)}
    command = ["bash", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert (done.returncode == 0) == works


def test_only_what_was_built_and_checked_is_published():
    jobs = WORKFLOW["jobs"]
    assert jobs["publish"]["needs"] == "build"
    runs = [step.get("run", step.get("uses")) for step in jobs["build"]["steps"]]
    assert runs.index("python -m build") < runs.index("twine check --strict dist/*")
    assert [step["uses"].split("/")[0] for step in jobs["publish"]["steps"]] == ["actions", "pypa"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The files that git knows, outside a repository."""
    root = tmp_path_factory.mktemp("source") / "resbench"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


def built(root, *kinds):
    """Build in an environment of its own, as pip does; return the files."""
    folder = root.parent / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", *kinds, "--outdir", folder, root], check=True, capture_output=True)
    return sorted(folder.iterdir())


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


@pytest.mark.nightly
def test_an_archive_of_the_source_gives_a_whole_wheel_and_both_pass_twine(source):
    pytest.importorskip("build")
    pytest.importorskip("twine")
    packed, wheel = sorted(built(source), key=lambda path: path.suffix)
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", packed, wheel], check=True)
    assert metadata(wheel)["Version"] == FALLBACK
    assert "](docs/" not in metadata(wheel).get_payload()
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read("resbench/_version.py").decode().strip() == f'__version__ = "{FALLBACK}"'
    there = {path.relative_to(source).as_posix() for path in (source / "resbench").rglob("*") if path.is_file()}
    assert there <= names
    assert {name.split("/")[0] for name in names} == {"resbench", f"resbench-{FALLBACK}.dist-info"}
    with tarfile.open(packed) as archive:
        assert f"resbench-{FALLBACK}/PKG-INFO" in archive.getnames()


@pytest.mark.nightly
def test_the_version_is_that_of_the_tag_and_counted_on_behind_it(source):
    pytest.importorskip("build")
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "everything")
    (untagged,) = built(source, "--wheel")
    version = Version(metadata(untagged)["Version"])
    assert (f"{version.base_version}.dev0", version.local[0]) == (FALLBACK, "g")
    git(source, "tag", "v9.8.7")
    (tagged,) = built(source, "--wheel")
    assert metadata(tagged)["Version"] == "9.8.7"
    (source / "README.md").write_text("changed")
    git(source, "commit", "-qam", "another")
    (later,) = built(source, "--wheel")
    assert Version("9.8.7") < Version(metadata(later)["Version"]) < Version("9.8.9")
