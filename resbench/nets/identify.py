"""What a file of weights is, and the same weights as a file that needs no pickle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import safetensors.torch

from resbench.errors import ResbenchError
from resbench.nets import cache
from resbench.nets.build import build
from resbench.nets.checkpoints import fitting, load_checkpoint, read_tensors, shapes_of, with_head_of
from resbench.nets.renames import in_single_precision, translate
from resbench.records.files import write_bytes
from resbench.zoo.find import by_digest, by_file, find
from resbench.zoo.spec import Variant

Verdict = Literal["published", "wrong", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a file of weights turned out to be."""

    file: str
    sha256: str
    verdict: Verdict  # wrong: it bears the name of a published file, and is another
    published: tuple[str, ...]  # the checkpoints that the hash belongs to, or for a wrong file those of its name
    networks: tuple[str, ...]  # the networks that its tensors fill; several where only strides or pooling differ
    notes: tuple[str, ...]  # which of several sets of weights was looked at


def identify(path: Path, key: str | None = None, network: Variant | None = None) -> Identity:
    """Find by its hash which published checkpoint the file is, and by its tensors which networks it fills.

    `key` chooses among several sets of weights in the file. With `network` that one alone is tried.
    Raises ResbenchError when it is neither published nor a checkpoint, and when it does not fit `network`.
    """
    if network is not None:
        loaded = load_checkpoint(network, path, key)
        return Identity(
            file=str(path),
            sha256=cache.sha256(path),
            verdict="unknown",
            published=(),
            networks=(network.name,),
            notes=loaded.notes,
        )
    digest = cache.sha256(path)
    published = by_digest(digest)
    named = [] if published else by_file(path.name)
    taken = None if named else read_tensors(path, key)
    return Identity(
        file=str(path),
        sha256=digest,
        verdict="published" if published else "wrong" if named else "unknown",
        published=tuple(weights.name for weights in published or named),
        networks=tuple(fitting(taken.tensors)) if taken else (),
        notes=taken.notes if taken else (),
    )


def convert(path: Path, output: Path, key: str | None = None, network: Variant | None = None) -> tuple[str, ...]:
    """Write the tensors of the file as safetensors, under the names of the network that they fill.

    `key` chooses among several sets of weights. Without `network` it is one of the table. Returns what was chosen and
    changed. Raises ResbenchError when they fill no such network, or `output` exists.
    """
    if output.exists():
        raise ResbenchError(f"{output}: exists already; choose another --output")
    taken = read_tensors(path, key)
    if network is not None:
        filled = with_head_of(network, path, key)
        load_checkpoint(filled, path, key)  # refuses what does not fit
    elif names := fitting(taken.tensors):
        filled = find(names[0])
    else:
        raise ResbenchError(
            f"{path}: fits no network of the table; `resbench weights verify {path}` says what it is, and --network "
            "names one of your own"
        )
    translated, changes = translate(taken.tensors, shapes_of(build(filled, device="meta")))
    single, precision = in_single_precision(translated)
    whole = {name: tensor.contiguous().clone() for name, tensor in single.items()}  # safetensors shares no memory
    write_bytes(output, safetensors.torch.save(whole, {"format": "pt", "converted_from_sha256": cache.sha256(path)}))
    return (*taken.notes, *changes, *precision)
