import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from resbench.counting.conventions import CONVENTIONS, NAMES, convention, dog_photo, operations
from resbench.counting.counted import counted, sizes
from resbench.counting.explain import explain_usual
from resbench.errors import ResbenchError
from resbench.records.record import Terms
from resbench.report import explain as report
from resbench.units import integer, pixels
from resbench.zoo.find import find

DOCS = (Path(__file__).parents[1] / "docs" / "counting.md").read_text(encoding="utf-8")
EXAMPLES = ("resnet50", "seresnext50_32x4d")


def formula(coefficients):
    """The row of coefficients as a sum: "conv + fc + 2 bn"."""
    weights = {field.name: getattr(coefficients, field.name) for field in fields(Terms)}
    return " + ".join(name if times == 1 else f"{times} {name}" for name, times in weights.items() if times)


@pytest.mark.parametrize("row", CONVENTIONS, ids=NAMES)
def test_the_documentation_states_each_convention_as_it_is_computed(row):
    assert f"| `{row.name}` | {formula(row.coefficients)} | {row.meaning} | {row.source} |" in DOCS


@pytest.mark.parametrize("row", CONVENTIONS, ids=NAMES)
def test_the_documentation_gives_the_counts_of_its_examples(row):
    entries = [counted(name, row.name) for name in EXAMPLES]
    values = " | ".join(integer(operations(counts.terms, row.name)) for counts in entries)
    assert f"| `{row.name}` | {pixels(entries[0].input_px)} | {values} |" in DOCS


def test_the_documentation_names_every_term():
    assert {field.name for field in fields(Terms)} <= set(re.findall(r"^\| `(\w+)` \|", DOCS, flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("command", "answer"), re.findall(r"^\| `resbench explain (.+)` \| (.+) \|$", DOCS, re.MULTILINE)
)
def test_the_documentation_shows_what_explain_answers(capsys, command, answer):
    network, figure = command.split()
    report.show_explanation(network, figure, explain_usual(network, figure), as_json=False)
    assert capsys.readouterr().out.splitlines()[0] == answer


def test_the_inputs_of_timms_cards():
    assert [dog_photo(side) for side in (224, 256, 299, 320, 416)] == [
        (224, 285),
        (256, 326),
        (299, 381),
        (320, 407),
        (416, 530),
    ]


def test_operations_are_the_terms_times_the_coefficients():
    terms = Terms(conv=1, blur=10, conv_bias=100, fc=1000, bn=10_000, relu=100_000, gap_in=10**6, se_in=10**7)
    assert operations(terms, "macs") == 1011
    assert operations(terms, "torch") == 2022
    assert operations(terms, "fvcore") == 1_021_011
    assert operations(terms, "mmcv") == 11_120_101


def test_terms_that_a_record_does_not_have_are_no_zeros():
    terms = Terms(conv=1, bn=10)
    assert operations(terms, "thop") == 41
    with pytest.raises(ValueError, match=r"'thop-0\.0\.22' counts bias_macs, relu_last, maxpool_side, avgpool_side"):
        operations(terms, "thop-0.0.22")


def test_an_unknown_convention_is_refused():
    with pytest.raises(ValueError, match="'flops' is none of macs, fvcore"):
        convention("flops")


def test_counts_are_shipped_at_each_checkpoints_own_input():
    assert sizes(find("resnet101d"))[:4] == [(256, 256), (256, 326), (224, 224), (224, 285)]


def test_a_size_that_was_not_counted_is_refused():
    with pytest.raises(ResbenchError, match="resnet50: not counted at 123x123 px"):
        counted("resnet50", input_px=123)


def test_conventions_counts_and_explanations_need_no_torch():
    program = (
        "import sys; from resbench.counting import conventions, counted, explain, figures\n"
        "explain.explain_usual('resnet50', '5.28G')\n"
        "assert not {'torch', 'numpy', 'pandas', 'scipy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_thop_counted_before_2020_is_historic_and_nothing_else():
    old = {"thop-0.0.31-2001", "thop-0.0.31-1910", "thop-0.0.23", "thop-0.0.22", "thop-0.0.22-avgpool7"}
    assert {row.name for row in CONVENTIONS if row.historic} == old
