"""The rules of published sets: class lists, equivalent classes and borders, against what their authors published."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from resbench.accuracy import loader, pixels
from resbench.accuracy.dataset import ImageSet, Sample
from resbench.accuracy.decoders import decoder_named
from resbench.accuracy.evaluate import Contestant, evaluate
from resbench.accuracy.labels import objectnet, subsets
from resbench.accuracy.layouts import open_set
from resbench.accuracy.published import on_classes_of, rules
from resbench.errors import ResbenchError
from resbench.records import predictions
from resbench.zoo.spec import Preprocess
from tests import planted

# imagenet_pytorch_id_to_objectnet_id.json of github.com/abarbu/objectnet-template-tensorflow: the classes of ImageNet
# that are one of ObjectNet's, where these are several, and the others that are in it.
SEVERAL = [(409, 530), (418, 563, 749), (423, 559, 765), (444, 671), (457, 906), (479, 694), (518, 560), (601, 655, 689), (732, 759)]  # fmt: skip  # noqa: E501
SINGLE = """412 414 419 434 440 446 455 462 463 470 473 487 499 504 507 508 531 533 539 543 545 549 550 567 578 587 588
    589 606 608 610 618 619 620 623 626 629 630 632 644 647 651 658 659 664 673 677 679 695 696 700 703 720 721 725 728
    729 731 737 740 742 752 761 769 770 772 773 774 778 783 790 792 797 804 806 809 811 813 828 834 837 841 842 846 849
    850 851 859 868 879 882 883 893 898 902 907 909 923 930 950 951 954 968 999"""
FOLDERS = [
    "air_freshener",
    "alarm_clock",
    "backpack",
    "banana",
    "band_aid",
    "bench",
    "broom",
    "chair",
    "mug",
    "tie",
    "wok",
]


def right(images):
    """How many images the planted network gets right by the rules of their set, of how many."""
    one = Contestant(
        name="planted",
        identity="",
        forward=planted.Planted(),
        preprocess=planted.SMALL,
        among=images.among,
        alike=images.alike,
    )
    count = len(images.samples)
    batches = loader.batches(images.samples, [planted.SMALL], starts=[0], batch_size=count, workers=1)
    ((rows,),) = evaluate([one], batches, device=torch.device("cpu"), batch_size=count)
    return int(predictions.top1(rows).sum()), len(rows)


def test_objectnets_classes_are_those_of_its_authors():
    shown = [classes for classes in objectnet().values() if classes]
    assert (len(objectnet()), len(shown)) == (313, 113)
    assert sorted(classes for classes in shown if len(classes) > 1) == SEVERAL
    assert sorted(classes[0] for classes in shown if len(classes) == 1) == [int(number) for number in SINGLE.split()]
    assert objectnet()["alarm_clock"] == (409, 530)  # "analog clock; digital clock" in folder_to_imagenet_1k.json
    assert objectnet()["full_sized_towel"] == (434,)  # "bath towel"
    assert objectnet()["tie"] == (457, 906)  # "bow tie, bow-tie, bowtie; Windsor tie"


def test_every_published_set_has_a_source_and_every_class_list_rules():
    assert all(row.source for row in rules().values())
    assert set(subsets().values()) < set(rules())
    assert {name for name, row in rules().items() if row.answers == "own"} == {"ImageNet-A", "ImageNet-R", "ObjectNet"}


@pytest.fixture
def objects(tmp_path):
    """An image of each folder, of the last of its classes; those that ImageNet lacks are blue."""
    for folder in FOLDERS:
        classes = objectnet()[folder] or (1,)
        planted.write(tmp_path / "images" / folder / f"{folder}.png", classes[-1], size=(40, 30), kind="PNG")
    return tmp_path


def test_objectnet_is_known_by_its_folders_and_answers_are_chosen_among_its_classes(objects):
    images = open_set(objects)
    assert (images.name, images.layout, len(images.samples)) == ("ObjectNet", "ObjectNet's folders", 10)
    assert (images.border_px, images.describe().among, len(images.alike)) == (2, 113, 9)
    assert {sample.folder: sample.label for sample in images.samples}["images/tie"] == 457
    (left_out,) = images.left_out
    assert str(left_out).startswith("objects that are no class of ImageNet (1: images/air_freshener/")
    assert right(images) == (10, 10)


def test_an_equivalent_class_counts_and_another_of_objectnets_does_not(objects):
    planted.write(objects / "images" / "alarm_clock" / "b.png", 409, size=(40, 30), kind="PNG")
    planted.write(objects / "images" / "alarm_clock" / "c.png", 414, size=(40, 30), kind="PNG")  # a backpack
    planted.write(objects / "images" / "alarm_clock" / "d.png", 0, size=(40, 30), kind="PNG")  # the nearest is 409
    assert right(open_set(objects)) == (12, 13)


def test_folders_that_imagenet_has_names_for_are_imagenets(tmp_path):
    for folder in ("backpack", "banana", "broom"):
        planted.write(tmp_path / folder / "a.png", 5, kind="PNG")
    assert open_set(tmp_path).layout == "class names"
    planted.write(tmp_path / "alarm_clock" / "a.png", 5, kind="PNG")
    with pytest.raises(ResbenchError, match="1 folders are not called by the name of one class"):
        open_set(tmp_path)


def test_two_copies_of_objectnet_are_refused(objects):
    for folder in FOLDERS:
        planted.write(objects / "backup" / folder / "a.png", 1, kind="PNG")
    with pytest.raises(ResbenchError, match="2 sets of images lie side by side"):
        open_set(objects)


@pytest.mark.parametrize("decoder", ["pillow", "simplejpeg", "simplejpeg+torch"])
def test_a_border_is_cut_off_before_anything_else(decoder):
    inner = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    framed = np.full((64, 84, 3), (255, 0, 0), np.uint8)
    framed[2:-2, 2:-2] = inner
    how = Preprocess(crop_px=32)
    named = decoder_named(decoder)

    def frame(array, preprocess):
        stream = io.BytesIO()
        Image.fromarray(array).save(stream, "PNG")
        return named.frame(named.decode(stream.getvalue()), preprocess)

    assert np.array_equal(frame(framed, Preprocess(crop_px=32, border_px=2)), frame(inner, how))
    assert not np.array_equal(frame(framed, how), frame(inner, how))


def test_an_image_that_is_nothing_but_border_is_unreadable():
    with pytest.raises(ValueError, match="nothing is left of it without a border of 2 px"):
        pixels.frame(Image.new("RGB", (4, 30)), Preprocess(crop_px=16, border_px=2))


def of(name, labels, **rules_):
    images = (Sample(name=f"{label}.png", label=label, path=planted.Path("x"), size_bytes=1) for label in labels)
    return ImageSet(name=name, layout="", classes=1000, samples=tuple(images), **rules_)


def test_a_set_of_few_classes_is_compared_with_the_images_of_the_same_classes():
    base, other = of("ImageNet-1k", range(1000)), of("ImageNet-A", (3, 7), among=(3, 7))
    same = on_classes_of(base, other)
    assert (sorted(sample.label for sample in same.samples), same.among) == ([3, 7], (3, 7))
    assert same.name == "ImageNet-1k, classes of ImageNet-A"
    assert on_classes_of(base, of("ImageNet-V2", range(1000))) is None
    assert on_classes_of(of("ImageNet-1k", (1, 2)), other) is None
    merged = on_classes_of(base, of("ObjectNet", (409, 414), among=(409, 414), alike=((409, 530),)))
    assert sorted(sample.label for sample in merged.samples) == [409, 409, 414]
    assert merged.alike == ((409, 530),)
