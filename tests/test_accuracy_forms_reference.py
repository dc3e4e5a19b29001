"""What other libraries write and read: the same images with the same labels."""

import io

import pytest
from PIL import Image

from resbench.accuracy.layouts import open_set
from tests import packed

pytestmark = pytest.mark.reference


def content(images):
    """{bytes: class} as we read them."""
    return {sample.read(): sample.label for sample in images.samples}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves its shards open
def test_webdataset_gives_the_same_images_and_labels(tmp_path):
    import webdataset

    place = packed.shards(tmp_path)
    shards = [str(path) for path in sorted(place.glob("*.tar"))]
    theirs = {sample["jpeg"]: int(sample["cls"]) for sample in webdataset.WebDataset(shards, shardshuffle=False)}
    assert content(open_set(place)) == theirs
    assert len(theirs) == packed.IMAGES


@pytest.mark.parametrize("form", ["parquet", "disk"])
def test_datasets_writes_and_reads_the_same_images_and_labels(tmp_path, form):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=packed.NAMES)})
    rows = {
        "image": [{"bytes": data, "path": name} for name, _, data in packed.images()],
        "label": [label for _, label, _ in packed.images()],
    }
    written = datasets.Dataset.from_dict(rows, features=features)
    if form == "parquet":
        (tmp_path / "data").mkdir()
        written.to_parquet(str(tmp_path / "data" / "validation-00000-of-00001.parquet"))
        back = datasets.load_dataset("parquet", data_dir=str(tmp_path / "data"), split="validation")
    else:
        datasets.DatasetDict(validation=written).save_to_disk(str(tmp_path / "data"))
        back = datasets.load_from_disk(str(tmp_path / "data"))["validation"]
    theirs = {(row["image"].tobytes(), row["label"]) for row in back}
    ours = {
        (Image.open(io.BytesIO(sample.read())).tobytes(), sample.label)
        for sample in open_set(tmp_path / "data").samples
    }
    assert ours == theirs
    assert len(theirs) == packed.IMAGES
