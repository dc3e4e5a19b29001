"""Which images form one set: never those of two sets together."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from resbench import units
from resbench.accuracy.dataset import File, Sample, Symptom
from resbench.errors import ResbenchError

Split = Literal["validation", "training", "test"]
_WHAT = r"(sets?|data|images?)?"
_WORDS: dict[Split, str] = {
    "training": rf"train(ing|val)?{_WHAT}",
    "validation": rf"(val(id(ation|ate|ating)?)?|eval(uation)?|dev){_WHAT}",
    "test": rf"test(ing)?{_WHAT}",
}
_NAMED = 5
_ANY_CLASS = "*"  # stands for the folder of a class where parts lie below it


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The images of one split, and what lies beside it."""

    files: list[File]
    left_out: tuple[Symptom, ...] = ()
    beside: frozenset[File] = frozenset()  # the images that are left out with other parts
    folders: tuple[str, ...] = ()  # of these parts, with a slash behind
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The images of one split with their classes, and where these come from."""

    layout: str
    chosen: Chosen
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    classes: int = 1000
    name: str | None = None  # of the set, where its classes tell it
    class_names: tuple[str, ...] = ()  # of classes that are no published set's, in the order of the outputs
    alike: tuple[tuple[int, ...], ...] = ()  # classes that count as one, each time the first of them


def root_of(above: Sequence[str], below: Sequence[str]) -> str:
    """Return the folders that tell the part of an image: those above its class's, else those below it."""
    if any(map(split_of, below)) and not any(map(split_of, above)):
        return "/".join([*above, _ANY_CLASS, *below])
    return "/".join(above)


def split_of(folder: str) -> Split | None:
    """Return which part of a data set a folder's name stands for."""
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", folder).lower())
    return next((split for split, known in _WORDS.items() if any(re.fullmatch(known, word) for word in words)), None)


def choose_split(path: Path, roots: Mapping[File, str], *, all_belong: bool, noun: str = "image") -> Chosen:
    """Return the validation images among `roots` (each image's folders above that of its class).

    The validation part goes before the test part, and either before the training part. Images outside all parts are a
    set of their own where `all_belong`, else they are left out with the other parts.
    Raises ResbenchError where more than one part may be meant.
    """
    part_of = {root: _part(root) for root in set(roots.values())}
    parts = {file: part_of[root] for file, root in roots.items()}
    sizes = Counter(parts.values())
    by_split = {
        split: [part for part in sizes if part and split_of(part.rpartition("/")[2]) == split] for split in _WORDS
    }
    if len(sizes) == 1:
        training = [
            f"all images lie in {part}/: accuracy on training images is optimistic" for part in by_split["training"]
        ]
        return Chosen(files=list(roots), notes=tuple(training))
    best = by_split["validation"] or by_split["test"]
    outside = sizes[None]
    if not best and outside and not all_belong:
        return Chosen(files=list(roots))  # a class may be called train
    if len(best) != 1 or (outside and all_belong):
        raise side_by_side(path, Counter({part or "": number for part, number in sizes.items()}), noun)
    others = tuple(f"{part}/" for part in sizes if part and part not in best)
    rest = [(part or "", number) for part, number in sorted(sizes.items(), key=str) if part not in best]
    names = tuple(_counted(part, number, noun) for part, number in rest)
    return Chosen(
        files=[file for file, part in parts.items() if part in best],
        left_out=(
            Symptom(
                what=f"{best[0]}/ is evaluated, not what lies beside it",
                files=names,
                remedy="left out; to evaluate another part, "
                + ("give its folder as --data" if noun == "image" else "move it to a folder of its own"),
            ),
        ),
        beside=frozenset(file for file, part in parts.items() if part and part not in best),
        folders=others,
    )


def one_root(path: Path, roots: Mapping[File, str], noun: str = "image") -> None:
    """Raise ResbenchError unless all folders of classes lie in one folder."""
    sizes = Counter(roots.values())
    if len(sizes) > 1:
        raise side_by_side(path, sizes, noun)


def side_by_side(path: Path, sizes: Mapping[str, int], noun: str = "image") -> ResbenchError:
    """Return the refusal of several sets, {folder: images}; or other things than images, by their `noun`."""
    shown = [_counted(part, number, noun) for part, number in sorted(sizes.items())]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    example = min((part for part in sizes if part), key=lambda part: (split_of(part) != "validation", part))
    advice = f"give one of them, as in --data {path / example}" if path.is_dir() else "unpack it, and give one of them"
    if noun != "image":
        advice = "move one of them to a folder of its own, and give that"
    if _ANY_CLASS in example:
        advice = "move one of them to a folder of its own, and give that"
    return ResbenchError(
        f"{path}: {len(shown)} sets of images lie side by side ({', '.join(shown[:_NAMED])}{more}), and they are never "
        f"added up; {advice}"
    )


def _part(root: str) -> str | None:
    """Return the outermost folder that names a part of a data set, with the folders above it."""
    folders = root.split("/")
    return next(("/".join(folders[: place + 1]) for place, folder in enumerate(folders) if split_of(folder)), None)


def _counted(part: str, number: int, noun: str) -> str:
    images = units.count_of(number, noun)
    return f"{part}/ ({images})" if part else f"outside of folders ({images})"
