"""Classes that lie beside the images, one file each: WebDataset's shards, also unpacked."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from resbench.accuracy.dataset import LEFT_OUT, File, Symptom
from resbench.errors import ResbenchError

_LABEL_KEYS = ("label", "cls", "class", "class_id", "label_id", "target")  # of the JSON files, the first that is there
_LONGEST_LABEL_BYTES, _LONGEST_JSON_BYTES = 100, 1 << 20


@dataclass(frozen=True, slots=True)
class _Key:
    """The files of one name up to its first point."""

    images: list[File] = field(default_factory=list)
    labels: list[File] = field(default_factory=list)  # .cls and .json


def labelled(path: Path, files: Sequence[File]) -> tuple[list[File], list[Symptom]]:
    """Return `files` without those that hold the class of an image, which is then in the image's `word`.

    A class lies beside its image in a file of the same name up to the first point: NAME.cls, or NAME.json with a key
    "label". Classes without an image are left out and named.
    Raises ResbenchError for an image without a class where others have one, for two images or two classes of one name,
    and for a file that holds no class.
    """
    if not any(file.suffix in (".cls", ".json") for file in files):
        return list(files), []
    keys: dict[str, _Key] = defaultdict(_Key)
    for file in files:
        if file.is_image:
            keys[_key(file)].images.append(file)
        elif file.suffix in (".cls", ".json"):
            keys[_key(file)].labels.append(file)
    words = _words(path, keys)
    if not words:
        return list(files), []
    for name, key in keys.items():
        if len(key.images) > 1:
            pair = " and ".join(file.name for file in key.images[:2])
            raise ResbenchError(f"{path}: two images of one name, {name} ({pair}); leave one of them out")
    without = [key.images[0].name for name, key in keys.items() if key.images and name not in words]
    if without:
        raise ResbenchError(
            f"{path}: no class for {len(without):,} of {sum(bool(key.images) for key in keys.values()):,} images "
            f"({', '.join(without[:3])}): nothing of that name holds one; copy or download the shards again, or give "
            "--labels FILE"
        )
    rest = [file for file in files if not file.is_image and _key(file) not in words]
    alone = sorted(
        file.name for key in keys.values() for file in key.labels if not key.images and file.suffix == ".cls"
    )
    symptoms = [Symptom(what="classes without an image", files=tuple(alone), remedy=LEFT_OUT)] if alone else []
    named = set(alone)
    rest = [file for file in rest if file.name not in named]
    return [*(replace(keys[name].images[0], word=word) for name, word in words.items()), *rest], symptoms


def refuse_replaced(path: Path, left_out: Sequence[Symptom]) -> None:
    """Raise ResbenchError where a shard has a class twice: an archive unpacks to the last of equal names."""
    for symptom in left_out:
        if twice := [name for name in symptom.files if name.endswith(".cls") and "replaces" in symptom.what]:
            raise ResbenchError(
                f"{path}: {len(twice)} classes are there twice ({', '.join(twice[:3])}); write the shards again"
            )


def _key(file: File) -> str:
    stem = file.base.partition(".")[0] or file.base
    return f"{file.folder}/{stem}" if file.folder else stem


def _words(path: Path, keys: dict[str, _Key]) -> dict[str, str]:
    """Return {name: class} of the images that have one; each shard is read in its order."""
    words_of: dict[str, dict[str, str]] = defaultdict(dict)
    wanted = [(file, name) for name, key in keys.items() if key.images for file in key.labels]
    for file, name in sorted(wanted, key=lambda pair: (str(pair[0].path), pair[0].offset)):
        if word := _from_json(path, file) if file.suffix == ".json" else _from_cls(path, file):
            words_of[name][file.name] = word
    for name, words in words_of.items():
        if len(set(words.values())) > 1:
            pair = " and ".join(f"{word} in {file}" for file, word in list(words.items())[:2])
            raise ResbenchError(f"{path}: two classes for {name} ({pair}); leave the wrong one out")
    return {name: next(iter(words.values())) for name, words in words_of.items()}


def _read(path: Path, file: File, most_bytes: int) -> bytes:
    if file.size_bytes > most_bytes:
        raise ResbenchError(f"{path}: {file.name} is too long for a class ({file.size_bytes:,} bytes); write it again")
    try:
        return file.read()
    except OSError as error:
        raise ResbenchError(f"{path}: {file.name}: {error}; copy or download it again") from None


def _from_cls(path: Path, file: File) -> str:
    word = _read(path, file, _LONGEST_LABEL_BYTES).decode("utf-8", "backslashreplace").strip()
    if not word:
        raise ResbenchError(f"{path}: {file.name} is empty; write a number from 0 or a WordNet id into it")
    return word


def _from_json(path: Path, file: File) -> str:
    """Return the class that a JSON file states; empty where it states none."""
    if file.size_bytes > _LONGEST_JSON_BYTES:
        return ""
    try:
        values = json.loads(_read(path, file, _LONGEST_JSON_BYTES))
    except (ValueError, RecursionError):
        raise ResbenchError(f"{path}: {file.name} is not JSON; copy or download it again") from None
    stated = [values[key] for key in _LABEL_KEYS if key in values] if isinstance(values, dict) else []
    return str(stated[0]) if stated and isinstance(stated[0], int | str) and not isinstance(stated[0], bool) else ""
