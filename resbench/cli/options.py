"""Options that several commands have, and the panels of the help that options stand in."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from resbench.cli import groups
from resbench.errors import ResbenchError

# Options in the panels of the help; `typer.Option` itself for those of commands that measure nothing.
what: Any = partial(typer.Option, rich_help_panel=groups.WHAT)
how: Any = partial(typer.Option, rich_help_panel=groups.HOW)
shown: Any = partial(typer.Option, rich_help_panel=groups.OUTPUT)
advanced: Any = partial(typer.Option, rich_help_panel=groups.ADVANCED)


def network_names(incomplete: str) -> list[str]:
    """Return the networks and checkpoints whose names begin so, for the shell."""
    from resbench.zoo.find import networks

    try:
        names = [row.name for row in networks() if row.name.startswith(incomplete)]
    except ResbenchError:  # of a resbench.toml that the command will complain about
        return []
    return list(dict.fromkeys([*names, *checkpoint_names(incomplete)]))


def checkpoint_names(incomplete: str) -> list[str]:
    """Return the published checkpoints whose names begin so, for the shell."""
    from resbench.zoo.find import published_weights

    try:
        names = [row.name for row in published_weights() if row.name.startswith(incomplete)]
    except ResbenchError:
        return []
    return list(dict.fromkeys(names))


def network_argument(meaning: str, metavar: str = "NAME") -> typer.models.ArgumentInfo:
    """Return the declaration of an argument for names of networks, which the shell completes; `meaning` is its help."""
    argument: typer.models.ArgumentInfo = typer.Argument(metavar=metavar, help=meaning, autocompletion=network_names)
    return argument


def checkpoint_argument(meaning: str, metavar: str = "NAME") -> typer.models.ArgumentInfo:
    """Return the declaration of an argument for names of checkpoints, which the shell completes."""
    argument: typer.models.ArgumentInfo = typer.Argument(metavar=metavar, help=meaning, autocompletion=checkpoint_names)
    return argument


def _words_of(literal: str) -> Callable[[str], list[str]]:
    """Return what completes the words of a Literal of `records.settings`."""

    def complete(incomplete: str) -> list[str]:
        from resbench.records import settings

        return [word for word in get_args(getattr(settings, literal)) if word.startswith(incomplete)]

    return complete


# What is measured.
Classes = Annotated[
    int | None,
    what("--classes", min=1, metavar="N", help="Classes of the head. [default: the weights', else the network's]"),
]
ImagesToCompareOn = Annotated[
    Path | None,
    what("--data", metavar="DIR", help="Compare on the images of this folder or archive too, at most 1,000."),
]
InputPx = Annotated[
    str | None,
    what("--input-px", "--img-size", metavar="PX", help="Image size: 224 or 224x288 (HxW). [default: the network's]"),
]
Key = Annotated[
    str | None,
    what(
        "--key",
        metavar="KEY",
        help="The weights to use, if the file holds several sets, such as model and model_ema.",
    ),
]
SidePx = Annotated[
    int | None,
    what("--input-px", "--img-size", metavar="PX", help="Image size: one side. [default: the network's]"),
]
WeightsOfNetwork = Annotated[
    str | None,
    what(
        "--weights",
        metavar="FILE|NAME",
        autocompletion=checkpoint_names,
        help="A file of weights, or a published checkpoint. [default: fresh weights]",
    ),
]

# How it is run.
Amp = Annotated[bool, how("--amp", help="Keep weights in fp32, autocast to --dtype.")]
Calibration = Annotated[
    str | None,
    how(metavar="DIR", help="For --dtype int8: a folder or archive of images (300 are used) that set its ranges."),
]
ChannelsLast = Annotated[bool, how("--channels-last", help="Use channels-last (NHWC) memory layout.")]
CudaGraph = Annotated[bool, advanced("--cuda-graph", help="Replay the forward pass as a CUDA graph.")]
Device = Annotated[str | None, how(metavar="DEVICE", help="cuda, cuda:1, mps, cpu. [default: the first that works]")]
DType = Annotated[
    str,
    how(
        metavar="TYPE",
        autocompletion=_words_of("DType"),
        help="fp32, tf32 (CUDA only), fp16, bf16, or int8 (onnxruntime and openvino, with --calibration).",
    ),
]
Fuse = Annotated[bool, how("--fuse", "--fuse-bn", help="Fold batch norms into convolutions.")]
RuntimeOption = Annotated[
    str,
    how(
        "--runtime",
        metavar="RUNTIME",
        autocompletion=_words_of("RuntimeName"),
        help="What runs the network: eager, compile, aotinductor, onnxruntime, openvino or tensorrt.",
    ),
]
Threads = Annotated[int | None, how(min=1, metavar="N", help="CPU threads. [default: torch's, one per physical core]")]
OneThread = Annotated[  # of comparisons, which set it themselves, on the CPU alone: a GPU takes no number of threads
    int | None, how(min=1, metavar="N", help="CPU threads; results repeat best with one. [default: 1]")
]
Workers = Annotated[
    int | None, how("--workers", "-j", min=1, metavar="N", help="Threads that decode. [default: one per core]")
]

Tuned = Annotated[
    bool, how("--tuned", help="Run as `resbench tune` found fastest on this machine, and saved below --output.")
]
_SAVED = (
    "dtype",
    "amp",
    "channels_last",
    "runtime",
    "compile_mode",
    "cuda_graph",
    "fuse",
    "threads",
    "plain",
    "train",  # which tune does not do
)

# What becomes of the results.
AsJson = Annotated[bool, shown("--json", help="Print JSON instead of a table.")]
CodeQuality = Annotated[
    Path | None,
    shown(metavar="FILE", help="Write the failed findings as GitLab's code quality report to this file."),
]
FailOnInconclusive = Annotated[bool, shown("--fail-on-inconclusive", help="Exit 3 if inconclusive.")]
Junit = Annotated[Path | None, shown(metavar="FILE", help="Write the findings as JUnit XML to this file.")]
Quiet = Annotated[bool, shown("--quiet", "-q", help="Show no progress.")]
RecordsAsJson = Annotated[bool, shown("--json", help="Print the records as a list in JSON, each as --save writes it.")]
RecordsFolder = Annotated[
    Path, shown("--output", "-o", metavar="DIR", help="Folder of the records that --save writes.")
]

# Of commands that measure nothing, and of judgements.
Limits = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A TOML file with limits. [default: the nearest resbench.toml or pyproject.toml with limits]",
    ),
]
NoiseFloor = Annotated[float, advanced(min=0, metavar="SHARE", help="Slowdown that counts as noise (0.01: 1 %).")]
OnMachine = Annotated[
    str | None,
    typer.Option(
        "--machine",
        metavar="NAME",
        help="Only records of this machine: here, or its name or device, such as 'cuda-*h100*'.",
    ),
]
PermittedSlowdown = Annotated[float, advanced(min=0, metavar="SHARE", help="The slowdown to permit (0.03: 3 %).")]
Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder of the records.")]


def refuse_with_tuned(context: typer.Context) -> None:
    """Raise ResbenchError for an option that says how a network runs, which the saved setting of --tuned says."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in _SAVED and source and source.name == "COMMANDLINE":
            raise ResbenchError(
                f"{parameter.opts[0]} with --tuned: the saved setting says how the network runs; leave one out"
            )


def refuse_before_command(context: typer.Context) -> None:
    """Raise ResbenchError if options of a group stand in front of one of its commands, which would not heed them."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source and source.name == "COMMANDLINE":
            command = f"{context.info_name} {context.invoked_subcommand}"
            raise ResbenchError(f"{parameter.opts[0]}: stands before a command; see `resbench {command} --help`")
