"""What the classes are called and what official sets show: facts as small data files, read on first use.

`imagenet.tsv`: the 1000 classes in the order of the networks' outputs, WordNet id and names.
`validation.txt.gz`: the classes of the 50,000 images of ImageNet's validation set, in the order of their numbers.
`devkit.txt`: the classes in the order of the numbers that ILSVRC2012's development kit gives them (ILSVRC2012_ID).
`real.txt.gz`: for the same images all the classes that ReaL's annotators saw, none on some (Beyer et al. 2020,
arXiv 2006.07159).
`subsets.tsv`: sets that are known by their classes.
`objectnet.tsv`: the folders of ObjectNet, and which classes of ImageNet each is (none, or several).
`corruptions.tsv`: by how much corrupted images differ from those of ImageNet-C's code.
`superclasses.tsv`: WordNet's synsets above many of the classes (those of the groups in imagenet_helpers.py of
github.com/MadryLab/robustness), and all classes below each, by WordNet 3.0's hypernyms (ImageNet's wordnet.is_a.txt).
`sets.toml`: published sets and the rules of their authors, with the source of each (`accuracy/published.py`).
"""

import gzip
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from resbench.records.record import DataSet

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR100 = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
    """.split()  # noqa: SIM905  # a hundred quotes are no easier to read
)
_CIFAR = {"CIFAR-10": CIFAR10, "CIFAR-100": CIFAR100}


@cache
def imagenet() -> dict[str, str]:
    """Return {WordNet id: names} of the 1000 classes of ImageNet-1k, in the order of the networks' outputs."""
    return dict(line.split("\t") for line in _lines("imagenet.tsv"))


@cache
def class_of() -> dict[str, int]:
    """Return {WordNet id: class}."""
    return {wnid: index for index, wnid in enumerate(imagenet())}


def class_name(label: int, dataset: str) -> str:
    """Return the first name of a class of `dataset` (a record's name of the set)."""
    names = _CIFAR.get(dataset) or tuple(imagenet().values())
    return names[label].split(",")[0]


@cache
def validation() -> tuple[int, ...]:
    """Return the class of ILSVRC2012_val_00000001.JPEG, of 00000002 and so on."""
    return tuple(int(line) for line in _lines("validation.txt.gz"))


@cache
def devkit() -> tuple[int, ...]:
    """Return the class that ILSVRC2012's development kit numbers 1, 2 and so on, up to 1000."""
    return tuple(int(line) for line in _lines("devkit.txt"))


@cache
def real() -> tuple[frozenset[int], ...]:
    """Return all classes seen in ILSVRC2012_val_00000001.JPEG, in 00000002 and so on."""
    return tuple(frozenset(map(int, line.split())) for line in _lines("real.txt.gz"))


@cache
def subsets() -> dict[frozenset[int], str]:
    """Return {classes: name} of the sets that hold images of just these classes."""
    rows = (line.split("\t") for line in _lines("subsets.tsv"))
    return {frozenset(class_of()[wnid] for wnid in wnids.split()): name for name, wnids in rows}


@cache
def objectnet() -> dict[str, tuple[int, ...]]:
    """Return {folder: classes of ImageNet-1k} of ObjectNet's 313 folders; no class for those that ImageNet lacks."""
    rows = (line.split("\t") for line in _lines("objectnet.tsv"))
    return {folder: tuple(class_of()[wnid] for wnid in wnids.split()) for folder, wnids in rows}


@cache
def levels_off() -> dict[str, tuple[float, ...]]:
    """Return {kind of corruption: differences} of the levels that we make from those of ImageNet-C's code.

    Each is a mean over photographs, pixels and channels, in levels of 255, for the severities 1 to 5.
    """
    rows = (line.split("\t") for line in _lines("corruptions.tsv"))
    return {kind: tuple(map(float, differences)) for kind, *differences in rows}


@cache
def superclasses() -> dict[str, frozenset[int]]:
    """Return {name: classes of ImageNet-1k} of WordNet's synsets above many of the classes; some lie within others."""
    rows = (line.split("\t") for line in _lines("superclasses.tsv"))
    return {name: frozenset(class_of()[wnid] for wnid in wnids.split()) for _, name, wnids in rows}


def is_imagenets(dataset: DataSet) -> bool:
    """Tell whether the labels of a record's images are classes of ImageNet-1k."""
    return not dataset.class_names and dataset.name not in _CIFAR


@cache
def published_sets() -> dict[str, dict[str, Any]]:
    """Return what `sets.toml` says of every published set, by its name."""
    return tomllib.loads(files(__name__).joinpath("sets.toml").read_text(encoding="utf-8"))


def _lines(name: str) -> list[str]:
    data = files(__name__).joinpath(name).read_bytes()
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode().splitlines()
