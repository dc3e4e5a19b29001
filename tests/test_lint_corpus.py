"""The list of public cards and their judgements is whole, and the command that runs it says what has changed."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import lint_corpus

CARD = "| Model | Params (M) |\n|---|---|\n| resnet50 | {params} |\n"


def test_the_list_names_at_least_a_thousand_cards_once_each_by_hash():
    cards = lint_corpus.listed()
    assert len({(card.repository, card.path) for card in cards}) == len(cards) >= 1000
    assert all(
        re.fullmatch("[0-9a-f]{64}", card.sha256) and re.fullmatch("[0-9a-f]{12}", card.commit) for card in cards
    )


def test_every_accusation_on_the_list_is_judged_true_with_its_reason():
    cards = {(card.repository, card.path): card for card in lint_corpus.listed()}
    rows = lint_corpus.rows(lint_corpus.JUDGED)
    assert all((judgement, bool(why)) == ("true", True) for *_, judgement, why in rows)
    accused = [(row[0], row[1]) for row in rows]
    assert {place: accused.count(place) for place in accused} == {
        place: card.false for place, card in cards.items() if card.false
    }


@pytest.fixture
def mirrors(tmp_path, monkeypatch):
    """A repository of one card, on a list of its own; nothing is judged."""
    folder = tmp_path / "mirrors" / "somebody+cards"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(CARD.format(params="25.56"), encoding="utf-8")
    monkeypatch.setattr(lint_corpus, "LIST", tmp_path / "list.tsv")
    monkeypatch.setattr(lint_corpus, "JUDGED", tmp_path / "judged.tsv")
    lint_corpus.JUDGED.write_text("repository\n", encoding="utf-8")
    commit(folder)
    run(monkeypatch, folder.parent, "--add", "somebody/cards")
    return folder.parent


def commit(folder: Path) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "cards"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)


def run(monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["lint_corpus.py", *map(str, arguments)])
    return lint_corpus.main()


def test_a_true_card_passes_and_its_counts_are_written(mirrors, monkeypatch, capsys):
    assert run(monkeypatch, mirrors, "--write") == 0
    assert "somebody/cards: 1 files, 1 read, 1 checked, 0 unreadable, 0 false, 0 warning" in capsys.readouterr().out
    assert lint_corpus.listed()[0].false == 0


def test_a_false_finding_fails_until_it_is_judged(mirrors, monkeypatch, capsys):
    folder = mirrors / "somebody+cards"
    (folder / "README.md").write_text(CARD.format(params="2.556"), encoding="utf-8")
    commit(folder)
    run(monkeypatch, mirrors, "--add", "somebody/cards")
    assert run(monkeypatch, mirrors) == 1
    assert "somebody/cards/README.md:3: false T001 resnet50" in capsys.readouterr().err
    accusation = ["somebody/cards", "README.md", "3", "T001", "resnet50", "parameters 2.556 M"]
    lint_corpus.JUDGED.write_text("\n" + "\t".join([*accusation, "true", "it has 25.56 M"]) + "\n", encoding="utf-8")
    assert run(monkeypatch, mirrors) == 0


def test_a_card_that_is_not_the_one_of_the_list_is_named(mirrors, monkeypatch, capsys):
    lint_corpus.write([replace(card, sha256="0" * 64) for card in lint_corpus.listed()])
    assert run(monkeypatch, mirrors) == 1
    assert "somebody/cards/README.md: not the file of the list" in capsys.readouterr().err


def test_the_results_that_a_repository_keeps_are_truth_when_asked_for(mirrors, monkeypatch, capsys):
    folder = mirrors / "somebody+cards"
    (folder / "README.md").write_text("| Model | Top-1 (%) |\n|---|---|\n| somenet | 75.1 |\n", encoding="utf-8")
    (folder / "results.csv").write_text("model,top1\nsomenet,75.103\n", encoding="utf-8")
    commit(folder)
    run(monkeypatch, mirrors, "--add", "somebody/cards")
    monkeypatch.setattr(lint_corpus, "RESULTS", {"somebody/cards": "results.csv"})
    for words, checked in ((), 0), (("--own",), 1):
        assert run(monkeypatch, mirrors, *words) == 0
        assert f"somebody/cards: 1 files, 1 read, {checked} checked" in capsys.readouterr().out
