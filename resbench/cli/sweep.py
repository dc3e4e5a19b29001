"""`resbench sweep`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options
from resbench.cli.check import check_
from resbench.cli.groups import RunByDefault


class Place(StrEnum):
    """Where jobs run."""

    HERE = "here"
    PROCESSES = "processes"
    SLURM = "slurm"
    RAY = "ray"


sweep_ = typer.Typer(cls=RunByDefault, no_args_is_help=True)

_Output = Annotated[
    Path,
    options.shown("--output", "-o", metavar="DIR", help="Folder of the records; the state of the sweep is in it too."),
]
_Cancel = Annotated[
    bool, options.how("--cancel", help="On Ctrl-C stop what runs elsewhere too, instead of leaving it running.")
]
_Retries = Annotated[int, options.how(min=0, metavar="N", help="How often a job that dies is tried again.")]


def _checked(output: Path, against: str | None) -> int:
    """Return the exit code of `resbench check`; 0 where there is nothing to check against."""
    if against is not None:
        try:
            check_(output, against=against)
        except typer.Exit as ended:
            return ended.exit_code
    return 0


@sweep_.callback()
def sweep_group() -> None:
    """Measure many networks or checkpoints in many settings.

    It goes on after whatever stops it. `resbench sweep NAME...` is short for `resbench sweep run NAME...`, and
    `resbench sweep run --help` shows the options.

    \b
    Examples:
      resbench sweep 'resnet*' --batch-size 1,8 --dtype fp32 --dtype bf16
      resbench sweep plan.toml --dry-run
      resbench sweep status
      resbench sweep resume
    """


@sweep_.command("run")
def sweep_run(
    names: Annotated[
        list[str],
        options.network_argument(
            "A plan (a .toml file), or networks; with --data, checkpoints. Patterns are allowed.", "PLAN | NAME"
        ),
    ],
    exclude: Annotated[
        list[str] | None, options.what(metavar="PATTERN", help="Leave out names that fit this pattern.")
    ] = None,
    batch_size: Annotated[
        list[str] | None,
        options.what(
            "--batch-size",
            "-b",
            metavar="N,...",
            help="As in `profile`; if given several times, each makes jobs of its own.",
        ),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        options.what(metavar="TYPE", help="fp32, tf32, fp16 or bf16; if given several times, each makes jobs."),
    ] = None,
    runtime: Annotated[
        list[str] | None,
        options.what(metavar="RUNTIME", help="What runs the network; if given several times, each makes jobs."),
    ] = None,
    data: Annotated[
        list[str] | None,
        options.what(metavar="DIR", help="Validate checkpoints on these images, instead of profiling networks."),
    ] = None,
    other: Annotated[
        list[str] | None,
        options.what(
            "--with",
            metavar="KEY=VALUE",
            help="Another option of `profile` or `validate`, such as fuse, threads=2 or input-px=256; if a KEY is "
            "given several times, each value makes jobs of its own.",
        ),
    ] = None,
    on: Annotated[
        Place,
        options.how(
            metavar="|".join(Place),
            help="here: one job after another; processes: of this machine, which go on when this one ends; slurm, "
            "ray: clusters. All but the first need submitit, or ray.",
        ),
    ] = Place.HERE,
    workers: Annotated[
        int | None,
        options.how(
            "--workers",
            "-j",
            min=1,
            metavar="N",
            help="Jobs at a time: with processes, validations (profiles run alone, or one on each GPU); on a cluster, "
            "all. [default: 1; on a cluster 100]",
        ),
    ] = None,
    ranks: Annotated[
        int,
        options.advanced(
            min=1, metavar="N", help="Processes that share the images of a validation, as torchrun starts them."
        ),
    ] = 1,
    retries: _Retries = 2,
    per_pass: Annotated[
        int | None,
        options.advanced(
            min=1, metavar="N", help="Most checkpoints that share a pass over their images. [default: all]"
        ),
    ] = None,
    split: Annotated[
        int | None,
        options.what(
            min=2,
            max=1000,
            metavar="N",
            help="Split each validation by images into so many jobs, and put their answers together.",
        ),
    ] = None,
    time_limit: Annotated[
        int | None,
        options.how(min=1, metavar="MINUTES", help="Most minutes for a job. [default: none; on a cluster a day]"),
    ] = None,
    partition: Annotated[str | None, options.advanced(metavar="NAME", help="With Slurm: the partition.")] = None,
    gpus: Annotated[int, options.advanced(min=0, metavar="N", help="On a cluster: GPUs of each job.")] = 0,
    slurm: Annotated[
        list[str] | None,
        options.advanced(metavar="KEY=VALUE", help="With Slurm: another option of sbatch, such as account=lab."),
    ] = None,
    print_script: Annotated[
        bool,
        options.advanced(
            "--print-script", help="Write the plan, and print a script for sbatch that runs it; needs no submitit."
        ),
    ] = False,
    cancel: _Cancel = False,
    output: _Output = Path("results"),
    against: Annotated[
        str | None,
        options.shown(
            metavar="BASELINE",
            help="At the end run `resbench check --against BASELINE` on the records; the worse exit code counts.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, options.how("--dry-run", help="Only show the jobs, which records exist, and how long the rest may take.")
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Run every combination of names and settings, each in a process of its own.

    A job is one network or checkpoint in one setting. What has a record with the same settings on this machine is not
    measured again. A job that fails does not stop the others, and one that dies is tried again. After Ctrl-C, or when
    the process was killed, `resbench sweep resume` goes on. Exit code: that of the worst failed job, else 0.

    \b
    Examples:
      resbench sweep run 'resnet*' --exclude 'resnet1*' --batch-size 1,8 --dtype fp32 --dtype bf16
      resbench sweep run resnet50 --with fuse=false --with fuse=true --with threads=1
      resbench sweep run resnet18.tv_in1k resnet50.tv_in1k --data imagenet/val
      resbench sweep run resnet152.tv_in1k --data imagenet/val --split 8 --on slurm -o /shared/results
      resbench sweep run resnet50 --runtime eager --runtime compile --runtime onnxruntime
      resbench sweep run plan.toml --dry-run
      resbench sweep run plan.toml --against git:main
    """
    from resbench.report import sweep as report
    from resbench.sweep import forecast, plan, start

    repeated = {"batch-size": batch_size, "dtype": dtype, "runtime": runtime, "data": data}
    jobs = plan.jobs_of(plan.tables_of(names, exclude or [], plan.pairs_of(other or [], repeated)))
    start.refuse_with_json(against, as_json=as_json)
    engine = start.engine_options(
        "script" if print_script else on.value,
        workers=workers,
        ranks=ranks,
        minutes=time_limit,
        gpus=gpus,
        partition=partition,
        slurm=plan.pairs_of(slurm or []),
    )
    stored = start.stored_sweep(jobs, engine, retries=retries, together=per_pass, split=split)
    if dry_run:
        report.show_forecast(forecast.forecast(jobs, output, engine), as_json=as_json)
        return
    if print_script:
        report.print_script(start.scripted(stored, output), output)
        return
    code = report.follow(start.new_sweep(stored, output, cancel=cancel), as_json=as_json, quiet=quiet)
    raise typer.Exit(max(code, _checked(output, against)))


@sweep_.command("resume")
def sweep_resume(
    cancel: _Cancel = False,
    output: _Output = Path("results"),
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Go on with a sweep that was interrupted or killed; what failed is tried again.

    \b
    Examples:
      resbench sweep resume
      resbench sweep resume -o overnight
    """
    from resbench.report import sweep as report
    from resbench.sweep import start

    raise typer.Exit(report.follow(start.earlier_sweep(output, cancel=cancel), as_json=as_json, quiet=quiet))


@sweep_.command("status")
def sweep_status(output: _Output = Path("results"), as_json: options.AsJson = False) -> None:
    """Show which jobs are done, which failed and why, and how long the rest will take.

    \b
    Examples:
      resbench sweep status
      resbench sweep status -o overnight --json
    """
    from resbench.report import sweep as report
    from resbench.sweep.ledger import Ledger
    from resbench.sweep.summary import status_of

    ledger = Ledger(output)
    report.show_status(status_of(ledger, ledger.stored()), output, as_json=as_json)


@sweep_.command("cancel")
def sweep_cancel(output: _Output = Path("results")) -> None:
    """Stop the processes or cluster jobs that a sweep left running.

    \b
    Examples:
      resbench sweep cancel
      resbench sweep cancel -o overnight
    """
    from resbench.report import sweep as report
    from resbench.sweep import start

    report.show_cancelled(start.cancel_sweep(output))


@sweep_.command("work")
def sweep_work(
    number: Annotated[int, typer.Argument(min=0, metavar="NUMBER", help="The task of the array, from 0.")],
    output: _Output = Path("results"),
) -> None:
    """Do one task of a sweep: what the script of --print-script calls.

    \b
    Examples:
      resbench sweep work 3 -o overnight
    """
    from resbench.sweep.script import work_on

    raise typer.Exit(work_on(output, number))
