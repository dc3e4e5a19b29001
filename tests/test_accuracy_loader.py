"""Decoding: unreadable images are listed, never replaced."""

import pytest

from resbench.accuracy import inspection, loader
from resbench.accuracy.labels import imagenet
from resbench.accuracy.layouts import open_set
from tests import planted

WNIDS = list(imagenet())


def batches_of(images, batch_size=6):
    starts = range(0, len(images.samples), batch_size)
    return loader.batches(images.samples, [planted.SMALL], starts=starts, batch_size=batch_size, workers=2)


@pytest.fixture
def damaged(tmp_path):
    for label in range(6):
        planted.write(tmp_path / WNIDS[label] / "a.JPEG", label, size=(200, 150))
    whole = (tmp_path / WNIDS[1] / "a.JPEG").read_bytes()
    (tmp_path / WNIDS[1] / "a.JPEG").write_bytes(whole[: len(whole) // 2])
    (tmp_path / WNIDS[3] / "a.JPEG").write_bytes(b"")
    (tmp_path / WNIDS[4] / "a.JPEG").write_bytes(b"<html>404</html>")
    return open_set(tmp_path)


def test_the_doctor_lists_every_unreadable_image(damaged):
    seen = []
    found = inspection.unreadable(inspection.inspect(damaged.samples, workers=2, on_image=seen.append))
    assert sorted(image.name for image in found) == [f"{WNIDS[label]}/a.JPEG" for label in (1, 3, 4)]
    assert {image.name.split("/")[0]: image.reason for image in found}[WNIDS[4]] == "not an image"
    assert any("runcated" in image.reason for image in found)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_the_loader_stops_at_unreadable_images_and_names_them(damaged):
    batches = batches_of(damaged)
    with pytest.raises(loader.UnreadableImagesError, match="3 unreadable images: n"):
        next(batches)


def test_an_image_that_vanished_is_named(tmp_path):
    path = planted.write(tmp_path / WNIDS[0] / "a.JPEG", 0)
    images = open_set(tmp_path)
    path.unlink()
    with pytest.raises(loader.UnreadableImagesError, match="No such file"):
        list(batches_of(images))


def test_a_consumer_that_leaves_early_leaves_no_threads_waiting(tmp_path):
    for label in range(40):
        planted.write(tmp_path / WNIDS[label] / "a.JPEG", label)
    batches = batches_of(open_set(tmp_path), 2)
    next(batches)
    batches.close()


def test_results_come_in_order_with_a_bounded_number_ahead():
    started = []
    results = inspection.in_order(lambda item: started.append(item) or item * 2, range(1000), workers=2)
    assert next(results) == 0
    assert len(started) <= 33
    assert list(results) == [2 * item for item in range(1, 1000)]
