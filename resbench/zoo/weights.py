"""The table of published checkpoints: where they lie, how they want their images, and what was claimed of them."""

from resbench.zoo.spec import Claim, Preprocess, Weights

TIMM_DOCS = "https://github.com/huggingface/pytorch-image-models/blob/aa4b5850/hfdocs/source/models"
TIMM_043 = "https://github.com/rwightman/pytorch-image-models/blob/d8e69206be253892b2956341fea09fdebfaae4e3/timm/models"
GLUON = "https://github.com/rwightman/pytorch-pretrained-gluonresnet/releases/download/v0.1"
MMPRETRAIN = "https://github.com/open-mmlab/mmpretrain/blob/ee7f2e88/configs"
OPENMMLAB = "https://download.openmmlab.com/mmclassification/v0"


def timm_card(
    page: str, *, params: int, flops: int, file_size_bytes: int, top1: float, top5: float, px: int = 224
) -> tuple[Claim, ...]:
    """Return the claims of a card in timm's documentation; accuracies in per cent as printed there.

    The card's FLOPs hold at `px` x int(px * 1546 / 1213), not at the stated size (docs/counting.md).
    """
    source = f"{TIMM_DOCS}/{page}.mdx"
    return (
        Claim(metric="params", value=params, quantum=10_000, source=source),
        Claim(metric="flops", value=flops, convention="timm-card", input_px=(px, px * 1546 // 1213), source=source),
        Claim(metric="file_size", value=file_size_bytes, source=source),
        *_accuracy(top1, top5, 0.0001, source),
    )


def mmpretrain_metafile(
    page: str, *, params_m: float, flops_g: float, top1: float, top5: float | None, px: int = 224
) -> tuple[Claim, ...]:
    """Return the claims of a MMPretrain metafile: millions, thousand millions and per cent as printed there."""
    source = f"{MMPRETRAIN}/{page}/metafile.yml"
    return (
        Claim(metric="params", value=round(params_m * 1e6), quantum=10_000, source=source),
        Claim(
            metric="flops",
            value=round(flops_g * 1e9),
            quantum=10_000_000,
            convention="mmcv",
            input_px=(px, px),
            source=source,
        ),
        *_accuracy(top1, top5, 0.0001, source),
    )


def _accuracy(top1: float, top5: float | None, quantum: float, source: str) -> tuple[Claim, ...]:
    first = Claim(metric="top1", value=top1 / 100, quantum=quantum, source=source)
    if top5 is None:
        return (first,)
    return first, Claim(metric="top5", value=top5 / 100, quantum=quantum, source=source)


BICUBIC = Preprocess(interpolation="bicubic")

WEIGHTS: tuple[Weights, ...] = (
    Weights(
        name="gluon_seresnext101_32x4d",
        network="seresnext101_32x4d",
        url=f"{GLUON}/gluon_seresnext101_32x4d-cf52900d.pth",
        sha256_prefix="cf52900d",
        license="apache-2.0",
        source="timm",
        collection="Gluon SEResNeXt",
        preprocess=BICUBIC,
        code=f"{TIMM_043}/gluon_resnet.py#L219",
        claims=timm_card(
            "gloun-seresnext",
            params=48_960_000,
            flops=10_302_923_504,
            file_size_bytes=196_505_510,
            top1=80.87,
            top5=95.29,
        ),
    ),
    Weights(
        name="gluon_seresnext101_64x4d",
        network="seresnext101_64x4d",
        url=f"{GLUON}/gluon_seresnext101_64x4d-f9926f93.pth",
        sha256_prefix="f9926f93",
        license="apache-2.0",
        source="timm",
        collection="Gluon SEResNeXt",
        preprocess=BICUBIC,
        code=f"{TIMM_043}/gluon_resnet.py#L229",
        claims=timm_card(
            "gloun-seresnext",
            params=88_230_000,
            flops=19_958_950_640,
            file_size_bytes=353_875_948,
            top1=80.88,
            top5=95.31,
        ),
    ),
    Weights(
        name="gluon_seresnext50_32x4d",
        network="seresnext50_32x4d",
        url=f"{GLUON}/gluon_seresnext50_32x4d-90cf2d6e.pth",
        sha256_prefix="90cf2d6e",
        license="apache-2.0",
        source="timm",
        collection="Gluon SEResNeXt",
        preprocess=BICUBIC,
        code=f"{TIMM_043}/gluon_resnet.py#L209",
        claims=timm_card(
            "gloun-seresnext",
            params=27_560_000,
            flops=5_475_179_184,
            file_size_bytes=110_578_827,
            top1=79.92,
            top5=94.82,
        ),
    ),
    Weights(
        name="resnext50-32x4d_8xb32_in1k",
        network="resnext50_32x4d",
        url=f"{OPENMMLAB}/resnext/resnext50_32x4d_b32x8_imagenet_20210429-56066e27.pth",
        sha256_prefix="56066e27",
        license="apache-2.0",
        source="mmpretrain",
        collection="ResNeXt",
        code=f"{MMPRETRAIN}/resnext/resnext50-32x4d_8xb32_in1k.py",
        claims=mmpretrain_metafile("resnext", params_m=25.03, flops_g=4.27, top1=77.90, top5=93.66),
    ),
    Weights(
        name="resnext101-32x4d_8xb32_in1k",
        network="resnext101_32x4d",
        url=f"{OPENMMLAB}/resnext/resnext101_32x4d_b32x8_imagenet_20210506-e0fa3dd5.pth",
        sha256_prefix="e0fa3dd5",
        license="apache-2.0",
        source="mmpretrain",
        collection="ResNeXt",
        code=f"{MMPRETRAIN}/resnext/resnext101-32x4d_8xb32_in1k.py",
        claims=mmpretrain_metafile("resnext", params_m=44.18, flops_g=8.03, top1=78.61, top5=94.17),
    ),
    Weights(
        name="resnext101-32x8d_8xb32_in1k",
        network="resnext101_32x8d",
        url=f"{OPENMMLAB}/resnext/resnext101_32x8d_b32x8_imagenet_20210506-23a247d5.pth",
        sha256_prefix="23a247d5",
        license="apache-2.0",
        source="mmpretrain",
        collection="ResNeXt",
        code=f"{MMPRETRAIN}/resnext/resnext101-32x8d_8xb32_in1k.py",
        claims=mmpretrain_metafile("resnext", params_m=88.79, flops_g=16.5, top1=79.27, top5=94.58),
    ),
    Weights(
        name="resnext152-32x4d_8xb32_in1k",
        network="resnext152_32x4d",
        url=f"{OPENMMLAB}/resnext/resnext152_32x4d_b32x8_imagenet_20210524-927787be.pth",
        sha256_prefix="927787be",
        license="apache-2.0",
        source="mmpretrain",
        collection="ResNeXt",
        code=f"{MMPRETRAIN}/resnext/resnext152-32x4d_8xb32_in1k.py",
        claims=mmpretrain_metafile("resnext", params_m=59.95, flops_g=11.8, top1=78.88, top5=94.33),
    ),
)
