"""ObjectNet: folders of objects, of which ImageNet has some, some of these as several classes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resbench.accuracy import naming, splits
from resbench.accuracy.annotations import annotated_sample
from resbench.accuracy.clues import Clue, folders_of
from resbench.accuracy.dataset import LEFT_OUT, File, Symptom
from resbench.accuracy.labels import objectnet
from resbench.accuracy.published import OBJECTNET, equivalent_classes
from resbench.accuracy.splits import Labelled

_FEWEST = 10  # folders with names of ObjectNet's, from which images are taken for its


def in_objectnet_folders(path: Path, images: Sequence[File]) -> Labelled | None:
    """Return the images whose objects are classes of ImageNet; None unless all folders are called as ObjectNet's.

    An image is of the first class of ImageNet that its object is. Raises ResbenchError for several sets side by side.
    """
    clues = {file: _clue(file) for file in images}
    known = {file: clue for file, clue in clues.items() if clue}
    words = {clue.word for clue in known.values()}
    if len(known) < len(clues) or len(words) < _FEWEST or all(naming.named(word) is not None for word in words):
        return None
    chosen = splits.choose_split(path, {file: clue.root for file, clue in known.items()}, all_belong=True)
    splits.one_root(path, {file: known[file].root for file in chosen.files})
    classes = {file: objectnet()[known[file].word] for file in chosen.files}
    shown = [file for file in chosen.files if classes[file]]
    left_out = (*chosen.left_out, *_without_class([file for file in chosen.files if not classes[file]]))
    chosen = replace(chosen, files=shown, left_out=left_out, beside=chosen.beside | (set(clues) - set(shown)))
    return Labelled(
        layout="ObjectNet's folders",
        chosen=chosen,
        samples=tuple(annotated_sample(file, classes[file][0]) for file in shown),
        name=OBJECTNET,
        alike=equivalent_classes(),
    )


def _clue(file: File) -> Clue | None:
    folders = folders_of(file)
    places = [place for place, folder in enumerate(folders) if folder in objectnet()]
    return Clue.of_folder("ObjectNet's folders", folders, places[-1]) if places else None


def _without_class(files: Sequence[File]) -> tuple[Symptom, ...]:
    names = tuple(file.name for file in files)
    what = "objects that are no class of ImageNet"
    return (Symptom(what=what, files=names, remedy=LEFT_OUT),) if names else ()
