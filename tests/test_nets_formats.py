"""Files and folders that are no checkpoints are named for what they are, with the next step."""

import gzip
import io
import tarfile
import zipfile

import pytest

from resbench.errors import ResbenchError
from resbench.nets.checkpoints import load_checkpoint
from resbench.nets.identify import identify


def refusal(path):
    messages = set()
    for read in (lambda: load_checkpoint("resnet20_cifar10", path), lambda: identify(path)):
        with pytest.raises(ResbenchError) as caught:
            read()
        messages.add(str(caught.value))
    (message,) = messages
    assert "\n" not in message
    return message


def tar():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.pth"))
    return stream.getvalue()


def zipped(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return stream.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943"
INDEX = b'{\n  "metadata": {"total_size": 102502400},\n  "weight_map": {"fc.bias": "model-00002-of-00002.safetensors"}}'
FILES = {
    "a.pth": (LFS, "Git LFS pointer", "git lfs pull"),
    "b.pth": (gzip.compress(b"weights"), "gzip", "gunzip"),
    "c.pth": (b"\xef\xbb\xbf \n<!DOCTYPE html><html>Sign in", "web page", "again"),
    "d.pth": (b'<?xml version="1.0"?><Error><Code>AccessDenied', "web page or XML", "again"),
    "model.safetensors.index.json": (INDEX, "in parts", "join"),
    "e.json": (b'{"model_type": "resnet"}', "JSON", "torch.save"),
    "f.h5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5 file, as Keras writes", "convert"),
    "g.onnx": (b"\x08\x08\x12\x07pytorch\x1a\x052.6.0", "ONNX", "exported from"),
    "h.pth": (b"\x08\x07\x12\x07pytorch\x1a\x051.9.0", "ONNX", "exported from"),
    "model.ckpt-0.data-00000-of-00001": (bytes(64), "TensorFlow checkpoint", "convert"),
    "model.ckpt-0.index": (b"\x00\x05\x01" + bytes(40) + bytes.fromhex("57fb808b247547db"), "TensorFlow", "convert"),
    "checkpoint": (b'model_checkpoint_path: "model.ckpt-0"', "TensorFlow", "convert"),
    "i.pth.tar": (tar(), "tar archive", "unpack"),
    "j.zip": (zipped("folder/resnet50.pth"), "with 'folder/resnet50.pth' in it", "unpack"),
    "k.keras": (zipped("config.json", "model.weights.h5"), "Keras", "convert"),
    "l.npz": (zipped("fc.bias.npy"), "NumPy archive", "convert"),
    "m.pth": (b"", "is empty", "torch.save"),
}
FOLDERS = {
    "dcp": ((".metadata", "__0_0.distcp"), "DCP, as FSDP writes", "dcp_to_torch"),
    "deepspeed": (("zero_to_fp32.py", "latest"), "DeepSpeed", "zero_to_fp32.py"),
    "saved": (("saved_model.pb", "variables"), "SavedModel", "convert"),
    "shards": (("model.safetensors.index.json", "model-00001-of-00002.safetensors"), "in parts", "join"),
    "hub": (("config.json", "model.safetensors"), "a folder", "model.safetensors"),
    "empty": ((), "a folder", "give a file of weights"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_foreign_file_is_named_with_the_next_step(tmp_path, name):
    content, what, step = FILES[name]
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert what in message
    assert step in message
    assert message.startswith(f"{tmp_path / name}: not a checkpoint: ")


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_named_with_the_next_step(tmp_path, name):
    entries, what, step = FOLDERS[name]
    (tmp_path / name).mkdir()
    for entry in entries:
        (tmp_path / name / entry).write_bytes(b"")
    message = refusal(tmp_path / name)
    assert what in message
    assert step in message
