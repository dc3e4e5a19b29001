"""The form of cards: every rule of the readers finds its breach, and well-formed cards pass."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.lint import lint as lint_room
from resbench.lint.files import read_cards
from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import RULES, Level, lint_exit_code
from tests import card_corpus

BREACHES = {
    "model without a name": ("- Name: gluon_seresnext50_32x4d\n ", "- Nam: x\n ", "F002", Level.FALSE),
    "collection that does not exist": ("In Collection: Gloun", "In Collection: Glue", "F004", Level.FALSE),
    "collection key in another case": ("  In Collection: Gloun", "  In collection: Gloun", "F006", Level.WARNING),
    "result without a task": ("  - Task: Image Classification\n    D", "  - D", "F002", Level.FALSE),
    "result without a data set": ("    Dataset: ImageNet\n", "", "F002", Level.FALSE),
    "data set that is a list": ("    Dataset: ImageNet\n", "    Dataset: [1]\n", "F003", Level.FALSE),
    "key of a result that is dropped": ("    Dataset: I", "    Epochs: 3\n    Dataset: I", "F006", Level.WARNING),
    "metadata that is text": ("  Metadata:\n    FLOPs: 5475179184\n", "  Metadata: many\n  X:\n", "F003", Level.FALSE),
    "YAML that does not parse": ("Type: model-index", "Type: model-index\n bad: [", "F001", Level.UNREADABLE),
    "import that is a string": ("Type: model-index", "Type: model-index\nImport: a.yml", "F003", Level.FALSE),
}


@pytest.mark.parametrize(("old", "new", "code", "level"), BREACHES.values(), ids=BREACHES)
def test_a_breach_on_a_timm_page_is_found(old, new, code, level):
    assert old in card_corpus.TIMM
    found = lint([parse(Path("-"), card_corpus.TIMM.replace(old, new))], records=Path("absent"))
    assert (code, level) in {(problem.code, problem.level) for problem in found}
    assert lint_exit_code(found) == {Level.UNREADABLE: 2, Level.FALSE: 1, Level.WARNING: 0}[level]


METAFILE_BREACHES = {
    "two collections": ("Collections:\n", "Collections:\n- Name: B\n  README: a\n  Paper: {Title: t}\n", "F002"),
    "no README": ("  README: configs/resnext/README.md\n", "", "F002"),
    "README that does not exist": ("README: configs/resnext/README.md", "README: configs/other.md", "F005"),
    "no paper title": ("    Title: Aggregated", "    Name: Aggregated", "F002"),
    "no operations": ("    FLOPs: 4270000000\n", "", "F002"),
    "config that does not exist": ("Config: configs/resnext/resnext50", "Config: configs/resnext/resnext5", "F005"),
    "name of a file": ("- Name: resnext50-32x4d_8xb32_in1k\n", "- Name: resnext50-32x4d_8xb32_in1k.py\n", "F007"),
    "name outside the grammar": ("- Name: resnext50-32x4d_8xb32_in1k\n", "- Name: resnext50\n", "F007"),
    "downstream that does not exist": ("  In Collection:", "  Downstream: [absent]\n  In Collection:", "F004"),
}


@pytest.mark.parametrize(("old", "new", "code"), METAFILE_BREACHES.values(), ids=METAFILE_BREACHES)
def test_a_breach_in_a_metafile_is_found(old, new, code, tmp_path):
    assert old in card_corpus.METAFILE
    root = card_corpus.mmpretrain(tmp_path, metafile=card_corpus.METAFILE.replace(old, new))
    found = lint(read_cards([str(root)]), records=tmp_path / "absent")
    assert code in {problem.code for problem in found if problem.level is not Level.NOTE}
    assert all(problem.fix for problem in found if problem.level is not Level.NOTE)


def test_the_files_that_an_index_imports_are_read_too(tmp_path):
    root = card_corpus.mmpretrain(tmp_path, metafile=card_corpus.METAFILE.replace("25030000", "25040000"))
    index = root / "model-index.yml"
    found = lint(read_cards([str(index)]), records=tmp_path / "absent")
    assert [problem.path for problem in found if problem.code == "T001" and problem.level is Level.FALSE] == [
        str(root / "configs" / "resnext" / "metafile.yml")
    ]
    index.write_text("Import:\n- model-index.yml\n- configs/*/*.yml\n- /etc/*.yml\n- '**'\n")  # itself, absolute, all
    assert lint_exit_code(lint(read_cards([str(index)]), records=tmp_path / "absent")) == 1


def test_a_metafile_that_the_index_does_not_import_is_found(tmp_path):
    root = card_corpus.mmpretrain(tmp_path)
    (root / "model-index.yml").write_text("Import:\n- configs/other/*.yml\n")
    codes = {problem.code for problem in lint(read_cards([str(root)]), records=tmp_path / "absent")}
    assert {"F009", "F005"} <= codes


HUB_BREACHES = {
    "no license": ("license: apache-2.0\n", "", "F002"),
    "tags that are a mapping": ("tags:\n- image-classification", "tags:\n  image: yes", "F003"),
    "result without a task": ("  - task:\n      type: image-classification\n    d", "  - d", "F002"),
    "data set without a name": ("      name: ImageNet\n", "", "F002"),
    "metric without a value": ("      value: 94.82\n", "", "F002"),
    "source without a url": ("    metrics:", "    source:\n      name: me\n    metrics:", "F002"),
    "link to nowhere": ("# gluon_seresnext50_32x4d\n", "# gluon_seresnext50_32x4d\n[a](absent.md)\n", "F010"),
    "link to no heading": ("# gluon_seresnext50_32x4d\n", "# gluon_seresnext50_32x4d\n[a](#absent)\n", "F010"),
}


@pytest.mark.parametrize(("old", "new", "code"), HUB_BREACHES.values(), ids=HUB_BREACHES)
def test_a_breach_on_a_hub_card_is_found(old, new, code):
    assert card_corpus.HUB.count(old) == 1
    found = lint([parse(Path("card.md"), card_corpus.HUB.replace(old, new))], records=Path("absent"))
    assert code in {problem.code for problem in found if problem.level is not Level.NOTE}
    assert all(problem.fix for problem in found if problem.level is not Level.NOTE)


def test_two_results_that_the_hub_merges_are_found():
    head, result, tail = card_corpus.HUB.partition("  - task:")
    second = (result + tail).partition("---\n")[0]
    found = lint([parse(Path("card.md"), head + second + result + tail)], records=Path("absent"))
    assert "F008" in {problem.code for problem in found}
    apart = second.replace("config: 224 px", "config: 288 px")
    found = lint([parse(Path("card.md"), head + apart + result + tail)], records=Path("absent"))
    assert "F008" not in {problem.code for problem in found}


RESULTS = "- dataset:\n    id: org/set\n    task_id: accuracy\n  value: 79.92\n  date: '2026-01-31'\n"


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ("", "", set()),
        ("    id: org/set\n", "", {"F002"}),
        ("  value: 79.92\n", "", {"F002"}),
        ("2026-01-31", "31 January", {"F003"}),
        ("  value", "  source:\n    name: me\n  value", {"F002"}),
    ],
)
def test_eval_results_are_checked(old, new, codes):
    found = lint([parse(Path(".eval_results/a.yaml"), RESULTS.replace(old, new))], records=Path("absent"))
    assert {problem.code for problem in found} == codes


def test_a_link_that_leads_somewhere_is_not_accused(tmp_path):
    (tmp_path / "other file.md").write_text("# There\n")
    page = tmp_path / "card.md"
    links = "[a](other%20file.md#there) [b](#here-we-are) [c](https://a.b/c) `[d](absent)`"
    page.write_text(f"# Here we are\n{links}\n```\n[e](absent)\n```\n")
    assert lint(read_cards([str(page)]), records=tmp_path / "absent") == []


FRONT = "license: mit\nmodel-index:\n- name: resnet50\n  results: []\n"
FRONTS = {  # the answers of huggingface_hub 2.4's metadata_load
    "as usual": (f"---\n{FRONT}---\n# A\n", True),
    "behind blank lines": (f"\n \n\t\n---\n{FRONT}---\n# A\n", True),
    "Windows line ends": (f"---\n{FRONT}---\n# A\n".replace("\n", "\r\n"), True),
    "behind a comment": (f"---\n# c\n\n{FRONT}---\n", True),
    "keys in quotes": ("---\n'license': mit\n---\n", True),
    "in braces": ("---\n{license: mit}\n---\n", True),
    "closed at the end of the file": (f"---\n{FRONT}---", True),
    "blanks behind the closing line": (f"---\n{FRONT}--- \t\n# A\n", True),
    "blanks behind the opening line": (f"--- \n{FRONT}---\n# A\n", False),
    "never closed": (f"---\n{FRONT}", False),
    "closed by four dashes": (f"---\n{FRONT}----\n# A\n", False),
    "closed by an indented line": (f"---\n{FRONT} ---\n# A\n", False),
}


@pytest.mark.parametrize(("text", "is_found"), FRONTS.values(), ids=FRONTS)
def test_front_matter_is_found_where_the_hub_finds_it(text, is_found):
    document = parse(Path("README.md"), text)
    assert (document.front is not None) == is_found
    assert (lint_exit_code(lint([document], records=Path("absent"))) == 2) == (not is_found)


def test_a_line_that_older_readers_of_the_hub_do_not_take_for_the_end_is_a_warning():
    (problem,) = lint([parse(Path("README.md"), f"---\n{FRONT}--- \n# A\n")], records=Path("absent"))
    assert (problem.code, problem.level) == ("F001", Level.WARNING)


def test_a_ruler_at_the_top_of_a_page_is_no_front_matter():
    assert lint([parse(Path("README.md"), "---\n\nA page.\n")], records=Path("absent")) == []


def test_a_key_that_is_written_twice_is_found_in_front_matter_and_below():
    text = FRONT.replace("license: mit\n", "license: mit\ntags: [a]\nlicense: apache-2.0\n")
    document = parse(Path("README.md"), f"---\n{text}---\n")
    assert document.front is not None
    assert document.front.say("license") == "apache-2.0"  # as yaml.safe_load has it
    (problem,) = lint([document], records=Path("absent"))
    assert (problem.code, problem.level, problem.line) == ("F006", Level.WARNING, 4)
    page = card_corpus.TIMM.replace("    FLOPs: 5475179184", "    FLOPs: 1\n    FLOPs: 5475179184")
    assert "F006" in {problem.code for problem in lint([parse(Path("-"), page)], records=Path("absent"))}


def test_columns_of_fractions_are_one_note():
    rows = "".join(f"| net{number} | 0.7{number} | 0.9{number} |\n" for number in range(9))
    page = f"| Model | Top-1 | Top-5 |\n| - | - | - |\n{rows}"
    found = lint([parse(Path("a.md"), page)], records=Path("absent"))
    assert [problem.level for problem in found if problem.code == "T007"] == [Level.NOTE]


FOREIGN = """Models:
- Name: retinanet_r50
  In Collection: RetinaNet
  Results:
  - Task: Object Detection
    Dataset: COCO
    Metrics:
      box AP: 36.5
"""


@pytest.mark.parametrize("folder", ["zoo", "configs/retinanet", "configs/det/retinanet"])
def test_mmpretrains_rules_do_not_bind_another_zoo(folder, tmp_path):
    home = tmp_path / folder
    home.mkdir(parents=True)
    (home / "metafile.yml").write_text(FOREIGN)
    documents = read_cards([str(tmp_path)])
    assert {problem.code for problem in lint(documents, records=tmp_path / "absent")} <= {"F011"}
    assert {"F002", "F007"} <= {problem.code for problem in lint(documents, mmpretrain=True)}
    asked = CliRunner().invoke(app, ["lint", str(tmp_path), "--rules", "mmpretrain"])
    assert (asked.exit_code, "F002" in asked.stdout) == (1, True)
    assert CliRunner().invoke(app, ["lint", str(tmp_path)]).exit_code == 0


def test_a_model_without_counts_says_null(tmp_path):
    text = re.sub("(FLOPs|Parameters): .*", r"\1: null", card_corpus.METAFILE)
    root = card_corpus.mmpretrain(tmp_path, metafile=text)
    assert "F002" not in {problem.code for problem in lint(read_cards([str(root)]), records=tmp_path / "absent")}


def test_names_outside_the_grammar_are_one_problem_for_a_file(tmp_path):
    text = re.sub("- Name: (resnext.*)_8xb32_in1k", r"- Name: \1", card_corpus.METAFILE)
    found = lint(read_cards([str(card_corpus.mmpretrain(tmp_path, metafile=text))]), records=tmp_path / "absent")
    named = [problem for problem in found if problem.code == "F007" and problem.level is Level.WARNING]
    assert len(named) == 1
    assert named[0].message.endswith("resnext50-32x4d, resnext101-32x4d, resnext101-32x8d and 1 more")


def test_a_collection_in_another_file_of_the_index_is_a_warning_that_names_it(tmp_path):
    other = card_corpus.METAFILE.replace("Name: ResNeXt\n", "Name: Grouped\n")
    text = card_corpus.METAFILE.replace("In Collection: ResNeXt\n", "In Collection: Grouped\n", 1)
    root = card_corpus.mmpretrain(tmp_path, metafile=text)
    (root / "configs" / "grouped").mkdir()
    (root / "configs" / "grouped" / "metafile.yml").write_text(other)
    with (root / "model-index.yml").open("a") as index:
        index.write("- configs/grouped/metafile.yml\n")
    found = lint(read_cards([str(root / "configs" / "resnext")]), records=tmp_path / "absent")
    (problem,) = [problem for problem in found if problem.code == "F004"]
    assert problem.level is Level.WARNING
    assert "configs/grouped/metafile.yml" in problem.message


@pytest.mark.parametrize("page", ["training.mdx", "training.md", "training.rst"])
@pytest.mark.parametrize("link", ["../training", "../training#how", "../training.html"])
def test_a_documentation_builders_link_leaves_the_suffix_out(link, page, tmp_path):
    (tmp_path / page).write_text("# How\n")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.mdx").write_text(f"See [there]({link}) and [nowhere](../absent).\n")
    found = lint(read_cards([str(tmp_path / "models")]), records=tmp_path / "absent")
    assert [problem.message for problem in found] == ["link to ../absent: no such file"]


def test_every_code_is_explained_and_every_rule_is_kept():
    sources = [path.read_text(encoding="utf-8") for path in Path(lint_room.__file__).parent.glob("*.py")]
    assert set(re.findall(r'"([FT]\d{3})"', "".join(sources))) == RULES.keys()
