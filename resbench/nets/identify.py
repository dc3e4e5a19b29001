"""What a file of weights is, and the same weights as a file that needs no pickle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import safetensors.torch

from resbench.errors import ResbenchError
from resbench.nets import cache
from resbench.nets.build import build
from resbench.nets.checkpoints import fitting, read_tensors, shapes_of
from resbench.nets.renames import translate
from resbench.records.files import write_bytes
from resbench.zoo.find import by_digest, by_file

Verdict = Literal["published", "wrong", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a file of weights turned out to be."""

    file: str
    sha256: str
    verdict: Verdict  # wrong: it bears the name of a published file, and is another
    published: tuple[str, ...]  # the checkpoints that the hash belongs to, or for a wrong file those of its name
    networks: tuple[str, ...]  # the networks that its tensors fill


def identify(path: Path) -> Identity:
    """Tell by its hash which published checkpoint the file is, and by its tensors which networks it fills.

    Raises ResbenchError when it is neither published nor a checkpoint.
    """
    digest = cache.sha256(path)
    published = by_digest(digest)
    named = [] if published else by_file(path.name)
    networks = () if named else tuple(fitting(read_tensors(path)[0]))
    return Identity(
        file=str(path),
        sha256=digest,
        verdict="published" if published else "wrong" if named else "unknown",
        published=tuple(weights.name for weights in published or named),
        networks=networks,
    )


def convert(path: Path, output: Path) -> tuple[str, ...]:
    """Write the tensors of the file as safetensors, under the names of the network that they fill.

    Returns what was changed. Raises ResbenchError when they fill none, or `output` exists.
    """
    if output.exists():
        raise ResbenchError(f"{output}: exists already; choose another --output")
    tensors, choice = read_tensors(path)
    names = fitting(tensors)
    if not names:
        raise ResbenchError(f"{path}: fits no network of the table; `resbench weights verify {path}` says what it is")
    translated, changes = translate(tensors, shapes_of(build(names[0], device="meta")))
    whole = {key: tensor.contiguous().clone() for key, tensor in translated.items()}  # safetensors shares no memory
    write_bytes(output, safetensors.torch.save(whole, {"format": "pt", "converted_from_sha256": cache.sha256(path)}))
    return (*choice, *changes)
