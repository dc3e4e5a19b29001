"""Checkpoints on corrupted images, each made or read once for all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path

from resbench.accuracy.corruption import (
    SMALLEST_PX,
    Corruption,
    chosen_corruptions,
    corrupting_in,
    library,
)
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.decoders import CleanFrames, corrupting
from resbench.accuracy.downloaded import DOWNLOADED, downloaded_sets
from resbench.accuracy.evaluate import Contestant
from resbench.accuracy.journal import Journal
from resbench.accuracy.labels import levels_off
from resbench.accuracy.session import Progress, Scored, Session, examined, scored
from resbench.bench.entries import Entry, Validating
from resbench.errors import ResbenchError
from resbench.records.corruptions import CorruptedFigure, Corruptions
from resbench.records.predictions import top1, top5
from resbench.running.allocator import keep_memory

_PILLOWS_PIXELS = ("pillow", "simplejpeg")
_OWN_PARAMETERS = ("CIFAR-10", "CIFAR-100")  # CIFAR-10-C is made with other parameters, for 32 px


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionPlan:
    """What corrupted images are evaluated."""

    asked: str
    source: str  # who made the images
    chosen: tuple[Corruption, ...]  # made from the clean images
    sets: dict[Corruption, ImageSet]  # or read
    processes: bool  # make them in processes
    skip_unreadable: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CorruptedScore:
    """A checkpoint on all corrupted images, and where its answers lie until the record is kept."""

    corruptions: Corruptions
    journals: tuple[Journal, ...]


def plan_of(
    asked: str, sets: Sequence[ImageSet], entries: Sequence[Entry], validating: Validating, *, processes: bool
) -> CorruptionPlan:
    """Return what `asked` stands for: kinds, or a folder or archive of ImageNet-C.

    Raises ResbenchError for what cannot be made or read.
    """
    if validating.tta:
        raise ResbenchError(f"--corruptions: evaluated on one view of an image; leave --tta {validating.tta} out")
    if validating.decoder not in (None, *_PILLOWS_PIXELS):
        raise ResbenchError(f"--corruptions: made from Pillow's pixels, not by {validating.decoder}; use simplejpeg")
    if (side := min(entry.preprocess.crop_px for entry in entries)) < SMALLEST_PX:
        raise ResbenchError(f"--corruptions: images of {side} px are too small; give --img-size {SMALLEST_PX} or more")
    if len(sets) > 1:
        raise ResbenchError(f"--corruptions: of one set, given {len(sets)}; give one --data")
    if sets[0].name in _OWN_PARAMETERS:
        raise ResbenchError(f"--corruptions: {sets[0].name}-C has parameters of its own; give images of ImageNet")
    read = downloaded_sets(Path(asked)) if Path(asked).exists() else {}
    return CorruptionPlan(
        asked=Path(asked).name if read else asked,
        chosen=() if read else chosen_corruptions(asked),
        source=DOWNLOADED if read else library(),
        sets=read,
        processes=processes,
        skip_unreadable=validating.skip_unreadable,
    )


def on_corrupted(
    contestants: Sequence[Contestant], images: ImageSet, session: Session, plan: CorruptionPlan
) -> list[CorruptedScore]:
    """Evaluate contestants on the corrupted images of a set that was evaluated before.

    Raises as `scored` does; labels are not doubted, since the clean images fit them.
    """
    figures: list[list[CorruptedFigure]] = [[] for _ in contestants]
    journals: list[list[Journal]] = [[] for _ in contestants]
    passes = _read(contestants, session, plan) if plan.sets else _made(contestants, images, session, plan)
    for corruption, places, scores in passes:
        for place, score in zip(places, scores, strict=True):
            figures[place].append(_figure(corruption, score, made=not plan.sets))
            journals[place].append(score.journal)
    return [
        CorruptedScore(
            corruptions=Corruptions(
                asked=plan.asked,
                source=plan.source,
                side_px=contestant.preprocess.crop_px,
                figures=tuple(own),
            ),
            journals=tuple(kept),
        )
        for contestant, own, kept in zip(contestants, figures, journals, strict=True)
    ]


Pass = tuple[Corruption, Sequence[int], list[Scored]]  # whose images, by which contestants, their answers


def _made(
    contestants: Sequence[Contestant], images: ImageSet, session: Session, plan: CorruptionPlan
) -> Iterator[Pass]:
    """Yield the scores on images that are made, once for all contestants of one size."""
    sides = [contestant.preprocess.crop_px for contestant in contestants]
    by_side = groupby(sorted(range(len(sides)), key=sides.__getitem__), key=sides.__getitem__)
    groups = [(side, list(places)) for side, places in by_side]
    report = _Counted(session.on_progress, len(plan.chosen) * len(groups))
    # Arrays of a megabyte, one after another: zoom blur took three times as long where each was cleared anew.
    with corrupting_in(session.workers, processes=plan.processes, prepare=keep_memory) as corrupt:
        for side, places in groups:
            own = [_as_they_are(contestants[place]) for place in places]
            clean = CleanFrames(session.decoder, side)
            for corruption in plan.chosen:
                decoder = corrupting(clean, corruption, corrupt)
                within = replace(
                    session, decoder=decoder, cache=None, sure_of_labels=True, on_progress=report.next_pass()
                )
                yield corruption, places, scored(own, images, within)


def _read(contestants: Sequence[Contestant], session: Session, plan: CorruptionPlan) -> Iterator[Pass]:
    """Yield the scores on images of ImageNet-C."""
    own = [_as_they_are(contestant) for contestant in contestants]
    streams = list(dict.fromkeys(chain.from_iterable(contestant.streams for contestant in own)))
    report = _Counted(session.on_progress, len(plan.sets))
    for corruption, images in plan.sets.items():
        within = replace(session, cache=None, sure_of_labels=True, on_progress=report.next_pass())
        seen = examined(images, within, skip=plan.skip_unreadable, streams=streams)
        yield corruption, range(len(own)), scored(own, seen.images, within)


def _as_they_are(contestant: Contestant) -> Contestant:
    """Return a contestant that takes images whole, which were cut before they were corrupted."""
    preprocess = replace(contestant.preprocess, crop_pct=1.0, crop_mode="center", border_px=0)
    return replace(contestant, preprocess=preprocess)


def _figure(corruption: Corruption, score: Scored, *, made: bool) -> CorruptedFigure:
    return CorruptedFigure(
        kind=corruption.kind,
        severity=corruption.severity,
        images=len(score.rows),
        top1_right=int(top1(score.rows).sum()),
        top5_right=int(top5(score.rows).sum()),
        levels_off=levels_off()[corruption.kind][corruption.severity - 1] if made else None,
    )


class _Counted:
    """Reports many passes as one stage."""

    def __init__(self, on_progress: Progress, passes: int) -> None:
        self.on_progress, self.passes, self.passed = on_progress, passes, -1

    def next_pass(self) -> Progress:
        """Return what the next pass reports its progress to."""
        self.passed += 1
        passed = self.passed

        def update(stage: str, done: int, total: int, _: int | None) -> None:
            if stage != "checking":
                self.on_progress("corrupted", passed * total + done, self.passes * total, None)

        return update
