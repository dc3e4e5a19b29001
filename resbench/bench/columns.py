"""The columns of tables of measurements: what each holds, in which unit, and which end of it people want.

A unit stands in a column's name; accuracies are in per cent, as people write them; params and macs are numbers as they
are. `--where`, `--sort`, `--columns`, files, the report page and pandas have these names and no others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Row = dict[str, Any]  # by column
Kind = Literal["text", "number", "per cent"]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """What a column holds; which end of it people want, where that is clear."""

    kind: Kind
    meaning: str
    better: Literal["lower", "higher"] | None = None
    whole: bool = False  # integers only


Columns = Mapping[str, TableColumn]  # by name


def interval_columns(name: str) -> tuple[str, str]:
    """Return the columns of a figure's 95 % interval: "top1_low" and "top1_high", "time_low_ms" and "time_high_ms"."""
    stem, unit = (name.removesuffix("_ms"), "_ms") if name.endswith("_ms") else (name, "")
    return f"{stem}_low{unit}", f"{stem}_high{unit}"


def _text(meaning: str) -> TableColumn:
    return TableColumn("text", meaning)


def _number(meaning: str, better: Literal["lower", "higher"] | None = None) -> TableColumn:
    return TableColumn("number", meaning, better)


def _count(meaning: str, better: Literal["lower", "higher"] | None = None) -> TableColumn:
    return TableColumn("number", meaning, better, whole=True)


def _accuracy(meaning: str, better: Literal["lower", "higher"] | None = "higher") -> TableColumn:
    return TableColumn("per cent", meaning, better)


_SUBJECT: dict[str, TableColumn] = {
    "network": _text("name of the network"),
    "family": _text("its family in the table of networks"),
    "checkpoint": _text("name or file of the weights; none: fresh weights"),
    "kind": _text("profile or evaluation"),
    "machine": _text("folder of the machine among the records"),
    "device": _text("name of the processor or GPU"),
    "device_kind": _text("cpu, cuda or mps"),
    "cpu_cores": _count("cores that the process could use"),
    "torch": _text("version and build of torch"),
    "settings": _text("how the network was run, in words"),
    "input_px": _count("height of the input", "lower"),
    "input_width_px": _count("width of the input", "lower"),
    "runtime": _text("what ran the network: eager, compile, aotinductor, onnxruntime, openvino or tensorrt"),
    "dtype": _text("fp32, tf32, fp16, bf16 or int8"),
    "threads": _count("CPU threads"),
}
_COST: dict[str, TableColumn] = {
    "params": _count("parameters", "lower"),
    "macs": _count("multiply-adds of one image", "lower"),
    "activations": _count("elements that convolutions and linear layers put out, one image", "lower"),
}
_ACCURACY: dict[str, TableColumn] = {
    "top1": _accuracy("top-1 accuracy, in per cent"),
    "top1_low": _accuracy("lower bound of its 95 % interval; none for a published figure"),
    "top1_high": _accuracy("upper bound of its 95 % interval"),
    "top5": _accuracy("top-5 accuracy, in per cent"),
    "top1_source": _text("measured or published"),
    "top1_checkpoint": _text("the checkpoint whose accuracy it is"),
    "published_top1": _accuracy("published top-1 accuracy of that checkpoint at this input size"),
    "dataset": _text("data set of the accuracy"),
    "images": _count("images that were scored"),
}
_RUN: dict[str, TableColumn] = {
    "noise": _text("how busy the machine was: quiet, busy, overloaded or unknown"),
    "doubt": _text("why a speed may not repeat: overloaded, not steady, drifted, throttled; empty: no reason"),
    "started": _text("when the run began, ISO 8601 in UTC"),
    "age_days": _number("days since then", "lower"),
    "resbench": _text("version of resbench that measured"),
    "weights_sha256": _text("hash of the file of weights"),
    "record": _text("path of the record below the folder"),
}
SPEED_COLUMNS: dict[str, TableColumn] = {
    **_SUBJECT,
    "speed": _text("latency, device_time, throughput, end_to_end, train_forward, train_backward or train_optimizer"),
    "batch_size": _count("images per call"),
    "time_ms": _number("time of a call: the median, of throughputs the mean", "lower"),
    "time_low_ms": _number("lower bound of its 95 % interval", "lower"),
    "time_high_ms": _number("upper bound of its 95 % interval", "lower"),
    "images_per_s": _number("images per second, of throughput and end_to_end", "higher"),
    "images_per_s_low": _number("lower bound of its 95 % interval", "higher"),
    "images_per_s_high": _number("upper bound of its 95 % interval", "higher"),
    "cpu_ms": _number("CPU time of a call, all threads", "lower"),
    "samples": _count("timed samples", "higher"),
    "clusters": _count("clusters of samples, each freshly laid out in memory", "higher"),
    "launches": _count("processes that measured", "higher"),
    "memory_mib": _number("peak memory at this batch size", "lower"),
    "energy_mj": _number("energy per image at this batch size, in millijoules", "lower"),
    **_COST,
    **_ACCURACY,
    **_RUN,
}
RECORD_COLUMNS: dict[str, TableColumn] = {
    **_SUBJECT,
    "latency_ms": _number("median time of a call at the smallest batch size", "lower"),
    "latency_low_ms": _number("lower bound of its 95 % interval", "lower"),
    "latency_high_ms": _number("upper bound of its 95 % interval", "lower"),
    "latency_batch": _count("that batch size"),
    "cpu_ms": _number("CPU time of that call, all threads", "lower"),
    "images_per_s": _number("the highest throughput, in images per second", "higher"),
    "images_per_s_low": _number("lower bound of its 95 % interval", "higher"),
    "images_per_s_high": _number("upper bound of its 95 % interval", "higher"),
    "throughput_batch": _count("the batch size with that throughput"),
    "end_to_end_images_per_s": _number("the highest throughput with decoding", "higher"),
    "train_images_per_s": _number("the highest throughput of a training step", "higher"),
    "memory_mib": _number("peak memory at the largest batch size", "lower"),
    "energy_mj": _number("energy per image at the largest batch size, in millijoules", "lower"),
    **_COST,
    **_ACCURACY,
    **_RUN,
}
