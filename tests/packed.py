"""The same images in every form that is read, made by the writers that people use."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import webdataset

from resbench.accuracy.labels import imagenet
from tests import planted

WNIDS = list(imagenet())
NAMES = [*imagenet().values()]
NAMES[134] = "crane bird"  # as on the hub: `datasets` wants every name once
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


def table(rows: list[tuple[str, int, bytes]], names: list[str] | None = None) -> pa.Table:
    """The hub's form: a struct of bytes and path, a label, and `datasets`' features in the schema."""
    image = pa.array(
        [{"bytes": data, "path": name} for name, _, data in rows],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    out = pa.table({"image": image, "label": pa.array([label for _, label, _ in rows], pa.int64())})
    label = {"names": names or NAMES, "_type": "ClassLabel"}
    features = {"image": {"_type": "Image"}, "label": label}
    return out.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def parquet(root: Path) -> Path:
    """Two parts of the validation split in row groups of 7, beside the training split, which is never opened."""
    (root / "imagenet-1k" / "data").mkdir(parents=True)
    everything = list(images())
    for number, part in enumerate((everything[:20], everything[20:])):
        path = root / "imagenet-1k" / "data" / f"validation-{number:05d}-of-00002.parquet"
        pq.write_table(table(part), path, row_group_size=7)
    (root / "imagenet-1k" / "data" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 and so on")
    return root / "imagenet-1k"


def plain_parquet(root: Path) -> Path:
    """Columns of bytes and WordNet ids in one row group, as a data frame is written; without names of the images."""
    rows = list(images())
    columns = {"bytes": [data for _, _, data in rows], "label": [WNIDS[label] for _, label, _ in rows]}
    pq.write_table(pa.table(columns), root / "val.parquet", compression="zstd")
    return root / "val.parquet"


def arrow(root: Path) -> Path:
    """What `datasets.save_to_disk` writes of a dictionary of splits."""
    for split in ("train", "validation"):
        (root / "saved" / split).mkdir(parents=True)
        rows = table(list(images()))
        name = "data-00000-of-00001.arrow"
        with pa.OSFile(str(root / "saved" / split / name), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as out:
            out.write_table(rows, max_chunksize=7)
        (root / "saved" / split / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
        (root / "saved" / split / "dataset_info.json").write_text("{}")
    (root / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')
    return root / "saved"


def arrow_file(root: Path) -> Path:
    rows = table(list(images()))
    with pa.OSFile(str(root / "val.arrow"), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as out:
        out.write_table(rows, max_chunksize=7)
    return root / "val.arrow"


FORMS = (folder, tar, compressed_tar, xz_tar, class_tars, zip_archive, deflated_zip, shards, shards_by_braces,
         json_shards, wnid_shards, parquet, plain_parquet, arrow, arrow_file)  # fmt: skip
