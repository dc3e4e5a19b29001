"""Networks fed with the user's images: nets, timing and the loader of accuracy meet here."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from torch import Tensor

from resbench import environment, units
from resbench.accuracy import inspection, loader, pixels, readable
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.decoders import Decoder, decoder_named
from resbench.accuracy.layouts import open_unlabelled
from resbench.bench.entries import Validating, entry_of
from resbench.bench.subject import ready
from resbench.errors import ResbenchError
from resbench.records.record import Pipeline, Series, Settings
from resbench.running.arm import Arm
from resbench.running.settings import Running
from resbench.timing import speeds
from resbench.timing.calls import fed
from resbench.timing.sampler import Surroundings, unwatched
from resbench.timing.speeds import Images
from resbench.timing.telemetry import telemetry
from resbench.zoo.spec import Variant

IMAGES = 1024  # that take turns, a random sample of larger sets: few enough to be read once and stay in the page cache


def images_of(
    network: Variant,
    weights: str | None,
    settings: Settings,
    data: str,
    *,
    train: bool = False,
    decoder_name: str = "pillow",
    workers: int | None = None,
) -> Images:
    """Return the images in `data` as `network` wants them in these settings.

    Raises ResbenchError when there are none, or the settings leave no way to feed them.
    """
    height, width = settings.input_px
    size = units.pixels(settings.input_px)
    faults = {
        f"--data: images are cut square, not {size} px; give one number, --input-px {height}": height != width,
        "--data with --train: feeding a training step is not measured; leave one out": train,
        "--decoder nvimgcodec: only `resbench validate` decodes on the GPU; choose another": decoder_name
        == "nvimgcodec",
        "--data with --cuda-graph: a graph keeps one batch and takes no other; leave one out": settings.cuda_graph,
    }
    for message, wrong in faults.items():
        if wrong:
            raise ResbenchError(message)
    decoder_named(decoder_name)
    open_unlabelled(Path(data))
    preprocess = entry_of(network.name, network, weights, Validating(running=Running(input_px=height))).preprocess
    return Images(path=data, preprocess=preprocess, decoder=decoder_name, workers=workers or environment.cpu_cores())


def described(images: Images) -> Pipeline:
    """Return what a record keeps of `images`."""
    image_set = open_unlabelled(Path(images.path))
    return Pipeline(
        data=image_set.name,
        fingerprint=image_set.fingerprint,
        images=len(_some(image_set).samples),
        pixels=pixels.recorded(images.preprocess, decoder_named(images.decoder).name),
        workers=images.workers,
    )


def warm(images: Images, on_image: Callable[[float], None]) -> None:
    """Read and decode every image once, so that no sample waits for a disk; `on_image` gets the share that is done.

    Raises UnreadableImagesError, naming those that cannot be decoded.
    """
    samples = _some(open_unlabelled(Path(images.path))).samples
    inspections = inspection.inspect(
        samples, workers=images.workers, on_image=lambda done: on_image(done / len(samples))
    )
    if failed := inspection.unreadable(inspections):
        raise readable.UnreadableImagesError(failed)


def measure_fed(arm: Arm, want: speeds.Wanted, request: speeds.Request, surroundings: Surroundings) -> list[Series]:
    """Sample one wanted speed in this process; an end-to-end speed is fed with the images of `request`."""
    images = request.images
    if want.speed != "end_to_end" or images is None:
        return speeds.measure(arm, want, request, surroundings)
    decoder, paused = _pausing(decoder_named(images.decoder))
    stream = loader.endless(
        _some(open_unlabelled(Path(images.path))).samples,
        images.preprocess,
        batch_size=want.batch_size,
        workers=images.workers,
        seed=request.settings.seed,
        pinned=arm.device.type == "cuda",
        decoder=decoder,
    )

    def inputs() -> Tensor:
        frames = next(stream).frames[images.preprocess]
        return pixels.normalise(frames.to(arm.device, non_blocking=True), images.preprocess)

    with closing(stream):
        measured = speeds.measure(arm, want, request, surroundings, fed(arm, inputs, paused))
    return [replace(series, pipeline=described(images)) for series in measured]


def launch(request: speeds.Request) -> list[Series]:
    """Sample everything that a request wants; for a fresh process."""
    arm = ready(request).arm
    meter = telemetry(arm.device)
    surroundings = Surroundings(watch=meter.watch if meter else unwatched)
    return [series for want in request.wanted for series in measure_fed(arm, want, request, surroundings)]


def _pausing(decoder: Decoder) -> tuple[Decoder, Callable[[], AbstractContextManager[None]]]:
    """Return `decoder`, and a context in which its threads begin no other image."""
    going = Event()
    going.set()

    def decode(data: bytes) -> Any:
        going.wait()
        return decoder.decode(data)

    @contextmanager
    def paused() -> Iterator[None]:
        going.clear()
        try:
            yield
        finally:
            going.set()

    return replace(decoder, decode=decode), paused


def _some(images: ImageSet) -> ImageSet:
    return replace(images, samples=images.samples[:IMAGES])
