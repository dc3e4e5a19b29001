"""Measured figures, machines and images in words."""

from resbench import units
from resbench.judging import stats
from resbench.records.record import Environment, Pipeline, Profile, Series
from resbench.words.settings import setting_words
from resbench.zoo.spec import RESIZED_SIDE


def device(environment: Environment) -> str:
    """Return the device in words: "cpu: Intel Xeon 8481C, 2 cores, AVX512; torch 2.13.0"."""
    machine = environment.machine
    parts = [f"{machine.device_kind}: {machine.device_name}"]
    if machine.device_kind == "cpu":
        parts += [f"{machine.cpu_cores} cores", machine.cpu_isa]
    versions = {"torch": machine.torch, "CUDA": machine.cuda, "cuDNN": machine.cudnn, "driver": machine.driver}
    return f"{', '.join(parts)}; {', '.join(f'{name} {value}' for name, value in versions.items() if value)}"


def conditions(record: Profile) -> str:
    """Return how the network was run, in words."""
    words = [f"{units.pixels(record.settings.input_px)} px", *setting_words(record.settings)]
    return f"{', '.join(words)}; {record.weights or 'fresh weights'}"


def images(pipeline: Pipeline) -> str:
    """Return what fed an end-to-end speed, in words."""
    pixels, workers = pipeline.pixels, pipeline.workers
    side = f"{RESIZED_SIDE[pixels.crop_mode]} to {pixels.resize_px} px"
    cut = f"{side} ({pixels.interpolation}), centre crop {pixels.crop_px} px"
    who = f"{pixels.decoder} in {workers} thread{'s' if workers > 1 else ''}"
    number = f"{units.integer(pipeline.images)} images of {pipeline.data}"
    return f"{number} from the page cache, no disk; {who}, {cut}; fingerprint {pipeline.fingerprint[:16]}"


def noise(environment: Environment) -> str:
    """Return how busy the machine was, in words."""
    found = environment.conditions
    shares = {"tasks waited for a CPU": found.pressure_share, "CPUs stolen": found.steal_share}
    parts = [f"{name} {units.percent(share, 1)} of the time" for name, share in shares.items() if share is not None]
    parts += [f"load {found.load_1m:g}"] if found.load_1m is not None else []
    return f"machine {found.noise}: {', '.join(parts) or 'this system keeps no figures'}"


def time(interval: stats.Interval) -> str:
    """Return "51.8 ms [51.2 ms, 52.5 ms]"."""
    if interval.low is None or interval.high is None:
        return units.seconds(interval.estimate)
    return f"{units.seconds(interval.estimate)} [{units.seconds(interval.low)}, {units.seconds(interval.high)}]"


def rate(series: Series) -> str:
    """Return "20.7 [20.1, 21.3]" for speeds that are throughputs, else "-": speeds are never mixed."""
    if series.speed not in ("throughput", "end_to_end"):
        return "-"
    interval = stats.images_per_s(series)
    bounds = "" if interval.low is None else f" [{interval.low:.4g}, {interval.high:.4g}]"
    return f"{interval.estimate:.4g}{bounds}"


def percentile(summary: stats.Summary, share: float) -> str:
    """Return the percentile with its interval, or how many samples it would need."""
    found = summary.percentiles[share]
    return f"needs {stats.SAMPLES_FOR_PERCENTILE[share]} samples" if found is None else time(found)
