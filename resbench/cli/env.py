"""`resbench env`."""

from typing import Annotated

from resbench.cli import options


def env_(
    device: options.Device = None,
    seconds: Annotated[
        float, options.how(min=0.1, metavar="SECONDS", help="How long to watch how busy the machine is.")
    ] = 1.0,
    as_json: Annotated[bool, options.shown("--json", help="Print JSON, as in records.")] = False,
) -> None:
    """Show this machine as records store it, and how busy it is.

    \b
    Examples:
      resbench env
      resbench env --json
    """
    from resbench import environment
    from resbench.report import environment as report
    from resbench.running.device import resolve

    report.show_environment(environment.collect(resolve(device), seconds=seconds), as_json=as_json)
