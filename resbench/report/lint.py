"""What a linter found: for people, programs, code scanning and pull requests."""

import difflib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from resbench import __version__
from resbench.lint.coverage import CheckedCard, Coverage
from resbench.lint.entry import ModelEntry
from resbench.lint.lint import Correction
from resbench.lint.problem import RULES, Level, Problem
from resbench.report import github, location
from resbench.report.progress import tracked
from resbench.report.terminal import advice, line, print_json_list, results_console
from resbench.words.escaped import visible_json

_STYLE = {Level.UNREADABLE: "bold red", Level.FALSE: "red", Level.WARNING: "yellow", Level.NOTE: "green"}
_SARIF = {Level.UNREADABLE: "error", Level.FALSE: "error", Level.WARNING: "warning", Level.NOTE: "note"}
_GITHUB = {Level.UNREADABLE: "error", Level.FALSE: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def show_problems(problems: Sequence[Problem], coverage: Coverage, style: str) -> None:
    """Print `problems` and what was checked to stdout, as "text", "sarif" or "github"."""
    if style == "text":
        _text(problems, coverage)
    else:
        print({"sarif": _sarif, "github": _github}[style](problems, coverage))


def print_cards(cards: Iterable[CheckedCard]) -> None:
    """Print a JSON list with an object for each card: its path, its problems, and how much of it was checked."""
    print_json_list(map(_plain, cards))


def _plain(card: CheckedCard) -> dict[str, object]:
    problems = [asdict(problem) | {"rule": RULES[problem.code]} for problem in card.problems]
    return {"path": card.path, "problems": problems, "coverage": card.coverage}


def followed(entries: Sequence[ModelEntry], *, quiet: bool = False) -> Iterator[ModelEntry]:
    """Yield the models of cards under a bar: each network of timm and torchvision takes some seconds."""
    return tracked("models", entries, len(entries), quiet=quiet)


def corrected(corrections: Iterable[Correction]) -> None:
    """Print what was corrected to stderr, as a diff."""
    for correction in corrections:
        before, after = (text.splitlines() for text in (correction.before, correction.after))
        diff = difflib.unified_diff(before, after, correction.path, correction.path, n=0, lineterm="")
        for changed in diff:
            advice().print(line(changed), soft_wrap=True)


def _text(problems: Sequence[Problem], coverage: Coverage) -> None:
    console = results_console()
    for problem in problems:
        model = f"{problem.model}: " if problem.model else ""
        level = (str(problem.level), _STYLE[problem.level])
        message = f" {problem.code} {model}{problem.message}"
        console.print(line(f"{problem.path}:{problem.line}: ", level, message), soft_wrap=True)
        if problem.fix and problem.level is not Level.NOTE:
            console.print(f"    fix: {problem.fix}", soft_wrap=True)
    counts = Counter(problem.level for problem in problems)
    summary = ", ".join(_count(counts[level], level) for level in Level if counts[level])
    if summary or not coverage.nothing_checked:
        console.print(summary or "no problems found")
    console.print(coverage.text)


def _count(number: int, level: Level) -> str:
    return f"{number} {level}{'s' if number > 1 and level in (Level.WARNING, Level.NOTE) else ''}"


def _sarif(problems: Sequence[Problem], coverage: Coverage) -> str:
    wrong = [problem for problem in problems if not _is_true(problem)]
    used = sorted({problem.code for problem in wrong})
    rules = [{"id": code, "shortDescription": {"text": RULES[code]}} for code in used]
    driver = {"name": "resbench", "version": __version__, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "results": [_sarif_result(problem) for problem in wrong],
                "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [_notification(coverage)]}],
                "properties": {"coverage": asdict(coverage)},
            }
        ],
    }
    return visible_json(json.dumps(log, indent=2, ensure_ascii=False))


def _is_true(problem: Problem) -> bool:
    """Whether it says that a figure is true, which is no result for code scanning and pull requests."""
    return problem.level is Level.NOTE and bool(problem.quantity)


def _notification(coverage: Coverage) -> dict[str, object]:
    return {"level": "note", "message": {"text": coverage.text}}


def _sarif_result(problem: Problem) -> dict[str, object]:
    place = {"artifactLocation": {"uri": _uri(problem.path)}, "region": {"startLine": problem.line}}
    return {
        "ruleId": problem.code,
        "level": _SARIF[problem.level],
        "message": {"text": _message(problem)},
        "locations": [{"physicalLocation": place}],
    }


def _uri(path: str) -> str:
    """Return `path` as code scanning wants it: relative to the current folder, or in full."""
    whole = Path(path).resolve()
    return quote(os.fsencode(whole.relative_to(Path.cwd()))) if whole.is_relative_to(Path.cwd()) else whole.as_uri()


def _github(problems: Sequence[Problem], coverage: Coverage) -> str:
    """Of each kind as many as GitHub shows, worst first; last, what was checked."""
    annotations: dict[str, list[str]] = {}
    wrong = [problem for problem in problems if not _is_true(problem)]
    for problem in sorted(wrong, key=lambda problem: list(Level).index(problem.level)):
        annotations.setdefault(_GITHUB[problem.level], []).append(_annotation(problem))
    where = "without --format github all are shown"
    lines = [line for kind, own in annotations.items() for line in github.capped(kind, own, where)]
    return "\n".join([*lines, github.command("notice", coverage.text, title="resbench lint")])


def _annotation(problem: Problem) -> str:
    title = f"{problem.code} {RULES[problem.code]}"
    file = location.in_repository(Path(problem.path))
    return github.command(_GITHUB[problem.level], _message(problem), file=file, line=problem.line, title=title)


def _message(problem: Problem) -> str:
    model = f"{problem.model}: " if problem.model else ""
    remedy = f" (fix: {problem.fix})" if problem.fix else ""
    return f"{model}{problem.message}{remedy}"
