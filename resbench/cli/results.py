"""`resbench results`."""

from pathlib import Path
from typing import Annotated

import typer

results_ = typer.Typer(no_args_is_help=True, help="Look into stored records without running anything.")

_Record = Annotated[Path, typer.Argument(help="A record that --save wrote.")]
_Limit = Annotated[int, typer.Option(min=0, help="Rows of each table. [default: 10; --json has all]")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@results_.command("show")
def results_show(record: _Record, limit: _Limit = 10, as_json: _Json = False) -> None:
    """Show a stored profile, or a stored validation with its worst classes, confusions and calibration.

    \b
    Examples:
      resbench results show results/cpu-epyc/resnet50/profile-....json
      resbench results show results/cpu-epyc/resnet50/evaluation-....json --limit 50
    """
    from resbench.report import stored

    stored.show_stored(record, limit=limit, as_json=as_json)


@results_.command("diff")
def results_diff(before: _Record, after: _Record, limit: _Limit = 10, as_json: _Json = False) -> None:
    """Compare two checkpoints image by image: images lost, images gained, and whether that can be chance.

    Exit code: 0, or 4 when the two were not validated on the same images.

    \b
    Examples:
      resbench results diff old.json new.json
    """
    from resbench.accuracy.figures import image_by_image
    from resbench.report import answers as report

    sides = report.stored(before), report.stored(after)
    report.show_difference(
        *sides, image_by_image(sides[0].predictions, sides[1].predictions), limit=limit, as_json=as_json
    )
