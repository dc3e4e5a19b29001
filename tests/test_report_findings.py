import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Properties, Skipped
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import ExitCode, ResbenchError
from resbench.judging.compare import compare
from resbench.judging.finding import Finding, Verdict
from resbench.records.store import save
from resbench.report import codequality, findings, github, junit, terminal
from resbench.words import findings as wording
from resbench.words.escaped import visible
from tests.examples import PROFILE

ROOT = Path("results")
HOSTILE = "a|b\r\n<script>`x`](y)::error::%0A\x00 --> & \"'"
TIMING = Finding(
    record="m/n/a.json",
    network="resnet18",
    metric="latency b1",
    unit="s",
    before=0.001,
    after=0.0013,
    ratio_low=1.251,
    ratio_high=1.349,
    limit=0.05,
    detectable=0.032,
    verdict=Verdict.REGRESSED,
    why="12 runs; slower",
)


def finding(verdict, number=0, **changes):
    fields = {"network": "n", "metric": "params", "before": 100, "after": 100 + number, "why": "because"}
    return Finding(**({"record": f"m/{number}.json", "verdict": verdict} | fields | changes))


def test_a_sentence_has_ratio_interval_limit_and_detectable_change():
    assert wording.sentence(TIMING) == (
        "latency b1: 1.00 ms -> 1.30 ms, after/before 1.300 [1.251, 1.349], limit 5 %, detectable 3.2 %; "
        "12 runs; slower"
    )


def test_large_shares_are_written_out_and_limits_that_are_off_are_not():
    shown = [wording.share(TIMING, value) for value in (0.0, 0.032, 0.25, 9.4, float("inf"), None)]
    assert shown == ["0 %", "3.2 %", "25 %", "940 %", "-", "-"]


def test_only_counts_must_be_exact():
    assert wording.share(TIMING, 0.0) == "0 %"
    assert wording.share(finding(Verdict.OK), 0.0) == "exact"


def test_one_parameter_of_millions_is_seen_in_the_ratio():
    assert wording.change_words(finding(Verdict.REGRESSED, before=25_000_000, after=25_000_001)) == "1.00000004"
    assert wording.change_words(finding(Verdict.REGRESSED, 10)) == "1.1"


def test_the_table_shows_everything_and_only_counts_what_is_ok_when_that_is_much(capsys):
    findings.show_findings([TIMING, *(finding(Verdict.OK, number) for number in range(50))], as_json=False)
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("latency b1", "1.300 [1.251, 1.349]", "3.2 %", "12 runs; slower"))
    assert "params" not in shown
    assert "1 regressed, 50 ok (not shown; --json has them)" in shown


@pytest.mark.parametrize("columns", [40, 80, 1000])
def test_on_a_narrow_terminal_nothing_is_cut_off(monkeypatch, capsys, columns):
    monkeypatch.setattr(terminal, "UNWRAPPED", columns)
    findings.show_findings([TIMING, finding(Verdict.OK)], as_json=False)
    shown = capsys.readouterr().out
    assert "1 regressed, 1 ok" in shown
    assert max(map(len, shown.splitlines())) <= columns
    assert "…" not in shown
    for text in ("regressed", "params", "latency", "b1", "1.300", "[1.251, 1.349]", "12", "runs;", "slower"):
        assert text in shown


def test_markup_in_names_is_shown_and_not_obeyed(capsys):
    findings.show_findings([finding(Verdict.OK, record="[red]x[/red]")], as_json=False)
    assert "[red]x[/red]" in capsys.readouterr().out


def test_json_has_every_field_and_the_ratio(capsys):
    findings.show_findings([TIMING], as_json=True)
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["ratio"] == pytest.approx(1.3)
    assert (shown["verdict"], shown["ratio_low"], shown["detectable"]) == ("regressed", 1.251, 0.032)


def test_annotations_are_at_most_ten_of_a_kind_worst_first():
    many = [finding(Verdict.REGRESSED, number) for number in range(10)]
    assert len(list(github.annotations(many, ROOT))) == 10
    shown = list(github.annotations([*many, finding(Verdict.REGRESSED, 10), finding(Verdict.INCONCLUSIVE)], ROOT))
    errors = [line for line in shown if line.startswith("::error ")]
    assert len(errors) == 10
    assert "m/0.json" in errors[0]
    assert errors[-1].endswith("+2 more; see the summary of this job")
    assert [line.partition(" ")[0] for line in shown[10:]] == ["::warning"]


def read_annotation(line):
    """What GitHub's runner reads: it splits at the first "::", then undoes the escapes."""
    kind, properties, message = re.fullmatch(r"::(\w+) ([^\n]*?)::([^\n]*)", line).groups()
    named = dict(pair.split("=", 1) for pair in properties.split(","))
    return kind, {key: unquote(value) for key, value in named.items()}, unquote(message)


@given(st.text(max_size=60) | st.just(HOSTILE))
def test_nothing_in_a_name_can_leave_its_annotation(text):
    (line,) = github.annotations([finding(Verdict.REGRESSED, record=text, why=text)], ROOT)
    kind, properties, message = read_annotation(line)
    assert (kind, properties.pop("title")) == ("error", f"regressed: {visible(text)}")
    assert set(properties) <= {"file"}
    assert message.endswith(f"; {visible(text)}")


@given(st.text(max_size=60) | st.just(HOSTILE))
def test_nothing_in_a_name_can_leave_its_cell_in_the_summary(text):
    row = github.summary([finding(Verdict.OK, record=text, why=text)]).splitlines()[-2]
    assert row.count("|") == 10
    assert not re.search(r"[<>`*\[\]]", row)


def test_a_file_name_that_is_no_text_ends_no_report():
    odd = [finding(Verdict.REGRESSED, record="\udcff/a.json")]
    assert "/a.json" in github.summary(odd)
    assert json.loads(codequality.code_quality(odd, ROOT))[0]["location"]["path"].endswith("/a.json")
    assert "/a.json" in junit.junit_xml(odd)


def test_the_summary_keeps_below_its_size():
    many = [finding(Verdict.REGRESSED, number, why="ü" * 500) for number in range(3000)]
    text = github.summary(many)
    assert 800_000 < len(text.encode()) <= github.SUMMARY_BYTES
    left = int(re.search(r"\+([\d,]+) rows not shown", text)[1].replace(",", ""))
    assert text.count("| m/") == 3000 - left
    assert len(github.summary(many, 1000).encode()) <= 1000


def test_outputs_are_one_line_each():
    lines = github.outputs([TIMING, finding(Verdict.OK)], ExitCode.REGRESSED).splitlines()
    assert dict(line.split("=", 1) for line in lines) == {
        "verdict": "regressed", "exit_code": "1", "worst_ratio": "1.3000", "summary": "1 regressed, 1 ok",
    }  # fmt: skip


def test_on_github_the_files_are_appended_to_and_stdout_stays_json(tmp_path, monkeypatch, capsys):
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    summary.write_text("earlier\n")
    for key, value in (("ACTIONS", "true"), ("STEP_SUMMARY", str(summary)), ("OUTPUT", str(output))):
        monkeypatch.setenv(f"GITHUB_{key}", value)
    findings.publish([TIMING], ExitCode.REGRESSED, Path("results"), as_json=True)
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)) == 1
    assert shown.err.startswith("::error file=results/m/n/a.json,title=regressed%3A m/n/a.json::latency b1")
    assert summary.read_text().startswith("earlier\n## resbench: regressed\n")
    assert "verdict=regressed\n" in output.read_text()


def test_github_and_gitlab_name_records_and_cards_from_the_top_of_the_repository(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    here = tmp_path / "a,b"
    here.mkdir()
    monkeypatch.chdir(here)
    found = [
        TIMING,
        finding(Verdict.REGRESSED, record="cards/resnet18.md", metric="card"),
        finding(Verdict.REGRESSED, record="resnet18 at 224x224"),
    ]
    files = [read_annotation(line)[1].get("file") for line in github.annotations(found, ROOT)]
    assert files == ["a,b/results/m/n/a.json", "cards/resnet18.md", None]
    paths = [issue["location"]["path"] for issue in json.loads(codequality.code_quality(found, here / ROOT))]
    assert paths == [*files[:2], "resnet18 at 224x224"]
    assert "file=results/m/n/a.json," in next(github.annotations([TIMING], Path("../results")))
    (here / "one.json").touch()
    assert "file=a%2Cb/one.json," in next(github.annotations([TIMING], Path("one.json")))


@pytest.mark.parametrize("variable", ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"])
def test_a_file_of_github_that_cannot_be_written_is_a_warning_and_hides_no_verdict(
    tmp_path, monkeypatch, capsys, variable
):
    record = save(PROFILE, tmp_path / "results")
    worse = save(replace(PROFILE, counts=replace(PROFILE.counts, params=1)), tmp_path / "worse")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    for path, says in ((str(tmp_path), "Is a directory"), (f"{tmp_path}/{'x' * 300}", "File name too long")):
        monkeypatch.setenv(variable, path)
        told = CliRunner().invoke(app, ["check", str(worse), "--against", str(record)])
        assert told.exit_code == ExitCode.REGRESSED
        assert "regressed" in told.stdout
        assert told.stderr.count(f"::warning title=resbench::{path}: {says}; not written\n") == 1


@pytest.mark.parametrize("option", ["--junit", "--code-quality"])
def test_a_report_that_was_asked_for_and_cannot_be_written_is_an_error_after_all_else(tmp_path, monkeypatch, option):
    record = save(PROFILE, tmp_path / "results")
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    told = CliRunner().invoke(app, ["check", str(record), "--against", str(record), option, str(tmp_path)])
    assert isinstance(told.exception, ResbenchError)
    assert "4 ok" in told.stdout
    assert "verdict=ok\n" in output.read_text()


def test_elsewhere_nothing_is_said_to_github(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    findings.publish([TIMING], ExitCode.REGRESSED, Path("results"), as_json=False)
    assert not (tmp_path / "summary.md").exists()
    assert capsys.readouterr().err == ""


def test_junit_says_the_same_to_another_reader():
    found = [TIMING, *(finding(verdict, number) for number, verdict in enumerate(Verdict))]
    suites = JUnitXml.fromstring(junit.junit_xml(found).encode())
    (suite,) = suites
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (7, 2, 2, 1)
    outcomes = [[type(result) for result in case.result] for case in suite]
    assert outcomes == [[Failure], [Error], [Error], [Failure], [Skipped], [], []]
    case = next(iter(suite))
    assert (case.classname, case.name) == ("resbench.resnet18", "latency b1 [m/n/a.json]")
    properties = {p.name: p.value for p in case.child(Properties)}
    assert float(properties["ratio"]) == pytest.approx(1.3)
    assert properties["detectable"] == "0.032"
    assert "detectable 3.2 %" in case.result[0].message


def test_a_speed_of_an_overloaded_machine_is_said_to_be_one_in_every_report(capsys, tmp_path):
    conditions = replace(PROFILE.environment.conditions, noise="overloaded")
    noisy = replace(PROFILE, environment=replace(PROFILE.environment, conditions=conditions))
    speeds = [
        f for f in compare(PROFILE, replace(noisy, run=replace(noisy.run, command="b")), "a.json") if f.unit == "s"
    ]
    reports = [
        *github.annotations(speeds, tmp_path),
        github.summary(speeds),
        junit.junit_xml(speeds),
        codequality.code_quality(speeds, tmp_path),
    ]
    findings.show_findings(speeds, as_json=False)
    assert all("the machine was overloaded" in report for report in (*reports, capsys.readouterr().out))
    assert len(reports) == 3 + len(speeds)


@given(st.text(max_size=60) | st.just(HOSTILE))
def test_any_name_gives_readable_xml(text):
    root = ET.fromstring(junit.junit_xml([finding(Verdict.REGRESSED, record=text, why=text)]).encode())
    assert len(root.findall("./testsuite/testcase/failure")) == 1


def test_the_code_quality_report_has_what_gitlab_asks_for():
    found = [TIMING, finding(Verdict.OK), finding(Verdict.INCONCLUSIVE), finding(Verdict.INVALID)]
    report = json.loads(codequality.code_quality(found, Path("results")))
    assert [issue["severity"] for issue in report] == ["major", "info", "blocker"]
    assert report[0]["location"] == {"path": "results/m/n/a.json", "lines": {"begin": 1}}
    assert codequality.code_quality(found, Path("results").absolute()) == codequality.code_quality(
        found, Path("results")
    )
    assert all(issue["description"] and issue["check_name"] for issue in report)
    assert len({issue["fingerprint"] for issue in report}) == 3
    slower = codequality.code_quality([TIMING, *found[1:]], Path("results"))
    assert [i["fingerprint"] for i in json.loads(slower)] == [i["fingerprint"] for i in report]
