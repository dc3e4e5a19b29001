"""Hostile and damaged checkpoints: one line each, no code run, memory bounded by the size of the file."""

import io
import pickle
import pickletools
import random
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch

from resbench.errors import ResbenchError
from resbench.nets import pickles
from resbench.nets.checkpoints import load_checkpoint, misfits, read_tensors
from resbench.nets.renames import translate

MIB = 1 << 20
FIXED_BYTES = 8 * MIB  # what reading may take whatever the file
PER_BYTE = 45  # and beside that, times the file: objects of Python are larger than the instructions that make them
NETWORK = "resnet20_cifar10"
STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu%stQ"
FOUR = struct.pack("<4f", 1, 2, 3, 4)


def archive(path, pickled, storages=(("0", FOUR),), compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as made:
        made.writestr("a/data.pkl", pickled)
        made.writestr("a/version", b"3")
        for name, data in storages:
            made.writestr(f"a/data/{name}", data)
    return path


def integer(value):
    return b"J" + struct.pack("<i", value) if abs(value) < 2**31 else b"\x8a\x08" + struct.pack("<q", value)


def tensor(offset=0, shape=(4,), strides=(1,), elements=4):
    """Instructions that make a tensor, as torch.save writes them."""
    numbers = [b"(" + b"".join(map(integer, values)) + b"t" for values in (shape, strides)]
    return b"ctorch._utils\n_rebuild_tensor_v2\n(%s%s%s%s\x89)t R".replace(b" ", b"") % (
        STORAGE % integer(elements),
        integer(offset),
        *numbers,
    )


def state(*values):
    return b"\x80\x02}" + b"".join(b"X\x01\x00\x00\x00%c%ss" % (97 + n, value) for n, value in enumerate(values)) + b"."


def compared(path):
    """Read a file and compare it with a network of one tensor, which no file here fits."""
    if problems := misfits(translate(read_tensors(path).tensors, {"conv1.weight": (1,)})[0], {"conv1.weight": (1,)}):
        raise ResbenchError(f"another network: {problems}")


def bounded(path, read=compared):
    """Read a file in bounded memory; return the refusal, or "" when it could be read."""
    tracemalloc.start()
    try:
        read(path)
        message = ""
    except ResbenchError as error:
        message = str(error)
        assert "\n" not in message
        assert len(message) < 1000
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < FIXED_BYTES + PER_BYTE * path.stat().st_size, f"{peak / MIB:.0f} MiB for {path}"
    return message


def read(path):
    return read_tensors(path).tensors["a"]


def test_the_instructions_above_are_those_of_a_tensor(tmp_path):
    path = archive(tmp_path / "a.pth", state(tensor(shape=(2, 2), strides=(1, 2))))
    assert read(path).tolist() == [[1, 3], [2, 4]]
    assert torch.equal(torch.load(path, weights_only=True)["a"], read(path))


DECLARED = {
    "beyond its storage": tensor(offset=1),
    "with strides beyond its storage": tensor(shape=(2, 2), strides=(3, 1)),
    "of a negative shape": tensor(shape=(-1,)),
    "with a negative offset": tensor(offset=-1),
    "with a negative stride": tensor(strides=(-1,)),
    "with more strides than sides": tensor(strides=(1, 1)),
    "in more dimensions than any": tensor(shape=(1,) * 9, strides=(1,) * 9),
    "of a storage that declares more than it has": tensor(elements=2**40),
    "of a storage of negative size": tensor(elements=-1),
    "of sides beyond any machine": tensor(shape=(2**62, 2**62), strides=(2**62, 2**62)),
}


@pytest.mark.parametrize("what", DECLARED)
def test_a_tensor_is_refused(tmp_path, what):
    assert "damaged" in bounded(archive(tmp_path / "a.pth", state(DECLARED[what])))


def test_a_tensor_that_repeats_one_element_is_not_spread_out(tmp_path):
    path = archive(tmp_path / "a.pth", state(tensor(shape=(2**20, 2**20), strides=(0, 0))))
    assert "unexpected" in bounded(path, lambda path: load_checkpoint(NETWORK, path))
    half = state(tensor(shape=(2**20, 2**20), strides=(0, 0), elements=2)).replace(b"FloatStorage", b"DoubleStorage")
    path = archive(tmp_path / "b.pth", half, [("0", FOUR)])
    assert "unexpected" in bounded(path, lambda path: load_checkpoint(NETWORK, path))


def test_a_checksum_that_is_wrong_is_damage(tmp_path):
    path = archive(tmp_path / "a.pth", state(tensor()))
    content = bytearray(path.read_bytes())
    content[content.index(FOUR)] ^= 1
    path.write_bytes(content)
    assert "Bad CRC-32" in bounded(path)


def dag(depth):
    """Tuples of tuples of ... that share their parts: small in memory, endless when printed or hashed."""
    return b"X\x01\x00\x00\x00x" + b"q\x00h\x00\x86" * depth


PICKLES = {
    "a call that would take memory": b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x40\x85R.",
    "a deep tuple": b"\x80\x02)" + b"\x85" * 20_000 + b".",
    "a deep tuple as a key": b"\x80\x02})" + b"\x85" * 20_000 + b"K\x01s.",
    "keys that are endless": b"\x80\x02}" + dag(60) + tensor() + b"s.",
    "a storage whose name is endless": state(tensor().replace(b"X\x01\x00\x00\x000", dag(60))),
    "empty sets": b"\x80\x02](" + b"\x8f" * 20_000 + b"e.",
    "dicts": b"\x80\x02](" + b"}" * 20_000 + b"e.",
    "tensors": b"\x80\x02](" + tensor() + b"q\x00" + b"h\x00" * 20_000 + b"e.",
    "a size beyond the file": b"\x80\x02\x8e" + struct.pack("<Q", 2**40) + b"x.",
    "a long integer": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
    "a negative size": b"\x80\x02\x8b" + struct.pack("<i", -1) + b"x.",
    "a memo far away": b"\x80\x02}r\xff\xff\xff\xff.",
    "nothing on the stack": b"\x80\x02.",
    "no end": b"\x80\x02}",
    "a mark alone": b"\x80\x02(.",
    "an extension": b"\x80\x02\x82\x01.",
    "wrappers without end": b"\x80\x02}X" + struct.pack("<I", 200_000) + b"a." * 20_000 + tensor() + b"s.",
    "control characters": b"\x80\x02}X\x05\x00\x00\x00\x1b[2J\n" + tensor() + b"s.",
}


@pytest.mark.parametrize("what", PICKLES)
def test_a_pickle_with_this_is_refused_in_one_line(tmp_path, what):
    for path in (archive(tmp_path / "zip.pth", PICKLES[what]), tmp_path / "plain.pth"):
        if path.name == "plain.pth":
            path.write_bytes(PICKLES[what])
        message = bounded(path)
        assert message
        assert message.isprintable()


def test_too_many_instructions_are_refused(tmp_path, monkeypatch):
    assert pickles.MAX_OPCODES == 1_000_000
    monkeypatch.setattr(pickles, "MAX_OPCODES", 10_000)
    endless = b"\x80\x02" + b"N0" * 5001 + b"N."
    assert "more than 10,000 instructions" in bounded(archive(tmp_path / "a.pth", endless))


def test_an_archive_that_unpacks_to_far_more_than_it_has_is_refused(tmp_path):
    zeros = [("0", bytes(40 * MIB))]
    path = archive(tmp_path / "a.pth", state(tensor(elements=10 * MIB)), zeros, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < MIB
    assert "would unpack to 40.0 MiB, and 20 times is the limit" in bounded(path)


def test_a_compressed_archive_of_real_weights_is_read(tmp_path):
    path = archive(tmp_path / "a.pth", state(tensor()), compression=zipfile.ZIP_DEFLATED)
    assert read(path).tolist() == [1, 2, 3, 4]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_pickles_in_one_archive_are_refused(tmp_path):
    path = archive(tmp_path / "a.pth", state(tensor()))
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("b/data.pkl", state(tensor()))
    assert "zip archive" in bounded(path)


def test_another_byte_order_is_refused_and_not_swapped_in_silence(tmp_path):
    path = archive(tmp_path / "a.pth", state(tensor()))
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("a/byteorder", "big" if sys.byteorder == "little" else "little")
    assert "another byte order" in bounded(path)


KINDS = {
    "meta tensors": lambda: torch.empty(3, device="meta"),
    "sparse tensors": lambda: torch.eye(3).to_sparse(),
    "complex": lambda: torch.ones(3, dtype=torch.complex64),
}


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_other_kinds_are_named(tmp_path, what, zipped):
    torch.save({"fc.bias": KINDS[what]()}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert what in bounded(tmp_path / "a.pth").lower()


def test_safetensors_of_unknown_types_are_named(tmp_path):
    header = b'{"a": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}'
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(2))
    message = bounded(tmp_path / "a.safetensors")
    assert "F4" in message


@pytest.mark.parametrize(
    "header", [b'{"a": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 4]}}', b"{" * 20_000, b"{}"]
)
def test_headers_of_safetensors_that_lie_are_refused(tmp_path, header):
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    assert bounded(tmp_path / "a.safetensors")


SAMPLE = {"fc.weight": torch.arange(12.0).view(3, 4), "fc.bias": torch.ones(3).half(), "n": torch.tensor(7)}


def same(path, tensors):
    found = read_tensors(path).tensors
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[key], tensors[key]) and found[key].dtype == tensors[key].dtype for key in tensors)


@pytest.mark.parametrize("zipped", [True, False])
def test_everything_that_torch_saves_of_tensors_is_read_as_torch_reads_it(tmp_path, zipped):
    base = torch.arange(20.0)
    tensors = {
        **SAMPLE,
        "transposed": base.view(4, 5).t(),
        "slice": base[3:9],
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(5.0),
        "flags": torch.tensor([True, False]),
        "repeated": torch.ones(1).expand(7),
        "double": base.double(),
        "brain": base.bfloat16(),
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.ones(2), requires_grad=False),
    }
    torch.save(tensors, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    same(tmp_path / "a.pth", {key: tensor.detach() for key, tensor in tensors.items()})
    torch.save({"model": torch.nn.Linear(2, 2).state_dict(), "lr": 0.1}, tmp_path / "b.pth", pickle_protocol=4)
    assert read_tensors(tmp_path / "b.pth").tensors.keys() == {"weight", "bias"}


def test_optimizer_states_are_left_on_disk(tmp_path):
    torch.save({"state_dict": SAMPLE, "optimizer": {"state": {0: torch.zeros(4 * MIB)}}}, tmp_path / "a.pth")
    tracemalloc.start()
    same(tmp_path / "a.pth", SAMPLE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB  # the optimizer's 16 MiB were not read


def originals():
    for zipped in (True, False):
        stream = io.BytesIO()
        torch.save({"state_dict": SAMPLE, "epoch": 3}, stream, _use_new_zipfile_serialization=zipped)
        yield stream.getvalue()
    yield safetensors.torch.save(SAMPLE)


def mutated(content, rng):
    """One to four small damages: what transmission errors, disks and attackers make of a file."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data)), rng.choice((1, 2, 4, 8, 64))
        match rng.randrange(6):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.choice((0, 1, 0x2E, 0x7F, 0x80, 0xFF))
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                data[at : at + length] = rng.randbytes(length)
            case 5:
                data[at : at + 8] = struct.pack("<Q", rng.choice((0, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1)))
        data = data or bytearray(b"\x80")
    return bytes(data)


def mutants(count, seed):
    """Damaged files, and whole archives around damaged pickles, whose checksums are right."""
    rng = random.Random(seed)
    files = list(originals())
    with zipfile.ZipFile(io.BytesIO(files[0])) as made:
        members = {name: made.read(name) for name in made.namelist()}
    pickle_name = next(name for name in members if name.endswith("/data.pkl"))
    for number in range(count):
        if number % 4 == 3:
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w") as made:
                for name, data in members.items():
                    made.writestr(name, mutated(data, rng) if name == pickle_name else data)
            yield stream.getvalue()
        else:
            yield mutated(files[number % 4], rng)


HOOKS = []  # what ran while checkpoints were read; a hook cannot be taken off


def hook(event, arguments):
    if HOOKS and event in ("exec", "pickle.find_class", "os.system", "subprocess.Popen", "os.exec", "socket.connect"):
        HOOKS[-1].append((event, str(arguments)[:200]))


@pytest.fixture(scope="module")
def watch():
    b"\xff".decode("cp437")  # imported for odd names in archives
    sys.addaudithook(hook)


def campaign(folder: Path, count, seed):
    """Read `count` mutants; return how many could still be read. Every other must be refused in one line."""
    path, readable = folder / "a.pth", 0
    for content in originals():  # imports late what is imported late
        path.write_bytes(content)
        assert "another network" in bounded(path)
        path.write_bytes(content[:-9])
        assert bounded(path)
    HOOKS.append([])
    try:
        for number, content in enumerate(mutants(count, seed)):
            path.write_bytes(content)
            message = bounded(path)
            assert message, number  # nothing here fits a network
            readable += "another network" in message
    finally:
        ran = HOOKS.pop()
    assert not ran
    return readable


def test_damaged_checkpoints_are_refused_in_one_line_without_running_code(tmp_path, watch):
    assert campaign(tmp_path, 60, seed=20261125) < 48


@pytest.mark.nightly
def test_two_thousand_damaged_checkpoints_are_refused_in_one_line_without_running_code(tmp_path, watch):
    campaign(tmp_path, 2000, seed=1)


def test_the_campaign_would_see_code_that_runs(watch):
    HOOKS.append([])
    pickle.loads(b"\x80\x02cbuiltins\nlen\n.")
    assert HOOKS.pop()
    assert pickletools.optimize(pickle.dumps(1))
