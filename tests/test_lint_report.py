"""`resbench lint` as people and programs see it: formats, exit codes, standard input, --fix."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.cli.lint import LintFormat
from resbench.lint.coverage import Coverage
from resbench.lint.files import read_cards
from resbench.lint.lint import fix, lint
from resbench.lint.problem import RULES, Level, Problem
from resbench.report import lint as report
from tests import card_corpus
from tests.imported import modules_after

PROBLEM = Problem(
    code="T001",
    level=Level.FALSE,
    path="a,b:c.md",
    line=3,
    model="net[red]",
    message="100% false\r\n::error::x",
    fix="25",
)


COVERAGE = Coverage(read=4, checked=3, true=2, of_unknown_networks=1, not_understood=0)


def run(*words: str, text: str | None = None):
    return CliRunner().invoke(app, ["lint", *words], input=text)


def test_standard_input_is_read_and_false_figures_exit_1():
    assert run("-", text=card_corpus.TIMM).exit_code == 0
    done = run("-", text=card_corpus.TIMM.replace("27560000", "27560001"))
    assert done.exit_code == 1
    assert "false T001 gluon_seresnext50_32x4d: parameters 27560001: false" in done.stdout
    assert done.stdout.splitlines()[-2:] == [
        "1 false, 3 warnings, 2 notes",
        "15 figures read, 15 checked (11 true), 0 of unknown networks, 0 not understood",
    ]


def test_an_unreadable_block_exits_2(tmp_path):
    page = tmp_path / "card.md"
    page.write_text("<!--\nModels: [\n-->\n")
    assert run(str(page)).exit_code == 2


def test_json_says_the_same_as_the_text():
    (card,) = json.loads(run("-", "--format", "json", text=card_corpus.TIMM).stdout)
    rows = card["problems"]
    said = [f"-:{row['line']}: {row['level']} {row['code']} {row['model']}: {row['message']}" for row in rows]
    shown = run("-", text=card_corpus.TIMM).stdout.splitlines()
    assert said == [line for line in shown[:-2] if not line.startswith("    fix: ")]
    assert all(row["rule"] == RULES[row["code"]] for row in rows)


def test_json_has_an_object_for_each_card_also_for_those_without_problems(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    head = "| Model | Params (M) |\n| --- | --- |\n"
    (tmp_path / "a.md").write_text(f"{head}| resnet50 | 25.56 |\n| a_net | 12.3 |\n")
    (tmp_path / "b.md").write_text(f"{head}| resnet50 | 99.60 |\n")
    (tmp_path / "c.md").write_text("# No figures\n")
    cards = json.loads(run(".", "--json").stdout)
    assert [card["path"] for card in cards] == ["a.md", "b.md", "c.md"]
    assert [[problem["level"] for problem in card["problems"] if problem["code"] == "T001"] for card in cards] == [
        ["note"],
        ["false"],
        [],
    ]
    whole = {part: sum(card["coverage"][part] for card in cards) for part in ("read", "checked", "true")}
    assert whole == {"read": 3, "checked": 2, "true": 1}
    assert "3 figures read, 2 checked (1 true)" in run(".").stdout


def test_sarif_names_each_rule_once_and_each_place(capsys):
    report.show_problems([PROBLEM, PROBLEM], COVERAGE, "sarif")
    log = json.loads(capsys.readouterr().out)
    (run_,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run_["tool"]["driver"]["rules"]] == ["T001"]
    place = run_["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("a%2Cb%3Ac.md", 3)
    assert run_["results"][0]["level"] == "error"


def test_places_in_sarif_are_relative_to_the_current_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    places = {str(tmp_path / "a b.md"): "a%20b.md", "x/../a.md": "a.md", "../a.md": (tmp_path.parent / "a.md").as_uri()}
    for path, uri in places.items():
        report.show_problems([replace(PROBLEM, path=path)], COVERAGE, "sarif")
        (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_folder_named_like_a_card_is_none_and_a_folder_of_weights_must_exist(tmp_path):
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "card.md").write_text("# A card\n")
    assert run(str(tmp_path)).exit_code == 0
    assert run(str(tmp_path), "--checkpoints", str(tmp_path / "none")).exit_code == 2


def test_github_annotations_cannot_be_broken_out_of(capsys):
    report.show_problems([PROBLEM], COVERAGE, "github")
    line = capsys.readouterr().out
    assert line.count("\n") == 2
    assert line.startswith(
        "::error file=a%2Cb%3Ac.md,line=3,title=T001 parameters::net[red]: 100%25 false\\r\\n:\\:error"
    )


def test_github_gets_as_many_annotations_as_it_shows_worst_first(capsys):
    many = [replace(PROBLEM, line=line) for line in range(1, 30)]
    report.show_problems([*many, replace(PROBLEM, level=Level.UNREADABLE, path="z.md")], COVERAGE, "github")
    *lines, checked = capsys.readouterr().out.splitlines()
    assert checked == f"::notice title=resbench lint::{COVERAGE.text}"
    assert len(lines) == 10
    assert lines[0].startswith("::error file=z.md,")
    assert lines[-1].startswith("::error title=resbench::+21 more")


def test_text_shows_names_as_they_are(capsys):
    report.show_problems([PROBLEM], COVERAGE, "text")
    assert "net[red]" in capsys.readouterr().out


def test_fix_mends_a_count_that_another_count_confirms_and_keeps_line_ends(tmp_path):
    page = tmp_path / "card.md"
    wrong = card_corpus.TIMM.replace("Parameters: 27560000", "Parameters: 27770000").replace("\n", "\r\n")
    page.write_bytes(wrong.encode())
    assert run(str(page), "--fix").exit_code == 0
    assert page.read_bytes().decode() == wrong.replace("27770000", "27560000")


def test_fix_leaves_alone_what_is_not_certain(tmp_path):
    page = tmp_path / "card.md"
    for old, new in (
        ("Parameters: 27560000\n    File", "Parameters: 48960000\n    File"),
        ("FLOPs: 5475179184", "FLOPs: 10302923504"),
        ("79.92%", "0.95%"),
    ):
        page.write_text(page.read_text().replace(old, new) if page.exists() else card_corpus.TIMM.replace(old, new))
    before = page.read_text()
    found = lint(read_cards([str(page)]), records=tmp_path / "absent")
    assert {"T001", "T002", "T006"} <= {problem.code for problem in found if problem.level is Level.FALSE}
    assert list(fix(found)) == []
    assert page.read_text() == before


def test_fix_mends_the_cell_of_a_table(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(card_corpus.README.replace("| 44.18 |", "| 44.81 |"))
    assert run(str(page), "--fix").exit_code == 0
    assert page.read_text() == card_corpus.README


@pytest.mark.parametrize("style", list(LintFormat))
def test_a_card_without_figures_is_no_failure(style):
    assert run("-", "--format", style, text="# Nothing to see\n").exit_code == 0


def test_the_documentation_explains_every_code_and_level():
    page = (Path(__file__).parent.parent / "docs" / "cards.md").read_text(encoding="utf-8")
    assert all(f"| `{code}` | {about} |" in page for code, about in RULES.items())
    assert all(f"| {level} |" in page for level in Level)


def test_cards_are_checked_without_torch(tmp_path):
    page = tmp_path / "card.md"
    page.write_text(card_corpus.TIMM)
    assert modules_after("lint", str(page)).isdisjoint({"torch", "numpy", "pandas", "scipy"})


@pytest.mark.parametrize("style", list(LintFormat))
def test_every_format_says_what_was_checked(style):
    page = "| Model | Params (M) |\n| --- | --- |\n| a_net | 12.3 |\n"
    done = run("-", "--format", style, text=page)
    assert done.exit_code == 0
    if style == "json":
        (card,) = json.loads(done.stdout)
        assert card["coverage"]["of_unknown_networks"] == 1
    else:
        assert "nothing could be checked: 1 figure read" in done.stdout
        assert "no problems found" not in done.stdout
    assert run("-", "--format", style, "--strict", text=page).exit_code == 1


def test_what_is_true_is_no_result_in_sarif(capsys):
    report.show_problems([replace(PROBLEM, level=Level.NOTE, quantity="params")], COVERAGE, "sarif")
    (run_,) = json.loads(capsys.readouterr().out)["runs"]
    assert run_["results"] == []
    assert run_["properties"]["coverage"]["checked"] == 3


def test_one_unreadable_file_hides_nothing_of_the_others(tmp_path):
    (tmp_path / "a.md").write_bytes(b"caf\xe9 \xff\n")
    (tmp_path / "b.md").write_text("| Model | Params (M) |\n| --- | --- |\n| resnet50 | 99.60 |\n")
    done = run(str(tmp_path))
    assert done.exit_code == 2
    assert "unreadable F001" in done.stdout
    assert "false T001 resnet50" in done.stdout


def test_fix_shows_each_edit_as_a_diff_and_keeps_unit_digits_and_separators(tmp_path):
    page = tmp_path / "card.md"
    head = "| Model | FLOPs (G) | Parameters |\n| --- | --- | --- |\n"
    page.write_text(f"{head}| ResNet-34 | 3.68 | 2.18 |\n| ResNet-34 | 3.68 | 2,180,000 |\n")
    done = run(str(page), "--fix")
    assert page.read_text() == f"{head}| ResNet-34 | 3.68 | 21.80 |\n| ResNet-34 | 3.68 | 21,797,672 |\n"
    assert "-| ResNet-34 | 3.68 | 2.18 |" in done.stderr
    assert "+| ResNet-34 | 3.68 | 21.80 |" in done.stderr


EXPLAINED = ["23.53", "23.9", "33.9", "25.58", "37.00", "25.6"]


@pytest.mark.parametrize("figure", EXPLAINED)
def test_fix_never_writes_over_a_count_that_something_explains(figure, tmp_path):
    page = tmp_path / "card.md"
    page.write_text(f"| Model | FLOPs (G) | Params (M) |\n| --- | --- | --- |\n| ResNet-50 | 4.1 | {figure} |\n")
    before = page.read_text()
    run(str(page), "--fix")
    assert page.read_text() == before


@given(st.sampled_from(["27560000", "5475179184", "79.92%", "94.82%"]), st.integers(1, 10**11), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_second_fix_changes_nothing(tmp_path, old, new, crlf):
    page = tmp_path / "card.md"
    text = card_corpus.TIMM_ONE.replace(old, str(new))
    page.write_bytes((text.replace("\n", "\r\n") if crlf else text).encode())
    list(fix(lint(read_cards([str(page)]), records=tmp_path / "absent")))
    first = page.read_bytes()
    assert list(fix(lint(read_cards([str(page)]), records=tmp_path / "absent"))) == []
    assert page.read_bytes() == first


def test_the_models_of_all_cards_are_followed_by_a_bar(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(
        report, "tracked", lambda what, items, total, quiet: shown.append((what, total, quiet)) or iter(items)
    )
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("| Model | Params (M) |\n|---|---|\n| resnet18 | 11.69 |\n| resnet34 | 21.80 |\n")
    result = CliRunner().invoke(app, ["lint", str(tmp_path)])
    CliRunner().invoke(app, ["lint", str(tmp_path), "-q"])
    assert (result.exit_code, shown) == (0, [("models", 4, False), ("models", 4, True)])
    assert "4 figures read, 4 checked (4 true)" in result.stdout
