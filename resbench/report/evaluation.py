"""The result of validations, and the progress towards it."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from resbench import units
from resbench.judging.claims import reproduction
from resbench.judging.gaps import UsualRange, better, falls_short, restoring, usual_range
from resbench.records.record import TOP_K, Evaluation, Gap, Pixels
from resbench.report import terminal
from resbench.report.corruption import show_corruptions
from resbench.report.setwise import meaning_of_columns, sets_table, with_standings
from resbench.words.observed import run_by
from resbench.words.quantities import WORDS, accuracy_span
from resbench.words.settings import chosen_words, setting_words
from resbench.zoo.spec import RESIZED_SIDE

if TYPE_CHECKING:
    from resbench.bench.setwise import SetColumn
    from resbench.bench.validation import Validated


def show_evaluations(records: Sequence[Evaluation], columns: "Sequence[SetColumn]" = (), *, as_json: bool) -> None:
    """Print one validation in full, several as a table, to stdout; of several sets with their `columns`.

    JSON is a list of the records; those on several sets have their `standing` too.
    """
    if as_json and columns:
        terminal.print_json_list(with_standings(records, columns))
    elif columns:
        console = terminal.results_console()
        console.print(sets_table(columns, records))
        console.print(meaning_of_columns(columns))
        for record in records[:: len(columns[0].standings)]:
            console.print(next(_conditions(record)))
    elif as_json:
        terminal.print_records(records)
    elif len(records) == 1:
        evaluation_sheet(records[0])
    else:
        evaluations_table(records)


def evaluation_sheet(record: Evaluation) -> None:
    """Print everything about one validation."""
    published = {metric: reproduction(record, metric) for metric in TOP_K}
    verdict = [""] if any(published.values()) else []  # the heading of a column, if it would hold anything
    out = Table("", "right", "of", "accuracy", "95 % interval", "published", *verdict)
    for metric, claim in published.items():
        beside = (units.percent(claim.published), claim.why) if claim else ("-",)
        out.add_row(WORDS[metric], *_counts(record.right(metric), record.images), *beside)
    if record.real_top1_right is not None and record.real_images:
        out.add_row("ReaL top-1", *_counts(record.real_top1_right, record.real_images), "-")
    console = terminal.results_console()
    console.print(terminal.titled(record.network, f" with {record.weights}"))
    console.print(out)
    if usual := usual_range(record):
        console.print(f"usual     top-1 {_usual(usual)} of {record.network}")
    for line in _conditions(record):
        console.print(line)
    show_corruptions([record], console)


def _usual(usual: UsualRange) -> str:
    several = f"to {units.percent(usual.high)} of {usual.checkpoints} published checkpoints"
    return f"{units.percent(usual.low)} {several if usual.checkpoints > 1 else 'of the published checkpoint'}"


def evaluations_table(records: Sequence[Evaluation]) -> None:
    """Print one row per validation, the best first."""
    ranked = sorted(records, key=lambda record: -record.top1_right)
    published = [reproduction(record, "top1") for record in ranked]
    verdict = [""] if any(published) else []
    real = ["ReaL right", "ReaL top-1"] if ranked[0].real_images else []  # of all or of none: they share the images
    titles = ("top-1 right", "top-1", "published", *verdict, "top-5 right", "top-5", *real, "input", "sha256")
    out = Table("checkpoint", *titles)
    for record, claims in zip(ranked, published, strict=True):
        out.add_row(
            record.weights,
            *_counts(record.top1_right, record.images)[::2],
            units.percent(claims.published) if claims else "-",
            *([claims.why if claims else ""] if verdict else []),
            *_counts(record.top5_right, record.images)[::2],
            *(_counts(record.real_top1_right or 0, record.real_images or 1)[::2] if real else ()),
            f"{record.pixels.resize_px} to {record.pixels.crop_px}, {record.pixels.interpolation}",
            record.weights_sha256[:8],
        )
    console = terminal.results_console()
    console.print(out)
    console.print(next(_conditions(records[0])))
    show_corruptions(records, console)


def note(remarks: Iterable[str]) -> None:
    """Print remarks on stderr, each once."""
    for remark in dict.fromkeys(remarks):
        terminal.advice().print(f"note: {remark}", soft_wrap=True)


def show_remarks(results: "Sequence[Validated]", *, explained: bool) -> None:
    """Print on stderr what was assumed of the images, and what to do about a figure that is not reproduced."""
    note(remark for result in results for remark in result.notes)
    for record in (result.record for result in results if falls_short(result.record) and not explained):
        if record.loss:  # which explains it
            continue
        usual = usual_range(record)
        below = f"clearly below the usual {_usual(usual)}" if usual else "below the published figure"
        note([f"{record.weights}: {below}; --explain-gap looks for the cause"])


def show_gap(name: str, gap: Gap, console: Console | None = None) -> None:
    """Print (on stderr) which twins of a checkpoint do better, if any, and the command for the best."""
    console = console or terminal.advice()
    best = restoring(gap)
    out = Table(f"{name} with", "top-1 right", "of", "gained", "lost", "")
    out.add_row("nothing changed", str(gap.top1_right), str(gap.images), "", "", "")
    for twin in gap.twins:
        verdict = Text("restores", "bold") if twin == best else "better" if better(twin, gap) else ""
        out.add_row(twin.what, str(twin.top1_right), str(gap.images), str(twin.gained), str(twin.lost), verdict)
    console.print(out)
    if best is None:
        console.print("none of these is significantly better")
    elif best.command:
        console.print(f"to validate like this: {best.command}", soft_wrap=True)
    else:
        console.print(f"{best.what}: no option validates like this; change the network or convert the checkpoint")


def saved(paths: Sequence[Path]) -> None:
    """Say on stderr where records were written."""
    for path in paths:
        terminal.advice().print(f"saved {path}", soft_wrap=True)


@contextmanager
def validating_progress(*, quiet: bool = False) -> Iterator[Callable[[str, int, int, int | None], None]]:
    """Yield what `validation` reports its progress to: a bar on stderr, on a terminal only.

    When the run is cut off, say how to go on. Pillow's warnings would tear the bar, and name no file.
    """
    columns = (
        terminal.Words("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        terminal.Words("{task.fields[about]}"),
        TimeRemainingColumn(),
    )
    with warnings.catch_warnings(), terminal.bars(*columns, quiet=quiet) as bar:
        warnings.filterwarnings("ignore", module="PIL")
        tasks: dict[str, Task] = {}

        def update(stage: str, done: int, total: int, right: int | None) -> None:
            already = done if stage == "resuming" else 0
            if already:
                stage = "evaluating"
                if not quiet:
                    kept = f"{units.integer(done)} of {units.integer(total)} images"
                    bar.console.print(f"resuming: {kept} were evaluated by an earlier run")
            task = tasks.get(stage)
            if task is None or done < task.completed or total != task.total:  # the next pass begins anew
                tasks[stage] = task = _begun(bar, stage, total, task, already)
            about = f"{task.speed:.0f} images/s" if task.speed else ""
            if right is not None:
                about += f"  top-1 {units.percent(right / done)} ({accuracy_span(right, done)})"
            bar.update(task.id, completed=done, about=about)

        try:
            yield update
        except KeyboardInterrupt as stop:
            if not quiet:
                bar.console.print(_kept(stop), soft_wrap=True)
            raise


def _kept(stop: KeyboardInterrupt) -> str:
    from resbench.accuracy.journal import EvaluationInterrupted  # needs numpy

    if not isinstance(stop, EvaluationInterrupted) or not stop.kept:
        return "interrupted; run the same command again: it continues from the answers that are kept, if there are any"
    if stop.failure:
        return f"interrupted; nothing is kept ({stop.failure}), so the same command starts from the beginning"
    return f"interrupted; {units.integer(stop.kept)} images are kept, and the same command continues from there"


def _begun(bar: Progress, stage: str, total: int, before: Task | None, already: int) -> Task:
    if before is not None:
        bar.remove_task(before.id)
    began = bar.add_task(stage, total=total, completed=already, about="")
    return next(task for task in bar.tasks if task.id == began)


def _counts(right: int, images: int) -> tuple[str, str, str, str]:
    return units.integer(right), units.integer(images), units.percent(right / images), accuracy_span(right, images)


def _views(pixels: Pixels) -> str:
    border = f", without a border of {pixels.border_px} px" if pixels.border_px else ""
    averaged = "probabilities" if pixels.tta_average == "softmax" else "logits"
    return f"{border}, {averaged} averaged over views: {pixels.tta}" if pixels.tta else border


def _conditions(record: Evaluation) -> Iterator[str]:
    data, pixels, machine = record.dataset, record.pixels, record.environment.machine
    among = f", answers chosen among {data.among} classes" if data.among else ""
    yield f"images    {data.name}: {units.integer(data.images)} of {data.classes} classes, {data.layout}{among}"
    if record.skipped:
        more = ", ..." if len(record.skipped) > 5 else ""
        yield f"skipped   {len(record.skipped)} unreadable: {', '.join(record.skipped[:5])}{more}"
    yield (
        f"pixels    {RESIZED_SIDE[pixels.crop_mode]} {pixels.resize_px}, centre crop {pixels.crop_px}, "
        f"{pixels.interpolation}, {pixels.decoder}{_views(pixels)}"
    )
    words = [
        *setting_words(record.settings),
        machine.device_name,
        f"batch {record.batch_size}",
        f"torch {machine.torch}",
    ]
    yield f"run       {', '.join(words)}"
    if record.chosen:
        yield f"chosen    {chosen_words(record.chosen)}; --plain chooses nothing"
    if runtime := run_by(record.engine, record.exported):
        yield f"runtime   {runtime}"
    yield f"weights   sha256 {record.weights_sha256[:16]}"
