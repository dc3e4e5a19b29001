"""`resbench data`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options

data_ = typer.Typer(no_args_is_help=True, help="Check validation images.")


@data_.command("check")
def data_check(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="A folder or archive of images, as for `resbench validate --data`.")
    ],
    labels: Annotated[
        Path | None, options.what(metavar="FILE", help="A file of labels, as for `resbench validate`.")
    ] = None,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Check images before a validation.

    Looks at layout, classes, damaged and odd files, and duplicates.

    Exit code: 0 if they can be evaluated, else 2; each problem is shown with what to do about it.

    \b
    Examples:
      resbench data check imagenet/val
      resbench data check ILSVRC2012_img_val.tar
      resbench data check 'shards/val-{000..063}.tar'
    """
    from resbench.accuracy import doctor, layouts
    from resbench.environment import cpu_cores
    from resbench.errors import ExitCode
    from resbench.report import diagnosis as report

    images = layouts.open_set(data, labels)
    with report.checking_progress(len(images.samples), quiet=quiet) as on_image:
        diagnosis = doctor.diagnose(images, workers=workers or cpu_cores(), on_image=on_image, processes=True)
    report.show_diagnosis(diagnosis, as_json=as_json)
    raise typer.Exit(ExitCode.OK if diagnosis.healthy else ExitCode.USAGE)
