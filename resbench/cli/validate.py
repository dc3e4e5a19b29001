"""`resbench validate`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def validate_(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        options.network_argument(
            "Networks (with --weights) or published checkpoints, or patterns for those on this machine. "
            "[default: all of these]"
        ),
    ] = None,
    every: Annotated[
        bool, options.what("--all", help="Every published checkpoint on this machine; also without any NAME.")
    ] = False,
    data: Annotated[
        list[Path],
        options.what(
            metavar="DIR",
            help="Images; again for each further set. Folders named by WordNet id, number or class, the official "
            "validation images, ImageNet-V2, -A, -R, -Sketch, ObjectNet, Imagenette, Tiny-ImageNet, CIFAR-10 and -100, "
            "anything with --labels; as they are, or in .tar, .zip, .tar.gz, WebDataset's shards "
            "('val-{000..063}.tar'), Parquet or Arrow files, or behind an address (s3://bucket/val).",
        ),
    ] = ...,  # type: ignore[assignment]  # typer's word for "required" after an optional argument
    weights: Annotated[
        list[str] | None,
        options.what(
            metavar="FILE|NAME",
            autocompletion=options.checkpoint_names,
            help="A file of weights or a checkpoint's name; once for each NAME, in order.",
        ),
    ] = None,
    key: options.Key = None,
    labels: Annotated[
        list[Path] | None,
        options.what(
            metavar="FILE",
            help='A file of lines "image class", or of classes in the order of the images\' names; of several sets '
            "once for each, in order, and - for one that needs none.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        options.what(
            metavar="SET",
            help="Compare the accuracies on the other sets with those on this one: its name, its path or imagenet.",
        ),
    ] = None,
    classes: options.Classes = None,
    classes_file: Annotated[
        Path | None,
        options.what(
            metavar="FILE",
            help="The names of the network's classes, one per line in the order of its outputs; folders of images have "
            "these names. [default: for heads that are not ImageNet's the checkpoint's list, else the sorted folders]",
        ),
    ] = None,
    batch_size: Annotated[
        str | None,
        options.how(
            "--batch-size",
            "-b",
            metavar="N",
            help="Images per step, or auto: the most that the device has memory for; on the CPU that is the default. "
            "Counts do not depend on it.",
        ),
    ] = None,
    workers: options.Workers = None,
    device: options.Device = None,
    input_px: Annotated[
        int | None,
        options.what(
            "--input-px",
            "--img-size",
            min=1,
            metavar="PX",
            help="Image size: side of the crop. [default: the checkpoint's]",
        ),
    ] = None,
    crop_pct: Annotated[
        float | None,
        options.advanced(
            min=0.01, max=1.0, metavar="SHARE", help="Crop's share of the shorter side. [default: the checkpoint's]"
        ),
    ] = None,
    interpolation: Annotated[
        str | None,
        options.advanced(metavar="NAME", help="bilinear, bicubic or lanczos. [default: the checkpoint's]"),
    ] = None,
    crop_mode: Annotated[
        str | None,
        options.advanced(metavar="NAME", help="center, squash or border, as in timm. [default: the checkpoint's]"),
    ] = None,
    mean: Annotated[
        tuple[float, float, float] | None,
        options.advanced(metavar="R G B", help="Per channel, from 0 to 1. [default: the checkpoint's]"),
    ] = None,
    std: Annotated[
        tuple[float, float, float] | None,
        options.advanced(metavar="R G B", help="Per channel, from 0 to 1. [default: the checkpoint's]"),
    ] = None,
    tta: Annotated[
        str | None,
        options.what(
            metavar="VIEWS",
            help="Average the answers to several views of an image: hflip, five-crop, ten-crop or multi-scale (five "
            "sizes).",
        ),
    ] = None,
    tta_average: Annotated[
        str | None,
        options.advanced(
            metavar="NAME", help="What is averaged: softmax (probabilities) or logits. [default: softmax]"
        ),
    ] = None,
    corruptions: Annotated[
        str | None,
        options.what(
            metavar="KINDS|DIR",
            help="Evaluate corrupted images too: all, common or kinds such as fog,snow:3 of ImageNet-C, made from the "
            "images, or the folder or archive of ImageNet-C.",
        ),
    ] = None,
    dtype: options.DType = "fp32",
    calibration: options.Calibration = None,
    max_loss: Annotated[
        float | None,
        options.shown(
            min=0,
            metavar="POINTS",
            help="With --dtype int8: the most percentage points of top-1 that it may lose against fp32; if it loses "
            "more, exits with 1. [default: 1 % of fp32's accuracy, which is reported only]",
        ),
    ] = None,
    amp: options.Amp = False,
    channels_last: options.ChannelsLast = False,
    fuse: options.Fuse = False,
    plain: Annotated[
        bool,
        options.how(
            "--plain",
            help="Run as plain torch with Pillow. By default the CPU runs with --fuse, --channels-last and simplejpeg, "
            "or in ONNX Runtime where a long run is faster so, if the first images get the same five best classes.",
        ),
    ] = False,
    runtime: options.RuntimeOption = "eager",
    threads: Annotated[
        int | None, options.how(min=1, metavar="N", help="CPU threads of the network. [default: torch's]")
    ] = None,
    tuned: options.Tuned = False,
    skip_unreadable: Annotated[
        bool,
        options.advanced("--skip-unreadable", help="Leave unreadable images out, and say so, instead of failing."),
    ] = False,
    decoder: Annotated[
        str | None,
        options.advanced(
            metavar="NAME",
            help="pillow (reference), simplejpeg (equal pixels), simplejpeg+torch (within two levels), nvimgcodec "
            "(decodes and resizes on the GPU; the record says how far its pixels are off). [default: pillow; on "
            "the CPU simplejpeg, if the first images get equal pixels]",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        options.advanced(
            metavar="DIR",
            help="Keep prepared images in this folder, so that the next run decodes nothing (224 px: 7.5 GB).",
        ),
    ] = None,
    explain_gap: Annotated[
        bool,
        options.what(
            "--explain-gap",
            help="Try look-alike variants too, on 500 images: other inputs, networks that fit but compute something "
            "else. --save keeps the result in the record.",
        ),
    ] = False,
    save: Annotated[bool, options.shown("--save", help="Write record and predictions below --output.")] = False,
    output: options.RecordsFolder = Path("results"),
    as_json: options.RecordsAsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Count how many images a checkpoint classifies correctly.

    ImageNet's classes are found by WordNet id, not by the order of folders; preprocessing is the checkpoint's unless
    given here. Several checkpoints share one pass over the images; several sets give one table, with ranks. The same
    command continues an interrupted run; under `torchrun --nproc-per-node 4 -m resbench validate ...` processes share
    the images.

    \b
    Examples:
      resbench validate --data imagenet/val --weights resnet18.pth resnet18
      resbench validate --data ILSVRC2012_img_val.tar gluon_seresnext50_32x4d gluon_seresnext101_32x4d
      resbench validate --data imagenet/val --corruptions common gluon_seresnext50_32x4d
      resbench validate --data imagenet/val --data imagenet-a --data objectnet --against imagenet 'gluon_*'
    """
    from resbench.accuracy.views import checked_tta
    from resbench.bench import gaps, parse, passes, setwise, validation
    from resbench.bench.entries import Validating
    from resbench.bench.tuned import validating_as_tuned
    from resbench.report import evaluation as report
    from resbench.report import losses
    from resbench.running.allocator import keep_memory
    from resbench.running.settings import Running

    if tuned:
        options.refuse_with_tuned(context)
    parse.one_set(data, explain_gap=explain_gap, against=against, tta=tta, corruptions=corruptions)
    views, average = checked_tta(tta, tta_average)
    keep_memory()
    how = Validating(
        running=Running(
            input_px=input_px,
            dtype=dtype,
            amp=amp,
            channels_last=channels_last,
            runtime=runtime,
            fuse=fuse,
            threads=threads,
            calibration=calibration,
        ),
        key=key,
        labels=parse.label_files(labels or []),
        classes=classes,
        classes_file=classes_file,
        crop_pct=crop_pct,
        interpolation=interpolation,
        crop_mode=crop_mode,
        mean=mean,
        std=std,
        tta=views,
        tta_average=average,
        corruptions=corruptions,
        batch_size=parse.batch_size(batch_size),
        workers=workers,
        device=device,
        skip_unreadable=skip_unreadable,
        cache=cache,
        decoder=decoder,
        plain=plain,
    )
    networks = [*(names or []), *(["*"] if every else [])]
    how, notes = validating_as_tuned(networks, weights or [], how, output) if tuned else (how, [])
    if validation.is_main():
        report.note([*notes, *passes.remarks(how)])
    with report.validating_progress(quiet=quiet or not validation.is_main()) as on_progress:
        kept = output if save else None
        results = validation.validate_all(
            networks, weights or [], data, how, on_progress, kept, against, processes=True
        )
    if not validation.is_main():
        return
    columns = setwise.by_set(results, data, against) if len(data) > 1 else []
    report.show_evaluations([result.record for result in results], columns, as_json=as_json)
    report.note(setwise.remarks_on_sets(columns))
    report.show_remarks(results, explained=explain_gap)
    report.saved([result.path for result in results if result.path])
    code = losses.show_losses([result.record for result in results], max_loss)
    if explain_gap:  # by one process: a sample needs no sharing
        with report.validating_progress(quiet=quiet) as on_progress:
            explained = gaps.explain_gaps(networks, weights or [], data[0], how, on_progress)
        for result, gap in zip(results, explained, strict=True):
            report.show_gap(result.record.weights, gap)
        if save:
            gaps.keep(results, explained, output)
    raise typer.Exit(code)
