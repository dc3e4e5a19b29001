"""`resbench validate`."""

from pathlib import Path
from typing import Annotated

import typer


def validate_(
    network: Annotated[str, typer.Argument(help="A network, or a published checkpoint of one.")],
    data: Annotated[Path, typer.Option(help="The folder of images: one folder per WordNet id; some classes suffice.")],
    weights: Annotated[
        str | None,
        typer.Option(help="A file of weights, or a published checkpoint's name; not needed with one as NETWORK."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", "-b", min=1, help="Images per step. Counts do not depend on it.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-j", min=1, help="Threads that decode; one per core when left out.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cuda, cuda:1, mps, cpu; the fastest when left out.")] = None,
    input_px: Annotated[
        int | None, typer.Option("--input-px", "--img-size", min=1, help="Side of the crop. [default: checkpoint's]")
    ] = None,
    crop_pct: Annotated[
        float | None, typer.Option(min=0.01, max=1.0, help="Crop's share of the shorter side. [default: checkpoint's]")
    ] = None,
    interpolation: Annotated[
        str | None, typer.Option(help="bilinear, bicubic or lanczos. [default: checkpoint's]")
    ] = None,
    mean: Annotated[
        tuple[float, float, float] | None, typer.Option(help="Per channel, of 0 to 1. [default: checkpoint's]")
    ] = None,
    std: Annotated[
        tuple[float, float, float] | None, typer.Option(help="Per channel, of 0 to 1. [default: checkpoint's]")
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Write the record below --output.")] = False,
    output: Annotated[Path, typer.Option(help="Where --save writes.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON instead of a table.")] = False,
) -> None:
    """Count how many images a checkpoint gets right.

    Classes go by WordNet id, never by the order of folders. Preprocessing is the checkpoint's unless given here.

    Examples: `resbench validate --data imagenet/val --weights resnet18.pth resnet18`
    """
    from resbench import bench
    from resbench.records import store
    from resbench.report import evaluation as report

    with report.progress() as on_progress:
        record = bench.validate(
            network,
            data,
            weights=weights,
            input_px=input_px,
            crop_pct=crop_pct,
            interpolation=interpolation,
            mean=mean,
            std=std,
            batch_size=batch_size,
            workers=workers,
            device=device,
            on_progress=on_progress,
        )
    report.show(record, as_json=as_json)
    if save:
        typer.echo(f"saved {store.save(record, output)}", err=True)
