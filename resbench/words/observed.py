"""Machines, settings, speeds and images of records in words."""

from resbench import units
from resbench.records.record import (
    Engine,
    Environment,
    Exported,
    Memory,
    Noise,
    Pipeline,
    Pixels,
    Profile,
    Series,
    Settings,
)
from resbench.words.settings import engine_words, setting_words
from resbench.zoo.spec import RESIZED_SIDE, Preprocess


def device(environment: Environment) -> str:
    """Return the device in words: "cpu: Intel Xeon 8481C, 2 cores, AVX512; torch 2.13.0"."""
    machine = environment.machine
    parts = [f"{machine.device_kind}: {machine.device_name}"]
    if machine.device_kind == "cpu":
        parts += [f"{machine.cpu_cores} cores", machine.cpu_isa]
    versions = {"torch": machine.torch, "CUDA": machine.cuda, "cuDNN": machine.cudnn, "driver": machine.driver}
    return f"{', '.join(parts)}; {', '.join(f'{name} {value}' for name, value in versions.items() if value)}"


def settings(settings: Settings) -> str:
    """Return how a network is run: "224x224 px, fp32, 1 thread"."""
    return ", ".join([f"{units.pixels(settings.input_px)} px", *setting_words(settings)])


def conditions(record: Profile) -> str:
    """Return how the network of a profile was run, and with which weights."""
    head = f"; {record.classes} classes" if record.classes else ""
    unread = "weights as built" if record.origin else "fresh weights"
    return f"{settings(record.settings)}; {record.weights or unread}{head}"


def run_by(engine: Engine, file: Exported | None) -> str:
    """Return what besides torch ran a network, and how the file that it ran was proved; empty: torch ran it."""
    own = engine_words(engine)
    if file is None:
        return own
    proof = (
        f"file of {units.size(file.file_bytes)}, logits within {file.difference:.2g} of eager torch's (bound "
        f"{file.bound:g}) on {units.count_of(file.images, 'image')}"
    )
    return f"{own}; {proof}" if own else proof


def speed(name: str) -> str:
    """Return the name of a speed: "end to end"."""
    return name.replace("_", " ")


def speed_at(series: Series) -> str:
    """Return what a series measured: "latency at batch 1"."""
    return f"{speed(series.speed)} at batch {series.batch_size}"


def overloaded(environment: Environment) -> str:
    """Return what is put behind a speed that was measured while other work kept the machine busy; else nothing."""
    return noise_words(environment.conditions.noise)


def noise_words(noise: Noise | None) -> str:
    """Return what is put behind a speed that was measured on a machine as busy as `noise` says; mostly nothing."""
    return ", machine overloaded" if noise == "overloaded" else ""


def peak_words(memory: Memory) -> tuple[str, ...]:
    """Return the peak memory, in the device's own account or as the resident set; nothing when it was not measured."""
    if memory.allocated_bytes is not None:
        reserved = () if memory.reserved_bytes is None else (f"{units.size(memory.reserved_bytes)} reserved",)
        return f"{units.size(memory.allocated_bytes)} allocated", *reserved
    return () if memory.resident_bytes is None else (f"{units.size(memory.resident_bytes)} resident",)


def cut(images: Preprocess | Pixels, how: str) -> str:
    """Return what becomes of an image: "shorter side to 256 px (bicubic), centre crop 224 px"."""
    return f"{RESIZED_SIDE[images.crop_mode]} to {images.resize_px} px ({how}), centre crop {images.crop_px} px"


def images(pipeline: Pipeline) -> str:
    """Return what fed an end-to-end speed, in words."""
    pixels, workers = pipeline.pixels, pipeline.workers
    who = f"{pixels.decoder} in {units.count_of(workers, 'thread')}"
    number = f"{units.count_of(pipeline.images, 'image')} of {pipeline.data}"
    how = f"{who}, {cut(pixels, pixels.interpolation)}"
    return f"{number} from the page cache, no disk; {how}; fingerprint {pipeline.fingerprint[:16]}"


def noise(environment: Environment) -> str:
    """Return how busy the machine was, in words."""
    observed = environment.conditions
    shares = {"tasks waited for a CPU": observed.pressure_share, "CPUs stolen": observed.steal_share}
    parts = [f"{name} {units.percent(share, 1)} of the time" for name, share in shares.items() if share is not None]
    parts += [f"load {observed.load_1m:g}"] if observed.load_1m is not None else []
    return f"machine {observed.noise}: {', '.join(parts) or 'this system keeps no figures'}"
