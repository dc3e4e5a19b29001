"""The linter on public model cards: findings per repository and level, and every `false` against its judgement.

    python benchmarks/lint_corpus.py MIRRORS
    python benchmarks/lint_corpus.py MIRRORS open-mmlab/mmpretrain --show false
    python benchmarks/lint_corpus.py MIRRORS huggingface/pytorch-image-models --own

MIRRORS holds the git repository, bare or checked out, of each repository of tests/data/lint_corpus.tsv as owner+name:

    git clone https://github.com/open-mmlab/mmpretrain MIRRORS/open-mmlab+mmpretrain

Nothing is fetched. Each card is read at its commit and compared with its hash; the other files of the commit stand
beside it, empty, so that its links lead somewhere. Exit code 1: a card is not what it was, or a finding at level
`false` is not in tests/data/lint_corpus_judged.tsv as a true accusation. `--write` renews the counts of the list;
`--add owner/name` adds the cards of the newest commit of a repository; `--own` compares accuracies with the results
that a repository keeps, as `resbench lint --published` does.
"""

import argparse
import csv
import hashlib
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from itertools import groupby
from pathlib import Path

from resbench.lint import files, lint
from resbench.lint.coverage import coverage
from resbench.lint.ownfigures import OwnFigures, own_figures
from resbench.lint.problem import Level, Problem

DATA = Path(__file__).parents[1] / "tests" / "data"
LIST, JUDGED = DATA / "lint_corpus.tsv", DATA / "lint_corpus_judged.tsv"
_TABLE = re.compile(rb"^[ \t>]*\|?[ \t]*:?-+:?[ \t]*\||<table|model-index", re.MULTILINE)
RESULTS = {"huggingface/pytorch-image-models": "results/results-imagenet.csv"}
_NAMED = re.compile(r"\.mdx?$|(^|/)(metafile|model-index)\.ya?ml$")


@dataclass(frozen=True, slots=True)
class Card:
    """A row of the list: a file of a commit, how many figures are read and checked, and its findings by level."""

    repository: str
    commit: str
    path: str
    sha256: str
    read: int = 0
    checked: int = 0
    unreadable: int = 0
    false: int = 0
    warning: int = 0
    note: int = 0


@dataclass(frozen=True, slots=True)
class Accusation:
    """A finding at level `false`: what is accused, where."""

    repository: str
    path: str
    line: int
    code: str
    model: str
    figure: str


class Repository:
    """The git repository of `name` below `mirrors`. Raises FileNotFoundError."""

    def __init__(self, mirrors: Path, name: str) -> None:
        heads = sorted((mirrors / name.replace("/", "+")).rglob("HEAD"), key=lambda path: len(path.parts))
        if not heads:
            raise FileNotFoundError(f"{name}: no git repository in {mirrors / name.replace('/', '+')}")
        self.name, self.folder = name, heads[0].parent

    def git(self, *arguments: str, text: bytes = b"") -> bytes:
        command = ["git", "--git-dir", str(self.folder), *arguments]
        return subprocess.run(command, input=text, capture_output=True, check=True).stdout

    def names(self, commit: str) -> list[str]:
        return (
            self.git("ls-tree", "-r", "--name-only", "-z", commit).decode("utf-8", "surrogateescape").split("\0")[:-1]
        )

    def contents(self, commit: str, paths: Sequence[str]) -> Iterator[bytes]:
        """Yield the bytes of `paths` at `commit`, in this order."""
        asked = "".join(f"{commit}:{path}\n" for path in paths).encode()
        answer = self.git("cat-file", "--batch", text=asked)
        for _ in paths:
            head, _, rest = answer.partition(b"\n")
            size = int(head.split()[-1])
            yield rest[:size]
            answer = rest[size + 1 :]


def listed() -> list[Card]:
    return [Card(*row[:4], *map(int, row[4:])) for row in rows(LIST)]


def judged() -> dict[Accusation, str]:
    """Return the judgement of each known accusation: true, or false."""
    return {Accusation(row[0], row[1], int(row[2]), *row[3:6]): row[6] for row in rows(JUDGED)}


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


def write(cards: Sequence[Card]) -> None:
    ordered = sorted(cards, key=lambda card: (card.repository.lower(), card.path))
    rows = [[field.name for field in fields(Card)], *map(astuple, ordered)]
    LIST.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")


def added(repository: Repository) -> list[Card]:
    """Return the cards of the newest commit: Markdown with a table or a model index, metafiles, model indexes."""
    commit = repository.git("rev-parse", "HEAD").decode().strip()
    paths = [name for name in repository.names(commit) if _NAMED.search(name)]
    pairs = zip(paths, repository.contents(commit, paths), strict=True)
    kept = [(path, data) for path, data in pairs if not path.endswith(("md", "mdx")) or _TABLE.search(data)]
    return [Card(repository.name, commit[:12], path, hashlib.sha256(data).hexdigest()) for path, data in kept]


def lay_out(repository: Repository, cards: Sequence[Card], folder: Path) -> list[str]:
    """Write `cards` below `folder`, and empty files where they may link to; return the paths that are not as listed."""
    commit = cards[0].commit
    contents = list(repository.contents(commit, [card.path for card in cards]))
    text = b"".join(contents)
    for path in (folder / name for name in repository.names(commit)):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.stem.encode("utf-8", "surrogateescape") in text:
            path.touch()
    for card, data in zip(cards, contents, strict=True):
        (folder / card.path).write_bytes(data)
    pairs = zip(cards, contents, strict=True)
    return [card.path for card, data in pairs if hashlib.sha256(data).hexdigest() != card.sha256]


def own_results(repository: Repository, commit: str, folder: Path) -> OwnFigures:
    """Return the accuracies in the results that a repository keeps, which are written below `folder`."""
    if repository.name not in RESULTS:
        return {}
    path = folder / RESULTS[repository.name]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(next(repository.contents(commit, [RESULTS[repository.name]])))
    return own_figures(None, path)


def findings(folder: Path, cards: Sequence[Card], own: OwnFigures) -> tuple[list[Problem], list[Card]]:
    """Return what the linter says of `cards`, their paths as in the repository, and the cards with their counts."""
    documents = {document.path: document for document in files.read_cards([str(folder / card.path) for card in cards])}
    problems = lint.lint(documents.values(), records=folder / "no-records", own=own)
    counted = []
    for card in cards:
        path = folder / card.path
        own = [problem for problem in problems if problem.path == str(path)]
        covered = coverage([documents[path]], own)
        levels = Counter(problem.level for problem in own)
        by_level = {str(level): levels[level] for level in Level}
        counted.append(replace(card, read=covered.read, checked=covered.checked, **by_level))
    return [replace(problem, path=str(Path(problem.path).relative_to(folder))) for problem in problems], counted


def accusation(repository: str, problem: Problem) -> Accusation:
    figure = problem.message.split(":")[0].replace("\t", " ")
    return Accusation(repository, problem.path, problem.line, problem.code, problem.model.replace("\t", " "), figure)


def judge(repository: Repository, cards: Sequence[Card], shown: str, *, with_own: bool) -> tuple[list[Card], list[str]]:
    """Lint the cards of one repository: the cards with their counts, and what fails."""
    with tempfile.TemporaryDirectory() as folder:
        failures = [f"{path}: not the file of the list" for path in lay_out(repository, cards, Path(folder))]
        own = own_results(repository, cards[0].commit, Path(folder)) if with_own else {}
        problems, counted = findings(Path(folder), cards, own)
    known = judged()
    for problem in problems:
        finding = f"{problem.path}:{problem.line}: {problem.level} {problem.code} {problem.model}: {problem.message}"
        if problem.level == shown or shown == "all":
            print(f"{repository.name}/{finding}")
        if problem.level is Level.FALSE and known.get(accusation(repository.name, problem)) != "true":
            failures.append(finding)
    return counted, failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mirrors", type=Path, help="folder of git repositories named owner+name")
    parser.add_argument("repositories", nargs="*", help="only these, as owner/name")
    parser.add_argument("--show", default="", choices=["all", *Level], help="print the findings of this level")
    parser.add_argument("--write", action="store_true", help="renew the counts of the list")
    parser.add_argument("--add", nargs="+", default=[], metavar="owner/name", help="add the cards of these to the list")
    parser.add_argument("--own", action="store_true", help="compare with the results that a repository keeps")
    given = parser.parse_args()
    cards = listed() if LIST.exists() else []
    if given.add:
        cards = [card for card in cards if card.repository not in given.add]
        write(cards + [card for name in given.add for card in added(Repository(given.mirrors, name))])
        return 0
    failures, counted = [], []
    for name, group in groupby(cards, key=lambda card: card.repository):
        own = list(group)
        if given.repositories and name not in given.repositories:
            counted += own
            continue
        now, wrong = judge(Repository(given.mirrors, name), own, given.show, with_own=given.own)
        counted, failures = counted + now, failures + [f"{name}/{line}" for line in wrong]
        print(f"{name}: {len(own)} files, {_summary(now)}", flush=True)
    print(f"all: {len(counted)} files, {_summary(counted)}; {len(failures)} not judged or wrong")
    print("\n".join(failures), file=sys.stderr)
    if given.write:
        write(counted)
    return 1 if failures else 0


def _summary(cards: Sequence[Card]) -> str:
    names = ["read", "checked", *Level]
    return ", ".join(f"{sum(getattr(card, name) for card in cards)} {name}" for name in names)


if __name__ == "__main__":
    raise SystemExit(main())
