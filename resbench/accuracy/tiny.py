"""Tiny-ImageNet's validation images, whose classes stand in a file beside them (val_annotations.txt)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resbench.accuracy.dataset import LEFT_OUT, File, Symptom
from resbench.errors import ResbenchError

_NAME = "val_annotations.txt"
_LARGEST_BYTES = 1 << 24


def annotations_of(files: Sequence[File]) -> File | None:
    """Return the file of annotations among `files` that has images beside it, where there is one alone."""
    places = [file for file in files if file.base == _NAME]
    return places[0] if len(places) == 1 and any(_belongs(file, places[0]) for file in files) else None


def annotated(path: Path, files: Sequence[File], annotations: File) -> tuple[list[File], list[Symptom]]:
    """Return the images beside `annotations`, each with its WordNet id as its `word`, and what is left out.

    Raises ResbenchError for an image that it does not name, and when it cannot be read.
    """
    words = _words(path, annotations)
    images = [file for file in files if _belongs(file, annotations)]
    if without := [file.name for file in images if file.base not in words]:
        raise ResbenchError(
            f"{path}: no class for {len(without):,} of {len(images):,} images in {annotations.name} "
            f"({', '.join(without[:3])}); unpack the archive again"
        )
    beside = [file for file in files if file.is_image and not _belongs(file, annotations)]
    missing = sorted(set(words) - {file.base for file in images})
    symptoms = [
        Symptom(what="lines of val_annotations.txt without an image", files=tuple(missing), remedy=LEFT_OUT),
        Symptom(
            what="images without annotations beside the validation images",
            files=tuple(file.name for file in beside),
            remedy="left out; to evaluate them, give their folder as --data",
        ),
    ]
    return [replace(file, word=words[file.base]) for file in images], [symptom for symptom in symptoms if symptom.files]


def _belongs(file: File, annotations: File) -> bool:
    return file.is_image and file.folder in (annotations.folder, f"{annotations.folder}/images".lstrip("/"))


def _words(path: Path, annotations: File) -> dict[str, str]:
    """Return {image: WordNet id}: lines are name, id and a box, with tabs between them."""
    try:
        if annotations.size_bytes > _LARGEST_BYTES:
            raise OSError(f"{annotations.size_bytes:,} bytes are too many")
        text = annotations.read().decode("utf-8", "backslashreplace")
    except OSError as error:
        raise ResbenchError(f"{path}: {annotations.name}: {error}; unpack the archive again") from None
    words: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, _, rest = line.partition("\t")
        word = rest.partition("\t")[0].strip()
        if line.strip() and (not word or words.setdefault(name, word) != word):
            raise ResbenchError(
                f"{path}: {annotations.name}: line {number}: no class, or a second one, for {name[:80]!r}"
            )
    return words
