"""`resbench list`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def list_(
    patterns: Annotated[
        list[str] | None,
        options.network_argument("Names or patterns such as 'se*'; all when left out.", metavar="PATTERN"),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION", help="Show only networks that meet a condition such as 'params<30M and top1>79'."
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Order by network, family, input_px, params, macs, top1, checkpoints, latency_ms, ...",
        ),
    ] = None,
    descending: Annotated[bool, typer.Option("--descending", "-d", help="Largest first.")] = False,
    results: options.Results = Path("results"),
    machine: options.OnMachine = None,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Profile networks that may meet --where and have no record here, and save."),
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """List networks with their costs, accuracies and records.

    The accuracy is the best published top-1 accuracy of the network's checkpoints.

    --where compares columns with numbers (30M, 4.1G, 79%) or quoted text by < <= == != > >=, joined by and, or, not.
    top1 is in per cent: top1>79, not top1>0.79; params and macs are those of one image at the network's input size.

    Where --results holds profiles of a network, its row has their columns too: latency_ms, images_per_s, memory_mib,
    machine, noise and all others of `resbench results --help`. Of several profiles that meet the condition, that with
    the lowest latency is shown (with --sort images_per_s and the like, the best in that column).

    \b
    Examples:
      resbench list
      resbench list 'se*' --where "params<30M and top1>79" --sort macs
      resbench list --where "latency_ms < 20 and top1 > 78" --machine here
      resbench list 'resnet*' --where "latency_ms < 20 and top1 > 78" --measure --sort latency_ms
    """
    from resbench.report import networks
    from resbench.report.choosing import RowChoice
    from resbench.zoo.find import match

    variants = match(patterns or ["*"])
    here = networks.machine_meant(machine, measure=measure)
    choice = RowChoice(where=where, machine=here, sort=sort, descending=descending)
    found = networks.candidates(variants, results, here)
    missing = networks.unmeasured(variants, found, choice)
    if measure and missing:
        networks.measure_missing(missing, results, quiet=quiet)
        found = networks.candidates(variants, results, here)
    elif not quiet:
        networks.show_unmeasured(missing, choice)
    networks.show_networks(networks.network_rows(found, choice), choice, as_json=as_json)
