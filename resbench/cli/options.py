"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Limits = Annotated[
    Path | None,
    typer.Option(help="A TOML file with limits. [default: the nearest resbench.toml or pyproject.toml with some]"),
]
Junit = Annotated[Path | None, typer.Option(help="Write the findings as JUnit XML to this file.")]
CodeQuality = Annotated[
    Path | None, typer.Option(help="Write what failed as GitLab's code quality report to this file.")
]
FailOnInconclusive = Annotated[bool, typer.Option("--fail-on-inconclusive", help="Exit 3 when the data cannot tell.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
