"""What int8 lost against fp32, in words."""

from collections.abc import Iterable

from resbench import units
from resbench.errors import ExitCode
from resbench.judging.accuracy import points
from resbench.judging.finding import Verdict
from resbench.judging.losses import LossJudgement, judge_loss
from resbench.records.record import Evaluation
from resbench.report import terminal


def show_losses(records: Iterable[Evaluation], max_loss: float | None) -> ExitCode:
    """Print (on stderr) what each record in int8 lost; return 1 where one lost more than `max_loss` points permit."""
    code = ExitCode.OK
    for record in records:
        if record.loss is None:
            continue
        judged = judge_loss(record.loss, record.images, None if max_loss is None else max_loss / 100)
        terminal.advice().print(loss_words(record, judged), soft_wrap=True)
        if max_loss is not None and judged.verdict == Verdict.REGRESSED:
            code = ExitCode.REGRESSED
    return code


def loss_words(record: Evaluation, judged: LossJudgement) -> str:
    """Return "resnet18.pth: int8 against fp32 on the same 200 images: -0.50 points [-2.6, +1.7] (...); ..."."""
    assert record.loss is not None, "only int8 has a loss"
    lost, gained = record.loss.top1
    permitted = points(-judged.permitted)
    meaning = {
        Verdict.OK: f"within the permitted {permitted}",
        Verdict.REGRESSED: f"more than the permitted {permitted}",
        Verdict.INCONCLUSIVE: f"inconclusive: the interval holds the permitted {permitted}; use more images",
    }[judged.verdict]
    return (
        f"{record.weights}: int8 against fp32 on the same {units.integer(record.images)} images: "
        f"{points(judged.change)} of top-1 [{100 * judged.low:+.2f}, {100 * judged.high:+.2f}] "
        f"({lost} lost, {gained} gained, p = {judged.p_value:.3g}); {meaning}"
    )
