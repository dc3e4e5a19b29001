"""CIFAR-10's test images, as its binary version keeps them."""

from pathlib import Path

from resbench.accuracy.dataset import ImageSet, Sample
from resbench.errors import ResbenchError

CIFAR_BYTES = 1 + 3 * 32 * 32  # a label, then the planes


def test_batch(path: Path) -> Path | None:
    """Return CIFAR-10's test batch, where `path` is it or holds it."""
    binary = path / "test_batch.bin" if path.is_dir() else path
    return binary if binary.name == "test_batch.bin" and binary.is_file() else None


def open_test_batch(path: Path) -> ImageSet:
    """Return the images of a binary test batch. Raises ResbenchError when it is none."""
    count, rest = divmod(path.stat().st_size, CIFAR_BYTES)
    if rest or not count:
        raise ResbenchError(
            f"{path}: not CIFAR-10's binary test batch (its size is no multiple of 3073); fetch it again"
        )
    data = path.read_bytes()
    labels = data[::CIFAR_BYTES]
    if max(labels) > 9:
        raise ResbenchError(f"{path}: not CIFAR-10's binary test batch (a label is {max(labels)}); fetch it again")
    samples = tuple(
        Sample(
            name=f"{path.name}/{index:05d}",
            path=path,
            offset=index * CIFAR_BYTES + 1,
            size_bytes=CIFAR_BYTES - 1,
            label=label,
            encoding="cifar",
        )
        for index, label in enumerate(labels)
    )
    return ImageSet(name="CIFAR-10", layout="binary batch", classes=10, samples=samples)
