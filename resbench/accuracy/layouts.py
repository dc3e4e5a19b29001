"""How people lay out images: which set lies in a folder or archive, and what each image shows."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resbench import units
from resbench.accuracy import cifar, containers, forms, naming, official, shards, splits, tiny
from resbench.accuracy.annotations import annotate, annotated_sample
from resbench.accuracy.clues import by_class_names, clue, folders_of
from resbench.accuracy.dataset import LEFT_OUT, File, ImageSet, Sample, Symptom, printable_name
from resbench.accuracy.labels import class_of, imagenet, validation
from resbench.accuracy.listing import Listing, listing
from resbench.accuracy.objects import in_objectnet_folders
from resbench.accuracy.ownclasses import OwnClasses, for_head, in_named_folders
from resbench.accuracy.published import answers_to, name_in_imagenet_c, recognise, rules_of
from resbench.accuracy.remote import place_at
from resbench.accuracy.splits import Labelled
from resbench.errors import ResbenchError

_LISTED = ("labels file", "own labels", "own classes", "named folders")  # where equal names are not one image
_TRAINING_NAME = re.compile(r"n\d{8}_\d+\.\w+", re.IGNORECASE)  # n01440764_10026.JPEG


def open_set(path: Path, labels: Path | None = None, own: OwnClasses | None = None) -> ImageSet:
    """Return the images at `path` (a folder, an archive, shards, CIFAR's test batch), each with its class.

    Classes of the user's `own` come from folders that are called so (`ownclasses`). Others come from the file `labels`,
    or from what the containers state, or from folders named by WordNet id, number or name of a class, or from the names
    of the images (those of ImageNet's validation images, or names that begin with a WordNet id). Of parts of a data
    set, as train and val, one is taken; sets are never added up.
    Raises ResbenchError when there are none, when it is not known what they show, and for several sets side by side.
    """
    path = place_at(path)
    listed = _images_at(path)
    if isinstance(listed, ImageSet):
        return listed
    if labels is None:
        listed = _with_words(path, listed)
    known = _labelled(path, listed, labels, own)
    _refuse_doubles(path, known.samples, listed=known.layout in _LISTED)
    is_imagenet = known.classes == 1000 and not known.class_names
    name = known.name
    if is_imagenet and not name:
        name = recognise(known.layout, known.samples, _name_of(path))
    unused = _unused(listed, known.samples, known.chosen)
    return ImageSet(
        name=name_in_imagenet_c(path) or name or _name_of(path),
        layout=f"{known.layout} in {listed.form}" if listed.form else known.layout,
        classes=known.classes,
        among=answers_to(name, known.samples) if is_imagenet else None,
        alike=known.alike,
        border_px=rules_of(name).border_px if is_imagenet else 0,
        samples=known.samples,
        left_out=(*known.chosen.left_out, *listed.left_out, *unused),
        notes=(*listed.notes, *known.chosen.notes, *known.notes, *_doubts(path, known.layout, known.samples)),
        labels=labels,
        class_names=known.class_names,
    )


def _labelled(path: Path, listed: Listing, labels: Path | None, own: OwnClasses | None) -> Labelled:
    if labels is not None:
        known = _by_file(path, listed, labels)
    elif any(file.word for file in listed.images):
        known = _by_own_words(path, listed, own.names if own else ())
    elif own is not None:
        return in_named_folders(path, listed.images, own)
    else:
        return _by_names(path, listed)
    return known if own is None else for_head(known, own, labels or path)


def open_unlabelled(path: Path) -> ImageSet:
    """Return all images at `path`, however they are laid out and whatever they show: each counts as of class 0.

    Raises ResbenchError when there are none.
    """
    path = place_at(path)
    listed = _images_at(path)
    if isinstance(listed, ImageSet):
        return listed
    samples = tuple(annotated_sample(file, 0) for file in listed.images)
    return ImageSet(name=_name_of(path), layout="images", classes=1, samples=samples, left_out=listed.left_out)


def _images_at(path: Path) -> Listing | ImageSet:
    """Return what lies at `path` without second copies of official images, or CIFAR's test batch.

    Raises ResbenchError without images.
    """
    batch = cifar.test_batch(path)
    listed = Listing(files=(batch,)) if batch else listing(path)
    if not listed.images and (batch := cifar.batch_among(path, listed.files)):
        return cifar.open_test_batch(batch)
    if not listed.images:
        raise ResbenchError(f"{path}: {containers.no_images(listed.files)}")
    copies = official.second_copies(listed.images)
    if not copies:
        return listed
    names = tuple(sorted(file.name for file in copies))
    left_out = Symptom(what="second copies of official images", files=names, remedy=LEFT_OUT)
    files = tuple(file for file in listed.files if file not in copies)
    return replace(listed, files=files, left_out=(*listed.left_out, left_out))


def _with_words(path: Path, listed: Listing) -> Listing:
    """Return what lies at `path`, every image with the class that lies in a file beside it."""
    if annotations := tiny.annotations_of(listed.files):
        files, left_out = tiny.annotated(path, listed.files, annotations)
        return replace(listed, files=tuple(files), left_out=(*listed.left_out, *left_out))
    files, left_out = shards.labelled(path, listed.files)
    if len(files) < len(listed.files):
        shards.refuse_replaced(path, listed.left_out)
    return replace(listed, files=tuple(files), left_out=(*listed.left_out, *left_out))


def _name_of(path: Path) -> str:
    name = printable_name(path.resolve().name)
    return name if path.is_dir() else forms.without_suffix(name)


def _by_file(path: Path, listed: Listing, labels: Path) -> Labelled:
    roots = {file: "/".join(folders_of(file)) for file in listed.images}
    chosen = splits.choose_split(path, roots, all_belong=False)
    samples, notes = annotate(chosen.files, labels)
    notes = (*notes, *official.contradicted(labels, samples))
    return Labelled(layout="labels file", chosen=chosen, samples=samples, notes=notes)


def _by_own_words(path: Path, listed: Listing, head: Sequence[str]) -> Labelled:
    """Take the classes that containers state of their images."""
    roots = {file: "/".join(folders_of(file)) for file in listed.images}
    chosen = splits.choose_split(path, roots, all_belong=False)
    if without := [file.name for file in chosen.files if not file.word]:
        raise ResbenchError(
            f"{path}: no class for {len(without):,} of {len(chosen.files):,} images ({', '.join(without[:3])}); give "
            "--labels FILE"
        )
    known = naming.meaning(path, {file.word: file.name for file in chosen.files}, listed.classes, head)
    samples = tuple(annotated_sample(file, known.labels[file.word]) for file in chosen.files)
    official.refuse_misplaced(path, samples)
    return Labelled(
        layout="own classes" if known.note else "own labels",
        chosen=chosen,
        samples=samples,
        notes=(known.note,) if known.note else (),
        classes=known.classes,
        name=known.name,
        class_names=known.class_names,
    )


def _by_names(path: Path, listed: Listing) -> Labelled:
    if objects := in_objectnet_folders(path, listed.images):
        return objects
    clues = {file: known for file in listed.images if (known := clue(file))} or by_class_names(path, listed.images)
    if not clues:
        raise ResbenchError(f"{path}: {_unknown(listed.images)}; {containers.labels_beside(path, listed.files)}")
    chosen = splits.choose_split(path, {file: known.root for file, known in clues.items()}, all_belong=True)
    clues = {file: clues[file] for file in chosen.files}
    layouts = Counter(known.layout for known in clues.values())
    if len(layouts) > 1:
        kinds = ", ".join(f"{number:,} by {layout}" for layout, number in layouts.items())
        raise ResbenchError(
            f"{path}: images of several kinds ({kinds}), which are several sets; give the folder of one of them"
        )
    layout = next(iter(layouts))
    if layout in ("wnid folders", "numbered folders", "class names"):
        splits.one_root(path, {file: known.root for file, known in clues.items()})
    words = {file: known.word for file, known in clues.items()}
    match layout:
        case "official names":
            samples = tuple(annotated_sample(file, validation()[int(number) - 1]) for file, number in words.items())
        case "numbered folders":
            samples = _by_number(path, words)
        case "class names":
            samples = tuple(annotated_sample(file, naming.named(word) or 0) for file, word in words.items())
        case _:
            samples = _by_wnid(path, words)
    official.refuse_misplaced(path, samples)
    return Labelled(layout=layout, chosen=chosen, samples=samples)


def _by_wnid(path: Path, wnids: dict[File, str]) -> tuple[Sample, ...]:
    unknown = sorted({wnid for wnid in wnids.values() if wnid not in class_of()})
    if unknown:
        raise ResbenchError(
            f"{path}: {len(unknown)} WordNet ids are not classes of ImageNet-1k ({', '.join(unknown[:3])}); "
            "move their images out of the folder"
        )
    return tuple(annotated_sample(file, class_of()[wnid]) for file, wnid in wnids.items())


def _by_number(path: Path, folders: dict[File, str]) -> tuple[Sample, ...]:
    numbers = sorted({int(folder) for folder in folders.values()})
    if len(set(folders.values())) > len(numbers):
        raise ResbenchError(f"{path}: two folders have the same number (as 1 and 01 do); give each class one folder")
    if numbers[-1] > 999:
        known = "1 to 1000 is a numbering from 1" if numbers == list(range(1, 1001)) else f"up to {numbers[-1]}"
        raise ResbenchError(
            f"{path}: folders are numbered {known}, so their classes are not known: they may be sorted WordNet ids or "
            "the development kit's own numbers; give --labels FILE, or name them by WordNet id"
        )
    return tuple(annotated_sample(file, int(folder)) for file, folder in folders.items())


def _refuse_doubles(path: Path, samples: Sequence[Sample], *, listed: bool) -> None:
    """Refuse the same image in two places: one number of an official image, or one name twice in a class.

    Where a file of labels `listed` the images, equal names in several folders are meant.
    """
    places = defaultdict(list)
    for sample in samples:
        number = official.number(sample.base)
        own = sample.name if listed else sample.base
        places[(None, number) if number else (sample.label, own)].append(sample.name)
    doubles = [names for names in places.values() if len(names) > 1]
    if doubles:
        raise ResbenchError(
            f"{path}: {units.count_of(len(doubles), 'image')} in two places, by name (as {doubles[0][0]} and "
            f"{doubles[0][1]}); keep one of each"
        )


def _unused(listing_: Listing, samples: Sequence[Sample], chosen: splits.Chosen) -> tuple[Symptom, ...]:
    """Return the files that no image of the set is, apart from whole parts of a data set."""
    named = {file_.name for file_ in samples} | {file.name for file in chosen.beside}
    names = tuple(
        file_.name for file_ in listing_.files if file_.name not in named and not file_.name.startswith(chosen.folders)
    )
    remedy = f"{LEFT_OUT}; move them away to be sure"
    return (Symptom(what="no part of the set", files=names, remedy=remedy),) if names else ()


def _doubts(path: Path, layout: str, samples: Sequence[Sample]) -> tuple[str, ...]:
    """Return what the names suggest: training images, and folders that may not be numbered from 0."""
    notes = []
    if training := [sample.base for sample in samples if _TRAINING_NAME.fullmatch(sample.base)]:
        notes.append(
            f"{len(training):,} of {len(samples):,} images have names of ImageNet's training images ({training[0]}): a "
            "network that was trained on them knows them, so that its accuracy is optimistic"
        )
    elif path.resolve().name.lower() in ("train", "training"):
        notes.append(f"the name of {path} says that these are training images: accuracy on them is optimistic")
    numbers = [(sample.folder.rpartition("/")[2], sample) for sample in samples if layout == "official names"]
    if others := [
        sample.name for number, sample in numbers if re.fullmatch(r"[0-9]{1,9}", number) and int(number) != sample.label
    ]:
        notes.append(
            f"the number of the folder is not the official class of {units.count_of(len(others), 'image')} "
            f"({others[0]}): the official labels are taken"
        )
    shown = {sample.label for sample in samples}
    if layout == "numbered folders" and 0 not in shown:
        first = min(shown)
        notes.append(f"folders are taken as numbered from 0: {first} is {list(imagenet().values())[first]}")
    return tuple(notes)


def _unknown(images: Sequence[File]) -> str:
    if not any(file.folder for file in images):
        return "nothing says what the images show: they lie in no folders, and their names are not ImageNet's"
    folder = next(file.folder for file in images if file.folder)
    return f"nothing says what the images show: folders are named neither by WordNet id nor by number ({folder})"
