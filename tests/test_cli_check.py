"""`resbench check` in a repository to which things happen: one verdict, wherever it is read."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.records.jsonio import read_record
from resbench.records.store import save
from tests import places, scripted

MAPS = {
    "macs",
    "activations",
    "traffic",
    "terms.conv",
    "terms.bn",
    "terms.relu",
    "terms.maxpool_in",
    "terms.relu_last",
    "terms.maxpool_side",
}  # have their size
# What each change must be told as: exit code, and the verdict on every metric that is not ok.
EXPECTED = {
    "none": (0, "ok", set()),
    "a slower block": (1, "regressed", {"latency b1 (CPU time)", "latency b1 (wall time)"}),
    "one more parameter": (1, "regressed", {"params", "weights_bytes"}),
    "one more operator": (1, "regressed", {"operators"}),
    "other padding": (1, "regressed", {*MAPS, "predictions changed"}),
    "another eps": (1, "regressed", {"predictions changed"}),
    "another environment": (4, "not comparable", {"timings"}),
    "a deleted record": (4, "not comparable", {"record"}),
}
# What must be ok in spite of the change.
UNTOUCHED = {
    "a slower block": {"params", "macs", "top1 right", "predictions changed"},
    "one more parameter": {"macs", "predictions changed"},
    "one more operator": {"params", "macs", "latency b1 (CPU time)", "predictions changed", "top1 right"},
    "other padding": {"params"},
    "another eps": {"params", "macs", "latency b1 (CPU time)", "weights sha256"},
    "another environment": {"params", "macs", "top1 right"},
    "a deleted record": {"params", "macs", "latency b1 (CPU time)"},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return scripted.base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module", params=EXPECTED)
def case(request, base, tmp_path_factory):
    """The change's name, what `resbench check` said on GitHub and in the terminal, and where it was run."""
    root = scripted.changed(base, tmp_path_factory.mktemp("changed"), request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        terminal = CliRunner().invoke(app, ["check"])
        patch.setenv("GITHUB_ACTIONS", "true")
        patch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
        patch.setenv("GITHUB_OUTPUT", "output")
        github = CliRunner().invoke(app, ["check", "--json", "--junit", "report.xml", "--code-quality", "quality.json"])
    return request.param, github, terminal, root


def worse(findings):
    return {f["metric"]: f["verdict"] for f in findings if f["verdict"] not in ("ok", "improved")}


def test_every_change_gets_exactly_its_verdict_everywhere(case):
    change, told, _, root = case
    code, verdict, expected = EXPECTED[change]
    assert told.exit_code == code, told.output
    findings = json.loads(told.stdout)
    found = worse(findings)
    assert set(found.values()) <= {verdict}
    if "predictions changed" in expected:  # and right answers may be fewer with them, in so few images
        assert set(found) - {"top1 right", "top5 right"} == expected
        assert 0 < next(f["after"] for f in findings if f["metric"] == "predictions changed") <= scripted.IMAGES
    else:
        assert set(found) == expected
    assert UNTOUCHED.get(change, set()) <= {f["metric"] for f in findings if f["verdict"] == "ok"}

    everything = places.in_json(findings)
    assert places.in_junit(root / "report.xml") == everything
    assert places.in_summary((root / "summary.md").read_text()) == everything
    annotated = places.in_annotations(told.stderr)
    assert set(annotated) <= set(everything)
    assert len(annotated) == (len(everything) if len(everything) <= 10 else 9)
    files = re.findall(r"::\w+ file=([^,]+),", told.stderr)
    assert len(files) == len(annotated)
    assert change == "a deleted record" or all((root / file).is_file() for file in files)

    output = dict(line.split("=", 1) for line in (root / "output").read_text().splitlines())
    assert output["exit_code"] == str(code)
    assert output["verdict"] == verdict

    issues = json.loads((root / "quality.json").read_text())
    assert {issue["check_name"].removeprefix("resbench ") for issue in issues} == set(found)


def test_the_terminal_says_the_same(case):
    _, told, shown, _ = case
    assert shown.exit_code == told.exit_code
    assert places.in_terminal(shown.stdout) == places.in_json(json.loads(told.stdout))
    assert shown.stderr == ""


def test_limits_of_the_repository_permit_what_they_say(base, tmp_path, monkeypatch):
    root = scripted.changed(base, tmp_path / "repository", "a slower block")
    monkeypatch.chdir(root)
    (root / "pyproject.toml").write_text('[tool.resbench.check.networks."resnet*"]\nlatency = 0.2\n')
    assert CliRunner().invoke(app, ["check"]).exit_code == 0
    (root / "other.toml").write_text("[check]\nlatency = 0.02\n")
    assert CliRunner().invoke(app, ["check", "--config", "other.toml"]).exit_code == 1
    (root / "off.toml").write_text("[check]\nlatency = inf\n")
    told = CliRunner().invoke(app, ["check", "--config", "off.toml", "--json"])
    assert told.exit_code == 0
    assert "Infinity" not in told.stdout
    assert CliRunner().invoke(app, ["check", "--config", "off.toml"]).exit_code == 0


def measured_again(results, folder):
    """The profile in `results`, with another time of measurement; beside it, in "before", the one that is there."""
    (path,) = results.rglob("profile*.json")
    record = read_record(path)
    save(record, folder / "before")
    return save(replace(record, run=replace(record.run, started="2026-11-11T11:11:11+00:00")), folder / "again")


def test_inconclusive_exits_3_only_on_request(base, tmp_path, monkeypatch):
    again = measured_again(base / "results", tmp_path)  # once: counts are equal, speed is unknown
    words = ["check", str(again), "--against", str(tmp_path / "before")]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert CliRunner().invoke(app, [*words, "--fail-on-inconclusive"]).exit_code == 3


def test_a_shallow_clone_is_named_as_the_reason_why_there_are_no_runs(base, tmp_path, monkeypatch):
    scripted.git(tmp_path, "clone", "-q", "--depth", "1", base.as_uri(), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    assert CliRunner().invoke(app, ["check", "--fail-on-inconclusive"]).exit_code == 0  # all is as it was committed
    measured_again(Path("results"), tmp_path).replace("again.json")
    (path,) = Path("results").rglob("profile*.json")
    Path("again.json").replace(path)
    told = CliRunner().invoke(app, ["check"])
    assert (told.exit_code, told.stderr.count("\n")) == (0, 1)
    assert "shallow" in told.stderr
    assert "git fetch --unshallow" in told.stderr
    scripted.git(tmp_path / "clone", "fetch", "--unshallow")
    told = CliRunner().invoke(app, ["check"])
    assert (told.exit_code, told.stderr) == (0, "")


def test_the_process_says_what_is_wrong_in_one_line_and_never_imports_torch(base):
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('torch' in sys.modules))\n"
        "from resbench.__main__ import main\nmain()\n"
    )
    command = [sys.executable, "-c", program, "check", "results", "--against"]
    done = subprocess.run([*command, "git:HEAD"], cwd=base, capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "False")
    done = subprocess.run([*command, "git:nonesuch"], cwd=base, capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(r"resbench: results: .*; name one that it knows\n", done.stderr)
