"""Figures as each publisher prints them, turned into claims in counts, bytes and fractions."""

from resbench.zoo.spec import Claim

TIMM = "https://github.com/huggingface/pytorch-image-models/blob"
TIMM_MAIN = f"{TIMM}/0173a139a2c66db3a41ebfe1d8ac4fb02483642e"
TIMM_RESULTS = f"{TIMM_MAIN}/results/results-imagenet.csv"
TIMM_DOCS = f"{TIMM}/aa4b5850/hfdocs/source/models"
MMPRETRAIN = "https://github.com/open-mmlab/mmpretrain/blob/ee7f2e88/configs"
TORCHVISION = "https://github.com/pytorch/vision/blob/v0.28.0/torchvision/models/resnet.py"
CIFAR_REPOSITORY = "https://github.com/akamaster/pytorch_resnet_cifar10"
CIFAR_README = f"{CIFAR_REPOSITORY}/blob/d5489e8995e81e91ce6b1d69dcc98ad579b0b153/README.md"

_MIB = 2**20


def timm_card(
    source: str, *, params: int, flops: int, file_size_bytes: int, top1: float, top5: float, px: int = 224
) -> tuple[Claim, ...]:
    """Return the claims of a card in timm's documentation; accuracies in per cent as printed there.

    The card's FLOPs hold at `px` x int(px * 1546 / 1213), not at the stated size (docs/counting.md).
    """
    return (
        Claim(metric="params", value=params, quantum=10_000, source=source),
        Claim(metric="flops", value=flops, convention="timm-card", input_px=(px, px * 1546 // 1213), source=source),
        Claim(metric="file_size", value=file_size_bytes, source=source),
        *_accuracy(top1, top5, 0.0001, source),
    )


def timm_results_row(*, params_m: float, top1: float, top5: float) -> tuple[Claim, ...]:
    """Return the claims of a row of timm's results: millions of parameters and per cent as printed there."""
    params = Claim(metric="params", value=round(params_m * 1e6), quantum=10_000, source=TIMM_RESULTS)
    return params, *_accuracy(top1, top5, 0.00001, TIMM_RESULTS)


def mmpretrain_metafile(
    page: str, *, params_m: float, flops_g: float, top1: float, top5: float | None, px: int = 224
) -> tuple[Claim, ...]:
    """Return the claims of a MMPretrain metafile: millions, billions and per cent as printed there."""
    source = f"{MMPRETRAIN}/{page}/metafile.yml"
    flops, px2 = round(flops_g * 1e9), (px, px)
    return (
        Claim(metric="params", value=round(params_m * 1e6), quantum=10_000, source=source),
        Claim(metric="flops", value=flops, quantum=10_000_000, convention="mmcv", input_px=px2, source=source),
        *_accuracy(top1, top5, 0.0001, source),
    )


def torchvision_meta(
    *, params: int, macs_g: float, file_size_mib: float, top1: float, top5: float
) -> tuple[Claim, ...]:
    """Return the claims of a torchvision weight enum: an exact count, 10^9 multiply-adds, MiB and per cent."""
    flops, quantum_bytes = round(macs_g * 1e9), _MIB / 1000
    at = (224, 224)
    return (
        Claim(metric="params", value=params, source=TORCHVISION),
        Claim(metric="flops", value=flops, quantum=1_000_000, convention="macs", input_px=at, source=TORCHVISION),
        Claim(metric="file_size", value=file_size_mib * _MIB, quantum=quantum_bytes, source=TORCHVISION),
        *_accuracy(top1, top5, 0.00001, TORCHVISION),
    )


def cifar_readme(*, params_m: float, error: float) -> tuple[Claim, ...]:
    """Return the claims of akamaster's table: millions of parameters, and the test error in per cent."""
    quantum = 10_000 if params_m < 1 else 100_000  # two digits are printed
    params = Claim(metric="params", value=round(params_m * 1e6), quantum=quantum, source=CIFAR_README)
    return params, *_accuracy(round(100 - error, 2), None, 0.0001, CIFAR_README)


def _accuracy(top1: float, top5: float | None, quantum: float, source: str) -> tuple[Claim, ...]:
    first = Claim(metric="top1", value=top1 / 100, quantum=quantum, source=source)
    if top5 is None:
        return (first,)
    return first, Claim(metric="top5", value=top5 / 100, quantum=quantum, source=source)
