"""How people lay out images: which set lies in a folder or archive, and what each image shows."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

from resbench.accuracy.annotations import annotate, sample
from resbench.accuracy.dataset import File, ImageSet, Sample, listing
from resbench.accuracy.labels import class_of, subsets, validation
from resbench.errors import ResbenchError

WNID = re.compile(r"n\d{8}")
OFFICIAL = re.compile(r"ILSVRC2012_val_(\d{8})\.jpe?g", re.IGNORECASE)
CIFAR_BYTES = 1 + 3 * 32 * 32  # a label, then the planes
OFFICIAL_NAME = "ImageNet-1k"
# Answers to these are chosen among their own classes only, as their authors do (arXiv 1907.07174, 2006.16241).
AMONG_OWN_CLASSES = ("ImageNet-A", "ImageNet-R")


def open_set(path: Path, labels: Path | None = None) -> ImageSet:
    """Return the images at `path` (a folder, a .tar, CIFAR-10's test batch), each with its class.

    Classes come from the file `labels`, or from folders named by WordNet id or number, or from the official names of
    ImageNet's validation images. Raises ResbenchError when there are none, or no telling what they show.
    """
    if binary := _binary(path):
        return _cifar(binary)
    files, images, notes = _found(path)
    if labels is not None:
        layout, samples = "labels file", annotate(images, labels)
    else:
        layout, samples = _by_names(path, images)
    used = {one.name for one in samples}
    name, among = recognise(layout, samples)
    return ImageSet(
        name=name or path.resolve().name.removesuffix(".tar"),
        layout=f"{layout} in a tar archive" if path.is_file() else layout,
        classes=1000,
        among=among,
        samples=samples,
        unused=tuple(file.name for file in files if file.name not in used),
        notes=notes,
    )


def open_unlabelled(path: Path) -> ImageSet:
    """Return the images at `path`, however they are laid out and whatever they show: each counts as of class 0.

    Raises ResbenchError when there are none.
    """
    if binary := _binary(path):
        return _cifar(binary)
    _, images, notes = _found(path)
    samples = tuple(sample(file, 0) for file in images)
    name = path.resolve().name.removesuffix(".tar")
    return ImageSet(name=name, layout="images", classes=1, samples=samples, notes=notes)


def official_number(name: str) -> int | None:
    """Return the number of an image of ImageNet's validation set, by its official name; None for other names."""
    found = OFFICIAL.fullmatch(name)
    number = int(found[1]) if found else 0
    return number if 1 <= number <= len(validation()) else None


def recognise(layout: str, samples: tuple[Sample, ...]) -> tuple[str | None, tuple[int, ...] | None]:
    """Return the name of the published set that these images are, and the classes that its answers are chosen from."""
    shown = Counter(one.label for one in samples)
    if all(official_number(one.base) for one in samples):
        return (OFFICIAL_NAME if len(samples) == len(validation()) else f"part of {OFFICIAL_NAME}"), None
    if len(shown) == 1000 and all(one.base.startswith("sketch_") for one in samples):
        return "ImageNet-Sketch", None
    if layout == "numbered folders" and len(shown) == 1000 and set(shown.values()) == {10}:
        return "ImageNet-V2", None
    name = subsets().get(frozenset(shown))
    return name, tuple(sorted(shown)) if name in AMONG_OWN_CLASSES else None


def _binary(path: Path) -> Path | None:
    """Return CIFAR-10's test batch, where `path` is it or holds it."""
    binary = path / "test_batch.bin" if path.is_dir() else path
    return binary if binary.name == "test_batch.bin" and binary.is_file() else None


def _found(path: Path) -> tuple[list[File], list[File], tuple[str, ...]]:
    """Return all files but training images beside others, those that are images of the set, and what was assumed."""
    files = listing(path)
    images, others, notes = _one_split([file for file in files if file.is_image])
    if not images:
        raise ResbenchError(f"{path}: {_no_images(files)}")
    return [file for file in files if file not in others], images, notes


def _by_names(path: Path, images: list[File]) -> tuple[str, tuple[Sample, ...]]:
    wnids = {file: _folder(file, WNID) for file in images}
    if any(wnids.values()):
        return "wnid folders", _by_wnid(path, wnids)
    numbers = {file: official_number(file.base) for file in images}
    if all(numbers.values()):
        return "official names", tuple(sample(file, validation()[n - 1]) for file, n in numbers.items() if n)
    folders = {file: _folder(file, re.compile(r"\d{1,4}")) for file in images}
    if all(folders.values()):
        return "numbered folders", _by_number(path, folders)
    raise ResbenchError(f"{path}: {_no_telling(images)}; give --labels FILE, or one folder per WordNet id (n01440764)")


def _by_wnid(path: Path, wnids: dict[File, str | None]) -> tuple[Sample, ...]:
    unknown = sorted({wnid for wnid in wnids.values() if wnid and wnid not in class_of()})
    if unknown:
        raise ResbenchError(
            f"{path}: {len(unknown)} folders are not classes of ImageNet-1k ({', '.join(unknown[:3])}); "
            "move them out of the folder"
        )
    samples = tuple(sample(file, class_of()[wnid]) for file, wnid in wnids.items() if wnid)
    numbers = {one: official_number(one.base) for one in samples}
    misplaced = [one.name for one, number in numbers.items() if number and validation()[number - 1] != one.label]
    if misplaced:
        raise ResbenchError(
            f"{path}: {len(misplaced)} of {len(samples)} official validation images lie in the folder of another class "
            f"({', '.join(misplaced[:3])}); unpack the official archive again, resbench takes it as it is"
        )
    return samples


def _by_number(path: Path, folders: dict[File, str | None]) -> tuple[Sample, ...]:
    numbers = sorted({int(folder) for folder in folders.values() if folder})
    if numbers[-1] > 999:
        known = "1 to 1000 is a numbering from 1" if numbers == list(range(1, 1001)) else f"up to {numbers[-1]}"
        raise ResbenchError(
            f"{path}: folders are numbered {known}, which leaves open what they show: sorted WordNet ids or the "
            "development kit's own numbers; give --labels FILE, or name them by WordNet id"
        )
    return tuple(sample(file, int(folder)) for file, folder in folders.items() if folder)


def _folder(file: File, pattern: re.Pattern[str]) -> str | None:
    """Return the outermost folder of `file` that `pattern` names."""
    return next((part for part in PurePosixPath(file.name).parts[:-1] if pattern.fullmatch(part)), None)


def _one_split(images: list[File]) -> tuple[list[File], set[File], tuple[str, ...]]:
    """Return the images to take, the training images where there are validation images beside them, and what to say."""
    validating, training = ([file for file in images if _folder(file, re.compile(split))] for split in ("val", "train"))
    if not (validating and training):
        return images, set(), ()
    return validating, set(training), ("the images below val/ are taken, those below train/ are not",)


def _cifar(path: Path) -> ImageSet:
    count, rest = divmod(path.stat().st_size, CIFAR_BYTES)
    if rest or not count:
        raise ResbenchError(
            f"{path}: not CIFAR-10's binary test batch (its size is no multiple of 3073); fetch it again"
        )
    data = path.read_bytes()
    labels = data[::CIFAR_BYTES]
    if max(labels) > 9:
        raise ResbenchError(f"{path}: not CIFAR-10's binary test batch (a label is {max(labels)}); fetch it again")
    files = (
        File(
            name=f"{path.name}/{index:05d}",
            path=path,
            offset=index * CIFAR_BYTES + 1,
            size_bytes=CIFAR_BYTES - 1,
        )
        for index in range(count)
    )
    samples = (replace(sample(file, label), encoding="cifar") for file, label in zip(files, labels, strict=True))
    return ImageSet(name="CIFAR-10", layout="binary batch", classes=10, samples=tuple(samples))


def _no_images(files: list[File]) -> str:
    if not files:
        return "empty; unpack the validation images there, as they come or in one folder per WordNet id"
    return f"no images among {len(files)} files ({files[0].name}, ...); give the folder of the validation images"


def _no_telling(images: list[File]) -> str:
    if any("/" not in file.name for file in images):
        return f"flat folder of {len(images)} images, no telling what they show"
    folder = PurePosixPath(images[0].name).parts[0]
    return f"folders are named neither by WordNet id nor by number ({folder}), no telling what they show"
