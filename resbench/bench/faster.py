"""What makes a validation on the CPU faster without being asked, where the first images are answered as before."""

import copy
import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from statistics import median

import msgspec
import numpy as np
import torch

from resbench.accuracy import loader
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.decoders import COMPARED, Decoder, decoder_named, largest_difference
from resbench.accuracy.evaluate import evaluate, images_per_pass
from resbench.accuracy.journal import Journal
from resbench.accuracy.loader import Batch
from resbench.accuracy.readable import UNREADABLE
from resbench.accuracy.session import Session, journal_of
from resbench.bench.courses import Course, identity_of, with_proof
from resbench.bench.entries import Validating
from resbench.bench.passes import one_pass
from resbench.errors import ResbenchError, first_line
from resbench.records.predictions import Rows
from resbench.records.record import ChosenOptions, Engine, Settings
from resbench.records.settings import FastOption
from resbench.running.arm import answer, prepare
from resbench.running.proof import BOUNDS
from resbench.running.runtimes.runtime import missing, versions_of
from resbench.running.settings import plain
from resbench.words.settings import comparison_words

Way = tuple[FastOption, ...]  # how a network is run
PLAIN: Way = ()
FOLDED: Way = ("fuse", "channels-last")
ONNX: Way = ("onnxruntime",)
_WAYS = (PLAIN, FOLDED, ONNX)  # of what ranks choose, all take the first of these
# An export takes some 15 s of CPU time. So it is tried where a set will take at least so long, and its file is used
# where it is faster by more than the noise of a few seconds.
LONG_S, FASTER, REPEATS = 300.0, 1.05, 3
_KEPT = "chosen.json"  # beside the rows of an interrupted run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _First:
    """The first images of a set, which are answered in several ways before all are."""

    batch: Batch
    share: int  # of all images, that this process will evaluate
    session: Session
    validating: Validating
    decoded: tuple[FastOption, ...]  # what was chosen for decoding

    @property
    def images(self) -> int:
        return len(self.batch.samples)

    def rows(self, course: Course) -> Rows:
        """Return the answers of a network."""
        ((rows,),) = self._evaluated(course, 1)
        return rows

    def seconds(self, course: Course) -> float:
        """Return how long a network takes to answer them, while every core is busy."""
        own = self.session
        passes = math.ceil(self.images / images_per_pass(course.contestant.largest, own.device, own.batch_size))
        times = math.ceil(2 * (own.threads or 1) / passes)
        started_s = time.monotonic()
        self._evaluated(course, times)
        return (time.monotonic() - started_s) / times

    def _evaluated(self, course: Course, times: int) -> list[list[Rows]]:
        own = self.session
        batches = [self.batch] * times
        return list(
            evaluate([course.contestant], batches, device=own.device, batch_size=own.batch_size, threads=own.threads)
        )


def may_choose(validating: Validating, on: torch.device) -> bool:
    """Tell whether a validation on `on` may choose options by itself. In int8 not: it is compared with plain torch."""
    return not validating.plain and on.type == "cpu" and validating.running.dtype != "int8"


def with_fast_options(
    courses: Sequence[Course], images: ImageSet, session: Session, validating: Validating
) -> tuple[list[Course], Session]:
    """Return courses and session with the options that are faster and give the first images of a set the same answers.

    A network runs with folded batch norms in the channels-last layout if the five best classes are those of plain torch
    and logits are within the bound of an export; only in eager torch and fp32, if nobody said how it is run. Where the
    set will take long it runs in ONNX Runtime, if that is installed, answers alike and is faster still. simplejpeg
    decodes if its pixels are Pillow's, where nobody named a decoder or a cache of frames. What an interrupted run chose
    is taken again, and every rank takes the same.
    """
    if not may_choose(validating, session.device):
        return list(courses), session
    first = replace(images, samples=images.samples[:COMPARED])
    decoder: Decoder | None = None
    if validating.decoder is None and session.cache is None:
        decoder, reason = _equal_decoder(courses, first)
        decoder = decoder if all(session.group.gather(decoder is not None)) else None
        courses = [replace(course, notes=(*course.notes, *reason)) for course in courses]
    session = replace(session, decoder=decoder or session.decoder)
    decoded: tuple[FastOption, ...] = ("simplejpeg",) if decoder else ()
    return [_settled(course, first, images, session, validating, decoded) for course in courses], session


def _equal_decoder(courses: Sequence[Course], first: ImageSet) -> tuple[Decoder | None, tuple[str, ...]]:
    """Return simplejpeg if its pixels are Pillow's; else None, with a note where it is installed."""
    streams = dict.fromkeys(chain.from_iterable(course.contestant.streams for course in courses))
    if all(sample.encoding == "cifar" for sample in first.samples):  # no JPEG
        return None, ()
    with suppress(ResbenchError, *UNREADABLE):  # not installed, or the run will say what is wrong with the image
        decoder = decoder_named("simplejpeg")
        levels = max(largest_difference(first.samples, stream, decoder) for stream in streams)
        if not levels:
            return decoder, ()
        return None, (f"decoded by Pillow: pixels of simplejpeg differ by up to {levels} of 255",)
    return None, ()


def _settled(
    course: Course,
    first: ImageSet,
    images: ImageSet,
    session: Session,
    validating: Validating,
    decoded: tuple[FastOption, ...],
) -> Course:
    """Return a course in the fast settings, or as it is if its answers would differ or somebody said how it is run."""
    if not (plain(course.settings) and course.settings.memory_format == "contiguous"):
        own = ChosenOptions(options=decoded, images=len(first.samples)) if decoded else None
        return replace(course, chosen=own)
    journals = {
        way: journal_of(replace(course.contestant, identity=_identity(course, way)), images, session)
        for way in _ways(session)
    }
    made: dict[Way, Course] = {PLAIN: course}
    kept = session.group.gather(_kept(journals.values()))
    chosen = kept[0]
    if chosen is None or any(other != chosen for other in kept):
        trial = _First(
            batch=_batch(course, first, session),
            share=math.ceil(len(images.samples) / session.group.size),
            session=session,
            validating=validating,
            decoded=decoded,
        )
        chosen = min(session.group.gather(_compared(made, trial)), key=lambda other: _WAYS.index(_way(other)))
        _keep(journals[_way(chosen)], chosen)
    way = _way(chosen)
    settled = made[way] if way in made else _made(course, way, session, validating)
    reason = f"{course.contestant.name}: runs as plain torch; with {', '.join(FOLDED)}: {_reason(chosen)}"
    return replace(settled, chosen=chosen, notes=settled.notes if way else (*settled.notes, reason))


def _ways(session: Session) -> tuple[Way, ...]:
    """Return how a network may be run. Of a portion of the set no time is taken: all must choose alike."""
    exports = session.portion.is_whole and not missing("onnxruntime")
    return _WAYS if exports else (PLAIN, FOLDED)


def _way(chosen: ChosenOptions) -> Way:
    return tuple(option for option in chosen.options if option != "simplejpeg")


def _reason(chosen: ChosenOptions) -> str:
    """Return why a network runs as plain torch."""
    known = chosen.failure or chosen.differing  # else the logits are too far apart
    return comparison_words(chosen) + ("" if known else f", more than {BOUNDS['fp32']:g}")


def _batch(course: Course, first: ImageSet, session: Session) -> Batch:
    streams, count = course.contestant.streams, len(first.samples)
    (batch,) = loader.batches(
        first.samples, streams, starts=[0], batch_size=count, workers=session.workers, decoder=session.decoder
    )
    return batch


def _compared(made: dict[Way, Course], first: _First) -> ChosenOptions:
    """Answer the first images in all ways; return what is to be chosen, and add the courses that answer alike."""
    first.session.on_progress("comparing", 0, first.images, None)
    chosen = _tried(FOLDED, made, first)
    best = made[_way(chosen)]
    if ONNX in _ways(first.session) and first.seconds(best) / first.images * first.share > LONG_S:
        exported = _tried(ONNX, made, first)
        if ONNX in made and median(first.seconds(best) / first.seconds(made[ONNX]) for _ in range(REPEATS)) > FASTER:
            chosen = exported
    first.session.on_progress("comparing", first.images, first.images, None)
    return chosen


def _tried(way: Way, made: dict[Way, Course], first: _First) -> ChosenOptions:
    """Say how the first images are answered in a way; if as in plain torch, add the course to `made`."""
    try:
        fast = _made(made[PLAIN], way, first.session, first.validating)
        differing, difference = compared_rows(first.rows(made[PLAIN]), first.rows(fast))
    except Exception as error:  # of foreign code too; plain torch may run the network, or say what is wrong
        return ChosenOptions(options=first.decoded, images=first.images, failure=first_line(error))
    same = not differing and difference <= BOUNDS["fp32"]
    if same:
        made[way] = fast
    options = (*way, *first.decoded) if same else first.decoded
    return ChosenOptions(options=options, images=first.images, differing=differing, difference=difference)


def _made(course: Course, way: Way, session: Session, validating: Validating) -> Course:
    """Return a copy of a course of eager torch that runs in a way. Raises what `prepare` and `with_proof` do."""
    settings = _settings(course.settings, way)
    arm = prepare(copy.deepcopy(course.arm.module), one_pass(settings), course.arm.device, course.arm.classes)
    contestant = replace(course.contestant, identity=_identity(course, way), forward=partial(answer, arm))
    return with_proof(replace(course, settings=settings, arm=arm, contestant=contestant), validating, session)


def _settings(settings: Settings, way: Way) -> Settings:
    if way == ONNX:
        return replace(settings, runtime="onnxruntime")
    return replace(settings, fuse=True, memory_format="channels_last") if way == FOLDED else settings


def _identity(course: Course, way: Way) -> str:
    settings = _settings(course.settings, way)
    arm = replace(course.arm, engine=Engine(versions=versions_of(settings.runtime)))
    return identity_of(course.entry.variant, course.weights_sha256, settings, arm)


def compared_rows(expected: Rows, rows: Rows) -> tuple[int, float]:
    """Return how many images have other five best classes, and the largest difference of a logit.

    That is as a share of the largest logit of the image: of the five best, that of its class and the logsumexp of all.
    """
    before, after = (
        np.column_stack([answers["logits"], answers["own"], answers["logsumexp"]]).astype(float)
        for answers in (expected, rows)
    )
    there = np.isfinite(before)  # all, if there are five classes
    scale = np.abs(before, where=there, out=np.zeros_like(before)).max(1, keepdims=True)
    apart = np.subtract(after, before, where=there, out=np.zeros_like(before))
    difference = np.abs(apart) / np.maximum(scale, np.finfo(float).tiny)
    return int((expected["top5"] != rows["top5"]).any(1).sum()), float(difference.max())


def _kept(journals: Iterable[Journal]) -> ChosenOptions | None:
    """Return what an interrupted run chose; None: there was none."""
    for journal in journals:
        with suppress(OSError, UnicodeDecodeError, msgspec.MsgspecError):
            return msgspec.json.decode((journal.folder / _KEPT).read_bytes(), type=ChosenOptions)
    return None


def _keep(journal: Journal, chosen: ChosenOptions) -> None:
    """Keep what was chosen, in case the run is interrupted; a folder that cannot be written to stops nothing."""
    with suppress(OSError):
        journal.folder.mkdir(parents=True, exist_ok=True)
        (journal.folder / _KEPT).write_bytes(msgspec.json.encode(chosen))
