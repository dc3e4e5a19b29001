"""Figures of one card that contradict each other are found without knowing the networks, and only then."""

from dataclasses import replace
from pathlib import Path

import pytest

from resbench.lint.coverage import coverage
from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import Level


def found(text: str) -> list[tuple[str, str]]:
    problems = lint([parse(Path("card.mdx"), text)], records=Path("absent"))
    assert all(problem.level in (Level.WARNING, Level.NOTE) for problem in problems)
    return [(problem.code, problem.model) for problem in problems if problem.level is Level.WARNING]


def page(*models: str) -> str:
    return "<!--\nType: model-index\nModels:\n" + "".join(models) + "-->\n"


def model(name: str, params: int, flops: int = 10**9, size: int = 0, weights: str = "") -> str:
    lines = [f"- Name: {name}", "  Metadata:", f"    Parameters: {params}", f"    FLOPs: {flops}"]
    lines += [f"    File Size: {size}"] if size else []
    lines += [f"  Weights: https://example.org/{weights}"] if weights else []
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("size", [160_400_000, 80_200_000, 163_000_000, 330_000_000])
def test_a_file_that_can_hold_its_parameters_is_fine(size):
    assert found(page(model("somenet", 40_000_000, size=size))) == []


@pytest.mark.parametrize("size", [110_000_000, 125_000_000, 60_000_000, 30_000_000])
def test_a_file_that_cannot_hold_its_parameters_is_another_networks(size):
    assert found(page(model("somenet", 40_000_000, size=size))) == [("T010", "somenet")]


def test_one_model_at_two_sizes_has_one_count_and_more_operations_at_the_larger():
    small, large = model("somenet_m", 30_000_000, 5 * 10**9), model("somenet_m_448", 30_000_000, 20 * 10**9)
    assert found(page(small, large)) == []
    assert found(page(small, large.replace("30000000", "41000000"))) == [("T013", "somenet_m_448")]
    assert found(page(small, large.replace("20000000000", "4000000000"))) == [("T013", "somenet_m_448")]


def test_one_file_of_two_models_is_a_warning():
    one, two = model("somenet_s", 20_000_000, weights="a.pth"), model("somenet_l", 60_000_000, weights="a.pth")
    assert found(page(one, two)) == [("T011", "somenet_l")]
    assert found(page(one, two.replace("a.pth", "b.pth"))) == []


def test_a_column_that_was_copied_is_a_warning():
    head = "| Model | Top-1 | Top-5 |\n| --- | --- | --- |\n"
    rows = "| a_net | 71.2 | 93.1 |\n| b_net | 74.9 | 93.1 |\n| c_net | 78.0 | {} |\n"
    assert [code for code, _ in found(head + rows.format("93.1"))] == ["T013"]
    assert found(head + rows.format("93.9")) == []


def checked(text: str):
    document = parse(Path("card.md"), text)
    return coverage([document], lint([document], records=Path("absent")))


def test_coverage_counts_what_was_read_checked_true_and_unknown():
    page = "| Model | Params (M) | Top-1 (%) |\n| --- | --- | --- |\n"
    result = checked(f"{page}| resnet50 | 25.56 | 76.13 |\n| resnet18 | 99.60 | 69.76 |\n| a_net | 12.3 | 77.1 |\n")
    assert (result.read, result.checked, result.true, result.of_unknown_networks) == (6, 4, 3, 2)
    assert replace(result, missing=()).text == (
        "6 figures read, 4 checked (3 true), 2 of unknown networks, 0 not understood"
    )
    assert "2 of unknown networks (timm and torchvision are not installed)" in (
        replace(result, missing=("timm", "torchvision")).text
    )


def test_nothing_checked_is_not_no_problem():
    page = "| Model | Top-1 (%) |\n| --- | --- |\n| a_net | 77.1 |\n| b_net | 78.2 |\n"
    assert checked(page).nothing_checked
    assert checked(page).text.startswith("nothing could be checked: 2 figures read")
    assert not checked("# No figures\n").nothing_checked
