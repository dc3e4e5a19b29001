"""What makes a validation on the CPU faster without being asked, where the first images are answered as before."""

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain

import msgspec
import numpy as np
import torch

from resbench.accuracy import loader
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.decoders import COMPARED, Decoder, decoder_named, largest_difference
from resbench.accuracy.evaluate import evaluate
from resbench.accuracy.journal import Journal
from resbench.accuracy.readable import UNREADABLE
from resbench.accuracy.session import Session, journal_of
from resbench.bench.courses import Course, identity_of
from resbench.bench.entries import Validating
from resbench.errors import ResbenchError, first_line
from resbench.records.predictions import Rows
from resbench.records.record import ChosenOptions, Settings
from resbench.records.settings import FastOption
from resbench.running.arm import answer, prepare
from resbench.running.proof import BOUNDS
from resbench.running.settings import plain
from resbench.words.settings import comparison_words

_NETWORK: tuple[FastOption, ...] = ("fuse", "channels-last")
_KEPT = "chosen.json"  # beside the rows of an interrupted run


def may_choose(validating: Validating, on: torch.device) -> bool:
    """Tell whether a validation on `on` may choose options by itself. In int8 not: it is compared with plain torch."""
    return not validating.plain and on.type == "cpu" and validating.running.dtype != "int8"


def with_fast_options(
    courses: Sequence[Course], images: ImageSet, session: Session, validating: Validating
) -> tuple[list[Course], Session]:
    """Return courses and session with the options that are faster and give the first images of a set the same answers.

    A network runs with folded batch norms in the channels-last layout if the five best classes are those of plain torch
    and logits are within the bound of an export; only in eager torch and fp32, if nobody said how it is run. simplejpeg
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
    return [_settled(course, first, images, session, decoded) for course in courses], session


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
    course: Course, first: ImageSet, images: ImageSet, session: Session, decoded: tuple[FastOption, ...]
) -> Course:
    """Return a course in the fast settings, or as it is if its answers would differ or somebody said how it is run."""
    if not (plain(course.settings) and course.settings.memory_format == "contiguous"):
        own = ChosenOptions(options=decoded, images=len(first.samples)) if decoded else None
        return replace(course, chosen=own)
    settings = replace(course.settings, fuse=True, memory_format="channels_last")
    of_plain = journal_of(course.contestant, images, session)
    of_fast = journal_of(replace(course.contestant, identity=_identity(course, settings)), images, session)
    fast: Course | None = None
    kept = session.group.gather(_kept([of_fast, of_plain]))
    chosen = kept[0]
    if chosen is None or any(other != chosen for other in kept):
        fast, answers = _compared(course, settings, first, session, decoded)
        chosen = min(session.group.gather(answers), key=lambda other: len(other.options))  # plain if one rank wants it
        _keep(of_fast if "fuse" in chosen.options else of_plain, chosen)
    if "fuse" in chosen.options:
        return replace(fast or _in_settings(course, settings), chosen=chosen)
    reason = f"{course.contestant.name}: runs as plain torch; with {', '.join(_NETWORK)}: {_reason(chosen)}"
    return replace(course, chosen=chosen, notes=(*course.notes, reason))


def _reason(chosen: ChosenOptions) -> str:
    """Return why a network runs as plain torch."""
    known = chosen.failure or chosen.differing  # else the logits are too far apart
    return comparison_words(chosen) + ("" if known else f", more than {BOUNDS['fp32']:g}")


def _compared(
    course: Course, settings: Settings, first: ImageSet, session: Session, decoded: tuple[FastOption, ...]
) -> tuple[Course | None, ChosenOptions]:
    """Answer the first images in both settings; return the course in those of `settings`, and what is to be chosen."""
    count = len(first.samples)
    session.on_progress("comparing", 0, count, None)
    try:
        fast = _in_settings(course, settings)
        differing, difference = compared_rows(*_rows(course, fast, first, session))
    except Exception as error:  # of foreign code too; plain torch may run the network, or say what is wrong
        return None, ChosenOptions(options=decoded, images=count, failure=first_line(error))
    session.on_progress("comparing", count, count, None)
    same = not differing and difference <= BOUNDS["fp32"]
    options: tuple[FastOption, ...] = (*_NETWORK, *decoded) if same else decoded
    return fast, ChosenOptions(options=options, images=count, differing=differing, difference=difference)


def _in_settings(course: Course, settings: Settings) -> Course:
    """Return a copy of a course of eager torch that runs in other settings."""
    arm = prepare(copy.deepcopy(course.arm.module), settings, course.arm.device, course.arm.classes)
    contestant = replace(course.contestant, identity=_identity(course, settings), forward=partial(answer, arm))
    return replace(course, settings=settings, arm=arm, contestant=contestant)


def _identity(course: Course, settings: Settings) -> str:
    return identity_of(course.entry.variant, course.weights_sha256, settings, course.arm)


def _rows(course: Course, fast: Course, first: ImageSet, session: Session) -> list[Rows]:
    batches = loader.batches(
        first.samples,
        course.contestant.streams,
        starts=[0],
        batch_size=len(first.samples),
        workers=session.workers,
        decoder=session.decoder,
    )
    contestants = [course.contestant, fast.contestant]
    (rows,) = evaluate(
        contestants, batches, device=session.device, batch_size=session.batch_size, threads=session.threads
    )
    return rows


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


def _kept(journals: Sequence[Journal]) -> ChosenOptions | None:
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
