"""The same images in every form that is read, made by the writers that people use."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import webdataset

from resbench.accuracy.labels import imagenet
from tests import planted

WNIDS = list(imagenet())
IMAGES, RIGHT_AT_1, RIGHT_AT_5 = 41, 11, 31  # image k shows class 20 k + k mod 4


def images() -> Iterator[tuple[str, int, bytes]]:
    """(name, class, JPEG): every fourth is right at once, three in four among five."""
    for k in range(IMAGES):
        yield f"{k:03d}.JPEG", 20 * k, planted.encoded(20 * k + k % 4)


def folder(root: Path) -> Path:
    for name, label, data in images():
        path = root / "val" / WNIDS[label] / name
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    return root / "val"


def tar(root: Path, mode: str = "w", name: str = "val.tar") -> Path:
    with tarfile.open(root / name, mode) as out:
        for base, label, data in images():
            header = tarfile.TarInfo(f"val/{WNIDS[label]}/{base}")
            header.size = len(data)
            out.addfile(header, io.BytesIO(data))
    return root / name


def compressed_tar(root: Path) -> Path:
    return tar(root, "w:gz", "val.tar.gz")


def xz_tar(root: Path) -> Path:
    return tar(root, "w:xz", "val.tar.xz")


def class_tars(root: Path) -> Path:
    """One archive for each class, as the training images come."""
    (root / "val").mkdir()
    for base, label, data in images():
        with tarfile.open(root / "val" / f"{WNIDS[label]}.tar", "w") as out:
            header = tarfile.TarInfo(base)
            header.size = len(data)
            out.addfile(header, io.BytesIO(data))
    return root / "val"


def zip_archive(root: Path, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(root / "val.zip", "w", method) as out:
        for base, label, data in images():
            out.writestr(f"val/{WNIDS[label]}/{base}", data)
    return root / "val.zip"


def deflated_zip(root: Path) -> Path:
    return zip_archive(root, zipfile.ZIP_DEFLATED)


def shards(root: Path, label: Callable[[int], dict] = lambda label: {"cls": label}) -> Path:
    """WebDataset's shards of 10 images."""
    (root / "val").mkdir()
    everything = list(images())
    for number, start in enumerate(range(0, IMAGES, 10)):
        with webdataset.TarWriter(str(root / "val" / f"imagenet-val-{number:03d}.tar")) as out:
            for name, shown, data in everything[start : start + 10]:
                out.write({"__key__": name[:3], "JPEG": data, **label(shown)})
    return root / "val"


def shards_by_braces(root: Path) -> Path:
    return shards(root) / f"imagenet-val-{{000..{(IMAGES - 1) // 10:03d}}}.tar"


def json_shards(root: Path) -> Path:
    return shards(root, lambda label: {"json": {"label": label, "text": WNIDS[label]}})


def wnid_shards(root: Path) -> Path:
    return shards(root, lambda label: {"cls": WNIDS[label]})


FORMS = (folder, tar, compressed_tar, xz_tar, class_tars, zip_archive, deflated_zip, shards, shards_by_braces,
         json_shards, wnid_shards)  # fmt: skip
