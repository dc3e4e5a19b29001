"""How far long work has come: a bar on stderr, on a terminal only."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TimeElapsedColumn, TimeRemainingColumn

from resbench.report import terminal

Item = TypeVar("Item")


def tracked(what: str, items: Iterable[Item], total: int, *, quiet: bool = False) -> Iterator[Item]:
    """Yield `items` under a bar that counts them."""
    columns = (terminal.Words("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with terminal.bars(*columns, quiet=quiet) as bar:
        yield from bar.track(items, total, description=what)


@contextmanager
def timing_progress(*, quiet: bool = False) -> Iterator[Callable[[str, float], None]]:
    """Yield what takes (stage, share done); every stage gets a bar with an estimate of the time that it still needs."""
    columns = (terminal.Words("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with terminal.bars(*columns, quiet=quiet) as bar:
        tasks: dict[str, TaskID] = {}

        def update(stage: str, share: float) -> None:
            if stage not in tasks:
                for task in tasks.values():
                    bar.update(task, visible=False)
                tasks[stage] = bar.add_task(stage, total=1.0)
            bar.update(tasks[stage], completed=share)

        yield update


@contextmanager
def progress() -> Iterator[Callable[..., None]]:
    """Show how far `resbench.profile` or `resbench.validate` has come; what it yields is their `on_progress`.

    A bar on a terminal, and in a notebook where ipywidgets is installed; nothing elsewhere.

        with resbench.progress() as bar:
            resbench.profile("resnet18", on_progress=bar)
    """
    from resbench.report.evaluation import validating_progress

    with ExitStack() as stack:
        shown: list[Callable[..., None]] = []

        def update(stage: str, *figures: float | None) -> None:
            if not shown:  # the first report tells which of both it is
                bar: Any = timing_progress() if len(figures) == 1 else validating_progress()
                shown.append(stack.enter_context(bar))
            shown[0](stage, *figures)

        yield update
