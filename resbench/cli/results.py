"""`resbench results`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options

results_ = typer.Typer(invoke_without_command=True)

_Old = Annotated[Path, typer.Argument(metavar="OLD", help="A record that `validate --save` wrote.")]
_New = Annotated[list[Path], typer.Argument(metavar="NEW", help="Others, on the same images.")]
_Rows = Annotated[
    int,
    options.shown("--rows", "--limit", min=0, metavar="N", help="Rows of each table; --json has all."),
]
_Json = Annotated[bool, options.shown("--json", help="Print JSON instead of tables.")]


class TableFormat(StrEnum):
    """What rows are written as."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"
    PARQUET = "parquet"


@results_.callback()
def results_list(
    context: typer.Context,
    results: options.Results = Path("results"),
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION", help="Show only records that meet a condition such as 'latency_ms<20 and top1>78'."
        ),
    ] = None,
    machine: options.OnMachine = None,
    best_per: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Show only the best record for each value of this column (network, machine, ...): by --sort, or by "
            "latency_ms.",
        ),
    ] = None,
    pareto: Annotated[
        str | None,
        typer.Option(metavar="COLUMNS", help="Show only the Pareto front of these columns, such as top1,images_per_s."),
    ] = None,
    sort: Annotated[str | None, typer.Option(metavar="COLUMN", help="Order by this column.")] = None,
    descending: Annotated[bool, typer.Option("--descending", "-d", help="Largest first.")] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS",
            help="The columns to show, with commas between. [default: those of a selection that say something; in "
            "files all]",
        ),
    ] = None,
    speeds: Annotated[
        bool, typer.Option("--speeds", help="A row per speed and batch size instead of one per record.")
    ] = False,
    form: Annotated[
        TableFormat | None,
        options.shown(
            "--format",
            metavar="|".join(TableFormat),
            help="The format. [default: by the suffix of --output, else table]",
        ),
    ] = None,
    output: Annotated[Path | None, options.shown("--output", "-o", metavar="FILE", help="Write to this file.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List, filter and sort stored results.

    A condition compares columns with numbers (30M, 4.1G, 79%) or quoted text by < <= == != > >=, joined by and, or,
    not. Units stand in the names of columns; top1 is in per cent: top1>78. The columns of a record:

    network, family, checkpoint, kind, machine, device, device_kind, cpu_cores, torch, settings, input_px,
    input_width_px, runtime, dtype, threads; latency_ms, latency_low_ms, latency_high_ms, latency_batch, cpu_ms;
    images_per_s, images_per_s_low, images_per_s_high, throughput_batch, end_to_end_images_per_s, train_images_per_s;
    memory_mib, energy_mj; params, macs, activations; top1, top1_low, top1_high, top5, top1_source, top1_checkpoint,
    published_top1, dataset, images; noise, doubt, started, age_days, resbench, weights_sha256, record.

    latency_ms is a call at the smallest batch size (latency_batch), images_per_s the highest throughput. A speed goes
    with the accuracy of its checkpoint or network at the same input size: top1_source says whether it was measured.
    With --speeds, the columns speed, batch_size, time_ms, time_low_ms, time_high_ms, samples, clusters and launches
    take the place of those of latency and throughput. From Python: resbench.results("results") is a pandas DataFrame.

    \b
    Examples:
      resbench results
      resbench results --where "latency_ms < 20 and top1 > 78" --machine here --sort latency_ms
      resbench results --pareto top1,images_per_s --best-per network
      resbench results --speeds --output all.csv
      resbench results show resnet50
    """
    from resbench.records.store import read_folder
    from resbench.report import results as report
    from resbench.report.choosing import RowChoice

    if context.invoked_subcommand:
        options.refuse_before_command(context)
        return
    choice = RowChoice(where=where, machine=machine, best_per=best_per, pareto=pareto, sort=sort, descending=descending)
    written = report.Written(
        form=report.format_of(form and form.value, output, as_json=as_json), columns=columns, output=output
    )
    report.show_chosen(read_folder(results), choice, written, speeds=speeds)


@results_.command("show")
def results_show(
    what: Annotated[
        str, options.network_argument("A record, a folder of records, or a network or checkpoint.", metavar="WHAT")
    ],
    results: options.Results = Path("results"),
    rows: _Rows = 10,
    as_json: _Json = False,
) -> None:
    """Show stored profiles and validations in full.

    If it is one validation, its worst classes and most frequent confusions are shown too.

    \b
    Examples:
      resbench results show resnet50
      resbench results show results/cpu-epyc
      resbench results show results/cpu-epyc/resnet50/profile-....json
      resbench results show results/cpu-epyc/resnet50/evaluation-....json --rows 50
    """
    from resbench.report import stored

    stored.show_stored(what, results, limit=rows, as_json=as_json)


@results_.command("diff")
def results_diff(before: _Old, after: _New, rows: _Rows = 10, as_json: _Json = False) -> None:
    """Compare validations with the first of them, image by image.

    Shows the images lost and gained, and whether chance explains the difference; of several a row for each.

    Exit code: 0, or 4 when they were not validated on the same images.

    \b
    Examples:
      resbench results diff old.json new.json
      resbench results diff fp32.json bf16.json fuse.json
    """
    from resbench.accuracy.figures import image_by_image
    from resbench.report import answers as report

    first, *others = map(report.stored, (before, *after))
    paired = [image_by_image(first.predictions, other.predictions) for other in others]
    if as_json:
        report.print_differences([first, *others], paired)
    elif len(others) == 1:
        report.show_difference(first, others[0], paired[0], limit=rows)
    else:
        report.show_differences([first, *others], paired)
