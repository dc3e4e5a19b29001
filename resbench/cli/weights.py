"""`resbench weights`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


class WeightsFormat(StrEnum):
    """What `convert` writes."""

    SAFETENSORS = "safetensors"


File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A file of weights: .pth, .pt, .pth.tar, .th or .safetensors.")
]
Network = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        autocompletion=options.network_names,
        help="The network of the weights, such as mine.py:build. [default: those of the table that they fit]",
    ),
]
Name = Annotated[
    str, options.checkpoint_argument("A published checkpoint: its name, timm's arch.tag, or torchvision's enum.")
]

weights_ = typer.Typer(no_args_is_help=True, help="List, fetch, verify and convert published checkpoints.")


@weights_.command("list")
def weights_list(
    patterns: Annotated[
        list[str] | None,
        options.network_argument(
            "Names of checkpoints or networks, or patterns such as 'gluon_*'; all when left out.", metavar="PATTERN"
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """List published checkpoints.

    Shows the published figures, and which files are on this machine.

    \b
    Examples:
      resbench weights list resnet50
      resbench weights list 'ssl_*' --json
    """
    from resbench.report import weights as report
    from resbench.zoo.find import match_weights

    report.show_weights(match_weights(patterns or ["*"]), as_json=as_json)


@weights_.command("fetch")
def weights_fetch(
    names: Annotated[list[str], options.checkpoint_argument("Published checkpoints.")],
    trust: Annotated[bool, typer.Option("--trust", help="Accept files without a published hash, unverified.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Download checkpoints and verify their hashes.

    They go into torch.hub's folder, and their paths are printed. The next call continues an interrupted download.

    \b
    Examples:
      resbench weights fetch gluon_seresnext50_32x4d ResNet50_Weights.IMAGENET1K_V2
    """
    from resbench.report import weights as report
    from resbench.zoo.find import published

    report.show_fetched([published(name) for name in names], trust=trust, quiet=quiet)


@weights_.command("path")
def path(name: Name) -> None:
    """Print the path of a checkpoint on this machine.

    \b
    Examples:
      resbench weights path resnet50.ram_in1k
    """
    from resbench.nets.cache import cached
    from resbench.zoo.find import published

    print(cached(published(name)))


@weights_.command("verify")
def verify(file: File, key: options.Key = None, network: Network = None, as_json: options.AsJson = False) -> None:
    """Identify a file of weights.

    Shows which published checkpoint it is, by its hash, and which networks it fits, by its tensors. Exits with 1 when
    the file has the name of a published file but another hash.

    \b
    Examples:
      resbench weights verify resnet50-0676ba61.pth
      resbench weights verify mine.pth --network mine.py:build
    """
    from resbench.bench.entrance import entered
    from resbench.errors import ExitCode
    from resbench.nets.identify import identify
    from resbench.report import weights as report

    identity = identify(file, key, entered(network) if network else None)
    report.show_identity(identity, as_json=as_json)
    raise typer.Exit(ExitCode.REGRESSED if identity.verdict == "wrong" else ExitCode.OK)


@weights_.command("convert")
def weights_convert(
    file: File,
    to: Annotated[
        WeightsFormat, options.shown(metavar="|".join(WeightsFormat), help="The format to write.")
    ] = WeightsFormat.SAFETENSORS,
    output: Annotated[
        Path | None,
        options.shown("--output", "-o", metavar="FILE", help="The file to write. [default: beside FILE]"),
    ] = None,
    key: options.Key = None,
    network: Network = None,
) -> None:
    """Write a file of weights as safetensors.

    Such a file cannot hold code. Its keys have the names of timm and torchvision.

    \b
    Examples:
      resbench weights convert resnet50.pth --to safetensors
    """
    from resbench.bench.entrance import entered
    from resbench.nets import identify
    from resbench.report import weights as report

    written = output or file.with_name(f"{file.name.removesuffix('.tar').rpartition('.')[0] or file.name}.{to}")
    report.show_notes(written, identify.convert(file, written, key, entered(network) if network else None))
