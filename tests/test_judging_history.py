import json
import random
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.judging.history import measures, steps, traces
from resbench.records.pool import add
from resbench.records.record import Kernels
from resbench.report import history as report
from tests.examples import CONDITIONS, COUNTS, ENVIRONMENT, EVALUATION, PROFILE
from tests.test_judging_timings import run

CPU = "latency b1 (CPU time)"


def walk(levels, spread, seed):
    chance = random.Random(seed)
    return [level * 2 ** chance.gauss(0, spread) for level in levels]


def test_a_step_is_found_where_it_is():
    pytest.importorskip("ruptures")
    found = [steps(walk([1.0] * 18 + [1.1] * 12, 0.02, seed)) for seed in range(40)]
    assert sum(changes == [18] for changes in found) >= 28
    assert sum(len(changes) == 1 and abs(changes[0] - 18) <= 2 for changes in found) >= 38


@pytest.mark.parametrize(("walks", "most"), [(50, 4), pytest.param(200, 8, marks=pytest.mark.nightly)])
def test_what_only_scatters_has_no_steps(walks, most):
    pytest.importorskip("ruptures")
    marked = [bool(steps(walk([1.0] * 30, 0.02, seed))) for seed in range(walks)]
    assert sum(marked) <= most


def test_steps_up_and_down_are_both_found_and_one_outlier_is_none():
    pytest.importorskip("ruptures")
    assert steps(walk([1.0] * 12 + [1.2] * 12 + [0.9] * 12, 0.01, 1)) == [12, 24]
    assert steps(walk([1.0] * 12 + [1.5] + [1.0] * 12, 0.01, 1)) == []


def test_too_few_runs_have_no_steps_and_equal_values_none_either():
    pytest.importorskip("ruptures")
    assert steps([1.0, 2.0, 2.0]) == []
    assert steps([1.0] * 20) == []


def test_counts_change_when_they_differ_at_all_and_it_is_said_what_else_did():
    newer = replace(ENVIRONMENT, machine=replace(ENVIRONMENT.machine, torch="2.14.0"))
    more = replace(COUNTS, params=COUNTS.params + 1)
    runs = [run(1, 0), run(1, 1), run(1, 2, counts=more, environment=newer), run(1, 3, counts=more, environment=newer)]
    found = {trace.metric: trace for trace in traces({"m/a.json": runs})}
    (change,) = found["params"].changes
    assert (change.index, change.why) == (2, "torch 2.13.0 -> 2.14.0")
    assert found["macs"].changes == ()


def test_figures_bear_the_names_under_which_they_are_judged():
    assert set(measures(PROFILE)) == {"params", "macs", "resident memory b1", CPU, "latency b1 (wall time)"}
    started = replace(
        PROFILE, counts=replace(COUNTS, operators=174), kernels=(Kernels(batch_size=8, launches=1, kernels=60),)
    )
    assert set(measures(started)) - set(measures(PROFILE)) == {"operators", "kernel launches b8", "kernels b8"}
    assert measures(EVALUATION)["top1"].value == 0.79
    assert measures(PROFILE)[CPU].low < measures(PROFILE)[CPU].value < measures(PROFILE)[CPU].high


def test_a_figure_that_came_later_has_fewer_runs():
    found = {trace.metric: trace for trace in traces({"m/a.json": [replace(run(1, 0), series=()), run(1, 1)]})}
    assert (len(found["params"].runs), len(found[CPU].runs)) == (2, 1)


@pytest.fixture
def pool(tmp_path):
    for number, scale in enumerate(walk([1.0] * 10 + [1.3] * 10, 0.01, 3)):
        add(run(scale, number), tmp_path / "pool")
    return tmp_path / "pool"


def test_the_table_and_its_json_say_when_a_figure_changed(pool):
    pytest.importorskip("ruptures")
    shown = CliRunner().invoke(app, ["history", str(pool)]).stdout
    assert "2026-01-01 +29.24%" in next(line for line in shown.splitlines() if CPU in line)
    told = json.loads(CliRunner().invoke(app, ["history", str(pool), "--json"]).stdout)
    trace = next(trace for trace in told if trace["metric"] == CPU)
    assert [change["index"] for change in trace["changes"]] == [10]
    assert trace["runs"][0]["unit"] == "s"
    assert len(trace["runs"]) == 20
    latest = json.loads(CliRunner().invoke(app, ["history", str(pool), "--last", "5", "--json"]).stdout)
    assert {len(trace["runs"]) for trace in latest} == {5}


def test_speeds_of_an_overloaded_machine_are_marked_in_the_table_and_its_json(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    noisy = replace(ENVIRONMENT, conditions=replace(CONDITIONS, noise="overloaded"))
    for number, changes in enumerate(({}, {}, {"environment": noisy})):
        add(run(1.0, number, **changes), tmp_path / "pool")
    lines = CliRunner().invoke(app, ["history", str(tmp_path / "pool")]).stdout.splitlines()
    speed, counts = (next(line for line in lines if metric in line) for metric in (CPU, "macs"))
    assert "3 (1 on an overloaded machine)" in speed
    assert speed.count(", machine overloaded") == 1
    assert "overloaded" not in counts
    answer = json.loads(CliRunner().invoke(app, ["history", str(tmp_path / "pool"), "--json"]).stdout)
    noises = {trace["metric"]: [run["noise"] for run in trace["runs"]] for trace in answer}
    assert noises[CPU] == ["quiet", "quiet", "overloaded"]
    assert noises["macs"] == [None] * 3


def test_without_ruptures_what_scatters_is_not_marked_and_it_is_said(pool, monkeypatch):
    monkeypatch.setitem(sys.modules, "ruptures", None)
    done = CliRunner().invoke(app, ["history", str(pool)])
    assert (done.exit_code, "pip install ruptures" in done.stderr) == (0, True), done.output
    assert CPU in done.stdout


def test_history_is_read_from_git_too(tmp_path):
    from tests.test_records_runs import git, save

    git(tmp_path, "init", "-q")
    for number in range(3):
        save(run(1, number), tmp_path / "results")
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", "run")
    told = CliRunner().invoke(app, ["history", str(tmp_path / "results"), "--json", "--revision", "HEAD~1"])
    assert {len(trace["runs"]) for trace in json.loads(told.stdout)} == {2}


def test_a_change_from_nothing_has_no_ratio_and_valid_json(tmp_path, capsys):
    none = replace(EVALUATION, top1_right=0)
    (trace, _) = traces({"m/a.json": [none, EVALUATION]})
    (change,) = trace.changes
    assert change.ratio is None
    report.show_history([trace], as_json=True)
    shown = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert shown[0]["changes"][0]["ratio"] is None
    report.show_history([trace], as_json=False)
    assert "from 0" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("--output", "x.json"), ("--json", "--format", "pyperf")], ids=" ".join)
def test_options_that_do_not_go_together_are_refused(tmp_path, monkeypatch, words):
    add(PROFILE, tmp_path / "pool")
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["history", "pool", *words])
    assert isinstance(told.exception, ResbenchError)
    assert [path.name for path in tmp_path.iterdir()] == ["pool"]
