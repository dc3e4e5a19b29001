"""Activations on cards are compared with what convolutions and linear layers put out, as timm prints them."""

from pathlib import Path

import pytest

from resbench.lint.coverage import coverage
from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import Level

# What timm publishes (results/benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv, at aa4b5850c154).
TIMMS = """
| model | img_size | param_count | gmacs | macts |
|---|---|---|---|---|
| resnet50.a1_in1k | 224 | 25.56 | 4.11 | 11.11 |
| resnet50.a1_in1k | 288 | 25.56 | 6.8 | 18.37 |
| resnet50.a1_in1k | 160 | 25.56 | 2.1 | 5.67 |
"""


def judged(text: str):
    document = parse(Path("card.md"), text)
    problems = lint([document], records=Path("absent"))
    return [problem for problem in problems if problem.code == "T015"], coverage([document], problems)


def test_what_timm_publishes_is_true_at_the_stated_input():
    problems, covered = judged(TIMMS)
    assert {problem.level for problem in problems} == {Level.NOTE}
    assert problems[0].message == "activations 11.11 M: true, 11,114,984 of resnet50 at 224x224"
    assert problems[1].message.endswith(" of resnet50 at 288x288")
    assert (covered.read, covered.checked) == (9, 9)


def test_a_list_on_a_hub_card_has_activations():
    card = "# ecaresnet50t.ra2_in1k\n\n- Params (M): 25.6\n- Activations (M): {}\n- Image size: 256 x 256\n"
    (true,), _ = judged(card.format("15.45"))  # as in timm's file
    assert (true.level, true.line) == (Level.NOTE, 4)
    (other,), _ = judged(card.format("24.13"))  # as in timm's file
    assert (other.level, other.fix) == (Level.WARNING, "say at which input it holds")
    assert "true at 320x320" in other.message


@pytest.mark.parametrize(
    ("figure", "words"),
    [("10.4", "no known count; 6.4 % below 11,114,984 of resnet50 at 224x224"), ("44.0", "the nearest is 11,114,984")],
)
def test_another_figure_is_a_warning_with_the_nearest_count(figure, words):
    (problem,), _ = judged(f"| Model | Params (M) | Act (M) |\n|---|---|---|\n| resnet50 | 25.6 | {figure} |\n")
    assert problem.level is Level.WARNING
    assert words in problem.message


def test_a_column_of_activation_functions_and_a_share_are_no_activations():
    page = "| Model | Activation | Acts saving (%) |\n|---|---|---|\n| resnet50 | ReLU6 | 40 |\n"
    problems, covered = judged(page)
    assert (problems, covered.read) == ([], 0)
