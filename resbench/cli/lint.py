"""`resbench lint`."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


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
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            "--checkpoints",
            "--weights",
            exists=True,
            file_okay=False,
            metavar="DIR",
            help="Folder of checkpoints to compare file sizes and hashes with.",
        ),
    ] = None,
    results: Annotated[Path, typer.Option(metavar="DIR", help="Folder of local validations to compare with.")] = Path(
        "results"
    ),
    rules: Annotated[
        LintRules | None,
        typer.Option(
            metavar="|".join(LintRules), help="Rules for all metafiles. [default: MMPretrain's, in its own layout only]"
        ),
    ] = None,
    counts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A zoo's own parameters and operations: a CSV, or a card or metafile of it."),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A zoo's own accuracies: a CSV such as timm's results, a card or metafile."),
    ] = None,
    strict: Annotated[bool, options.shown("--strict", help="Exit with 1 when no figure could be checked.")] = False,
    fix: Annotated[bool, options.shown("--fix", help="Write the corrections that are certain into the files.")] = False,
    style: Annotated[
        LintFormat | None,
        options.shown("--format", metavar="|".join(LintFormat), help="How the findings are printed. [default: text]"),
    ] = None,
    as_json: Annotated[bool, options.shown("--json", help="Print JSON: short for --format json.")] = False,
    quiet: options.Quiet = False,
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
    from resbench.errors import ResbenchError
    from resbench.lint import files, lint
    from resbench.lint.coverage import checked_cards, coverage
    from resbench.lint.ownfigures import own_figures
    from resbench.lint.problem import lint_exit_code
    from resbench.report import lint as report

    if as_json and style not in (None, LintFormat.JSON):
        raise ResbenchError(f"--json, --format {style}: give one of them")
    judge = partial(
        lint.lint,
        weights=checkpoints,
        records=results,
        mmpretrain=rules is LintRules.MMPRETRAIN,
        own=own_figures(counts, published),
        following=partial(report.followed, quiet=quiet),
    )
    documents = files.read_cards(cards)
    problems = judge(documents)
    if fix:
        report.corrected(lint.fix(problems))
        documents = files.read_cards(cards)
        problems = judge(documents)
    checked = coverage(documents, problems)
    if as_json or style is LintFormat.JSON:
        report.print_cards(checked_cards(documents, problems))
    else:
        report.show_problems(problems, checked, style or LintFormat.TEXT)
    raise typer.Exit(lint_exit_code(problems, nothing_checked=strict and checked.nothing_checked))
