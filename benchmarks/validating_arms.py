"""The arms of validating.py: loops over images, ready to be timed."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

import resbench
from resbench.accuracy import loader
from resbench.accuracy.dataset import Sample
from resbench.accuracy.decoders import decoder_named
from resbench.accuracy.evaluate import Contestant, evaluate
from resbench.accuracy.layouts import open_set
from resbench.accuracy.pixels import decode, frame, normalise
from resbench.running.arm import answer, prepare
from resbench.running.settings import Running, settings_for
from resbench.zoo.spec import Preprocess

CORES = len(os.sched_getaffinity(0))
CPU = torch.device("cpu")
PREPROCESS = Preprocess(interpolation="bicubic")
SMALL, LARGE_BATCH = Preprocess(interpolation="bicubic", crop_px=32), 192
Top5 = dict[str, list[int]]
Arm = Callable[[], Top5]


LOADERS = (
    "timm's loader",
    "torch DataLoader, our pixels",
    "resbench pillow",
    "stages alone pillow",
    "resbench simplejpeg",
    "stages alone simplejpeg",
    "resbench simplejpeg+torch",
    "stages alone simplejpeg+torch",
)
NETWORKS = (
    "timm, batch 32",
    "timm, batch 16",
    "timm, batch 8",
    "torch DataLoader, batch 32",
    "resbench --plain",
    "resbench, memory returned",
    *(FAST := ("resbench", "resbench in ONNX Runtime")),  # what it chooses for a short set, and perhaps for a long one
)
FIVE = ("five networks one after the other", "five networks at once")


def network(name: str, weights: str) -> torch.nn.Module:
    """Return a network with the weights of a file, or with random ones from a seed."""
    if not weights.isdigit():
        module = resbench.build(name)
        module.load_state_dict(torch.load(weights, weights_only=True))
        return module
    torch.manual_seed(int(weights))
    return resbench.build(name)


def timm_loader(folder: str, batch_size: int):
    from timm.data import create_dataset, create_loader

    dataset = create_dataset("", root=folder)
    return create_loader(
        dataset,
        input_size=(3, 224, 224),
        batch_size=batch_size,
        use_prefetcher=True,
        interpolation=PREPROCESS.interpolation,
        crop_pct=PREPROCESS.crop_pct,
        num_workers=CORES,
        device=CPU,
        persistent_workers=False,
    ), dataset.filenames(basename=True)


def timm_validation(folder: str, name: str, weights: str, batch_size: int) -> Arm:
    import timm
    from timm.utils import accuracy

    model = timm.create_model(name)
    model.load_state_dict(network(name, weights).state_dict())
    model.eval()
    batches, names = timm_loader(folder, batch_size)

    def run() -> Top5:
        best = []
        with torch.inference_mode():
            for images, labels in batches:
                logits = model(images)
                _ = [share.item() for share in accuracy(logits, labels, topk=(1, 5))]
                best += logits.topk(5)[1].tolist()
        return dict(zip(names, best, strict=True))

    return run


class Frames(torch.utils.data.Dataset):
    """Our pixels, one image at a time, for torch's loader."""

    def __init__(self, folder: str) -> None:
        self.samples = open_set(Path(folder)).samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: int) -> torch.Tensor:
        return torch.from_numpy(frame(decode(self.samples[place].read()), PREPROCESS).copy())


def plain_validation(folder: str, name: str, weights: str, batch_size: int) -> Arm:
    model, frames = network(name, weights), Frames(folder)
    batches = torch.utils.data.DataLoader(frames, batch_size, num_workers=CORES)

    def run() -> Top5:
        best = []
        with torch.inference_mode():
            for images in batches:
                best += model(normalise(images, PREPROCESS)).topk(5)[1].tolist()
        return {sample.base: row for sample, row in zip(frames.samples, best, strict=True)}

    return run


def our_batches(
    samples: Sequence[Sample], name: str, stream: Preprocess = PREPROCESS, size: int = 32
) -> Iterator[loader.Batch]:
    starts = range(0, len(samples), size)
    return loader.batches(samples, [stream], starts=starts, batch_size=size, workers=CORES, decoder=decoder_named(name))


def our_validation(
    folder: str,
    models: Sequence[torch.nn.Module],
    words: str,
    *,
    stream: Preprocess = PREPROCESS,
    size: int = 32,
) -> Arm:
    """Return what the command does, by default or `--plain`; the networks are changed in place."""
    fast = "--plain" not in words
    exports = "ONNX" in words
    running = Running(
        runtime="onnxruntime" if exports else "eager",
        fuse=fast and not exports,
        channels_last=fast and not exports,
        threads=1,
    )
    how = settings_for(running, stream.crop_px, CPU)
    contestants = [
        Contestant(
            name="",
            identity="",
            forward=partial(answer, prepare(model, how, CPU, 1000)),
            preprocess=stream,
        )
        for model in models
    ]
    decoder = "pillow" if "--plain" in words or "--decoder pillow" in words else "simplejpeg"
    samples = open_set(Path(folder)).samples
    names = [sample.base for sample in samples]

    def run() -> Top5:
        batches = our_batches(samples, decoder, stream, size)
        parts = list(evaluate(contestants, batches, device=CPU, batch_size=size, threads=CORES))
        best = [[row for rows in parts for row in rows[place]["top5"].tolist()] for place in range(len(models))]
        return {name: [five for rows in answers for five in rows] for name, *answers in zip(names, *best, strict=True)}

    return run


def five_networks(folder: str, which: str) -> Arm:
    models = [network("resnet18", str(seed)) for seed in range(5)]
    groups = [models] if which == "five networks at once" else [[model] for model in models]
    runs = [our_validation(folder, group, "--decoder pillow", stream=SMALL, size=LARGE_BATCH) for group in groups]

    def run() -> Top5:
        parts = [one() for one in runs]
        return {name: [five for part in parts for five in part[name]] for name in parts[0]}

    return run


def drain(batches: Callable[[], Iterator[object]]) -> Arm:
    def run() -> Top5:
        for _ in batches():
            pass
        return {}

    return run


def stages(folder: str, name: str) -> Arm:
    """Read, decode, resize and crop in a process per core, and drop what comes of it."""
    samples, decoder = open_set(Path(folder)).samples, decoder_named(name)

    def work(first: int) -> None:
        torch.set_num_threads(1)
        for sample in samples[first::CORES]:
            decoder.frame(decoder.image(sample), PREPROCESS)

    def run() -> Top5:
        forked = multiprocessing.get_context("fork")
        processes = [forked.Process(target=work, args=(first,)) for first in range(CORES)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        return {}

    return run


def arm(which: str, folder: str, name: str, weights: str) -> Arm:
    first, _, last = which.rpartition(" ")
    match first:
        case "timm's":
            return drain(lambda: iter(timm_loader(folder, 32)[0]))
        case "torch DataLoader, our":
            return drain(lambda: iter(torch.utils.data.DataLoader(Frames(folder), 32, num_workers=CORES)))
        case "stages alone":
            return stages(folder, last)
        case "timm, batch":
            return timm_validation(folder, name, weights, int(last))
        case "torch DataLoader, batch":
            return plain_validation(folder, name, weights, int(last))
    if which in FIVE:
        return five_networks(folder, which)
    if which in LOADERS:
        samples = open_set(Path(folder)).samples
        return drain(lambda: our_batches(samples, last))
    return our_validation(folder, [network(name, weights)], which)
