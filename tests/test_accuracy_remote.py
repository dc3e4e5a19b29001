"""Images behind an address are those on the disk; a connection that is lost is named, and nothing counts twice."""

import shutil
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from resbench.accuracy.labels import imagenet
from resbench.accuracy.layouts import open_set
from resbench.accuracy.remote import RemotePath, place_at
from resbench.accuracy.session import examined, score
from resbench.errors import ResbenchError
from resbench.records import predictions
from tests import packed, planted
from tests.sessions import contestant, session

COUNTS = (packed.IMAGES, packed.RIGHT_AT_1, packed.RIGHT_AT_5)
FORMS = (packed.folder, packed.tar, packed.compressed_tar, packed.deflated_zip, packed.shards, packed.parquet,
         packed.arrow, packed.arrow_file)  # fmt: skip


@pytest.fixture(autouse=True)
def places(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def uploaded(place, scheme="memory"):
    """Copy what lies on the disk behind an address, and return it as the command line has it."""
    system = fsspec.filesystem("memory")
    if place.is_dir():
        system.put(str(place), f"/bucket/{place.name}", recursive=True)
    else:
        system.put(str(place), f"/bucket/{place.name}")
    return Path(f"{scheme}://bucket/{place.name}")


def rows_of(place):
    images = examined(open_set(place), session(), skip=False, streams=[planted.SMALL]).images
    (rows,) = score([contestant()], images, session())
    return rows


def counts(rows):
    return len(rows), int(predictions.top1(rows).sum()), int(predictions.top5(rows).sum())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_is_the_same_behind_an_address(tmp_path, form):
    place = form(tmp_path)
    address = uploaded(place)
    shutil.move(place, tmp_path / "elsewhere")
    images = open_set(address)
    shutil.move(tmp_path / "elsewhere", place)
    known = open_set(place)
    assert (images.fingerprint, images.layout, images.name) == (known.fingerprint, known.layout, known.name)
    assert {symptom.what for symptom in images.left_out} == {symptom.what for symptom in known.left_out}
    assert counts(rows_of(address)) == COUNTS


def test_shards_by_braces_and_files_by_address(tmp_path):
    pattern = packed.shards_by_braces(tmp_path)
    uploaded(pattern.parent)
    assert len(open_set(Path(f"memory://bucket/val/{pattern.name}")).samples) == packed.IMAGES
    assert counts(rows_of(Path(f"file://{pattern.parent}"))) == COUNTS
    with pytest.raises(ResbenchError, match=r"memory://bucket/val/none-0.tar: no such file"):
        open_set(Path("memory://bucket/val/none-{0..1}.tar"))


def test_cifar_and_labels_files_work_behind_an_address(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "test_batch.bin").write_bytes(bytes(3073 * 2))
    assert len(open_set(uploaded(tmp_path / "c")).samples) == 2
    planted.write(tmp_path / "d" / "x.jpg", 3)
    (tmp_path / "labels.txt").write_text("x.jpg 3\n")
    assert open_set(uploaded(tmp_path / "d"), tmp_path / "labels.txt").samples[0].label == 3


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        ("file:///a/b", "file:///a/b"),
        ("https://host/a.tar", "https://host/a.tar"),
        ("simplecache::s3://bucket/a", "simplecache::s3://bucket/a"),
        ("memory://a", "memory://a"),
    ],
)
def test_both_slashes_of_an_address_are_written_again(text, address):
    place = place_at(Path(text))
    assert isinstance(place, RemotePath)
    assert str(place) == address
    assert str(place / "c d") == f"{address}/c d"
    assert place.name == text.rpartition("/")[2]


def test_a_file_of_this_name_goes_before_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "memory:" / "val" / next(iter(imagenet()))).mkdir(parents=True)
    planted.write(tmp_path / "memory:" / "val" / next(iter(imagenet())) / "a.jpg", 0)
    assert len(open_set(Path("memory:/val")).samples) == 1


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("memory://bucket/none", "memory://bucket/none: no such folder"),
        ("nosuch://bucket/none", "nosuch://bucket/none: Protocol not known: nosuch; check the address"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line(address, message):
    with pytest.raises(ResbenchError, match=message) as refused:
        open_set(Path(address))
    assert "\n" not in str(refused.value)


def test_without_fsspec_the_next_step_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ResbenchError, match="pip install fsspec"):
        open_set(Path("memory://bucket/val"))


class Flaky(MemoryFileSystem):
    """A store that drops the connection after so many bytes, once."""

    protocol = "flaky"
    given, allowed = 0, None

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.replace("flaky://", "memory://"))

    def _open(self, path, *words, **options):
        file = super()._open(path, *words, **options)

        class Dropping:
            def __getattr__(self, name):
                return getattr(file, name)

            def read(self, size=-1):
                data = file.read(size)
                Flaky.given += len(data)
                if Flaky.allowed is not None and Flaky.given > Flaky.allowed:
                    Flaky.allowed = None
                    raise RuntimeError("Connection reset\nby peer")
                return data

        return Dropping()


DROPPED = (packed.tar, packed.compressed_tar, packed.deflated_zip, packed.shards, packed.parquet, packed.arrow)


@pytest.mark.parametrize("form", DROPPED, ids=lambda form: form.__name__)
def test_a_connection_that_is_lost_is_named_and_nothing_counts_twice(tmp_path, form):
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    address = uploaded(form(tmp_path), "flaky")
    Flaky.given, Flaky.allowed = 0, None
    expected = rows_of(address)
    total, reports = Flaky.given, []
    for percent in (
        1,
        30,
        60,
        90,
        97,
    ):  # while it is listed, checked, evaluated; the later ones may have little to read
        Flaky.given, Flaky.allowed = 0, total * percent // 100
        try:
            np.testing.assert_array_equal(rows_of(address), expected)
        except ResbenchError as error:
            reports.append(str(error))
    assert len(reports) >= 3
    for report in reports:
        assert report.startswith("flaky://bucket/")
        assert report.endswith("(Connection reset); run the same command again to go on")
    Flaky.allowed = None
    np.testing.assert_array_equal(rows_of(address), expected)
