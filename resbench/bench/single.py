"""One checkpoint on one set of images, from Python: `resbench.validate`."""

from pathlib import Path

from torch import nn

from resbench.accuracy.session import Progress, silent
from resbench.accuracy.views import checked_tta
from resbench.bench import validation
from resbench.bench.entrance import entered
from resbench.bench.entries import Validating
from resbench.records.record import DType, Evaluation, Tta, TtaAverage
from resbench.running.settings import Running
from resbench.timing.speeds import BatchSize
from resbench.zoo.spec import CropMode, Interpolation, Variant


def validate(
    network: str | Variant | nn.Module,
    data: str | Path,
    *,
    name: str | None = None,
    weights: str | Path | None = None,
    key: str | None = None,
    labels: str | Path | None = None,
    classes: int | None = None,
    classes_file: str | Path | None = None,
    input_px: int | None = None,
    crop_pct: float | None = None,
    interpolation: Interpolation | None = None,
    crop_mode: CropMode | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
    tta: Tta | None = None,
    tta_average: TtaAverage | None = None,
    corruptions: str | Path | None = None,
    dtype: DType = "fp32",
    amp: bool = False,
    channels_last: bool = False,
    runtime: str = "eager",
    fuse: bool = False,
    threads: int | None = None,
    calibration: str | Path | None = None,
    batch_size: BatchSize | None = None,
    workers: int | None = None,
    device: str | None = None,
    skip_unreadable: bool = False,
    cache: str | Path | None = None,
    decoder: str | None = None,
    plain: bool = False,
    on_progress: Progress = silent,
) -> Evaluation:
    """Count how many images of `data` a checkpoint gets right.

    - `network`, `weights`: a network and a file of weights or a published checkpoint, or the name of the latter alone;
      or a torch module with its own weights, whose `name` is by default its class's.
    - `key`: which weights, if the file holds several sets, such as "model_ema" beside "model".
    - `data`, `labels`: images as people have them (docs/validating.md), and a file that gives them their classes.
    - `classes`, `classes_file`: how many the head has (by default those of the file of weights), and a file of their
      names, one per line in the order of the outputs, for folders of images that are called so.
    - `input_px`, `crop_pct`, `interpolation`, `crop_mode`, `mean`, `std`: the side of the crop, its share of the
      resized image, and so on; by default the published checkpoint's.
    - `tta`, `tta_average`: "hflip", "five-crop", "ten-crop" or "multi-scale", views of an image whose probabilities
      ("softmax", the default) or "logits" are averaged.
    - `corruptions`: "all", "common" or kinds such as "fog,snow:3" of ImageNet-C, made from the images, or the folder
      or archive of ImageNet-C; the record has the counts.
    - `dtype`, `amp`: the type of weights and images; with `amp` weights stay in fp32 and torch autocasts to `dtype`.
      "int8" is for the runtimes "onnxruntime" and "openvino", and `calibration` some 300 images that set its ranges;
      then the record has the loss against fp32 too.
    - `runtime`: "eager", "compile", "aotinductor", "onnxruntime", "openvino" or "tensorrt"; what the last four run is
      exported, and compared with eager torch first.
    - `channels_last`, `fuse`: memory layout, batch norms folded into convolutions.
    - `threads`: of the CPU; by default torch's own number. `workers`: threads that decode; by default one per core.
    - `batch_size`: images per step; "auto" is the most that the device has memory for. Counts do not depend on it.
    - `device`: "cuda", "cuda:1", "mps" or "cpu"; by default the first there is.
    - `skip_unreadable`: leave unreadable images out, and name them in the record, instead of failing.
    - `cache`: a folder for prepared images. `decoder`: "pillow", "simplejpeg", "simplejpeg+torch" or "nvimgcodec"; by
      default simplejpeg on the CPU if its pixels are Pillow's, else Pillow.
    - `plain`: choose nothing that nobody asked for. By default a network runs on the CPU, in eager torch and fp32, with
      folded batch norms and channels last, if that gives the first images the same five best classes; the record
      says so.
    - `on_progress`: is told the stage, images done, images in all, and right answers so far.

    Raises ResbenchError for anything that cannot give a right answer.
    """
    running = Running(
        input_px=input_px,
        dtype=dtype,
        amp=amp,
        channels_last=channels_last,
        runtime=runtime,
        fuse=fuse,
        threads=threads,
        calibration=None if calibration is None else str(calibration),
    )
    views, average = checked_tta(tta, tta_average)
    validating = Validating(
        running=running,
        key=key,
        labels=() if labels is None else (Path(labels),),
        classes=classes,
        classes_file=None if classes_file is None else Path(classes_file),
        crop_pct=crop_pct,
        interpolation=interpolation,
        crop_mode=crop_mode,
        mean=mean,
        std=std,
        tta=views,
        tta_average=average,
        corruptions=None if corruptions is None else str(corruptions),
        batch_size=batch_size,
        workers=workers,
        device=device,
        skip_unreadable=skip_unreadable,
        cache=None if cache is None else Path(cache),
        decoder=decoder,
        plain=plain,
    )
    asked = network if isinstance(network, str) else entered(network, input_px, name)
    given = [] if weights is None else [weights]
    (result,) = validation.validate_all([asked], given, [Path(data)], validating, on_progress)
    return result.record
