"""Which checkpoints are to be validated, on which images, and how these are prepared."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from resbench.accuracy import layouts, pixels
from resbench.accuracy.dataset import ImageSet
from resbench.errors import ResbenchError
from resbench.nets.cache import cached_path, folder, sha256
from resbench.running.settings import Running
from resbench.timing.speeds import BatchSize
from resbench.zoo.find import by_digest, find, find_weights
from resbench.zoo.spec import Preprocess, Variant, Weights
from resbench.zoo.weights import WEIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Validating:
    """What can be said of how a checkpoint is validated; None stands for the checkpoint's or the device's own."""

    running: Running = Running()  # its input_px is the side of the crop
    key: str | None = None  # of the weights in a file that holds several sets
    labels: Path | None = None  # a file of labels
    crop_pct: float | None = None
    interpolation: str | None = None
    crop_mode: str | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    batch_size: BatchSize | None = None
    workers: int | None = None  # threads that decode; None: one per core
    device: str | None = None  # None: the first there is
    skip_unreadable: bool = False
    cache: Path | None = None  # a folder for prepared frames
    decoder: str = "pillow"  # a name of accuracy.decoders


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A checkpoint that is to be validated."""

    asked: str  # the name that it was asked for by
    weights: str | Path | None  # a file, or the name of a published checkpoint; None: neither was given
    variant: Variant
    published: Weights | None
    preprocess: Preprocess

    @property
    def file_bytes(self) -> int:
        """The size of its file of weights; 0 when there is none, which loading reports."""
        named = self.weights is None or not Path(self.weights).exists()
        path = cached_path(self.published) if self.published and named else Path(str(self.weights))
        return path.stat().st_size if path.exists() else 0


def select(
    networks: Sequence[str], weights: Sequence[str | Path], data: Path, validating: Validating
) -> tuple[ImageSet, list[Entry]]:
    """Return the images, and the checkpoints that shall be evaluated on them.

    `networks` are names, or patterns that stand for published checkpoints on this machine; none means all of those.
    `weights` are files or names for the `networks` in turn. Raises ResbenchError when anything does not fit.
    """
    asked = _asked(networks, weights)
    images = layouts.open_set(data, validating.labels)
    entries = [entry_of(network, file, validating) for network, file in asked or _on_disk(networks, images.classes)]
    for entry in entries:
        if entry.variant.classes != images.classes:
            raise ResbenchError(
                f"{entry.asked}: predicts {entry.variant.classes} classes, but the images of {data} are of "
                f"{images.classes}; choose a network for these classes"
            )
    return images, entries


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


def _asked(networks: Sequence[str], weights: Sequence[str | Path]) -> list[tuple[str, str | Path | None]]:
    """Return what was named, or nothing when it is to be looked for on disk."""
    if weights and len(weights) != len(networks):
        raise ResbenchError(
            f"--weights: given {len(weights)} times for {len(networks)} networks; give it once for each, in order"
        )
    if not networks or any(mark in name for name in networks for mark in "*?["):
        if weights:
            raise ResbenchError("--weights: needs the name of a network for each file, not patterns or --all")
        return []
    for name in networks:
        find(name)
    files: Sequence[str | Path | None] = weights or [None] * len(networks)
    return list(zip(networks, files, strict=True))


def _on_disk(patterns: Sequence[str], classes: int) -> list[tuple[str, str | Path | None]]:
    """Return the published checkpoints on this machine for so many classes whose own or network's name fits."""
    here = [weights for weights in WEIGHTS if cached_path(weights).exists() and find(weights.name).classes == classes]
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
    return [(weights.name, None) for weights in here if any(weights in names for names in fits.values())]


def entry_of(network: str, weights: str | Path | None, validating: Validating) -> Entry:
    """Return the checkpoint (None: none in particular) with its preprocessing, changed as `validating` says."""
    variant = find(network)
    published = find_weights(network if weights is None else str(weights)) or _known(variant, weights)
    own = Preprocess(crop_px=variant.input_px, crop_pct=0.875 if variant.input_px > 64 else 1.0)
    preprocess = pixels.adapt(
        published.preprocess if published else own,
        crop_px=validating.running.input_px,
        crop_pct=validating.crop_pct,
        interpolation=validating.interpolation,
        crop_mode=validating.crop_mode,
        mean=validating.mean,
        std=validating.std,
    )
    return Entry(asked=network, weights=weights, variant=variant, published=published, preprocess=preprocess)


def _known(variant: Variant, weights: str | Path | None) -> Weights | None:
    """Return the published checkpoint of `variant` that a file is, whatever its name, by its hash."""
    if weights is None or not Path(weights).is_file():
        return None
    return next((row for row in by_digest(sha256(Path(weights))) if row.network == variant.name), None)
