"""`resbench selfcheck`."""

from typing import Annotated

from resbench.cli import options


def selfcheck_(
    network: Annotated[str, options.network_argument("The network to measure.")] = "resnet18",
    input_px: Annotated[
        int, options.what("--input-px", "--img-size", min=32, metavar="PX", help="Image size: one side.")
    ] = 64,
    threads: Annotated[int, options.how(min=1, metavar="N", help="CPU threads.")] = 1,
    runs: Annotated[
        int, options.how(min=2, metavar="N", help="Comparisons of equal networks, and of each slowdown.")
    ] = 20,
    slowdown: Annotated[
        list[float] | None,
        options.how(
            min=0.001,
            max=10,
            metavar="SHARE",
            help="Slowdown to inject (0.05: 5 %); may be repeated. [default: 0.05]",
        ),
    ] = None,
    noise_floor: options.NoiseFloor = 0.01,
    limit: options.PermittedSlowdown = 0.03,
    as_json: Annotated[bool, options.shown("--json", help="Print every trial and the scores as JSON.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure how reliable comparisons on this machine are.

    Reports false alarms, power and bias of comparisons whose result is known. Two equal networks must not differ, and
    an injected slowdown (CPU time used up after every call) must be found. Takes a few minutes.

    \b
    Examples:
      resbench selfcheck
      resbench selfcheck --runs 5 --slowdown 0.03 --slowdown 0.1
    """
    from resbench.bench.selfcheck import false_alarms, scores, selfcheck
    from resbench.report import selfcheck as report
    from resbench.report.progress import timing_progress
    from resbench.timing.contest import Rules

    with timing_progress(quiet=quiet) as on_progress:
        check = selfcheck(
            network,
            input_px=input_px,
            threads=threads,
            runs=runs,
            slowdowns=slowdown or (0.05,),
            rules=Rules(floor=noise_floor, limit=limit),
            on_progress=on_progress,
        )
    report.show_selfcheck(check, scores(check), false_alarms(check), as_json=as_json)
