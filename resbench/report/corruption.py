"""Errors on corrupted images, as tables."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from resbench import units
from resbench.judging.corruption import CorruptionErrors, corruption_errors
from resbench.records.corruptions import SEVERITIES, CorruptedFigure, Corruptions
from resbench.records.record import Evaluation
from resbench.report.terminal import figure_columns


def show_corruptions(records: Sequence[Evaluation], console: Console) -> None:
    """Print the errors of one checkpoint by kind and severity, of several a row for each; nothing where none are."""
    with_errors = [(record, errors) for record in records if (errors := errors_of(record))]
    if not with_errors or not (corruptions := with_errors[0][0].corruptions):
        return
    errors, alone = with_errors[0][1], len(records) == 1
    console.print(errors_by_kind(corruptions.figures, errors) if alone else _by_checkpoint(with_errors))
    for line in _meaning(corruptions, errors, alone=alone):
        console.print(line)


def errors_of(record: Evaluation) -> CorruptionErrors | None:
    """Return a record's errors on corrupted images; None where there are none."""
    if record.corruptions is None or not record.images:
        return None
    return corruption_errors(record.corruptions, 1 - record.top1_right / record.images)


def errors_by_kind(figures: Sequence[CorruptedFigure], errors: CorruptionErrors) -> Table:
    """Return the errors of a checkpoint, a row for each kind."""
    other_pixels = {figure.kind for figure in figures if figure.levels_off}
    severities = [s for s in SEVERITIES if any(s in kind.by_severity for kind in errors.kinds)]
    table = Table("error at severity", *figure_columns(*map(str, severities), "mean", "of AlexNet's"))
    for kind in errors.kinds:
        shares = [kind.by_severity.get(severity) for severity in severities]
        cells = ["-" if share is None else units.percent(share, 1) for share in shares]
        over = "-" if kind.over_alexnet is None else units.percent(kind.over_alexnet, 1)
        mark = "*" if kind.kind in other_pixels else ""
        table.add_row(f"{kind.kind}{mark}", *cells, units.percent(kind.mean, 1), over)
    return table


def _by_checkpoint(with_errors: Sequence[tuple[Evaluation, CorruptionErrors]]) -> Table:
    titles = ("clean error", "mean error", "mCE", "relative mCE")
    table = Table("corrupted", *figure_columns(*titles))
    for record, errors in sorted(with_errors, key=lambda pair: pair[1].mean):
        shares = (errors.clean, errors.mean, errors.mce, errors.relative_mce)
        table.add_row(record.weights, *("-" if share is None else units.percent(share) for share in shares))
    return table


def _meaning(corruptions: Corruptions, errors: CorruptionErrors, *, alone: bool) -> Iterator[str]:
    if alone:
        mean, clean = units.percent(errors.mean), units.percent(errors.clean)
        yield f"corrupted {len(corruptions.figures)} times: mean error {mean}, clean {clean}"
    if errors.mce is None:
        yield "mCE: needs all 15 common kinds at all 5 severities"
    elif alone and errors.mean_common is not None and errors.relative_mce is not None:
        yield (
            f"of the 15 common kinds: mean error {units.percent(errors.mean_common)} (plain); mCE "
            f"{units.percent(errors.mce)}, relative mCE {units.percent(errors.relative_mce)} (over AlexNet's errors on "
            "50,000 images of 224 px, Hendrycks & Dietterich 2019)"
        )
    yield f"made by   {corruptions.source}, {corruptions.side_px} px"
    if any(figure.levels_off for figure in corruptions.figures):
        yield "          * other pixels than ImageNet-C's own code gives, by as many levels as the record says"
