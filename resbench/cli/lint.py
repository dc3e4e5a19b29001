"""`resbench lint`."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer


class LintFormat(StrEnum):
    """How the findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class LintRules(StrEnum):
    """Whose rules of form a metafile is held to."""

    MMPRETRAIN = "mmpretrain"


def lint_(
    cards: Annotated[
        list[str], typer.Argument(metavar="CARD", help="Cards or folders of cards; - reads standard input.")
    ],
    style: Annotated[LintFormat, typer.Option("--format", help="How the findings are printed.")] = LintFormat.TEXT,
    weights: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of checkpoints to compare file sizes and hashes with."),
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder of local validations to compare with.")] = Path("results"),
    rules: Annotated[
        LintRules | None, typer.Option(help="Rules for all metafiles. [default: MMPretrain's, in its own layout only]")
    ] = None,
    counts: Annotated[
        Path | None, typer.Option(help="A zoo's own parameters and operations: a CSV, or a card or metafile of it.")
    ] = None,
    published: Annotated[
        Path | None, typer.Option(help="A zoo's own accuracies: a CSV such as timm's results, a card or metafile.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when no figure could be checked.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Write the corrections that are certain into the files.")] = False,
) -> None:
    """Check which figures on anybody's model cards are true.

    Says at which input and by which convention a figure holds. Reads timm's pages (model-index in HTML comments),
    MMPretrain's README and metafile, Hugging Face's README and .eval_results, and model-index files with imports:
    figures in their fields and in tables with a column of models. The other parts of resbench's own cards are compared
    by `resbench card --check`. Exit code: 0 nothing false, 1 something is, 2 unreadable.

    \b
    Examples:
      resbench lint README.md
      resbench lint configs/ --format sarif > cards.sarif
    """
    from resbench.lint import files, lint
    from resbench.lint.coverage import coverage
    from resbench.lint.ownfigures import own_figures
    from resbench.lint.problem import lint_exit_code
    from resbench.report import lint as report

    judge = partial(
        lint.lint,
        weights=weights,
        records=results,
        mmpretrain=rules is LintRules.MMPRETRAIN,
        own=own_figures(counts, published),
        following=report.followed,
    )
    documents = files.read_cards(cards)
    problems = judge(documents)
    if fix:
        report.corrected(lint.fix(problems))
        documents = files.read_cards(cards)
        problems = judge(documents)
    checked = coverage(documents, problems)
    report.show_problems(problems, checked, style)
    raise typer.Exit(lint_exit_code(problems, nothing_checked=strict and checked.nothing_checked))
