"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.errors import ResbenchError


def network_names(incomplete: str) -> list[str]:
    """Return the networks and checkpoints whose names begin so, for the shell."""
    from resbench.zoo.find import networks, published_weights

    try:
        names = [*(row.name for row in networks()), *(row.name for row in published_weights())]
    except ResbenchError:  # of a resbench.toml that the command will complain about
        return []
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


def network_argument(meaning: str, metavar: str = "NAME") -> typer.models.ArgumentInfo:
    """Return the declaration of an argument for names of networks, which the shell completes; `meaning` is its help."""
    argument: typer.models.ArgumentInfo = typer.Argument(metavar=metavar, help=meaning, autocompletion=network_names)
    return argument


Limits = Annotated[
    Path | None,
    typer.Option(help="A TOML file with limits. [default: the nearest resbench.toml or pyproject.toml with limits]"),
]
Junit = Annotated[Path | None, typer.Option(help="Write the findings as JUnit XML to this file.")]
CodeQuality = Annotated[
    Path | None, typer.Option(help="Write the failed findings as GitLab's code quality report to this file.")
]
FailOnInconclusive = Annotated[bool, typer.Option("--fail-on-inconclusive", help="Exit 3 if inconclusive.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Key = Annotated[
    str | None,
    typer.Option("--key", help="The weights to use, if the file holds several sets, such as model and model_ema."),
]
Classes = Annotated[
    int | None,
    typer.Option("--classes", min=1, help="Classes of the head. [default: the weights', else the network's]"),
]
Amp = Annotated[bool, typer.Option("--amp", help="Keep weights in fp32, autocast to --dtype.")]
ChannelsLast = Annotated[bool, typer.Option("--channels-last", help="Use channels-last (NHWC) memory layout.")]
CudaGraph = Annotated[bool, typer.Option("--cuda-graph", help="Replay the forward pass as a CUDA graph.")]
Calibration = Annotated[
    str | None,
    typer.Option(help="For --dtype int8: a folder or archive of images (300 are used) that set its ranges."),
]
DType = Annotated[
    str,
    typer.Option(help="fp32, tf32 (CUDA only), fp16, bf16, or int8 (onnxruntime and openvino, with --calibration)."),
]
Device = Annotated[str | None, typer.Option(help="cuda, cuda:1, mps, cpu. [default: the first that works]")]
Fuse = Annotated[bool, typer.Option("--fuse", "--fuse-bn", help="Fold batch norms into convolutions.")]
ImagesToCompareOn = Annotated[
    Path | None, typer.Option("--data", help="Compare on the images of this folder or archive too, at most 1,000.")
]
InputPx = Annotated[
    str | None,
    typer.Option("--input-px", "--img-size", help="Image size: 224 or 224x288 (HxW). [default: the network's]"),
]
NoiseFloor = Annotated[float, typer.Option(min=0, help="Slowdown that counts as noise (0.01: 1 %).")]
OnMachine = Annotated[
    str | None,
    typer.Option("--machine", help="Only records of this machine: here, or its name or device, such as 'cuda-*h100*'."),
]
PermittedSlowdown = Annotated[float, typer.Option(min=0, help="The slowdown to permit (0.03: 3 %).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
RecordAsJson = Annotated[
    bool, typer.Option("--json", help="Print the record as JSON, as --save writes it; several as a list.")
]
RecordsFolder = Annotated[Path, typer.Option("--output", "-o", help="Folder of the records that --save writes.")]
Results = Annotated[Path, typer.Option("--results", help="Folder of the records.")]
SidePx = Annotated[
    int | None, typer.Option("--input-px", "--img-size", help="Image size: one side. [default: the network's]")
]
WeightsOfNetwork = Annotated[
    str | None,
    typer.Option("--weights", help="A file of weights, or a published checkpoint. [default: fresh weights]"),
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        "--runtime", help="What runs the network: eager, compile, aotinductor, onnxruntime, openvino or tensorrt."
    ),
]
# Winograd's algorithm is replaced by a runtime in a later version: remove this option with it.
Winograd = Annotated[
    bool, typer.Option("--winograd", help="Compute 3x3 convolutions by Winograd's algorithm (CPU, fp32).")
]
Workers = Annotated[
    int | None, typer.Option("--workers", "-j", min=1, help="Threads that decode. [default: one per core]")
]


def refuse_before_command(context: typer.Context) -> None:
    """Raise ResbenchError if options of a group stand in front of one of its commands, which would not heed them."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source and source.name == "COMMANDLINE":
            command = f"{context.info_name} {context.invoked_subcommand}"
            raise ResbenchError(f"{parameter.opts[0]}: stands before a command; see `resbench {command} --help`")
