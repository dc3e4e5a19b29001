"""The images of ImageNet's validation set, known by their official names, and the labels that they have."""

import re
from collections.abc import Sequence
from pathlib import Path

from resbench.accuracy.dataset import File, Sample
from resbench.accuracy.labels import class_of, devkit, validation
from resbench.errors import ResbenchError

# The second form, with the WordNet id behind the number, is that of the Hugging Face hub's archives.
_NAME = re.compile(r"ILSVRC2012_val_(\d{8})(?:_(n\d{8}))?\.(?:jpe?g|png|bmp|webp|ppm|tiff?)", re.IGNORECASE)
_COPY = re.compile(r"(ILSVRC2012_val_\d{8})(?: ?\(\d+\)| - copy(?: \(\d+\))?| copy(?: \d+)?)\.\w+", re.IGNORECASE)


def number(name: str) -> int | None:
    """Return the number of an image of ImageNet's validation set, by its official name; None for other names."""
    match = _NAME.fullmatch(name)
    place = int(match[1]) if match else 0
    return place if 1 <= place <= len(validation()) else None


def second_copies(images: Sequence[File]) -> set[File]:
    """Return the images called as copies of official images that lie beside them ("... (1).JPEG")."""
    there = {(file.folder, file.base.rpartition(".")[0]) for file in images if number(file.base)}
    copies = {file: match[1] for file in images if (match := _COPY.fullmatch(file.base))}
    return {file for file, stem in copies.items() if (file.folder, stem) in there}


def refuse_misplaced(path: Path, samples: Sequence[Sample]) -> None:
    """Raise ResbenchError where folders, or WordNet ids in the names, contradict the official labels."""
    misplaced = []
    for sample in samples:
        if place := number(sample.base):
            official, name = validation()[place - 1], _NAME.fullmatch(sample.base)
            if official != sample.label or (name and name[2] and class_of().get(name[2].lower()) != official):
                misplaced.append(sample.name)
    if misplaced:
        raise ResbenchError(
            f"{path}: the folders or names of {len(misplaced):,} of {len(samples):,} images contradict the official "
            f"labels ({', '.join(misplaced[:3])}); unpack the official archive again, resbench takes it as it is"
        )


def contradicted(labels: Path, samples: Sequence[Sample]) -> tuple[str, ...]:
    """Say how many labels of a file contradict the official ones.

    Raises ResbenchError when these are most of them, with the numbering that the file seems to have.
    """
    pairs = [(sample, validation()[place - 1]) for sample in samples if (place := number(sample.base))]
    wrong = [(sample, official) for sample, official in pairs if sample.label != official]
    if not wrong:
        return ()
    sample, official = wrong[0]
    example = f"{sample.base} is {sample.label} there, officially {official}"
    summary = f"{labels}: {len(wrong):,} of {len(pairs):,} labels contradict the official ones ({example})"
    if 2 * len(wrong) <= len(pairs):
        return (f"{summary}; those of the file are taken",)
    raise ResbenchError(
        f"{summary}: {_numbering(pairs, labels)}leave --labels out: the official labels come with resbench"
    )


def _numbering(pairs: Sequence[tuple[Sample, int]], labels: Path) -> str:
    """Say in which other numbering nine in ten labels are the official ones, and how to mend the file."""
    kit = dict(enumerate(devkit(), start=1))
    for sentence, others in (
        (f"they count from 1; subtract 1 from {labels}, or ", [sample.label - 1 for sample, _ in pairs]),
        (f"they are one too low; add 1 in {labels}, or ", [sample.label + 1 for sample, _ in pairs]),
        ("they are the development kit's numbers (ILSVRC2012_ID); ", [kit.get(sample.label) for sample, _ in pairs]),
        ("they are the development kit's numbers less one; ", [kit.get(sample.label + 1) for sample, _ in pairs]),
    ):
        right = sum(other == official for other, (_, official) in zip(others, pairs, strict=True))
        if 10 * right >= 9 * len(pairs):
            return sentence
    return "it seems to belong to other images; "
