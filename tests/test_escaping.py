"""Whatever somebody else wrote, no report hides anything, ends a line early or gives a command to a CI service."""

import io
import json
import logging
import re
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.progress import Progress
from typer.testing import CliRunner

from resbench.__main__ import main
from resbench.cli.app import app
from resbench.judging.finding import Finding, Verdict
from resbench.judging.history import traces
from resbench.lint.coverage import CheckedCard, Coverage
from resbench.lint.problem import RULES, Level, Problem
from resbench.records.jsonio import dumps
from resbench.records.store import save
from resbench.report import codequality, evaluation, exports, findings, github, history, junit, lint, stats, terminal
from resbench.words.escaped import visible, visible_json
from tests.examples import ENVIRONMENT, EVALUATION, PROFILE

# What a terminal or a CI service may act upon, written down here anew: controls, lines, directions, commands.
HIDDEN = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))] + list("\u2028\u2029\u202e\u2066\u200f\ufeff")
HIDDEN.remove("\t")
HOSTILE = st.lists(
    st.sampled_from(
        ["::error::x", "\n::error file=a::b", "\r", "\x1b[31m", "\x9b31m", "##[error]", "##vso[task.x]", ":", "::", "é",
         *HIDDEN, "\udc80", "%0A", "|", "<!--", '"', "&", "]]>", "=1+1", ","]
    ),
    min_size=1,
    max_size=6,
).map("".join)  # fmt: skip


def assert_harmless(text, *, own=()):
    """`own`: the commands that we give ourselves, whole lines."""
    rest = text.replace("\n", "")
    assert not [letter for letter in HIDDEN if letter in rest]
    assert not re.search(r"##\w*\[", text)
    for line in text.split("\n"):
        assert not line.lstrip().startswith("::") or line.split("::")[1].split(" ")[0] in own, line


def shown(function, *args, **options):
    out = io.StringIO()
    with redirect_stdout(out):
        function(*args, **options)
    return out.getvalue()


COVERAGE = Coverage(read=1, checked=1, true=0, of_unknown_networks=0, not_understood=0)


def finding(text, verdict):
    path = f"{text.replace(chr(0), '')}.json"
    return Finding(record=path, network=text, metric=text, before=1, after=2, verdict=verdict, why=text)


@settings(deadline=None, max_examples=20)
@given(HOSTILE, st.sampled_from(list(Verdict)))
def test_no_report_of_findings_hides_anything_or_gives_commands(text, verdict):
    found = [finding(text, verdict)]
    assert_harmless(shown(findings.show_findings, found, as_json=False))
    assert_harmless(shown(findings.show_findings, [*found, *[finding("x", Verdict.OK)] * 50], as_json=False))
    as_json = shown(findings.show_findings, found, as_json=True)
    assert_harmless(as_json)
    for row in json.loads(as_json):
        assert row["network"] == text
    lines = list(github.annotations(found, Path()))
    assert all(len(line.splitlines()) == 1 for line in lines)
    assert_harmless("\n".join(lines), own=("error", "warning", "notice"))
    summary = github.summary(found)
    assert_harmless(summary)
    assert all(line.count("|") in (0, 10) for line in summary.split("\n"))
    xml = junit.junit_xml(found)
    assert_harmless(xml)
    assert ET.fromstring(xml).find("testsuite/testcase") is not None
    quality = codequality.code_quality(found, Path())
    assert_harmless(quality)
    json.loads(quality)


@settings(deadline=None, max_examples=20)
@given(HOSTILE | st.sampled_from(["[red]a[/red]", "[link=http://x]a", ":warning:", "{task}", "[/]"]))
def test_no_display_of_progress_hides_anything_or_obeys_markup(text):
    bar = Progress(terminal.Words("{task.description}"), terminal.Words("{task.fields[about]}"), disable=True)
    bar.add_task(text, about=text)
    out = io.StringIO()
    Console(file=out, width=1000, color_system=None).print(bar.get_renderable())
    assert out.getvalue().split() == f"{visible(text)} {visible(text)}".split()
    assert not [letter for letter in HIDDEN if letter in out.getvalue().rstrip("\n")]


def test_every_display_of_progress_escapes_its_texts():
    sources = Path(terminal.__file__).parents[1].rglob("*.py")
    unescaped = [
        path.name for path in sources if re.search(r"(?<!\()\bTextColumn\(\"", path.read_text(encoding="utf-8"))
    ]
    assert unescaped == []


@settings(deadline=None, max_examples=20)
@given(HOSTILE, st.sampled_from(list(Level)))
def test_no_report_of_the_linter_hides_anything_or_gives_commands(text, level):
    code = sorted(RULES)[0]
    problem = Problem(path=f"{text.replace(chr(0), '')}.md", line=1, code=code, level=level, message=text, model=text)
    for style, own in (("text", ()), ("sarif", ()), ("github", ("error", "warning", "notice"))):
        told = shown(lint.show_problems, [problem], COVERAGE, style)
        assert_harmless(told, own=own)
        if style == "sarif":
            json.loads(told)
    told = shown(lint.print_cards, [CheckedCard(path=problem.path, problems=(problem,), coverage=COVERAGE)])
    assert_harmless(told)
    json.loads(told)


@settings(deadline=None, max_examples=8)
@given(HOSTILE.filter(lambda text: "\udc80" not in text))
def test_no_view_of_records_hides_anything_or_gives_commands(text):
    machine = replace(ENVIRONMENT.machine, device_name=text, torch=text)
    environment = replace(ENVIRONMENT, machine=machine)
    run = replace(PROFILE.run, git_revision=text, command=text)
    profile = replace(PROFILE, network=text, weights=text, environment=environment, run=run)
    scored = replace(EVALUATION, weights=text, dataset=replace(EVALUATION.dataset, name=text), environment=environment)
    runs = {f"{text}.json": [PROFILE, profile]}
    assert_harmless(shown(history.show_history, list(traces(runs)), as_json=False))
    assert_harmless(shown(history.show_history, list(traces(runs)), as_json=True))
    for export in exports.FORMATS.values():
        assert_harmless(shown(history.export, export(runs), None))
    assert_harmless(shown(history.export, exports.timm_results({"a": [replace(scored, network="resnet18")]}), None))
    assert_harmless(shown(stats.show_stats, {Path(visible(text)): {f"{text}.json": profile}}, as_json=False))
    assert_harmless(shown(evaluation.show_evaluations, [scored], as_json=False))
    told = shown(evaluation.show_evaluations, [scored], as_json=True)
    assert_harmless(told)
    assert json.loads(told) == [json.loads(dumps(scored))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("résumé 日本 \t→ ±3 %", "résumé 日本 \t→ ±3 %"),
        ("a\nb", r"a\nb"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\u202egnp", r"\u202egnp"),
        ("::error::x", ":\\:error:\\:x"),
        ("##[error]", "##\\[error]"),
        ("std::vector", "std:\\:vector"),
        ("12::", "12:\\:"),
    ],
)
def test_what_is_escaped_can_still_be_read(text, expected):
    assert visible(text) == expected


@given(st.text())
def test_escaped_json_means_the_same(text):
    assert json.loads(visible_json(json.dumps({text: text}, ensure_ascii=False))) == {text: text}


def test_a_diff_gives_no_commands():
    assert_harmless(shown(terminal.print_diff, "--- a\n+++ b\n ::error::x\n+\x1b[31mred\n"))


def test_errors_usage_errors_and_notes_are_one_line(tmp_path, capsys, monkeypatch):
    name = "\x1b[31m\n::error::x"
    result = CliRunner().invoke(app, [name])
    assert_harmless(result.stderr)
    result = CliRunner().invoke(app, ["history", "--last", name])
    assert_harmless(result.stderr)
    save(PROFILE, tmp_path)
    (tmp_path / f"{name.replace('/', '')}.json").symlink_to("nowhere")
    monkeypatch.setattr("sys.argv", ["resbench", "stats", f"{tmp_path}/{name}"])
    monkeypatch.setattr(logging.getLogger("resbench"), "handlers", [])
    with pytest.raises(SystemExit):
        main()
    monkeypatch.setattr("sys.argv", ["resbench", "baseline", "save", str(tmp_path), "--pool", str(tmp_path / "pool")])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().err
    assert "a link to nothing, not a record; skipped" in told
    assert_harmless(told)
