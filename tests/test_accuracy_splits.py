"""Two sets of images are never added up: one is taken and named, or all are refused."""

import os
import shutil
import socket
import tarfile

import pytest

from resbench.accuracy import doctor
from resbench.accuracy.labels import imagenet, validation
from resbench.accuracy.layouts import open_set, open_unlabelled
from resbench.accuracy.splits import split_of
from resbench.errors import ResbenchError
from tests import planted

WNIDS = list(imagenet())


def fill(root, *folders, images=2, base="{folder}_{number}.JPEG"):
    """Write `images` images of two classes into each folder."""
    for folder in folders:
        for shown in (0, 1):
            for number in range(images):
                name = base.format(folder=folder.replace("/", "-").strip("."), number=number)
                planted.write(root / folder / WNIDS[shown] / name, shown)
    return root


def taken(images):
    return {sample.name.partition("/n0")[0] for sample in images.samples}


def said(images):
    return {part.what: part.files for part in images.left_out}


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("val", "validation"),
        ("Validation", "validation"),
        ("ILSVRC2012_img_val", "validation"),
        ("imagenetv2-matched-frequency-format-val", "validation"),
        ("ValImages", "validation"),
        ("TRAIN", "training"),
        ("trainval", "training"),
        ("training_set", "training"),
        ("validationset", "validation"),
        ("TestImages", "test"),
        ("train_val", "training"),
        ("test2", "test"),
        ("n01440764", None),
        ("valley", None),
        ("strain", None),
    ],
)
def test_folders_are_parts_of_a_data_set_by_whole_words(folder, split):
    assert split_of(folder) == split


@pytest.mark.parametrize(
    ("best", "others"),
    [
        ("validation", ["train"]),
        ("Val", ["Train"]),
        ("validating", ["training"]),
        ("val", ["train", "test"]),
        ("val", ["test"]),
        ("test", ["train"]),
        ("eval_images", ["train_images"]),
        ("Data/CLS-LOC/val", ["Data/CLS-LOC/train", "Data/CLS-LOC/test"]),
    ],
)
def test_the_validation_part_is_taken_and_the_others_are_named(tmp_path, best, others):
    images = open_set(fill(tmp_path, best, *others))
    assert len(images.samples) == 4
    assert taken(images) == {best}
    names = said(images)[f"{best}/ is evaluated, not what lies beside it"]
    assert names == tuple(sorted(f"{other}/ (4 images)" for other in others))
    assert any(best in str(symptom) for symptom in doctor.oddities(images, []))


@pytest.mark.parametrize(
    "folders",
    [
        ["val", "val_backup"],
        ["val", "validation"],
        ["imagenetv2-threshold0.7-format-val", "imagenetv2-top-images-format-val"],
        ["gaussian_noise/1", "gaussian_noise/2"],
        ["imagenet-a", "imagenet-r"],
        ["train", "train2"],
    ],
)
def test_sets_side_by_side_are_refused_with_their_names(tmp_path, folders):
    with pytest.raises(ResbenchError) as refused:
        open_set(fill(tmp_path, *folders))
    for folder in folders:
        assert f"{folder}/ (4 images)" in str(refused.value)
    assert "2 sets of images lie side by side" in str(refused.value)
    assert f"--data {tmp_path / folders[0]}" in str(refused.value)
    assert len(open_set(tmp_path / folders[0]).samples) == 4


def test_parts_below_the_folders_of_classes_are_parts_too(tmp_path):
    for shown in (0, 1):
        for part in ("train", "val"):
            planted.write(tmp_path / WNIDS[shown] / part / f"{part}.JPEG", shown)
    images = open_set(tmp_path)
    assert {sample.name for sample in images.samples} == {f"{wnid}/val/val.JPEG" for wnid in WNIDS[:2]}
    assert said(images) == {"*/val/ is evaluated, not what lies beside it": ("*/train/ (2 images)",)}
    (tmp_path / WNIDS[0] / "train").rename(tmp_path / WNIDS[0] / "val2")
    (tmp_path / WNIDS[1] / "train").rename(tmp_path / WNIDS[1] / "val2")
    with pytest.raises(ResbenchError, match="move one of them to a folder of its own"):
        open_set(tmp_path)


def test_a_class_in_a_labels_file_may_be_called_train(tmp_path):
    for name in ("train/1.jpg", "dog/2.jpg"):
        planted.write(tmp_path / "set" / name, 0)
    (tmp_path / "labels").write_text("train/1.jpg 466\ndog/2.jpg 207\n")
    assert sorted(sample.label for sample in open_set(tmp_path / "set", tmp_path / "labels").samples) == [207, 466]


def test_official_images_in_folders_of_other_numbers_keep_their_official_labels(tmp_path):
    for number in (1, 2):
        folder = str(validation()[number - 1] + number - 1)
        planted.write(tmp_path / folder / f"ILSVRC2012_val_{number:08d}.JPEG", 0)
    images = open_set(tmp_path)
    assert sorted(sample.label for sample in images.samples) == sorted(validation()[:2])
    assert "the number of the folder is not the official class of 1 image" in images.notes[0]


@pytest.mark.parametrize("beside", ["val", "old", "test"])
def test_a_set_in_the_folder_itself_beside_another_is_refused(tmp_path, beside):
    fill(fill(tmp_path, "."), beside)
    with pytest.raises(ResbenchError, match=rf"outside of folders \(4 images\), {beside}/ \(4 images\)"):
        open_set(tmp_path)


def test_numbered_folders_below_numbered_folders_are_several_sets(tmp_path):
    for severity in (1, 2):
        for shown in (0, 1, 2):
            planted.write(tmp_path / str(severity) / str(shown) / f"{severity}{shown}.jpeg", shown)
    with pytest.raises(ResbenchError, match=r"2 sets of images lie side by side \(1/ \(3 images\), 2/ \(3 images\)\)"):
        open_set(tmp_path)
    assert sorted(sample.label for sample in open_set(tmp_path / "2").samples) == [0, 1, 2]


def test_sets_of_several_layouts_in_one_folder_are_refused(tmp_path):
    planted.write(tmp_path / "ILSVRC2012_val_00000001.JPEG", validation()[0])
    planted.write(tmp_path / f"{WNIDS[0]}_12.JPEG", 0)
    with pytest.raises(ResbenchError, match=r"several kinds .1 by official names, 1 by wnids in file names."):
        open_set(tmp_path)


@pytest.mark.parametrize("second", [f"{WNIDS[0]}/copy/a.JPEG", f"{WNIDS[0]}/2/a.JPEG"])
def test_one_file_name_in_two_places_of_a_class_is_refused(tmp_path, second):
    planted.write(tmp_path / WNIDS[0] / "a.JPEG", 0)
    planted.write(tmp_path / WNIDS[1] / "a.JPEG", 1)
    assert len(open_set(tmp_path).samples) == 2
    planted.write(tmp_path / second, 0)
    with pytest.raises(ResbenchError, match=f"1 image in two places, by name .as .*{second}"):
        open_set(tmp_path)
    labels = tmp_path.parent / f"{tmp_path.name}.csv"
    labels.write_text(f"{WNIDS[0]}/a.JPEG,0\n{WNIDS[1]}/a.JPEG,1\n{second},0\n")
    assert len(open_set(tmp_path, labels).samples) == 3


def test_an_official_image_in_two_formats_is_refused_and_a_second_copy_is_left_out(tmp_path):
    name = "ILSVRC2012_val_00000001"
    for file in (f"{name}.JPEG", f"{name} (1).JPEG", f"{name} - Copy.JPEG", "ILSVRC2012_val_00000002.JPEG"):
        planted.write(tmp_path / file, validation()[0])
    images = open_set(tmp_path)
    assert len(images.samples) == 2
    assert said(images) == {"second copies of official images": (f"{name} (1).JPEG", f"{name} - Copy.JPEG")}
    planted.write(tmp_path / f"{name}.png", validation()[0], kind="PNG")
    with pytest.raises(ResbenchError, match="1 image in two places"):
        open_set(tmp_path)


def test_names_of_training_images_are_named(tmp_path):
    planted.write(tmp_path / WNIDS[0] / f"{WNIDS[0]}_10026.JPEG", 0)
    planted.write(tmp_path / WNIDS[1] / "photograph.JPEG", 1)
    assert "1 of 2 images have names of ImageNet's training images" in open_set(tmp_path).notes[0]
    (tmp_path / "train").mkdir()
    (tmp_path / WNIDS[1]).rename(tmp_path / "train" / WNIDS[1])
    assert open_set(tmp_path / "train").notes[0].endswith("these are training images: accuracy on them is optimistic")
    shutil.rmtree(tmp_path / WNIDS[0])
    assert "all images lie in train/" in open_set(tmp_path).notes[0]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("ILSVRC2012_val_00000001.png", validation()[0]),
        (f"ILSVRC2012_val_00000002_{WNIDS[validation()[1]]}.JPEG", validation()[1]),
        (f"{WNIDS[7]}_10026.JPEG", 7),
        (f"{WNIDS[8]}_hen/a.JPEG", 8),
        (f"{WNIDS[9].upper()}/a.JPEG", 9),
        (f"extra/{WNIDS[9]}/{WNIDS[9]}/a.JPEG", 9),
        ("00012/a.JPEG", 12),
    ],
)
def test_names_of_images_and_folders_tell_the_class(tmp_path, name, label):
    planted.write(tmp_path / name, label)
    assert [sample.label for sample in open_set(tmp_path).samples] == [label]


def test_names_that_contradict_the_official_labels_are_refused(tmp_path):
    wrong = WNIDS[(validation()[0] + 1) % 1000]
    planted.write(tmp_path / f"ILSVRC2012_val_00000001_{wrong}.JPEG", 0)
    with pytest.raises(ResbenchError, match="names of 1 of 1 images contradict the official labels"):
        open_set(tmp_path)


def test_one_number_written_in_two_ways_is_refused(tmp_path):
    for folder in ("1", "01"):
        planted.write(tmp_path / folder / f"{folder}.JPEG", 1)
    with pytest.raises(ResbenchError, match="two folders have the same number"):
        open_set(tmp_path)


def test_folders_that_may_be_numbered_from_one_are_named(tmp_path):
    for folder in (1, 2):
        planted.write(tmp_path / str(folder) / f"{folder}.JPEG", folder)
    assert open_set(tmp_path).notes == ("folders are taken as numbered from 0: 1 is goldfish, Carassius auratus",)


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "tar"])
def test_thumbnails_and_system_folders_are_left_out_and_named(tmp_path, packed):
    root = fill(tmp_path / "set", ".", images=1, base="photo{number}.JPEG")
    for name in ("@eaDir/photo0.JPEG/THUMB_M.jpg", ".thumbnails/1.jpg", "._photo0.JPEG", ".DS_Store"):
        planted.write(root / WNIDS[0] / name, 5)
    planted.write(root / "__MACOSX" / WNIDS[0] / "a.JPEG", 5)
    if packed:
        with tarfile.open(tmp_path / "set.tar", "w") as archive:
            archive.add(root, ".")
        root = tmp_path / "set.tar"
    images = open_set(root)
    hidden = ("@eaDir/", "._photo0.JPEG", ".thumbnails/")
    assert len(images.samples) == len(open_unlabelled(root).samples) == 2
    assert set(said(images)["hidden files and system folders"]) == {"__MACOSX/", *(f"{WNIDS[0]}/{h}" for h in hidden)}


def test_pipes_and_sockets_are_named_and_never_opened(tmp_path):
    fill(tmp_path, ".")
    os.mkfifo(tmp_path / WNIDS[0] / "pipe.JPEG")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fsencode(tmp_path / "s.JPEG")[-100:] if len(str(tmp_path)) > 90 else str(tmp_path / "s.JPEG"))
        images = open_set(tmp_path)
    names = said(images)["pipes, sockets and devices"]
    assert names == (f"{WNIDS[0]}/pipe.JPEG (pipe)", "s.JPEG (socket)")
    with pytest.raises(ResbenchError, match=r"pipe.JPEG: a pipe; give a folder"):
        open_set(tmp_path / WNIDS[0] / "pipe.JPEG")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("validation-00000-of-00128", b"\0" * 64, "a TFRecord file"),
        ("val.lmdb/data.mdb", b"\0", "an LMDB database"),
        ("data_batch_1", b"\x80", "a batch of CIFAR with training images .*give the test batch"),
        ("data_batch_1.bin", b"\0", "a batch of CIFAR with training images .*give the test batch"),
        ("val.tar.zst", b"\x28\xb5\x2f\xfd", "compressed, .*unpack it first"),
        ("val.beton", b"", "an FFCV file"),
        ("val.rec", b"", "a RecordIO file"),
        ("t10k-images-idx3-ubyte", b"", "a file of MNIST's format"),
        ("val.h5", b"\x89HDF", "an HDF5 file"),
        ("val.npz", b"PK\x03\x04", "a NumPy array"),
    ],
)
def test_what_is_not_read_is_named_for_what_it_is(tmp_path, name, data, message):
    path = tmp_path / "set" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with pytest.raises(ResbenchError, match=f"set: no images, but {message}"):
        open_set(tmp_path / "set")
    with pytest.raises(ResbenchError, match=name):
        open_set(path)


def test_a_file_that_may_hold_the_classes_is_named(tmp_path):
    planted.write(tmp_path / "val" / "images" / "val_0.JPEG", 3)
    (tmp_path / "val" / "val_labels.txt").write_text(f"val_0.JPEG\t{WNIDS[3]}\t0\t0\t9\t9\n")
    with pytest.raises(ResbenchError, match=r"--labels FILE .*val_labels.txt may be one"):
        open_set(tmp_path)
    assert open_set(tmp_path, tmp_path / "val" / "val_labels.txt").samples[0].label == 3
