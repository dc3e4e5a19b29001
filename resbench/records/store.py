"""Where records lie: results/<machine>/<network>/<kind>-<settings>.json. The path is the identity."""

import gc
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from resbench.errors import ResbenchError
from resbench.records.files import json_names, write_text
from resbench.records.jsonio import dumps, read_record
from resbench.records.lazily import Lazily
from resbench.records.record import Engine, Evaluation, Machine, Pipeline, Profile, Record, Settings

_LONGEST = 100  # letters of a folder's name
_AMBIGUOUS = r"[^A-Za-z0-9._:-]"


def path_of(record: Record) -> Path:
    """Return the path of `record` below the results folder; equal settings give equal paths."""
    machine = record.environment.machine
    match record:
        case Profile():
            head = f"{record.classes}classes" if record.classes else ""
            parts = ["profile", record.weights or "", head, *_words(record.settings, machine, record.engine)]
            pipeline = next((series.pipeline for series in record.series if series.pipeline), None)
            parts += _images(pipeline) if pipeline else []
            parts += ["train"] if any(series.speed.startswith("train") for series in record.series) else []
            parts += [f"b{size}" for size in dict.fromkeys(series.batch_size_asked for series in record.series)]
        case Evaluation():
            record = as_asked(record)
            settings = replace(record.settings, threads=None)  # right answers do not depend on them
            mode = "" if record.pixels.crop_mode == "center" else f"-{record.pixels.crop_mode}"
            decoder = "-".join(["", *_decoder(record.pixels.decoder)])
            pixels = f"{record.pixels.resize_px}-{record.pixels.interpolation}{mode}{decoder}"
            views = [record.pixels.tta or "", "logits" if record.pixels.tta_average == "logits" else ""]
            corrupted = ["corruptions", record.corruptions.asked] if record.corruptions else []
            parts = ["evaluation", record.weights, record.dataset.name, pixels, *views, *corrupted]
            parts += _words(settings, machine, record.engine)
    name = "-".join(_slug(part) for part in parts if part)
    return Path(machine_folder(machine)) / network_folder(record.network) / f"{name}.json"


def as_asked(record: Evaluation) -> Evaluation:
    """Return `record` with settings and decoder as they were asked for: what it chose by itself gives it no other path.

    So it is compared with one that chose otherwise, or nothing.
    """
    options = record.chosen.options if record.chosen else ()
    settings, pixels = record.settings, record.pixels
    if "fuse" in options:
        settings = replace(settings, fuse=False)
    if "channels-last" in options:
        settings = replace(settings, memory_format="contiguous")
    if "onnxruntime" in options:
        settings = replace(settings, runtime="eager")
        record = replace(record, engine=Engine(), exported=None)
    if "simplejpeg" in options:
        pixels = replace(pixels, decoder=pixels.decoder.rpartition(", ")[2])  # Pillow, which stands in for it
    return replace(record, settings=settings, pixels=pixels)


def network_folder(network: str) -> str:
    """Return the name of the folder that records of `network` lie in."""
    return safe_name(network)


def safe_name(network: str) -> str:
    """Return what the folder or file of a network is called: its name, or of a place letters, digits, dots, hyphens."""
    name = _slug(network)[:_LONGEST]
    if re.search(_AMBIGUOUS, network) or len(name) == _LONGEST:  # others would become the same letters
        name = f"{name}-{hashlib.sha256(network.encode()).hexdigest()[:6]}"
    return name


def machine_folder(machine: Machine) -> str:
    """Return the folder's name for `machine`: "cpu-intel-xeon-8481c-2c", "cuda-nvidia-h100"."""
    return device_folder(machine.device_kind, machine.device_name, machine.cpu_cores)


@lru_cache(maxsize=1024)
def device_folder(kind: str, name: str, cpu_cores: int = 0) -> str:
    """Return the folder's name for a device; `cpu_cores` matter for a CPU only."""
    cores = f"{cpu_cores}c" if kind == "cpu" else ""
    return "-".join(part for part in (kind, _slug(name).lower(), cores) if part)


def save(record: Record, root: Path) -> Path:
    """Write `record` below `root`, whole or not at all, replacing the one at its path. Return the path."""
    path = root / path_of(record)
    write_text(path, dumps(record))
    return path


def read_folder(root: Path) -> Mapping[str, Record]:
    """Return every record below `root` by its path relative to it, sorted. `root` may also be one file.

    Raises ResbenchError when there is none, or, as they are read, for one that cannot be.
    """
    if root.is_file():
        return {root.name: read_record(root)}
    if not root.is_dir():
        raise ResbenchError(f"{root}: no such file or folder; give records, as `resbench profile NAME --save` writes")
    names = json_names(root)
    if not names:
        raise ResbenchError(f"{root}: holds no records; write some with `resbench profile NAME --save`")
    return Lazily(names, lambda name: read_record(f"{root}/{name}"))


def _words(settings: Settings, machine: Machine, engine: Engine) -> list[str]:
    """Return the settings that differ from the defaults, as words for a file name."""
    height, width = settings.input_px
    words = [settings.dtype, f"{height}px" if height == width else f"{height}x{width}px"]
    if settings.memory_format == "channels_last":
        words.append("nhwc")
    if settings.runtime != "eager":
        words.append(f"{settings.runtime}-{settings.compile}" if settings.compile else settings.runtime)
    flags = {
        "graph": settings.cuda_graph,
        "fuse": settings.fuse,
        "winograd": engine.options.get("convolutions") == "Winograd",  # of older versions
        "amp": settings.amp,
        "cudnnbench": settings.cudnn_benchmark,
    }
    words += [word for word, on in flags.items() if on]
    if machine.device_kind == "cpu" and settings.threads:
        words.append(f"{settings.threads}t")
    return words


def _decoder(name: str) -> list[str]:
    """Return the libraries of a decoder, as words for a file name; none for the usual one."""
    libraries = re.findall(r"[a-z]+(?= \d)", name.partition(":")[0])
    return [] if libraries == ["pillow"] else libraries


def _images(pipeline: Pipeline) -> list[str]:
    """Return where images came from, and who decoded them, as words for a file name."""
    return ["data", pipeline.data, *_decoder(pipeline.pixels.decoder), f"{pipeline.workers}w"]


def _slug(text: str) -> str:
    """Keep letters, digits, dot and underscore; a run of anything else becomes one hyphen."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.") or "unnamed"


def stored_records(folder: Path) -> Mapping[str, Record]:
    """Return the records below `folder` by path; none when there is no such folder or nothing in it."""
    with _uncollected():
        return {name: read_record(f"{folder}/{name}") for name in json_names(folder)}


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let the collector of cycles rest, which would look through all records so far again and again: they have none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def evaluations(records: Mapping[str, Record]) -> dict[str, Evaluation]:
    """Return the records of accuracy that saw images, by path: averages of views are another quantity.

    One with corrupted images is left out where another one has the same accuracy.
    """
    by_path = {path: record for path, record in records.items() if isinstance(record, Evaluation)}
    seen = {path: record for path, record in by_path.items() if record.images and not record.pixels.tta}
    if not any(record.corruptions for record in seen.values()):  # which spares the paths of thousands
        return seen
    alike = {path: (path_of(replace(record, corruptions=None)), record.weights_sha256) for path, record in seen.items()}
    plain_last = sorted(seen, key=lambda path: seen[path].corruptions is None)
    shown = {alike[path]: path for path in plain_last}
    return {path: record for path, record in seen.items() if record.corruptions is None or path == shown[alike[path]]}
