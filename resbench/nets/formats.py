"""What a file or folder that is no checkpoint is, told from its first bytes or its entries, and the next step."""

import re
from collections.abc import Iterable
from pathlib import Path

_GIVE = "give what torch.save or safetensors wrote"
_CONVERT = "convert it to a PyTorch state dict first"

# Beginnings of files: what they are, and what to do.
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer, not the weights; run `git lfs pull` where it was cloned"),
    (b"/annex/objects/", "a git-annex pointer, not the weights; run `git annex get` where it was cloned"),
    (b"\x1f\x8b", "compressed by gzip; unpack it with `gunzip`"),
    (b"BZh", "compressed by bzip2; unpack it with `bunzip2`"),
    (b"\xfd7zXZ\x00", "compressed by xz; unpack it with `unxz`"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it with `unzstd`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it and give the file inside"),
    (b"Rar!", "a RAR archive; unpack it and give the file inside"),
    (b"\x89HDF\r\n\x1a\n", f"an HDF5 file, as Keras writes; {_CONVERT}"),
    (b"\x93NUMPY", f"a NumPy array; {_CONVERT}"),
    (b"GGUF", f"a GGUF file; {_CONVERT}"),
    (b"model_checkpoint_path:", f"TensorFlow's list of checkpoints; {_CONVERT}"),
)
# Members of zip archives that tell who wrote them.
_MEMBERS: tuple[tuple[str, str], ...] = (
    (r"(^|/)constants\.pkl$|(^|/)code/", "a TorchScript program, not a state dict; save its state dict alone"),
    (r"(^|/)archive_format$|(^|/)models/.*\.json$", "a program of torch.export; save its state dict alone"),
    (r"(^|/)model\.weights\.h5$", f"a Keras file; {_CONVERT}"),
    (r"\.npy$", f"a NumPy archive; {_CONVERT}"),
)
# Entries of folders that tell what wrote them, and what makes one file of them.
_ENTRIES: tuple[tuple[str, str], ...] = (
    (
        r"\.distcp$|^\.metadata$",
        "a distributed checkpoint (DCP, as FSDP writes); make one file of it with "
        "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER weights.pth`",
    ),
    (
        r"^zero_to_fp32\.py$|_model_states\.pt$",
        "a DeepSpeed checkpoint; make one file of it with its `zero_to_fp32.py`",
    ),
    (r"^saved_model\.pb$", f"a TensorFlow SavedModel; {_CONVERT}"),
    (r"\.ckpt.*\.index$|^checkpoint\.index$", f"a TensorFlow checkpoint; {_CONVERT}"),
    (r"\.index\.json$", "a checkpoint in parts (shards); join its parts into one file"),
)
_TENSORFLOW_INDEX = bytes.fromhex("57fb808b247547db")  # ends the index file of a TensorFlow checkpoint


def foreign(begin: bytes, path: Path) -> str:
    """Return what a file that begins with `begin` is when it is no checkpoint, and the next step."""
    for mark, what in _BEGINNINGS:
        if begin.startswith(mark):
            return what
    text = begin.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--", b"<")):
        return "a web page or XML, not weights: the download was answered by a page; fetch the file itself again"
    if b'"weight_map"' in text:
        return "the index of a checkpoint in parts (shards); join its parts into one file and give that"
    if text.startswith((b"{", b"[")):
        return f"a JSON text; {_GIVE}"
    if begin[257:262] == b"ustar":
        return "a tar archive; unpack it and give the file inside"
    if begin[4:8] == b"TFL3":
        return f"a TensorFlow Lite model; {_CONVERT}"
    if path.suffix == ".onnx" or re.match(rb"\x08[\x01-\x20]\x12.{1,2}(pytorch|\w*onnx)", begin):
        return "an ONNX model; give the PyTorch checkpoint that it was exported from"
    if path.suffix == ".index" or re.search(r"\.data-\d+-of-\d+$", path.name) or begin.endswith(_TENSORFLOW_INDEX):
        return f"part of a TensorFlow checkpoint; {_CONVERT}"
    return f"begins with {begin[:20]!r}; {_GIVE}" if begin else f"is empty; {_GIVE}"


def foreign_archive(names: Iterable[str]) -> str:
    """Return what a zip archive with members called `names` is when torch.save did not write it."""
    names = list(names)
    for pattern, what in _MEMBERS:
        if any(re.search(pattern, name) for name in names):
            return what
    inside = [name for name in names if name.endswith((".pth", ".pt", ".th", ".bin", ".safetensors", ".tar"))]
    content = f"with {inside[0]!r} in it" if inside else "without data.pkl"
    return f"a zip archive {content}; unpack it and give the file inside"


def foreign_folder(path: Path) -> str:
    """Return what a folder is, and the next step."""
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        return f"a folder that cannot be read ({error.strerror}); give a file of weights"
    for pattern, what in _ENTRIES:
        if any(re.search(pattern, name) for name in names):
            return what
    files = [name for name in names if name.endswith((".safetensors", ".pth", ".pt", ".bin", ".ckpt"))]
    return f"a folder; give a file of weights{f', such as {path / files[0]}' if files else ''}"


def part(path: Path) -> str:
    """Return what to say of a file whose name says that it is one part of several; else nothing."""
    match = re.search(r"-(\d{5})-of-(\d{5})\.", path.name)
    return f"; by its name it is part {int(match[1])} of {int(match[2])}: join all parts into one file" if match else ""
