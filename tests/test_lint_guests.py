"""Networks of timm and torchvision are truth for names that the table does not have; guesses never accuse."""

from pathlib import Path

import pytest

from resbench.lint import guests
from resbench.lint.coverage import coverage
from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import Level

KNOWN = {"timm": {"vgg16": 138_357_544, "swin_tiny_patch4_window7_224": 28_288_354}, "torchvision": {}}


@pytest.fixture
def libraries(monkeypatch):
    monkeypatch.setattr(guests, "installed", lambda: tuple(KNOWN))
    monkeypatch.setattr(guests, "_params", lambda library, name: KNOWN[library].get(name, 0))


def judged(name: str, figure: str):
    page = f"| Model | Params (M) | Top-1 (%) |\n| --- | --- | --- |\n| {name} | {figure} | 71.6 |\n"
    document = parse(Path("card.md"), page)
    problems = lint([document], records=Path("absent"))
    return problems, coverage([document], problems)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize(
    ("name", "figure", "guest"),
    [
        ("vgg16", "138.36", "timm:vgg16"),
        ("timm/vgg16.tv_in1k", "138.4", "timm:vgg16"),
        ("vgg16_8xb32_in1k", "138.36", "timm:vgg16"),
        ("swin-tiny_16xb64_in1k", "28.29", "timm:swin_tiny_patch4_window7_224"),
    ],
)
def test_a_librarys_count_is_true(name, figure, guest):
    (problem,), covered = judged(name, figure)
    assert (problem.code, problem.level) == ("T001", Level.NOTE)
    assert f"true, {guest} has" in problem.message
    assert (covered.checked, covered.true) == (1, 1)


@pytest.mark.usefixtures("libraries")
def test_another_count_of_the_very_name_is_a_warning_and_of_a_guessed_name_nothing():
    (problem,), _ = judged("vgg16", "88.10")
    assert problem.level is Level.WARNING
    assert "timm:vgg16 has 138,357,544" in problem.message
    (guessed,), covered = judged("swin-tiny_16xb64_in1k", "88.10")
    assert guessed.code == "F011"
    assert covered.checked == 0


def test_without_the_libraries_nothing_is_known_and_the_coverage_says_so(monkeypatch):
    monkeypatch.setattr("resbench.lint.coverage.installed", lambda: ())
    monkeypatch.setattr(guests, "installed", lambda: ())
    (problem,), covered = judged("vgg16", "138.36")
    assert problem.code == "F011"
    assert "(timm and torchvision are not installed)" in covered.text
