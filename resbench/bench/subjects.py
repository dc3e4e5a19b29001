"""What `resbench compare` sets side by side: networks, checkpoints and records, with all that is known of each."""

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from resbench import environment
from resbench.counting.counted import counted_or_none
from resbench.errors import ResbenchError
from resbench.records.files import json_names
from resbench.records.jsonio import read_record
from resbench.records.record import Counts, Evaluation, Profile, Record
from resbench.records.runs import read_if_there
from resbench.records.store import machine_folder, network_folder, read_folder
from resbench.zoo.find import checkpoints, find, find_weights
from resbench.zoo.places import is_place
from resbench.zoo.spec import Variant, Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

One = TypeVar("One", Profile, Evaluation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One of several things side by side."""

    title: str  # its name; a letter for records, whose paths are long
    asked: str
    network: str
    checkpoint: str | None
    variant: Variant | None  # None: a record of a network that is not known here
    counts: Counts | None
    profile: Profile | None
    evaluation: Evaluation | None
    predictions: bytes | None  # of the evaluation
    published_top1: float | None  # fraction, of the checkpoint, or the best of the network


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a word stands for, and the records that may say something about it, by path."""

    word: str
    network: str
    checkpoint: str | None = None
    variant: Variant | None = None
    records: Mapping[Path, Record] = field(default_factory=dict)


def compared(words: Sequence[str], results: Path) -> list[Compared]:
    """Return what each of `words` stands for: a record, a folder of records of one network, a network, a checkpoint.

    Of names the records below `results` are taken that most of them have in common: machine and settings of profiles,
    images of evaluations. Raises ResbenchError for what is none of these.
    """
    asked = [_asked(word, results) for word in words]
    profiles = _together([_of_kind(one, Profile) for one in asked], _conditions_of, _preferred_profile)
    evaluations = _together([_of_kind(one, Evaluation) for one in asked], _images_of, _preferred_evaluation)
    chosen = zip(asked, profiles, evaluations, strict=True)
    return [_known(_title(words, index), *parts) for index, parts in enumerate(chosen)]


def _title(words: Sequence[str], index: int) -> str:
    word = words[index]
    is_name = not Path(word).exists() and words.count(word) == 1
    return word if is_name else f"{string.ascii_uppercase[index % 26]}{index // 26 or ''}"


def _asked(word: str, results: Path) -> _Asked:
    path = Path(word)
    if path.is_dir():
        return _in_folder(word, {path / name: record for name, record in read_folder(path).items()})
    if path.exists() or path.suffix == ".json":
        return _in_folder(word, {path: read_record(path)})
    variant = find(word)
    weights = None if word == variant.name else find_weights(word)  # some checkpoints bear their network's name
    folder = network_folder(variant.name)
    paths = (results / name for name in json_names(results))
    found = {path: read_record(path) for path in paths if folder in path.parts}
    own = {path: record for path, record in found.items() if _is_about(record, variant, weights)}
    return _Asked(
        word=word, network=variant.name, checkpoint=weights.name if weights else None, variant=variant, records=own
    )


def _in_folder(word: str, records: Mapping[Path, Record]) -> _Asked:
    networks = sorted({record.network for record in records.values()})
    if len(networks) > 1:
        raise ResbenchError(f"{word}: holds records of {', '.join(networks)}; give those of one network")
    checkpoints_there = {record.weights for record in records.values()}
    checkpoint = checkpoints_there.pop() if len(checkpoints_there) == 1 else None
    try:
        variant = None if is_place(networks[0]) else find(networks[0])  # a record must not say which code is run
    except ResbenchError:  # of another version or library: the record alone speaks
        variant = None
    return _Asked(word=word, network=networks[0], checkpoint=checkpoint, variant=variant, records=records)


def _is_about(record: Record, variant: Variant, weights: Weights | None) -> bool:
    """Tell whether a record is about a network; if one of its checkpoints was named, about that, or fresh weights."""
    if record.network != variant.name:
        return False
    fresh = isinstance(record, Profile) and record.weights is None
    return weights is None or fresh or record.weights == weights.name


def _of_kind(asked: _Asked, kind: type[One]) -> dict[Path, One]:
    return {path: record for path, record in asked.records.items() if isinstance(record, kind)}


def _together(
    candidates: Sequence[Mapping[Path, One]],
    key: "Callable[[One], Hashable]",
    preferred: "Callable[[One], tuple[object, ...]]",
) -> list[tuple[Path, One] | None]:
    """Choose a record for each: those that agree in `key` with most others first, then the `preferred`."""
    shared: dict[object, int] = {}
    for one in candidates:
        for value in {key(record) for record in one.values()}:
            shared[value] = shared.get(value, 0) + 1
    return [
        max(one.items(), key=lambda item: (shared[key(item[1])], *preferred(item[1])), default=None)
        for one in candidates
    ]


def _conditions_of(profile: Profile) -> "Hashable":
    return machine_folder(profile.environment.machine), profile.settings


def _preferred_profile(profile: Profile) -> tuple[object, ...]:
    here = machine_folder(profile.environment.machine) in environment.machines_here()
    return here, profile.run.started


def _images_of(evaluation: Evaluation) -> "Hashable":
    return evaluation.dataset.fingerprint, evaluation.images, evaluation.pixels.tta, evaluation.pixels.tta_average


def _preferred_evaluation(evaluation: Evaluation) -> tuple[object, ...]:
    return evaluation.images, evaluation.top1_right, evaluation.run.started


def _known(
    title: str, asked: _Asked, profile: tuple[Path, Profile] | None, evaluation: tuple[Path, Evaluation] | None
) -> Compared:
    return Compared(
        title=title,
        asked=asked.word,
        network=asked.network,
        checkpoint=asked.checkpoint or (evaluation[1].weights if evaluation else None),
        variant=asked.variant,
        counts=profile[1].counts if profile else _counts(asked.variant),
        profile=profile and profile[1],
        evaluation=evaluation and evaluation[1],
        predictions=read_if_there(evaluation[0].with_suffix(".npz")) if evaluation else None,
        published_top1=_published_top1(asked),
    )


def _counts(variant: Variant | None) -> Counts | None:
    if variant is None:
        return None
    if known := counted_or_none(variant.name):
        return known
    from resbench.bench.costs import count  # torch, which networks of the table do without

    return count(variant)


def _published_top1(asked: _Asked) -> float | None:
    weights = find_weights(asked.checkpoint) if asked.checkpoint else None
    among: Iterable[Weights] = (weights,) if weights else () if asked.checkpoint else checkpoints(asked.network)
    claims = [claim.value for one in among if (claim := one.sound_claim("top1"))]
    return max(claims, default=None)
