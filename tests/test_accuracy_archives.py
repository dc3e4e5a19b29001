"""An archive gives the images that GNU tar unpacks, or names what is missing, or is refused."""

import io
import os
import random
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from resbench.accuracy import archives
from resbench.accuracy.dataset import printable_name
from resbench.accuracy.labels import imagenet
from resbench.accuracy.layouts import open_set
from resbench.errors import ResbenchError
from tests import planted

WNID = next(iter(imagenet()))
SHARE, ALL = 60, 3000  # archives of each kind: in every run, and under `nightly`


def gnu_tar():
    program = shutil.which("tar")
    if not program or "GNU tar" not in subprocess.run([program, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("needs GNU tar")
    return program


def archive(path, *members):
    """Write (name, content) or (name, type, link) as they come."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as out:
        for name, *rest in members:
            header = tarfile.TarInfo(name)
            if isinstance(rest[0], str):
                header.type, header.linkname = rest[0].encode(), rest[1]
                out.addfile(header)
            else:
                header.size = len(rest[0])
                out.addfile(header, io.BytesIO(rest[0]))
    return path


def read(path):
    """{name: content}, and {name: why it is left out}."""
    files, left_out, _ = archives.members(path)
    contents = {file.name: file.read() for file in files}
    assert len(contents) == len(files)
    return contents, {name: part.what for part in left_out for name in part.files}


def unpacked(path, into):
    """{name: content} of what GNU tar makes of an archive: files, and links to files in it."""
    into.mkdir()
    words = [gnu_tar(), "-x", "-f", path, "-C", into, "--no-same-owner", "--no-same-permissions"]
    subprocess.run(words, capture_output=True, timeout=60, check=False)
    contents = {}
    for folder, _, names in os.walk(into):
        for name in names:
            file = Path(folder, name)
            if file.is_file() and file.resolve().is_relative_to(into.resolve()) and file.stat().st_size < 1 << 20:
                contents[printable_name(file.relative_to(into).as_posix())] = file.read_bytes()
    return contents


HARD, SOFT, DEVICE, PIPE, FOLDER = "1", "2", "3", "6", "5"


@pytest.mark.parametrize(
    ("members", "images", "left_out"),
    [
        ([("a.jpg", b"1"), ("b.jpg", HARD, "a.jpg")], {"a.jpg": b"1", "b.jpg": b"1"}, {}),
        ([("a.jpg", b"1"), ("d/b.jpg", SOFT, "../a.jpg")], {"a.jpg": b"1", "d/b.jpg": b"1"}, {}),
        ([("b.jpg", SOFT, "a.jpg"), ("a.jpg", b"1")], {"a.jpg": b"1", "b.jpg": b"1"}, {}),
        ([("a.jpg", b"1"), ("a.jpg", b"22")], {"a.jpg": b"22"}, {"a.jpg": "earlier members"}),
        (
            [("a.jpg", b"1"), ("b.jpg", HARD, "a.jpg"), ("a.jpg", b"2")],
            {"a.jpg": b"2", "b.jpg": b"1"},
            {"a.jpg": "earl"},
        ),
        (
            [("./a.jpg", b"1"), ("/b.jpg", b"2"), ("x/../c.jpg", b"3")],
            {"a.jpg": b"1", "b.jpg": b"2"},
            {"x/../c.jpg": "members whose names lead out of the folder"},
        ),
        ([("a.jpg", b"1"), ("b.jpg", HARD, "none.jpg")], {"a.jpg": b"1"}, {"b.jpg": "links to nothing"}),
        ([("a.jpg", SOFT, "b.jpg"), ("b.jpg", SOFT, "a.jpg")], {}, {"a.jpg": "links to no", "b.jpg": "links to no"}),
        ([("a.jpg", SOFT, "/etc/hostname")], {}, {"a.jpg": "links to nothing, or out of the archive"}),
        ([("d/a.jpg", b"1"), ("e", SOFT, "d")], {"d/a.jpg": b"1"}, {"e": "links to folders"}),
        (
            [("d/a.jpg", b"1"), ("e", SOFT, "d"), ("e/b.jpg", b"2")],
            {"d/a.jpg": b"1", "d/b.jpg": b"2"},
            {"e": "links to folders"},
        ),
        ([("a.jpg", b"1"), ("a.jpg/b.jpg", b"2")], {"a.jpg": b"1"}, {"a.jpg/b.jpg": "members below a file"}),
        ([("e", SOFT, "/tmp"), ("e/a.jpg", b"2")], {}, {"e": "links to nothing", "e/a.jpg": "members below a file"}),
        ([("a.jpg", PIPE, ""), ("b.jpg", DEVICE, "")], {}, {"a.jpg": "pipes, devices", "b.jpg": "pipes, devices"}),
        ([("d/a.jpg", b"1"), ("d", b"2")], {"d/a.jpg": b"1"}, {"d": "members with the name of a folder"}),
        ([("a.jpg", b"1"), ("a.jpg", FOLDER, ""), ("a.jpg/b.jpg", b"2")], {"a.jpg/b.jpg": b"2"}, {"a.jpg": "earlier"}),
    ],
)
def test_members_are_resolved_as_tar_does_or_named(tmp_path, members, images, left_out):
    path = archive(tmp_path / "a.tar", *members)
    found, missing = read(path)
    assert found == images
    assert {name: what for name, what in missing.items() if name in left_out} == missing
    assert all(missing[name].startswith(what) for name, what in left_out.items())
    whole = unpacked(path, tmp_path / "out")
    assert {name: whole[name] for name in found} == found
    assert not set(whole) - set(found) - set(missing)


def test_sparse_members_are_named(tmp_path):
    tar, image = gnu_tar(), tmp_path / "a.jpg"
    with image.open("wb") as stream:
        stream.seek(1 << 20)
        stream.write(planted.encoded(3))
    for layout in ("gnu", "posix"):
        subprocess.run([tar, "-c", "-S", f"--format={layout}", "-f", "a.tar", "a.jpg"], cwd=tmp_path, check=True)
        found, missing = read(tmp_path / "a.tar")
        assert (found, missing) == ({}, {"a.jpg": "sparse members of the archive"}) or found == {
            "a.jpg": image.read_bytes()
        }


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_names_that_are_not_utf8_are_read_in_every_format(tmp_path, layout):
    name = os.fsdecode(WNID.encode() + b"/" + b"x" * 90 + b"/caf\xe9.jpg")
    with tarfile.open(tmp_path / "a.tar", "w", format=layout) as out:
        header = tarfile.TarInfo(name)
        header.size = 3
        out.addfile(header, io.BytesIO(b"abc"))
    found, _ = read(tmp_path / "a.tar")
    assert found == {printable_name(name): b"abc"} == unpacked(tmp_path / "a.tar", tmp_path / "out")
    assert open_set(tmp_path / "a.tar").samples[0].name == f"{WNID}/{'x' * 90}/caf\\xe9.jpg"


def test_an_archive_that_is_cut_anywhere_is_refused(tmp_path):
    whole = archive(tmp_path / "a.tar", *((f"{WNID}/{n}.jpg", planted.encoded(n)) for n in range(4))).read_bytes()
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512
    for length in [*range(100, end, 171), end - 512, end - 1, end]:
        (tmp_path / "b.tar").write_bytes(whole[:length])
        with pytest.raises(ResbenchError, match=r"cut off|damaged|neither a folder nor a tar archive") as refused:
            archives.members(tmp_path / "b.tar")
        assert length < 512 or "copy or download it again" in str(refused.value)
    (tmp_path / "b.tar").write_bytes(whole[: end + 512])  # one block of zeros: GNU tar warns and takes it
    assert len(read(tmp_path / "b.tar")[0]) == 4


def test_a_damaged_header_in_the_middle_is_not_the_end(tmp_path):
    path = archive(tmp_path / "a.tar", *((f"{n}.jpg", b"x" * 600) for n in range(4)))
    data = bytearray(path.read_bytes())
    data[2 * 1536 + 150] ^= 1  # the checksum of the third header
    path.write_bytes(data)
    with pytest.raises(ResbenchError, match=r"the archive is damaged at byte 3,072; copy or download"):
        read(path)


def test_a_second_archive_behind_the_first_is_named(tmp_path):
    first, second = (archive(tmp_path / name, (f"{name}.jpg", b"1")).read_bytes() for name in "ab")
    (tmp_path / "c.tar").write_bytes(first + second)
    found, missing = read(tmp_path / "c.tar")
    assert set(found) == {"a.jpg"}
    assert list(missing.values()) == ["what lies behind the end marker of the archive"]
    assert set(unpacked(tmp_path / "c.tar", tmp_path / "out")) == {"a.jpg"}


def checked(block):
    """A header with its right checksum."""
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return block


@pytest.mark.parametrize("size", [1 << 62, 1 << 63, (1 << 88) - 1, -1, -(1 << 80)])
@pytest.mark.parametrize("kind", [b"0", b"L", b"x", b"K", b"S"])
def test_impossible_sizes_are_one_line(tmp_path, size, kind):
    data = bytearray(archive(tmp_path / "a.tar", ("0.jpg", b"x"), ("1.jpg", b"x"), ("2.jpg", b"x")).read_bytes())
    block = bytearray(data[1024:1536])
    block[124:136] = b"\x80" + size.to_bytes(11, "big") if size > 0 else b"\xff" + size.to_bytes(11, "big", signed=True)
    block[156:157] = kind
    data[1024:1536] = checked(block)
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(ResbenchError, match=r"a.tar: the archive is .*; copy or download it again"):
        read(tmp_path / "a.tar")


def test_many_long_names_in_a_row_are_one_line(tmp_path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2
    block = header.tobuf() + b"a\0".ljust(512, b"\0")
    data = archive(tmp_path / "a.tar", ("0.jpg", b"x")).read_bytes()
    (tmp_path / "a.tar").write_bytes(data[:1024] + block * 5000 + data)
    with pytest.raises(ResbenchError, match="the archive is damaged or cut off"):
        read(tmp_path / "a.tar")


# No links upwards: tar sets them last, and tells by the inode whether something else has taken their place since.
NAMES = ["a.jpg", "b.jpg", "d", "d/a.jpg", "d/b.jpg", "d/e/a.jpg", "./a.jpg", "/b.jpg", "d/../a.jpg", "e", "e/a.jpg"]
TARGETS = ["a.jpg", "b.jpg", "d", "d/a.jpg", "e", "e/a.jpg", "none", "."]


def random_archive(path, chance):
    members = []
    for _ in range(chance.randint(1, 9)):
        name = chance.choice(NAMES)
        kind = chance.choices([None, HARD, SOFT, FOLDER, PIPE], [8, 3, 3, 1, 1])[0]
        members.append(
            (name, kind, chance.choice(TARGETS)) if kind else (name, chance.randbytes(chance.randrange(700)))
        )
    return archive(path, *members)


def mutated(path, chance):
    """Change bytes, most of them in headers, and mend checksums now and then; or cut, or repeat a part."""
    data = bytearray(path.read_bytes())
    match chance.randrange(6):
        case 0:
            del data[chance.randrange(len(data)) :]
        case 1:
            start = chance.randrange(len(data) // 512) * 512
            data[start:start] = data[start : start + 512 * chance.randint(1, 4)]
        case _:
            for _ in range(chance.randint(1, 3)):
                start = chance.randrange(min(len(data), 6144) // 512) * 512
                data[start + chance.randrange(512)] = chance.choice([0, 32, 47, 48, 49, 50, 55, 128, 255, *b"LKxgSMVD"])
                if chance.random() < 0.7 and data[start : start + 512].strip(b"\0"):
                    data[start : start + 512] = checked(data[start : start + 512])
    path.write_bytes(data)


def agree_with_tar(tmp_path, count, seed, change):
    """Count how many archives are read; none may lack an image without a word."""
    accepted = 0
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        path = random_archive(tmp_path / "a.tar", chance)
        change(path, chance)
        try:
            found, missing = read(path)
        except ResbenchError:
            continue
        accepted += 1
        whole = unpacked(path, tmp_path / "out")
        shutil.rmtree(tmp_path / "out")
        below = tuple(f"{name}/" for name, what in missing.items() if what.startswith("links to folders"))
        lost = {name for name in set(whole) - set(found) - set(missing) if not name.startswith(below)}
        behind = any(what.startswith("what lies behind") for what in missing.values())
        assert not lost or behind, (number, lost)
        assert {name: whole[name] for name in set(found) & set(whole)} == {n: found[n] for n in set(found) & set(whole)}
        if change is not mutated:
            assert set(found) <= set(whole), number
    return accepted


def unchanged(path, chance):
    pass


def test_random_archives_give_what_tar_unpacks(tmp_path):
    assert agree_with_tar(tmp_path, SHARE, "random", unchanged) == SHARE


def test_mutated_archives_never_lack_an_image_without_a_word(tmp_path):
    assert 5 < agree_with_tar(tmp_path, SHARE, "mutated", mutated) < SHARE - 5


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(ALL // 500))
def test_3000_random_and_3000_mutated_archives_never_lack_an_image_without_a_word(tmp_path, part):
    assert agree_with_tar(tmp_path, 500, f"random, part {part}", unchanged) == 500
    assert 20 < agree_with_tar(tmp_path, 500, f"mutated, part {part}", mutated) < 480


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar.xz"])
def test_an_archive_that_is_compressed_by_its_name_alone_is_read_and_what_is_none_is_one_line(tmp_path, name):
    archive(tmp_path / name, ("a.jpg", b"1"))
    assert [file.name for file in archives.compressed_members(tmp_path / name).files] == ["a.jpg"]
    for content in (b"", b"no archive at all"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ResbenchError, match=rf"^\S*{name}: [^\n]+$"):
            archives.compressed_members(tmp_path / name)
