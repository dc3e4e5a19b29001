"""Which checkpoints are to be validated, on which images, and how these are prepared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import combinations, product
from pathlib import Path

from resbench.accuracy import layouts, pixels
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.ownclasses import OwnClasses, read_class_names
from resbench.accuracy.published import OFFICIAL_NAME
from resbench.bench.entrance import entered, headed
from resbench.errors import ResbenchError
from resbench.nets.cache import cached_path, folder, sha256
from resbench.nets.checkpoints import Loaded, load_checkpoint
from resbench.nets.classlists import class_list
from resbench.records.record import Tta, TtaAverage
from resbench.running.settings import Running
from resbench.timing.speeds import BatchSize
from resbench.zoo.find import by_digest, find, find_weights, published_weights
from resbench.zoo.own import ZOO
from resbench.zoo.places import is_place
from resbench.zoo.spec import Preprocess, Variant, Weights

IMAGENET_CLASSES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Validating:
    """What can be said of how a checkpoint is validated; None stands for the checkpoint's or the device's own."""

    running: Running = Running()  # its input_px is the side of the crop
    key: str | None = None  # of the weights in a file that holds several sets
    labels: tuple[Path | None, ...] = ()  # a file of labels for each set, None for one that needs none; () for all
    classes: int | None = None  # of the head; None: those of the file of weights, or the network's own
    classes_file: Path | None = None  # with the names of the classes, in the order of the network's outputs
    crop_pct: float | None = None
    interpolation: str | None = None
    crop_mode: str | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    tta: Tta | None = None  # views of an image whose answers are averaged
    tta_average: TtaAverage | None = None
    corruptions: str | None = None  # kinds of corrupted images, or where ImageNet-C lies
    batch_size: BatchSize | None = None
    workers: int | None = None  # threads that decode; None: one per core
    device: str | None = None  # None: the first there is
    skip_unreadable: bool = False
    cache: Path | None = None  # a folder for prepared frames
    decoder: str | None = None  # a name of accuracy.decoders; None: Pillow, or what is faster with equal pixels
    plain: bool = False  # choose nothing faster that nobody asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A checkpoint that is to be validated."""

    asked: str  # the name that it was asked for by
    weights: str | Path | None  # a file, or the name of a published checkpoint; None: neither was given
    variant: Variant
    published: Weights | None
    preprocess: Preprocess

    @property
    def source(self) -> str | Path | None:
        """The file of its weights, or the name of the published checkpoint; None: neither was given."""
        return self.published.name if self.weights is None and self.published else self.weights

    @property
    def file_bytes(self) -> int:
        """The size of its file of weights; 0 when there is none, which loading reports."""
        named = self.weights is None or not Path(self.weights).exists()
        path = cached_path(self.published) if self.published and named else Path(str(self.weights))
        return path.stat().st_size if path.exists() else 0


def select(
    networks: Sequence[str | Variant], weights: Sequence[str | Path], data: Sequence[Path], validating: Validating
) -> tuple[list[ImageSet], list[Entry]]:
    """Return the images of each set of `data`, and the checkpoints that shall be evaluated on all of them.

    `networks` are names, or patterns that stand for published checkpoints on this machine; none means all of those.
    `weights` are files or names for the `networks` in turn. Raises ResbenchError when anything does not fit.
    """
    entries = [_entry(network, file, validating) for network, file in _asked(networks, weights)]
    own = _own_classes(entries, validating)
    sets = [layouts.open_set(path, labels, own) for path, labels in _with_labels(data, validating.labels)]
    entries = entries or [_entry(name, None, validating) for name in _on_disk(networks, sets[0].classes)]
    for (path, images), entry in product(zip(data, sets, strict=True), entries):
        if entry.variant.classes != images.classes:
            raise ResbenchError(
                f"{entry.asked}: predicts {entry.variant.classes} classes, but the images of {path} have "
                f"{images.classes}; choose a network for these classes"
            )
    _refuse_equal(data, sets)
    return sets, entries


def _with_labels(data: Sequence[Path], labels: Sequence[Path | None]) -> list[tuple[Path, Path | None]]:
    if labels and len(labels) != len(data):
        raise ResbenchError(
            f"--labels: given {len(labels)} times for {len(data)} sets; give it once for each --data, in order, and - "
            "for a set that needs none"
        )
    return list(zip(data, labels or [None] * len(data), strict=True))


def base_of(against: str, names: Sequence[str], data: Sequence[Path]) -> int:
    """Return the place of the set `against` which the others are compared: by its name, its path, or "imagenet".

    Raises ResbenchError when that is none of them, or several.
    """
    wanted = against.casefold()
    called = [{name.casefold(), str(path).casefold()} for name, path in zip(names, data, strict=True)]
    official = {OFFICIAL_NAME, f"part of {OFFICIAL_NAME}"} if wanted == "imagenet" else set()
    places = [place for place, words in enumerate(called) if wanted in words or names[place] in official]
    if len(places) != 1:
        raise ResbenchError(f"--against {against}: none of the sets is called so; choose from {', '.join(names)}")
    return places[0]


def _refuse_equal(data: Sequence[Path], sets: Sequence[ImageSet]) -> None:
    """Raise ResbenchError for two sets of one name, whose records would replace each other, or of the same images."""
    for (first, one), (second, other) in combinations(zip(data, sets, strict=True), 2):
        if one.name == other.name or one.fingerprint == other.fingerprint:
            what = f"both called {one.name}" if one.name == other.name else "the same images"
            raise ResbenchError(f"--data: {first} and {second} are {what}; give sets of different names and images")


def _own_classes(entries: Sequence[Entry], validating: Validating) -> OwnClasses | None:
    """Return the classes of heads that are not ImageNet's: named by a file, by the checkpoint, or by nobody."""
    if not entries:
        return None
    entry = entries[0]
    number = entry.variant.classes
    file = validating.classes_file or (entry.published and entry.published.classes_file)
    if file:
        return OwnClasses(number=number, names=read_class_names(Path(file), number), source=str(file))
    if number in (0, IMAGENET_CLASSES) or (entry.published and entry.published.source != ZOO):
        return None
    path = cached_path(entry.published) if entry.published and entry.weights is None else entry.weights
    names = class_list(Path(path)) if path and Path(path).is_file() else ()
    if len(names) == number:
        return OwnClasses(number=number, names=names, source=f"the list in {Path(str(path)).name}")
    return OwnClasses(number=number, source="the sorted folders")


def fitted(entry: Entry, images: ImageSet) -> Entry:
    """Return a checkpoint with its preprocessing as the rules of a set have it."""
    return replace(entry, preprocess=replace(entry.preprocess, border_px=images.border_px))


def in_groups(entries: Sequence[Entry], budget_bytes: int) -> list[list[Entry]]:
    """Return the entries in groups whose files of weights fit into the budget together, or stand alone."""
    groups: list[list[Entry]] = []
    room = 0
    for entry in entries:
        size = entry.file_bytes
        if not groups or size > room:
            groups.append([])
            room = budget_bytes
        groups[-1].append(entry)
        room -= size
    return groups


def _asked(
    networks: Sequence[str | Variant], weights: Sequence[str | Path]
) -> list[tuple[str | Variant, str | Path | None]]:
    """Return what was named, or nothing when it is to be looked for on disk."""
    if weights and len(weights) != len(networks):
        raise ResbenchError(
            f"--weights: given {len(weights)} times for {len(networks)} networks; give it once for each, in order"
        )
    if not networks or any(map(is_pattern, networks)):
        if weights:
            raise ResbenchError("--weights: needs the name of a network for each file, not patterns or --all")
        return []
    files: Sequence[str | Path | None] = weights or [None] * len(networks)
    return list(zip(networks, files, strict=True))


def is_pattern(network: str | Variant) -> bool:
    """Tell whether a name stands for the published checkpoints that fit it."""
    return isinstance(network, str) and not is_place(network) and any(mark in network for mark in "*?[")


def _on_disk(networks: Sequence[str | Variant], classes: int) -> list[str]:
    """Return the published checkpoints on this machine for so many classes whose own or network's name fits."""
    patterns = [network if isinstance(network, str) else network.name for network in networks]
    present = (weights for weights in published_weights() if cached_path(weights).exists())
    here = [weights for weights in present if find(weights.name).classes == classes]
    fits = {
        p: [weights for weights in here if fnmatchcase(weights.name, p) or fnmatchcase(weights.network, p)]
        for p in patterns or ["*"]
    }
    for pattern, names in fits.items():
        if not names:
            wanted = f"for {classes} classes" + (f" that fit {pattern}" if patterns else "")
            raise ResbenchError(
                f"no published checkpoints {wanted} in {folder()}; fetch one, or name NETWORK and --weights"
            )
    return [weights.name for weights in here if any(weights in names for names in fits.values())]


def _entry(network: str | Variant, weights: str | Path | None, validating: Validating) -> Entry:
    asked = network if isinstance(network, str) else network.name
    return entry_of(asked, entered(network, validating.running.input_px), weights, validating)


def entry_of(asked: str, variant: Variant, weights: str | Path | None, validating: Validating) -> Entry:
    """Return the checkpoint (None: none in particular) of `variant`, with its preprocessing.

    That is the published checkpoint's, else what the network's own code says, changed as `validating` says.
    """
    published = find_weights(asked if weights is None else str(weights)) or _known(variant, weights)
    variant = headed(variant, validating.classes, weights, validating.key)
    own = variant.preprocess or Preprocess(crop_px=variant.input_px, crop_pct=0.875 if variant.input_px > 64 else 1.0)
    preprocess = pixels.adapt(
        published.preprocess if published else own,
        crop_px=validating.running.input_px,
        crop_pct=validating.crop_pct,
        interpolation=validating.interpolation,
        crop_mode=validating.crop_mode,
        mean=validating.mean,
        std=validating.std,
    )
    return Entry(asked=asked, weights=weights, variant=variant, published=published, preprocess=preprocess)


def square_side(size: int | tuple[int, int], option: str) -> int:
    """Return the side of images of a size. Raises ResbenchError where they are not square, as `option` needs them."""
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise ResbenchError(f"{option}: images are cut square; give one number, --input-px")
    return height


def checkpoint_of(entry: Entry, validating: Validating) -> Loaded:
    """Load the weights of an entry into its network. Raises ResbenchError for a file that does not fit."""
    return load_checkpoint(entry.variant, entry.source, validating.key)


def _known(variant: Variant, weights: str | Path | None) -> Weights | None:
    """Return the published checkpoint of `variant` that a file is, whatever its name, by its hash."""
    if weights is None or not Path(weights).is_file():
        return None
    return next((row for row in by_digest(sha256(Path(weights))) if row.network == variant.name), None)
