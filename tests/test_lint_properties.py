"""Whatever a card holds, the linter reads it to the end, and every finding is one line at a place that exists."""

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import RULES, Level
from tests import card_corpus

CARDS = (card_corpus.TIMM, card_corpus.README, card_corpus.METAFILE, card_corpus.HUB, card_corpus.LISTS)
NAMES = ("-", "card.md", "metafile.yml", ".eval_results/a.yaml")
YAML = ["-->", "<!--", "\n---\n", "model-index:", "Models:\n-", "*a", "&a[*a]", "null", "\x00", "\u2028"]
FIGURES = ["80%", "resnet50|25.6M", "1e9999999", "9" * 40, "Image Size: '20'", "Image Size: '7'"]
MARKDOWN = ["|", "\t", "é中", "{%x%}", "[a](b", "```"]
PIECES = st.sampled_from(YAML + FIGURES + MARKDOWN)


def check(name: str, text: str) -> None:
    for problem in lint([parse(Path(name), text)], records=Path("absent")):
        assert problem.code in RULES
        assert 1 <= problem.line <= text.count("\n") + 2
        assert len(problem.message.splitlines()) == 1
        assert problem.fix or problem.level is Level.NOTE
        json.dumps(problem.message)


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.text() | st.lists(PIECES).map("".join))
def test_any_text_is_read_to_the_end(name, text):
    check(name, text)


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(CARDS), st.data())
def test_any_damage_to_a_card_is_read_to_the_end(name, card, data):
    start = data.draw(st.integers(0, len(card)))
    length = data.draw(st.integers(0, 200))
    check(name, card[:start] + data.draw(PIECES | st.text(max_size=20)) + card[start + length :])


@settings(deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_only_the_true_counts_pass_as_exact(params, flops):
    page = card_corpus.TIMM_ONE.replace("Parameters: 27560000", f"Parameters: {params}").replace(
        "FLOPs: 5475179184", f"FLOPs: {flops}"
    )
    notes = [
        problem.message
        for problem in lint([parse(Path("-"), page)], records=Path("absent"))
        if problem.model == "gluon_seresnext50_32x4d" and "exact" in problem.message
    ]
    assert all(params == 27_559_896 or "FLOPs" in message for message in notes)


def test_yaml_that_nests_without_end_is_unreadable_and_no_crash():
    (problem,) = lint([parse(Path("metafile.yml"), "[" * 50_000)], records=Path("absent"))
    assert (problem.code, problem.message) == ("F001", "not readable: nested too deeply")
