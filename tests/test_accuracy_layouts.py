"""Every layout that people have, evaluated with a network whose right answers are known."""

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from resbench.accuracy import figures, loader, official
from resbench.accuracy.dataset import Sample
from resbench.accuracy.evaluate import Contestant, evaluate
from resbench.accuracy.labels import imagenet, real, subsets, validation
from resbench.accuracy.layouts import open_set
from resbench.accuracy.published import answers_to, recognise
from resbench.errors import ResbenchError
from resbench.records import predictions
from tests import planted

WNIDS = list(imagenet())
NUMBERS = range(1, 9)  # of the official images that lie in every layout below
# Seen right in the first five images, off by one in the next two (so right among five), far off in the last.
SHIFT = dict(zip(NUMBERS, (0, 0, 0, 0, 0, 1, 1, 9), strict=True))


def official_name(number):
    return f"ILSVRC2012_val_{number:08d}.JPEG"


def label(number):
    return validation()[number - 1]


def write(path, number):
    return planted.write(path, label(number) + SHIFT[number])


def scored(images, classes=1000, preprocess=planted.SMALL):
    one = Contestant(
        name="planted",
        identity="",
        forward=planted.Planted(preprocess, classes),
        preprocess=preprocess,
        among=images.among,
    )
    batches = loader.batches(
        images.samples, [preprocess], starts=range(0, len(images.samples), 3), batch_size=3, workers=2
    )
    return predictions.merge_rows(
        [rows for (rows,) in evaluate([one], batches, device=torch.device("cpu"), batch_size=3)]
    )


def right(images):
    rows = scored(images)
    return int(predictions.top1(rows).sum()), int(predictions.top5(rows).sum()), len(rows)


def in_wnid_folders(root):
    for number in NUMBERS:
        write(root / WNIDS[label(number)] / official_name(number), number)
    return root, None


def in_a_split(root):
    for number in NUMBERS:
        write(root / "val" / WNIDS[label(number)] / official_name(number), number)
    planted.write(root / "train" / WNIDS[0] / "n01440764_1.JPEG", 500)
    return root, None


def flat(root):
    for number in NUMBERS:
        write(root / official_name(number), number)
    return root, None


def official_tar(root):
    flat(root / "images")
    with tarfile.open(root / "ILSVRC2012_img_val.tar", "w") as archive:
        for number in NUMBERS:
            archive.add(root / "images" / official_name(number), official_name(number))
    return root / "ILSVRC2012_img_val.tar", None


def tar_of_wnid_folders(root):
    in_wnid_folders(root / "val")
    with tarfile.open(root / "val.tar", "w") as archive:
        archive.add(root / "val", "./val")
    return root / "val.tar", None


def numbered_folders(root):
    for number in NUMBERS:
        write(root / str(label(number)) / f"{number}.jpeg", number)
    return root, None


def with_a_list_of_numbers(root):
    for number in NUMBERS:
        write(root / "images" / f"{number}.jpg", number)
    (root / "labels.txt").write_text("".join(f"{number}.jpg {label(number)}\n" for number in NUMBERS))
    return root / "images", root / "labels.txt"


def with_a_csv_of_wnids(root):
    for number in NUMBERS:
        write(root / "images" / "nested" / f"{number}.jpg", number)
    rows = "".join(f"nested/{number}.jpg,{WNIDS[label(number)]},0.5\n" for number in NUMBERS)
    (root / "labels.csv").write_text("image,class,weight\n" + rows)
    return root / "images", root / "labels.csv"


def with_kaggles_solution(root):
    flat(root / "images")
    rows = "".join(f"{official_name(n).removesuffix('.JPEG')},{WNIDS[label(n)]} 85 1 499 272\n" for n in NUMBERS)
    (root / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + rows)
    return root / "images", root / "LOC_val_solution.csv"


def with_classes_in_order(root):
    flat(root / "images")
    (root / "val.txt").write_text("".join(f"{label(number)}\n" for number in NUMBERS))
    return root / "images", root / "val.txt"


LAYOUTS = [
    in_wnid_folders,
    in_a_split,
    flat,
    official_tar,
    tar_of_wnid_folders,
    numbered_folders,
    with_a_list_of_numbers,
    with_a_csv_of_wnids,
    with_kaggles_solution,
    with_classes_in_order,
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_counts_are_exact_in_every_layout(layout, tmp_path):
    assert right(open_set(*layout(tmp_path))) == (5, 7, 8)


def test_the_same_images_have_one_fingerprint_and_one_order_in_every_layout(tmp_path):
    sets = [
        open_set(*layout(tmp_path / layout.__name__))
        for layout in (in_wnid_folders, in_a_split, flat, official_tar, tar_of_wnid_folders, with_classes_in_order)
    ]
    assert len({images.fingerprint for images in sets}) == 1
    assert len({tuple(sample.base for sample in images.samples) for images in sets}) == 1
    assert {images.name for images in sets} == {"part of ImageNet-1k"}


def test_training_images_beside_validation_images_are_left_out_and_told(tmp_path):
    images = open_set(*in_a_split(tmp_path))
    assert [(part.what, part.files) for part in images.left_out] == [
        ("val/ is evaluated, not what lies beside it", ("train/ (1 image)",))
    ]


def test_a_stray_image_beside_wnid_folders_is_no_part_of_the_set(tmp_path):
    in_wnid_folders(tmp_path)
    planted.write(tmp_path / "montage.jpg", 3)
    (tmp_path / "README.md").write_text("")
    images = open_set(tmp_path)
    assert right(images) == (5, 7, 8)
    assert [(part.what, part.files) for part in images.left_out] == [
        ("no part of the set", ("README.md", "montage.jpg"))
    ]


def test_official_images_in_folders_of_other_classes_are_refused(tmp_path):
    in_wnid_folders(tmp_path)
    folder = tmp_path / WNIDS[label(1)]
    folder.rename(tmp_path / WNIDS[7])
    with pytest.raises(ResbenchError, match="folders or names of 1 of 8 images contradict the official labels"):
        open_set(tmp_path)


def test_folders_numbered_from_one_are_refused(tmp_path):
    for folder in (1, 2, 1000):
        planted.write(tmp_path / str(folder) / "a.JPEG", 3)
    with pytest.raises(ResbenchError, match="numbered up to 1000, so their classes are not known"):
        open_set(tmp_path)


def test_folders_of_other_names_and_compressed_archives_are_refused(tmp_path):
    planted.write(tmp_path / "cats" / "a.JPEG", 3)
    with pytest.raises(ResbenchError, match=r"neither by WordNet id nor by number \(cats\).*give --labels FILE"):
        open_set(tmp_path)
    (tmp_path / "a.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    with pytest.raises(ResbenchError, match=r"compressed, .* unpack it first"):
        open_set(tmp_path / "a.tar.zst")
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(ResbenchError, match="neither a folder nor a tar archive"):
        open_set(tmp_path / "a.txt")


def samples(bases, labels, folder=""):
    return tuple(
        Sample(name=f"{folder}{base}", label=shown, path=Path("x"), size_bytes=1)
        for base, shown in zip(bases, labels, strict=True)
    )


def test_published_sets_are_recognised():
    by_name = {name: sorted(classes) for classes, name in subsets().items()}
    assert {name: len(classes) for name, classes in by_name.items()} == {
        "ImageNet-A": 200,
        "ImageNet-R": 200,
        "Imagenette": 10,
        "Imagewoof": 10,
        "ImageNet-100 (CMC)": 100,
        "ImageNet-100 (Kaggle)": 100,
    }
    for name, classes in by_name.items():
        images = samples([f"{shown}.jpg" for shown in classes], classes)
        assert recognise("wnid folders", images) == name
        assert answers_to(name, images) == (tuple(classes) if len(classes) == 200 else None)
    whole = samples(map(official_name, range(1, 50_001)), validation())
    assert recognise("official names", whole) == "ImageNet-1k"
    assert recognise("official names", whole[:5]) == "part of ImageNet-1k"
    chosen = set(by_name["ImageNet-100 (CMC)"])
    assert recognise("official names", [one for one in whole if one.label in chosen]) == "ImageNet-100 (CMC)"
    sketches = samples([f"sketch_{shown}.JPEG" for shown in range(1000)], range(1000))
    assert recognise("wnid folders", sketches) == "ImageNet-Sketch"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("val", "ImageNet-V2"),
        ("imagenetv2-matched-frequency", "ImageNet-V2 (matched frequency)"),
        ("ImageNetV2-matched-frequency-format-val", "ImageNet-V2 (matched frequency)"),
        ("imagenetv2-threshold0.7-format-val", "ImageNet-V2 (threshold 0.7)"),
        ("imagenetv2-top-images-format-val", "ImageNet-V2 (top images)"),
    ],
)
def test_variants_of_imagenet_v2_are_known_by_their_folders(place, name):
    matched = samples([f"{k}.jpeg" for k in range(10_000)], [k // 10 for k in range(10_000)])
    assert recognise("numbered folders", matched, place) == name
    assert recognise("numbered folders", matched[:-1], place) is None


def test_answers_to_imagenet_a_are_chosen_among_its_classes(tmp_path):
    classes = next(sorted(classes) for classes, name in subsets().items() if name == "ImageNet-A")
    for shown in classes:
        planted.write(tmp_path / WNIDS[shown] / f"{shown}.jpg", shown + 1)
    images = open_set(tmp_path)
    assert (images.name, images.describe().among) == ("ImageNet-A", 200)
    # After the class that was shown come the next, then the right one; whichever is among the 200 is chosen.
    assert right(images)[0] == sum({shown + 1, shown + 2}.isdisjoint(classes) for shown in classes)


def test_official_labels_and_reals_have_known_sizes():
    assert len(validation()) == len(real()) == 50_000
    assert sorted(np.bincount(validation())) == [50] * 1000
    assert sum(not classes for classes in real()) == 3163  # Beyer et al. 2020: 46,837 images keep a label
    assert [official.number(name) for name in (official_name(1), "ILSVRC2012_val_00050001.JPEG", "x.JPEG")] == [
        1,
        None,
        None,
    ]
    agreeing = sum(shown in classes for shown, classes in zip(validation(), real(), strict=True))
    assert 0.89 < agreeing / 46_837 < 0.91  # the paper: the original labels are right on about nine in ten


def test_reals_count_leaves_out_images_without_a_label():
    names = tuple(official_name(number) for number in (1, 2, 3, 4))
    assert [sorted(real()[n]) for n in range(4)] == [[], [795, 970], [230, 231], [809]]
    rows = np.zeros(4, predictions.ROW)
    rows["top5"][:, 0] = [5, 795, 100, 809]
    rows["logits"][:, 0] = 1
    assert figures.real_top1(predictions.Predictions(names=names, rows=rows)) == (2, 3)
    assert figures.real_top1(predictions.Predictions(names=("a.jpg",) * 4, rows=rows)) is None


def test_folders_may_be_called_by_the_names_of_classes(tmp_path):
    for name, label in (
        ("great_white_shark", 2),
        ("Tinca tinca", 0),
        ("jack-o'-lantern", 607),
        ("Maillot, tank suit", 639),
    ):
        planted.write(tmp_path / "val" / name / f"{label}.JPEG", label)
    images = open_set(tmp_path)
    assert images.layout == "class names"
    assert all(sample.base == f"{sample.label}.JPEG" for sample in images.samples)
    planted.write(tmp_path / "val" / "crane" / "a.JPEG", 134)  # a bird and a machine
    with pytest.raises(ResbenchError, match=r"1 folders are not called by the name of one class .*\(crane\)"):
        open_set(tmp_path)


def tiny_imagenet(root, lines=None):
    """Tiny-ImageNet as it is unpacked: the classes of the validation images stand in a file beside them."""
    for number in range(4):
        planted.write(root / "train" / WNIDS[number] / "images" / f"{WNIDS[number]}_0.JPEG", number)
        planted.write(root / "val" / "images" / f"val_{number}.JPEG", number)
    planted.write(root / "test" / "images" / "test_0.JPEG", 0)
    rows = [f"val_{number}.JPEG\t{WNIDS[number]}\t0\t32\t44\t62\n" for number in range(4)]
    (root / "val" / "val_annotations.txt").write_text("".join(rows if lines is None else lines))
    return root


@pytest.mark.parametrize("form", ["folder", "val", "zip"])
def test_tiny_imagenets_annotations_are_read(tmp_path, form):
    root = tiny_imagenet(tmp_path / "tiny-imagenet-200")
    place = {"folder": root, "val": root / "val"}.get(form) or Path(
        shutil.make_archive(str(tmp_path / "t"), "zip", root)
    )
    images = open_set(place)
    assert {sample.base: sample.label for sample in images.samples} == {
        f"val_{number}.JPEG": number for number in range(4)
    }
    beside = {symptom.what: symptom.files for symptom in images.left_out}
    assert len(beside.get("images without annotations beside the validation images", ())) == (0 if form == "val" else 5)


def test_tiny_imagenets_annotations_are_complete_or_refused(tmp_path):
    row = f"val_0.JPEG\t{WNIDS[0]}\n"
    with pytest.raises(ResbenchError, match=r"no class for 3 of 4 images in val/val_annotations.txt"):
        open_set(tiny_imagenet(tmp_path / "a", [row]))
    with pytest.raises(ResbenchError, match=r"line 2: no class, or a second one, for 'val_0.JPEG'"):
        open_set(tiny_imagenet(tmp_path / "b", [row, f"val_0.JPEG\t{WNIDS[1]}\n"]))
