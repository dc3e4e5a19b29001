"""Cards with faults, with fixed seeds: each is read to the end, in a stated time, and its findings are lines."""

import importlib
import random
import time
from pathlib import Path

import pytest

from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import RULES
from tests import card_corpus

SECONDS = 5  # of the processor, for a card of up to 100 KB; usual ones take a hundredth of that
CARDS = {
    "timm.mdx": card_corpus.TIMM,
    "README.md": card_corpus.README,
    "metafile.yml": card_corpus.METAFILE,
    "hub.md": card_corpus.HUB,
    "lists.md": card_corpus.LISTS,
    "table.md": "<table><tr><th rowspan=2>Model<th colspan=2>Error (%)<tr><th>top-1<th>top-5"
    "<tr><td>ResNet-50<td>23.9<td>7.1</table>\n\n| | R50 |\n|-|-|\n| Params | 25,6 M |\n| Top-1 | 76.1 ± 0.1 |\n",
}
PIECES = [
    *"[](){}<>|-`*#~\\ \n\t,.%:;&!?'\"0aé中\x00\u2028\r",
    "<!--", "-->", "---\n", "```", "](", "[a](", "<table>", "<td>", "</table>", "<sup>", "&amp;", "|-|\n", "# a\n",
    "- Params: 1\n", "10^", "e999", "±", "9" * 60, "Models:\n", "&a [*a]", "*a", "? ", "- - ", "| a |\n", "25,6",
    "1 000", "(err", "top-1 / top-5", "\\[a", "\n\n\n", "https://", "../", "\ufeff", "224x", "colspan=99",
]  # fmt: skip


def mutated(random: random.Random) -> tuple[str, str]:
    """A card with up to six faults: pieces put in once or often, parts cut out, doubled, or of another card."""
    name = random.choice(list(CARDS))
    text = CARDS[name]
    for _ in range(random.randint(1, 6)):
        start, end = sorted(random.randrange(len(text) + 1) for _ in range(2))
        end = min(end, start + random.choice((0, 1, 20, 400)))
        other = random.choice(list(CARDS.values()))
        at = random.randrange(len(other))
        middle = random.choice(
            (
                random.choice(PIECES),
                random.choice(PIECES) * random.choice((2, 50, 3000)),
                text[start:end] * 2,
                other[at : at + random.choice((5, 100, 2000))],
                "".join(random.choices(PIECES, k=30)),
                "",
            )
        )
        text = text[:start] + middle + text[end:]
    return name, text[:100_000]


@pytest.fixture(scope="module", autouse=True)
def counting():
    """Import torch, which counts at unusual inputs, before the time is taken."""
    importlib.import_module("resbench.counting.tally")


@pytest.mark.parametrize(
    ("first", "cards"), [(0, 30), pytest.param(30, 2030, marks=[pytest.mark.nightly, pytest.mark.timeout(3600)])]
)
def test_a_damaged_card_is_read_to_the_end_in_the_stated_time(first, cards):
    for seed in range(first, first + cards):
        name, text = mutated(random.Random(seed))
        started = time.process_time()
        found = lint([parse(Path(name), text)], records=Path("absent"))
        assert time.process_time() - started < SECONDS, seed
        for problem in found:
            assert problem.code in RULES, seed
            assert 1 <= problem.line <= text.count("\n") + 2, seed
            assert len(problem.message.splitlines()) == 1, seed
            assert len(problem.message) < 1000, seed


LONG = {  # what made the time grow with the square of the length, or could; each of 10 to 60 KB
    "escaped brackets in a link": "| Model | Config |\n|-|-|\n| resnet18 | [" + "a\\[" * 20_000 + " |\n",
    "brackets": "[" * 60_000,
    "tags that do not end": "| Model | Params |\n|-|-|\n| <" + "a<" * 30_000 + " | 5M |\n",
    "comments that do not end": "<!--" * 15_000,
    "comments": "<!---->\n" * 7_500,
    "line breaks in a comment": "<!--\n" + "\n" * 60_000 + "-->",
    "blanks in a list": "# a\n-" + " " * 60_000 + "\n",
    "a long title": "# " + "a # " * 15_000 + "\n- Params: 1\n",
    "stars in a cell": "| Model | Params |\n|-|-|\n| resnet18 | " + "*" * 60_000 + " |\n",
    "digits in a cell": "| Model | Params |\n|-|-|\n| resnet18 | " + "1," * 30_000 + " |\n",
    "links to headings": "[a](#b)\n# c\n" * 2_500,
    "rows": "| Model | Params | Top-1 |\n|-|-|-|\n" + "| x | 5M | 70 |\n" * 600,
    "rules": "|-|-|\n" * 10_000,
    "cells": "|" * 60_000 + "\n" + "|-" * 30_000 + "\n",
    "tables of HTML": "<table><tr><td>1" * 4_000,
    "cells of HTML that span": "<table>" + "<tr><td rowspan=99 colspan=99>1" * 2_000 + "</table>",
    "blank lines before the front matter": "\n" * 60_000 + "---\na: 1\n",
    "dashes": "---\n" * 15_000,
    "nested lists": "Models: " + "[" * 60_000,
    "nested blocks": "Models:\n" + "- " * 30_000,
    "keys": "Models:\n- Name: a\n" + "".join(f"  k{number}: 1\n" for number in range(2_500)),
    "aliases": "a: &a [1, 2]\n" + "".join(f"a{n}: &a{n} [*a{n - 1 or ''}, *a{n - 1 or ''}]\n" for n in range(1, 40)),
    "a long figure": "Models:\n- Name: a\n  Metadata:\n    Parameters: " + "9" * 60_000 + "\n",
    "a long name": "Models:\n- Name: " + "a" * 60_000 + "\n  In Collection: b\nCollections: []\n",
}


@pytest.mark.parametrize("shape", LONG)
def test_the_time_grows_with_the_length_and_not_with_its_square(shape):
    started = time.process_time()
    for name in ("metafile.yml", "card.md"):
        found = lint([parse(Path(name), LONG[shape])], records=Path("absent"))
        assert all(len(problem.message) < 1000 for problem in found)
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [*a]", "a value that contains itself"),
        ("a: &a {b: {c: *a}}", "a value that contains itself"),
        (LONG["aliases"], "its aliases stand for"),
        ("Models: " + "[" * 200, "nested too deeply"),
        ("x: " + "a" * 1_000_001, "longer than 1,000,000 characters"),
    ],
)
def test_yaml_that_is_larger_than_it_looks_is_unreadable(text, reason):
    (problem,) = lint([parse(Path("metafile.yml"), text)], records=Path("absent"))
    assert problem.code == "F001"
    assert reason in problem.message
