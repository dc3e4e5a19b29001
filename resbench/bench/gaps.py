"""What explains a gap to a published accuracy: checkpoints beside their arithmetic twins, on a sample."""

import copy
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.decoders import Decoder, decoder_named
from resbench.accuracy.distributed import Ranks
from resbench.accuracy.evaluate import Contestant
from resbench.accuracy.figures import gap
from resbench.accuracy.session import Progress, Session, examined, score, silent
from resbench.accuracy.twins import STRIDES, twins
from resbench.bench.entries import Entry, Validating, checkpoint_of, fitted, select
from resbench.bench.losses import in_fp32
from resbench.bench.passes import session_of, settings_of
from resbench.bench.validation import Validated
from resbench.records import store
from resbench.records.predictions import Predictions, Rows
from resbench.records.record import Gap, Settings
from resbench.running.arm import Arm, answer, prepare
from resbench.running.device import resolve
from resbench.running.settings import switches
from resbench.zoo.find import look_alikes
from resbench.zoo.spec import Preprocess, ResNetSpec, Variant

GAP_IMAGES = 500  # on which twins are compared: enough to tell a gap of some points


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trial:
    """A network in one way of being run, differing in one thing from how it was asked for."""

    what: str
    module: nn.Module
    preprocess: Preprocess
    settings: Settings
    decoder: Decoder


def explain_gaps(
    networks: Sequence[str | Variant],
    weights: Sequence[str | Path],
    data: Path,
    validating: Validating,
    on_progress: Progress = silent,
) -> list[Gap]:
    """Evaluate twins of checkpoints on a sample of `data`, to find what explains a gap to a published accuracy.

    Each differs in one thing from the network as `validating` has it, but runs in eager torch. Arguments and errors are
    those of `validate_all`.
    """
    (images,), entries = select(networks, weights, [data], validating)
    entries = [fitted(entry, images) for entry in entries]
    images = images.spread(GAP_IMAGES)
    on = resolve(validating.device)
    return [_gap(entry, images, data, on, validating, on_progress) for entry in entries]


def keep(results: Sequence[Validated], gaps: Sequence[Gap], root: Path) -> None:
    """Add what was found to the records that were saved below `root`. Raises ResbenchError when that fails."""
    for result, gap_ in zip(results, gaps, strict=True):
        store.save(replace(result.record, gap=gap_), root)


def _gap(
    entry: Entry, images: ImageSet, data: Path, on: torch.device, validating: Validating, on_progress: Progress
) -> Gap:
    loaded = checkpoint_of(entry, validating)
    validating = in_fp32(validating) if validating.running.dtype == "int8" else validating
    running = replace(validating.running, runtime="eager", compile_mode=None)
    settings = settings_of(entry, running, on)
    decoder = decoder_named(validating.decoder, on)
    own = _Trial(what="as it is", module=loaded.module, preprocess=entry.preprocess, settings=settings, decoder=decoder)
    trials = [own, *_others(own)]
    with switches(settings):
        contestants = _contestants(trials, entry, loaded.sha256, images, on)
        session = session_of(contestants, settings, on, Ranks(), validating, on_progress)
        streams = list(dict.fromkeys(contestant.preprocess for contestant in contestants))
        usable = examined(images, session, skip=validating.skip_unreadable, streams=streams).images
        scores = _scored(trials, contestants, usable, session)
    names = tuple(sample.name for sample in usable.samples)
    first, *others = (Predictions(names=names, rows=rows) for rows in scores)
    twins = []
    for trial, answers in zip(trials[1:], others, strict=True):
        row = _network_of(trial, entry.variant)
        what = f"{trial.what}: {row.name}" if row else trial.what
        twins.append((what, _command(own, trial, row, entry, loaded.path, data, validating), answers))
    return gap(first, twins)


def _network_of(trial: _Trial, own: Variant) -> Variant | None:
    """Return the network of the table that a twin is."""
    spec = own.spec
    if trial.what == STRIDES and isinstance(spec, ResNetSpec):
        for other in look_alikes(own):
            if isinstance(other.spec, ResNetSpec) and replace(other.spec, stride_on=spec.stride_on) == spec:
                return other
    return None


def _command(
    own: _Trial, trial: _Trial, row: Variant | None, entry: Entry, path: Path, data: Path, validating: Validating
) -> str | None:
    """Return the command that validates as a trial did; None when no option says how."""
    weights: list[str] = ["--weights", str(entry.weights)] if entry.weights else []
    if row:
        return _words(data, validating, ["--weights", str(path), row.name])
    if trial.module is not own.module or trial.decoder.name not in (own.decoder.name, decoder_named("pillow").name):
        return None
    asked = {field: getattr(trial.preprocess, field) for field in ("mean", "std", "interpolation", "crop_pct")}
    changes = {field: value for field, value in asked.items() if value != getattr(own.preprocess, field)}
    name = validating.decoder if trial.decoder.name == own.decoder.name else "pillow"
    running = validating.running
    if trial.settings != own.settings:
        running = replace(running, runtime="eager", dtype=trial.settings.dtype, amp=False)
    changed = replace(validating, running=running, decoder=name, **changes)
    return _words(data, changed, [*weights, entry.asked])


def _words(data: Path, validating: Validating, names: Sequence[str]) -> str:
    """Return the command line of a validation; what has its default is left out."""
    words = ["resbench", "validate", "--data", str(data)]
    for options in (validating, validating.running):
        for field in fields(options):
            value = getattr(options, field.name)
            if value == field.default or field.name == "running":
                continue
            words.append("--img-size" if field.name == "input_px" else f"--{field.name.replace('_', '-')}")
            if not isinstance(value, bool):
                words += map(str, value if isinstance(value, tuple) else (value,))
    return shlex.join([*words, *names])


def _others(own: _Trial) -> Iterator[_Trial]:
    for twin in twins(own.module, own.preprocess):
        yield replace(
            own, what=twin.what, module=twin.module, preprocess=twin.preprocess, decoder=twin.decoder or own.decoder
        )
    if own.decoder.name != (pillow := decoder_named("pillow")).name:
        yield replace(own, what="pixels of Pillow", decoder=pillow)
    yield from _other_types(own)


def _other_types(own: _Trial) -> Iterator[_Trial]:
    plain = replace(own.settings, amp=False)
    for dtype in ("fp32", "bf16"):
        if plain.dtype != dtype:
            yield replace(own, what=f"everything in {dtype}", settings=replace(plain, dtype=dtype))


def _contestants(
    trials: Sequence[_Trial], entry: Entry, sha256: str, images: ImageSet, on: torch.device
) -> list[Contestant]:
    """Return the trials ready to run; those that differ in their input only share a network."""
    arms: dict[tuple[int, Settings], Arm] = {}
    for trial in trials:
        if (id(trial.module), trial.settings) not in arms:
            module = copy.deepcopy(trial.module) if trial.module is trials[0].module else trial.module
            arms[id(trial.module), trial.settings] = prepare(module, trial.settings, on, entry.variant.classes)
    return [
        Contestant(
            name=entry.asked,
            identity=f"{entry.variant.name} {sha256} {trial.what} {replace(trial.settings, threads=None)}",
            forward=partial(answer, arms[id(trial.module), trial.settings]),
            preprocess=trial.preprocess,
            among=images.among,
            alike=images.alike,
        )
        for trial in trials
    ]


def _scored(
    trials: Sequence[_Trial], contestants: Sequence[Contestant], images: ImageSet, session: Session
) -> list[Rows]:
    """Return the rows of all contestants in order; those whose images are decoded alike share a pass."""
    rows_by_place: dict[int, Rows] = {}
    for decoder in {trial.decoder.name: trial.decoder for trial in trials}.values():
        places = [place for place, trial in enumerate(trials) if trial.decoder.name == decoder.name]
        rows = score([contestants[place] for place in places], images, replace(session, decoder=decoder))
        rows_by_place |= dict(zip(places, rows, strict=True))
    return [rows_by_place[place] for place in range(len(trials))]
