"""One pass over a set with several networks: shared among ranks, kept on disk as it goes, taken up where it stopped."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from resbench import units
from resbench.accuracy import doctor, inspection, loader, pixels, readable
from resbench.accuracy.cache import FrameCache, open_cache
from resbench.accuracy.dataset import ImageSet, Symptom
from resbench.accuracy.decoders import COMPARED, Decoder, decoder_named, largest_difference
from resbench.accuracy.distributed import Portion, Ranks
from resbench.accuracy.evaluate import Contestant, evaluate, images_per_pass
from resbench.accuracy.hypotheses import FEWEST, mislabelled
from resbench.accuracy.journal import EvaluationInterrupted, Journal, expire, root, rows_of
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.records import predictions
from resbench.records.predictions import ROW, Rows
from resbench.zoo.spec import Preprocess

# Stage ("checking", "comparing", "evaluating", or "resuming" with what an earlier run left), images done, images in all
# and right ones
Progress = Callable[[str, int, int, int | None], None]


class MislabelledError(ResbenchError):
    """Labels that fit a network only after a change that can be named."""


def silent(*_: object) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Session:
    """How a set is gone through."""

    device: torch.device
    batch_size: int
    workers: int  # threads that decode
    threads: int | None = None  # forward passes at a time, each on one core; None: one pass, on torch's threads
    group: Ranks
    on_progress: Progress = silent
    cache: Path | None = None  # a folder for frames
    decoder: Decoder = field(default_factory=lambda: decoder_named("pillow"))  # how images are decoded
    sure_of_labels: bool = False  # they fit the same images before; a network that sees nothing is no doubt of them
    portion: Portion = Portion()  # of the batches that this process, or its group, evaluates
    journals: Path | None = None  # a folder for what is evaluated, to go on from; None: one in the user's cache


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """What a contestant answered to the whole set, and where that is on disk until it is kept elsewhere."""

    rows: Rows
    journal: Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A set that the doctor has seen."""

    images: ImageSet  # those that can be evaluated, each with its digest
    skipped: tuple[str, ...]  # the unreadable ones
    symptoms: tuple[Symptom, ...]  # what else is to be said


def examined(images: ImageSet, session: Session, *, skip: bool, streams: Sequence[Preprocess]) -> Examined:
    """Return the set without its unreadable images; those cached for all `streams` are read, but not parsed again.

    Raises UnreadableImagesError when there are some and they are not to be skipped, or when no image is left, and
    ResbenchError when ranks do not see the same images.
    """
    group = session.group
    if len(set(group.gather(images.fingerprint))) > 1:
        raise ResbenchError(f"{images.name}: not the same images on every machine; give all of them the same --data")
    caches = _caches(streams, session).values()
    mine = group.share(images.samples)
    own = inspection.inspect(
        mine,
        workers=session.workers,
        on_image=lambda done: session.on_progress("checking", done, len(mine), None),
        known=lambda digest: bool(caches) and all(digest in cache.kept for cache in caches),
        streams=streams,
    )
    inspections = sorted((item for part in group.gather(own) for item in part), key=lambda item: item.name)
    digests = {item.name: item.digest for item in inspections}
    faults = inspection.unreadable(inspections)
    if faults and not (skip and len(faults) < len(images.samples)):
        raise readable.UnreadableImagesError(faults, "" if skip else readable.OR_SKIP)
    skipped = {fault.name: None for fault in faults}
    for cache in caches:
        cache.check_room([digest for name, digest in digests.items() if name not in skipped])
    usable = (replace(item, digest=digests[item.name]) for item in images.samples if item.name not in skipped)
    return Examined(
        images=replace(images, samples=tuple(usable)),
        skipped=tuple(skipped),
        symptoms=doctor.oddities(images, inspections),
    )


def score(contestants: Sequence[Contestant], images: ImageSet, session: Session) -> list[Rows]:
    """Do as `scored`, and forget what was kept on disk to go on from."""
    scores = scored(contestants, images, session)
    for score_ in scores:
        score_.journal.remove()
    return [score_.rows for score_ in scores]


def scored(contestants: Sequence[Contestant], images: ImageSet, session: Session) -> list[Scored]:
    """Return the rows of every contestant on the whole set, on every rank; for a portion, all that are known then.

    Raises MislabelledError when the labels fit a network only after a change that can be named, and
    InvalidMeasurementError for logits that are not finite; nothing is kept of such a run.
    """
    expire(session.journals or root())
    journals = [journal_of(contestant, images, session) for contestant in contestants]
    known = [
        rows_of(np.concatenate(session.group.gather(contestant.read())), images.samples) for contestant in journals
    ]
    starts = _missing(known, len(images.samples), session)
    own = session.group.share(starts)
    try:
        new = _evaluate(contestants, images, session, own, journals, known)
        scores = [
            predictions.merge_rows([old, *session.group.gather(predictions.merge_rows(rows))])
            for old, rows in zip(known, new, strict=True)
        ]
        judge = _refuse_wrong_labels if session.portion.is_whole else _refuse_early
        judge(contestants, scores, images, session)
    except (MislabelledError, InvalidMeasurementError):
        for journal in journals:
            journal.remove()
        raise
    return [Scored(rows=rows, journal=journal) for rows, journal in zip(scores, journals, strict=True)]


def journal_of(contestant: Contestant, images: ImageSet, session: Session) -> Journal:
    """Return where the rows of a contestant are kept while a set is gone through."""
    return Journal(folder=(session.journals or root()) / _key(contestant, images, session))


def decoder_words(contestant: Contestant, images: ImageSet, rows: Rows, session: Session) -> str:
    """Return what a record says of the decoder: its name, and for other than Pillow how pixels and answers differ."""
    decoder = session.decoder
    if decoder.name == pixels.DECODER:
        return decoder.name
    compared = images.samples[:COMPARED]
    count = len(compared)
    batches = loader.batches(compared, contestant.streams, starts=[0], batch_size=count, workers=session.workers)
    ((reference,),) = evaluate(
        [contestant], batches, device=session.device, batch_size=session.batch_size, threads=session.threads
    )
    levels = largest_difference(compared, contestant.preprocess, decoder)
    right = [int(predictions.top1(answers).sum()) for answers in (rows[:count], reference)]
    return (
        f"{decoder.name}: within {levels} of 255 of pillow's on {units.count_of(count, 'image')}, "
        f"{right[0]} of them right, {right[1]} with pillow's"
    )


def _evaluate(
    contestants: Sequence[Contestant],
    images: ImageSet,
    session: Session,
    starts: Sequence[int],
    journals: Sequence[Journal],
    known: Sequence[Rows],
) -> list[list[Rows]]:
    """Evaluate this rank's batches; what is done is in the journals at once."""
    streams = list(dict.fromkeys(chain.from_iterable(contestant.streams for contestant in contestants)))
    batches = loader.batches(
        images.samples,
        streams,
        starts=starts,
        batch_size=session.batch_size,
        workers=session.workers,
        pinned=session.device.type == "cuda",
        caches=_caches(streams, session),
        decoder=session.decoder,
    )
    new: list[list[Rows]] = [[] for _ in contestants]
    own = sum(len(images.samples[start : start + session.batch_size]) for start in starts)
    kept = known[0][~np.isin(known[0]["place"] // session.batch_size * session.batch_size, starts)]
    done, right = len(kept), int(predictions.top1(kept).sum())
    total = done + own  # other ranks' share is not known before the end
    if done:
        session.on_progress("resuming", done, total, right)
    scored = evaluate(
        contestants, batches, device=session.device, batch_size=session.batch_size, threads=session.threads
    )
    try:
        # A stream that is left open would be closed by garbage collection, in any thread, one of its own included.
        with closing(batches), closing(scored):
            for count, parts in enumerate(scored, start=1):
                for before, rows, journal in zip(new, parts, journals, strict=True):
                    journal.add(rows, [images.samples[place] for place in rows["place"]])
                    before.append(rows)
                done, right = done + len(parts[0]), right + int(predictions.top1(parts[0]).sum())
                session.on_progress("evaluating", done, total, right)
                if count & (count - 1) == 0:  # after 1, 2, 4, 8, ... batches
                    _refuse_early(contestants, [predictions.merge_rows(parts) for parts in new], images, session)
    except KeyboardInterrupt:
        raise EvaluationInterrupted(done, journals[0].failure) from None
    return new


def _caches(streams: Sequence[Preprocess], session: Session) -> dict[Preprocess, FrameCache]:
    if session.cache is None:
        return {}
    if session.decoder.device:
        raise ResbenchError("--cache keeps frames on disk, this --decoder on the device; leave one of them out")
    return {stream: open_cache(session.cache, stream, session.decoder.name) for stream in streams}


def _missing(known: Sequence[Rows], total: int, session: Session) -> list[int]:
    """Return where those batches of this session's portion begin that are not known of every contestant in full."""
    complete = np.logical_and.reduce([np.isin(np.arange(total), rows["place"]) for rows in known])
    size = session.batch_size
    return [start for start in session.portion.share(range(0, total, size)) if not complete[start : start + size].all()]


def _refuse_early(
    contestants: Sequence[Contestant], answers: Sequence[Rows], images: ImageSet, session: Session
) -> None:
    """Do as `_refuse_wrong_labels` once many classes were shown: blocks may be sorted by class.

    A network may take all images of one class for the next one, with labels that are right.
    """
    enough = min(FEWEST, len({sample.label for sample in images.samples}))
    if len(np.unique(answers[0]["label"])) >= enough:
        _refuse_wrong_labels(contestants, answers, images, session)


def _refuse_wrong_labels(
    contestants: Sequence[Contestant], answers: Sequence[Rows], images: ImageSet, session: Session
) -> None:
    if session.sure_of_labels:
        return
    for contestant, rows in zip(contestants, answers, strict=True):
        if wrong := mislabelled(rows, images.classes):
            right = int(predictions.top1(rows).sum())
            mend = f"{wrong.correction} in {images.labels}"
            remedy = mend if images.labels else "give the classes with --labels FILE"
            raise MislabelledError(f"{contestant.name}: {right} of {len(rows)} right: {wrong.what}; {remedy}")


def _key(contestant: Contestant, images: ImageSet, session: Session) -> str:
    """Return a name for everything that the rows depend on, besides the contents of the images."""
    together = images_per_pass(contestant.largest, session.device, session.batch_size)
    views = (contestant.views, contestant.average) if contestant.views else contestant.preprocess
    one_row = ROW.itemsize  # rows of another version are no rows of this one
    parts = (
        one_row,
        contestant.identity,
        images.fingerprint,
        (images.among, images.alike) if images.alike else images.among,
        session.batch_size,
        together,
        session.device.type,
    )
    words = "\n".join([repr(parts), repr(views), session.decoder.name, torch.__version__])
    return hashlib.sha256(words.encode()).hexdigest()[:32]
