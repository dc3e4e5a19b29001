"""The demo: what it does step by step, each with the command that a user would type."""

import shlex
import time
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from resbench.demo import IMAGES, NETWORK, WEIGHTS
from resbench.errors import ExitCode, InvalidMeasurementError, ResbenchError
from resbench.report.progress import timing_progress

Run = Callable[[list[str]], object]  # runs a command of resbench and returns its exit code

PLACE = f"{NETWORK}:DemoNet"
VALIDATE = f"validate {PLACE} --weights {WEIGHTS} --data {IMAGES} --save"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the demo: a command, or what the demo itself does in the current folder."""

    title: str
    command: str = ""
    code: int = 0  # with which the command must end
    work: Callable[[Callable[[float], None]], None] | None = None  # is given what takes the share done


def _make(on_progress: Callable[[float], None]) -> None:
    from resbench.demo.making import make

    make(Path(), on_progress)


def _swap_colours(_: Callable[[float], None]) -> None:
    from resbench.demo.making import swap_colours

    swap_colours(Path())


STEPS = (
    Step(title="Draw images of ten of ImageNet's classes, and train a tiny residual network on them.", work=_make),
    Step(title="Count the network and measure its speed.", command=f"profile {PLACE} --time-budget 1 --save"),
    Step(title="Measure its accuracy on images that it has not seen.", command=VALIDATE),
    Step(title="Write its model card from these records.", command=f"card {PLACE}"),
    Step(title="Write all records as one HTML page.", command="report"),
    Step(
        title="Break the weights: red and blue change places, as in code that reads images with OpenCV.",
        work=_swap_colours,
    ),
    Step(title="Validate the broken network; its record goes into another folder.", command=f"{VALIDATE} -o after"),
    Step(
        title="Compare the new record with the first one. The accuracy has regressed, so the exit code is 1.",
        command="check after/{record} --against results/{record}",
        code=ExitCode.REGRESSED,
    ),
)


def show_demo(folder: Path, run: Run, *, quiet: bool) -> None:
    """Make `folder` and take the steps in it. Raises ResbenchError when it exists, or a command ends otherwise."""
    started_s = time.monotonic()
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ResbenchError(f"{folder}: {error.strerror}; name a new folder with --output") from None
    with chdir(folder):
        for number, step in enumerate(STEPS, 1):
            print(f"\n{number} of {len(STEPS)}. {step.title}", flush=True)
            if step.work:
                with timing_progress(quiet=quiet) as on_progress:
                    step.work(partial(on_progress, "training"))
            else:
                _run(step, run)
    took_s = time.monotonic() - started_s
    print(f"\nThe demo took {took_s:.0f} s. The card (cards/), the page (report.html) and the records lie in {folder}.")


def _run(step: Step, run: Run) -> None:
    command = step.command.format(
        record=next((path.relative_to("after") for path in Path("after").rglob("*.json")), "")
    )
    print(f"$ resbench {command}", flush=True)
    code = run(shlex.split(command)) or 0
    if code != step.code:
        raise InvalidMeasurementError(f"resbench {command}: exit code {code} instead of {step.code}")
