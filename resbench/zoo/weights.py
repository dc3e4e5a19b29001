"""The table of published checkpoints: where they lie, how they want their images, and what was claimed of them.

A row is a checkpoint, in the order of the publisher's page, under the publisher's name. Figures stand as published;
those known to be false are named in FALSE.
"""

import re
from dataclasses import replace
from functools import partial

from resbench.zoo import claims
from resbench.zoo.claims import MMPRETRAIN, TIMM, TIMM_DOCS
from resbench.zoo.spec import Claim, Preprocess, Weights

PYTORCH = "https://download.pytorch.org/models"
TIMM_FILES = "https://github.com/rwightman/pytorch-image-models/releases/download"
GLUON = "https://github.com/rwightman/pytorch-pretrained-gluonresnet/releases/download/v0.1"
CADENE = "http://data.lip6.fr/cadene/pretrainedmodels"
FACEBOOK = "https://dl.fbaipublicfiles.com/semiweaksupervision/model_files"
MIIL = "https://imvl-automl-sh.oss-cn-shanghai.aliyuncs.com/darts/hyperml/hyperml"
OPENMMLAB = "https://download.openmmlab.com/mmclassification/v0"

# The file that defines a network, at the commit that its card names.
TIMM_CODE = "https://github.com/rwightman/pytorch-image-models/blob"
TIMM_043 = f"{TIMM_CODE}/d8e69206be253892b2956341fea09fdebfaae4e3/timm/models"
TIMM_9A25 = f"{TIMM_CODE}/9a25fdf3ad0414b4d66da443fe60ae0aa14edc84/timm/models"
TIMM_B984 = f"{TIMM_CODE}/b9843f954b0457af2db4f9dea41a8538f51f5d78/timm/models"
TIMM_A7F9 = f"{TIMM_CODE}/a7f95818e44b281137503bcf4b3e3e94d8ffa52f/timm/models"
TIMM_5F9A = f"{TIMM_CODE}/5f9aff395c224492e9e44248b15f44b5cc095d9c/timm/models"

BILINEAR = Preprocess()
BICUBIC = Preprocess(interpolation="bicubic")
BICUBIC_95 = Preprocess(crop_pct=0.95, interpolation="bicubic")
BICUBIC_288 = Preprocess(crop_px=288, crop_pct=1.0, interpolation="bicubic")
BICUBIC_320 = Preprocess(crop_px=320, crop_pct=0.95, interpolation="bicubic")
BICUBIC_352 = Preprocess(crop_px=352, crop_pct=1.0, interpolation="bicubic")
BICUBIC_288_HALF = replace(BICUBIC_288, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
BICUBIC_256 = Preprocess(crop_px=256, crop_pct=0.94, interpolation="bicubic")
INCEPTION = Preprocess(crop_px=299, crop_pct=0.8975, interpolation="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
RESIZE_232 = Preprocess(crop_pct=0.9655)
RESIZE_236_BICUBIC = Preprocess(crop_pct=0.949, interpolation="bicubic")
CUB = Preprocess(crop_px=448, crop_pct=0.7466)
CIFAR = Preprocess(crop_px=32, crop_pct=1.0)
CIFAR10 = Preprocess(crop_px=32, crop_pct=1.0, mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.201))
CIFAR100 = Preprocess(
    crop_px=32,
    crop_pct=1.0,
    mean=(0.507075, 0.486549, 0.440918),
    std=(0.267333, 0.256439, 0.276149),
)

OPENCV = "Published with OpenCV's bilinear resize, which does not smooth; Pillow's, used here, does."
SQUASHED = "Published with images squeezed to 600x600 whatever their shape; here the shorter side becomes 600."

_BROKEN = "a broken evaluation in timm's results of 2021; later ones give"
_STALE = "copied from a results file of 2021; the count rounds to"
FALSE = {
    ("inception_resnet_v2", "top1"): f"{_BROKEN} 80.448 %",
    ("inception_resnet_v2", "top5"): f"{_BROKEN} a top-1 of 80.448 %",
    ("inception_resnet_v2", "params"): f"{_STALE} 55.84 M",
    ("ens_adv_inception_resnet_v2", "top1"): f"{_BROKEN} 79.930 %",
    ("ens_adv_inception_resnet_v2", "top5"): f"{_BROKEN} a top-1 of 79.930 %",
    ("ens_adv_inception_resnet_v2", "params"): f"{_STALE} 55.84 M",
    ("seresnext26t_32x4d", "params"): f"{_STALE} 16.81 M",
    ("resnet34_8xb32_in1k", "params"): "a misprint of 21.80 M",
    ("resnest200e", "file_size"): "the size of resnest101e's file; 70.2 M parameters in float32 take 280.8 MB",
}


def _digest(url: str) -> str:
    """Return the beginning of the SHA-256 that a file's name ends in by torch.hub's rule; empty where it has none."""
    match = re.search(r"-([0-9a-f]{8,})\.\w+$", url)
    return match[1] if match else ""


def _judged(name: str, published: tuple[Claim, ...]) -> tuple[Claim, ...]:
    return tuple(replace(claim, error=FALSE.get((name, claim.metric))) for claim in published)


def _timm(
    name: str,
    network: str,
    url: str,
    tag: str,
    code: str,
    params: int,
    flops: int,
    file_size_bytes: int,
    top1: float,
    top5: float,
    *,
    collection: str,
    page: str,
    license: str = "apache-2.0",  # noqa: A002
    dataset: str = "ImageNet",
    preprocess: Preprocess = BICUBIC,
) -> Weights:
    """Return a card of timm's documentation; `tag` is what timm calls the checkpoint today."""
    published = claims.timm_card(
        page,
        params=params,
        flops=flops,
        file_size_bytes=file_size_bytes,
        top1=top1,
        top5=top5,
        px=preprocess.crop_px,
    )
    return Weights(
        name=name,
        network=network,
        url=url,
        sha256_prefix=_digest(url),
        license=license,
        source="timm",
        collection=collection,
        preprocess=preprocess,
        dataset=dataset,
        code=code,
        aliases=(f"{network}.{tag}",) if tag else (),
        claims=_judged(name, published),
    )


def _timm_results(
    network: str,
    tag: str,
    file: str,
    params_m: float,
    top1: float,
    top5: float,
    preprocess: Preprocess,
    *,
    collection: str,
    module: str = "resnet.py",
) -> Weights:
    """Return a row of timm's results file, at the size and crop that it was tested with."""
    return Weights(
        name=f"{network}.{tag}",
        network=network,
        url=f"{TIMM_FILES}/{file}",
        sha256_prefix=_digest(file),
        license="apache-2.0",
        source="timm",
        collection=collection,
        preprocess=preprocess,
        code=f"{claims.TIMM_MAIN}/timm/models/{module}",
        claims=claims.timm_results_row(params_m=params_m, top1=top1, top5=top5),
    )


def _mmpretrain(
    name: str,
    network: str,
    file: str,
    config: str,
    params_m: float,
    flops_g: float,
    top1: float,
    top5: float | None,
    *,
    collection: str,
    dataset: str = "ImageNet",
    preprocess: Preprocess = BILINEAR,
    caveat: str = "",
) -> Weights:
    """Return an entry of a MMPretrain metafile; `config` is the file that trained it."""
    page = config.partition("/")[0]
    published = claims.mmpretrain_metafile(
        page, params_m=params_m, flops_g=flops_g, top1=top1, top5=top5, px=preprocess.crop_px
    )
    return Weights(
        name=name,
        network=network,
        url=f"{OPENMMLAB}/{file}",
        sha256_prefix=_digest(file),
        license="apache-2.0",
        source="mmpretrain",
        collection=collection,
        preprocess=preprocess,
        dataset=dataset,
        code=f"{MMPRETRAIN}/{config}",
        claims=_judged(name, published),
        caveat=caveat,
    )


def _torchvision(
    enum: str,
    network: str,
    file: str,
    aliases: tuple[str, ...],
    params: int,
    macs_g: float,
    file_size_mib: float,
    top1: float,
    top5: float,
    *,
    collection: str = "ResNet",
    preprocess: Preprocess = BILINEAR,
) -> Weights:
    """Return a member of a torchvision weight enum."""
    return Weights(
        name=enum,
        network=network,
        url=f"{PYTORCH}/{file}",
        sha256_prefix=_digest(file),
        license="bsd-3-clause",
        source="torchvision",
        collection=collection,
        preprocess=preprocess,
        code=claims.TORCHVISION,
        aliases=aliases,
        claims=claims.torchvision_meta(params=params, macs_g=macs_g, file_size_mib=file_size_mib, top1=top1, top5=top5),
    )


def _cifar(depth: int, file: str, params_m: float, error: float) -> Weights:
    """Return a row of akamaster's table of CIFAR-10 networks."""
    return Weights(
        name=f"akamaster_resnet{depth}",
        network=f"resnet{depth}_cifar10",
        url=f"{claims.CIFAR_REPOSITORY}/raw/master/pretrained_models/{file}",
        sha256_prefix=_digest(file),
        license="bsd-2-clause",
        source="akamaster",
        collection="ResNet for CIFAR-10",
        preprocess=CIFAR,
        dataset="CIFAR-10",
        code=f"{claims.CIFAR_REPOSITORY}/blob/d5489e8995e81e91ce6b1d69dcc98ad579b0b153/resnet.py",
        claims=claims.cifar_readme(params_m=params_m, error=error),
    )


# A table reads by its rows.
# fmt: off
TimmResNet = partial(_timm, collection="ResNet", page=f"{TIMM_DOCS}/resnet.mdx", license="bsd-3-clause",
                     preprocess=BILINEAR)
TimmResNetD = partial(_timm, collection="ResNet-D", page=f"{TIMM_DOCS}/resnet-d.mdx")
TimmResNeXt = partial(_timm, collection="ResNeXt", page=f"{TIMM_DOCS}/resnext.mdx", license="bsd-3-clause",
                      preprocess=BILINEAR)
GluonResNet = partial(_timm, collection="Gluon ResNet", page=f"{TIMM_DOCS}/gloun-resnet.mdx")
GluonResNeXt = partial(_timm, collection="Gluon ResNeXt", page=f"{TIMM_DOCS}/gloun-resnext.mdx")
GluonSENet = partial(_timm, collection="Gluon SENet", page=f"{TIMM_DOCS}/gloun-senet.mdx")
GluonSEResNeXt = partial(_timm, collection="Gluon SEResNeXt", page=f"{TIMM_DOCS}/gloun-seresnext.mdx")
LegacySENet = partial(_timm, collection="Legacy SENet", page=f"{TIMM_DOCS}/legacy-senet.mdx", preprocess=BILINEAR)
LegacySEResNet = partial(_timm, collection="Legacy SE ResNet", page=f"{TIMM_DOCS}/legacy-se-resnet.mdx",
                         preprocess=BILINEAR)
LegacySEResNeXt = partial(_timm, collection="Legacy SE ResNeXt", page=f"{TIMM_DOCS}/legacy-se-resnext.mdx",
                          preprocess=BILINEAR)
TimmSEResNet = partial(_timm, collection="SE ResNet", page=f"{TIMM_DOCS}/se-resnet.mdx", preprocess=BICUBIC_256)
TimmSEResNeXt = partial(_timm, collection="SEResNeXt", page=f"{TIMM_DOCS}/seresnext.mdx")
SSLResNet = partial(_timm, collection="SSL ResNet", page=f"{TIMM_DOCS}/ssl-resnet.mdx", license="cc-by-nc-4.0",
                    dataset="ImageNet, YFCC-100M", preprocess=BILINEAR)
SSLResNeXt = partial(_timm, collection="SSL ResNext", page=f"{TIMM}/5392c0a4/docs/models/ssl-resnext.md",
                     license="cc-by-nc-4.0", dataset="ImageNet, YFCC-100M", preprocess=BILINEAR)
SWSLResNet = partial(_timm, collection="SWSL ResNet", page=f"{TIMM_DOCS}/swsl-resnet.mdx", license="cc-by-nc-4.0",
                     dataset="IG-1B-Targeted, ImageNet", preprocess=BILINEAR)
SWSLResNeXt = partial(_timm, collection="SWSL ResNext", page=f"{TIMM_DOCS}/swsl-resnext.mdx", license="cc-by-nc-4.0",
                      dataset="IG-1B-Targeted, ImageNet", preprocess=BILINEAR)
IGResNeXt = partial(_timm, collection="IG ResNeXt", page=f"{TIMM_DOCS}/ig-resnext.mdx", license="cc-by-nc-4.0",
                    dataset="IG-3.5B-17k, ImageNet", preprocess=BILINEAR)
TimmWide = partial(_timm, collection="Wide ResNet", page=f"{TIMM_DOCS}/wide-resnet.mdx", license="bsd-3-clause",
                   preprocess=BILINEAR)
InceptionResNetv2 = partial(_timm, collection="Inception ResNet v2", page=f"{TIMM_DOCS}/inception-resnet-v2.mdx",
                            preprocess=INCEPTION)
EnsembleAdversarial = partial(_timm, collection="Ensemble Adversarial", page=f"{TIMM_DOCS}/ensemble-adversarial.mdx",
                              preprocess=INCEPTION)
ECAResNet = partial(_timm, collection="ECAResNet", page=f"{TIMM_DOCS}/ecaresnet.mdx")
SKResNet = partial(_timm, collection="SKResNet", page=f"{TIMM_DOCS}/skresnet.mdx")
SKResNeXt = partial(_timm, collection="SKResNeXt", page=f"{TIMM_DOCS}/skresnext.mdx")
Res2Net = partial(_timm, collection="Res2Net", page=f"{TIMM_DOCS}/res2net.mdx", license="unknown", preprocess=BILINEAR)
Res2NeXt = partial(_timm, collection="Res2NeXt", page=f"{TIMM_DOCS}/res2next.mdx", license="unknown",
                   preprocess=BILINEAR)
ResNeSt = partial(_timm, collection="ResNeSt", page=f"{TIMM_DOCS}/resnest.mdx", preprocess=BILINEAR)
TimmResNetT = partial(_timm_results, collection="ResNet-T")
TimmEcaResNet = partial(_timm_results, collection="ECA-ResNet")
TimmSEResNeXtTpu = partial(_timm_results, collection="SE-ResNeXt")
TimmResNetV2 = partial(_timm_results, collection="ResNet v2", module="resnetv2.py")
MmResNet = partial(_mmpretrain, collection="ResNet")
MmResNeXt = partial(_mmpretrain, collection="ResNeXt")
MmSEResNet = partial(_mmpretrain, collection="SEResNet")
MmWide = partial(_mmpretrain, collection="Wide-ResNet")
MmRes2Net = partial(_mmpretrain, collection="Res2Net")
TvResNet = _torchvision
TvResNeXt = partial(_torchvision, collection="ResNeXt")
TvWide = partial(_torchvision, collection="Wide ResNet")

# timm: name, network, file, tag, code; parameters, FLOPs, bytes, top-1 and top-5 in per cent.
# timm's results: network, tag, file; millions of parameters, top-1 and top-5 in per cent; how it was tested.
# MMPretrain: name, network, file, config; millions of parameters, 10^9 FLOPs, top-1 and top-5 in per cent.
# torchvision: name, network, file, other names; parameters, 10^9 multiply-adds, MiB, top-1 and top-5 in per cent.
# akamaster: depth, file; millions of parameters, test error in per cent.
WEIGHTS: tuple[Weights, ...] = (
    # ResNet
    TimmResNet("resnet18", "resnet18", f"{PYTORCH}/resnet18-5c106cde.pth", "", f"{TIMM_043}/resnet.py#L641",
               11_690_000, 2_337_073_152, 46_827_520, 69.74, 89.09),
    TimmResNet("resnet26", "resnet26", f"{TIMM_FILES}/v0.1-weights/resnet26-9aa10e23.pth", "bt_in1k",
               f"{TIMM_043}/resnet.py#L675", 16_000_000, 3_026_804_736, 64_129_972, 75.29, 92.57,
               license="apache-2.0", preprocess=BICUBIC),
    TimmResNet("resnet34", "resnet34", f"{TIMM_FILES}/v0.1-weights/resnet34-43635321.pth", "bt_in1k",
               f"{TIMM_043}/resnet.py#L658", 21_800_000, 4_718_469_120, 87_290_831, 75.11, 92.28,
               license="apache-2.0"),
    TimmResNet("resnet50", "resnet50", f"{TIMM_FILES}/v0.1-weights/resnet50_ram-a26f946b.pth", "ram_in1k",
               f"{TIMM_043}/resnet.py#L691", 25_560_000, 5_282_531_328, 102_488_165, 79.04, 94.39,
               license="apache-2.0", preprocess=BICUBIC),
    TimmResNet("resnetblur50", "resnetblur50", f"{TIMM_FILES}/v0.1-weights/resnetblur50-84f4748f.pth", "bt_in1k",
               f"{TIMM_043}/resnet.py#L1160", 25_560_000, 6_621_606_912, 102_488_165, 79.29, 94.64,
               license="apache-2.0", preprocess=BICUBIC),
    TimmResNet("tv_resnet101", "resnet101", f"{PYTORCH}/resnet101-5d3b4d8f.pth", "", f"{TIMM_9A25}/resnet.py#L761",
               44_550_000, 10_068_547_584, 178_728_960, 77.37, 93.56),
    TimmResNet("tv_resnet152", "resnet152", f"{PYTORCH}/resnet152-b121ed2d.pth", "", f"{TIMM_9A25}/resnet.py#L769",
               60_190_000, 14_857_660_416, 241_530_880, 78.32, 94.05),
    TimmResNet("tv_resnet34", "resnet34", f"{PYTORCH}/resnet34-333f7ec4.pth", "", f"{TIMM_9A25}/resnet.py#L745",
               21_800_000, 4_718_469_120, 87_306_240, 73.3, 91.42),
    TimmResNet("tv_resnet50", "resnet50", f"{PYTORCH}/resnet50-19c8e357.pth", "", f"{TIMM_9A25}/resnet.py#L753",
               25_560_000, 5_282_531_328, 102_502_400, 76.16, 92.88),
    # ResNet-D
    TimmResNetD("resnet101d", "resnet101d", f"{TIMM_FILES}/v0.1-weights/resnet101d_ra2-2803ffab.pth", "ra2_in1k",
                f"{TIMM_043}/resnet.py#L716", 44_570_000, 13_805_639_680, 178_791_263, 82.31, 96.06,
                preprocess=BICUBIC_256),
    TimmResNetD("resnet152d", "resnet152d", f"{TIMM_FILES}/v0.1-weights/resnet152d_ra2-5cac0439.pth", "ra2_in1k",
                f"{TIMM_043}/resnet.py#L724", 60_210_000, 20_155_275_264, 241_596_837, 83.13, 96.35,
                preprocess=BICUBIC_256),
    TimmResNetD("resnet18d", "resnet18d", f"{TIMM_FILES}/v0.1-weights/resnet18d_ra2-48a79e06.pth", "ra2_in1k",
                f"{TIMM_043}/resnet.py#L649", 11_710_000, 2_645_205_760, 46_893_231, 72.27, 90.69),
    TimmResNetD("resnet200d", "resnet200d", f"{TIMM_FILES}/v0.1-weights/resnet200d_ra2-bdba9bf9.pth", "ra2_in1k",
                f"{TIMM_043}/resnet.py#L749", 64_690_000, 26_034_378_752, 259_662_933, 83.24, 96.49,
                preprocess=BICUBIC_256),
    TimmResNetD("resnet26d", "resnet26d", f"{TIMM_FILES}/v0.1-weights/resnet26d-69e92c46.pth", "bt_in1k",
                f"{TIMM_043}/resnet.py#L683", 16_010_000, 3_335_276_032, 64_209_122, 76.69, 93.15),
    TimmResNetD("resnet34d", "resnet34d", f"{TIMM_FILES}/v0.1-weights/resnet34d_ra2-f8dcfcaf.pth", "ra2_in1k",
                f"{TIMM_043}/resnet.py#L666", 21_820_000, 5_026_601_728, 87_369_807, 77.11, 93.38),
    TimmResNetD("resnet50d", "resnet50d", f"{TIMM_FILES}/v0.1-weights/resnet50d_ra2-464e36ba.pth", "ra2_in1k",
                f"{TIMM_043}/resnet.py#L699", 25_580_000, 5_591_002_624, 102_567_109, 80.55, 95.16),
    # ResNeXt
    TimmResNeXt("resnext101_32x8d", "resnext101_32x8d", f"{PYTORCH}/resnext101_32x8d-8ba56ff5.pth", "tv_in1k",
                f"{TIMM_B984}/resnet.py#L877", 88_790_000, 21_180_417_024, 356_082_095, 79.3, 94.53),
    TimmResNeXt("resnext50_32x4d", "resnext50_32x4d", f"{TIMM_FILES}/v0.1-weights/resnext50_32x4d_ra-d733960d.pth",
                "ra_in1k", f"{TIMM_B984}/resnet.py#L851", 25_030_000, 5_472_648_192, 100_435_887, 79.79, 94.61,
                license="apache-2.0", preprocess=BICUBIC),
    TimmResNeXt("resnext50d_32x4d", "resnext50d_32x4d", f"{TIMM_FILES}/v0.1-weights/resnext50d_32x4d-103e99f8.pth",
                "bt_in1k", f"{TIMM_B984}/resnet.py#L869", 25_050_000, 5_781_119_488, 100_515_304, 79.67, 94.87,
                license="apache-2.0", preprocess=BICUBIC),
    TimmResNeXt("tv_resnext50_32x4d", "resnext50_32x4d", f"{PYTORCH}/resnext50_32x4d-7cdf4587.pth", "tv_in1k",
                f"{TIMM_9A25}/resnet.py#L842", 25_030_000, 5_472_648_192, 100_441_675, 77.61, 93.68),
    # Gluon ResNet
    GluonResNet("gluon_resnet101_v1b", "resnet101", f"{GLUON}/gluon_resnet101_v1b-3b017079.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L89", 44_550_000, 10_068_547_584, 178_723_172, 79.3, 94.53),
    GluonResNet("gluon_resnet101_v1c", "resnet101c", f"{GLUON}/gluon_resnet101_v1c-1f26822a.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L113", 44_570_000, 10_376_567_296, 178_802_575, 79.53, 94.59),
    GluonResNet("gluon_resnet101_v1d", "resnet101d", f"{GLUON}/gluon_resnet101_v1d-0f9c8644.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L138", 44_570_000, 10_377_018_880, 178_802_755, 80.4, 95.02),
    GluonResNet("gluon_resnet101_v1s", "resnet101s", f"{GLUON}/gluon_resnet101_v1s-60fe0cc1.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L166", 44_670_000, 11_805_511_680, 179_221_777, 80.29, 95.16),
    GluonResNet("gluon_resnet152_v1b", "resnet152", f"{GLUON}/gluon_resnet152_v1b-c1edb0dd.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L97", 60_190_000, 14_857_660_416, 241_534_001, 79.69, 94.73),
    GluonResNet("gluon_resnet152_v1c", "resnet152c", f"{GLUON}/gluon_resnet152_v1c-a3bb0b98.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L121", 60_210_000, 15_165_680_128, 241_613_404, 79.91, 94.85),
    GluonResNet("gluon_resnet152_v1d", "resnet152d", f"{GLUON}/gluon_resnet152_v1d-bd354e12.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L147", 60_210_000, 15_166_131_712, 241_613_584, 80.48, 95.2),
    GluonResNet("gluon_resnet152_v1s", "resnet152s", f"{GLUON}/gluon_resnet152_v1s-dcc41b81.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L175", 60_320_000, 16_594_624_512, 242_032_606, 81.02, 95.42),
    GluonResNet("gluon_resnet18_v1b", "resnet18", f"{GLUON}/gluon_resnet18_v1b-0757602b.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L65", 11_690_000, 2_337_073_152, 46_816_736, 70.84, 89.76),
    GluonResNet("gluon_resnet34_v1b", "resnet34", f"{GLUON}/gluon_resnet34_v1b-c6d82d59.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L73", 21_800_000, 4_718_469_120, 87_295_112, 74.59, 92.0),
    GluonResNet("gluon_resnet50_v1b", "resnet50", f"{GLUON}/gluon_resnet50_v1b-0ebe02e2.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L81", 25_560_000, 5_282_531_328, 102_493_763, 77.58, 93.72),
    GluonResNet("gluon_resnet50_v1c", "resnet50c", f"{GLUON}/gluon_resnet50_v1c-48092f55.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L105", 25_580_000, 5_590_551_040, 102_573_166, 78.01, 93.99),
    GluonResNet("gluon_resnet50_v1d", "resnet50d", f"{GLUON}/gluon_resnet50_v1d-818a1b1b.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L129", 25_580_000, 5_591_002_624, 102_573_346, 79.06, 94.46),
    GluonResNet("gluon_resnet50_v1s", "resnet50s", f"{GLUON}/gluon_resnet50_v1s-1762acc0.pth", "gluon_in1k",
                f"{TIMM_043}/gluon_resnet.py#L156", 25_680_000, 7_019_495_424, 102_992_368, 78.7, 94.25),
    # Gluon ResNeXt
    GluonResNeXt("gluon_resnext101_32x4d", "resnext101_32x4d", f"{GLUON}/gluon_resnext101_32x4d-b253c8c4.pth",
                 "gluon_in1k", f"{TIMM_043}/gluon_resnet.py#L193", 44_180_000, 10_298_145_792, 177_367_414, 80.33,
                 94.91),
    GluonResNeXt("gluon_resnext101_64x4d", "resnext101_64x4d", f"{GLUON}/gluon_resnext101_64x4d-f9a8e184.pth",
                 "gluon_in1k", f"{TIMM_043}/gluon_resnet.py#L201", 83_460_000, 19_954_172_928, 334_737_852, 80.63,
                 95.0),
    GluonResNeXt("gluon_resnext50_32x4d", "resnext50_32x4d", f"{GLUON}/gluon_resnext50_32x4d-e6a097c1.pth",
                 "gluon_in1k", f"{TIMM_043}/gluon_resnet.py#L185", 25_030_000, 5_472_648_192, 100_441_719, 79.35,
                 94.42),
    # Gluon SENet
    GluonSENet("gluon_senet154", "senet154", f"{GLUON}/gluon_senet154-70a1a3c0.pth", "gluon_in1k",
               f"{TIMM_043}/gluon_resnet.py#L239", 115_090_000, 26_681_705_136, 461_546_622, 81.23, 95.35),
    # Gluon SEResNeXt
    GluonSEResNeXt("gluon_seresnext101_32x4d", "seresnext101_32x4d",
                   f"{GLUON}/gluon_seresnext101_32x4d-cf52900d.pth", "gluon_in1k",
                   f"{TIMM_043}/gluon_resnet.py#L219", 48_960_000, 10_302_923_504, 196_505_510, 80.87, 95.29),
    GluonSEResNeXt("gluon_seresnext101_64x4d", "seresnext101_64x4d",
                   f"{GLUON}/gluon_seresnext101_64x4d-f9926f93.pth", "gluon_in1k",
                   f"{TIMM_043}/gluon_resnet.py#L229", 88_230_000, 19_958_950_640, 353_875_948, 80.88, 95.31),
    GluonSEResNeXt("gluon_seresnext50_32x4d", "seresnext50_32x4d", f"{GLUON}/gluon_seresnext50_32x4d-90cf2d6e.pth",
                   "gluon_in1k", f"{TIMM_043}/gluon_resnet.py#L209", 27_560_000, 5_475_179_184, 110_578_827, 79.92,
                   94.82),
    # Legacy SENet
    LegacySENet("legacy_senet154", "legacy_senet154", f"{CADENE}/senet154-c7b49a05.pth", "",
                f"{TIMM_043}/senet.py#L440", 115_090_000, 26_659_556_016, 461_488_402, 81.33, 95.51),
    # Legacy SE ResNet
    LegacySEResNet("legacy_seresnet101", "legacy_seresnet101", f"{TIMM_FILES}/v0.1-cadene/se_resnet101-7e38fcc6.pth",
                   "in1k", f"{TIMM_043}/senet.py#L426", 49_330_000, 9_762_614_000, 197_822_624, 78.38, 94.26),
    LegacySEResNet("legacy_seresnet152", "legacy_seresnet152", f"{TIMM_FILES}/v0.1-cadene/se_resnet152-d17c99b7.pth",
                   "in1k", f"{TIMM_043}/senet.py#L433", 66_819_999, 14_553_578_160, 268_033_864, 78.67, 94.38),
    LegacySEResNet("legacy_seresnet18", "legacy_seresnet18", f"{TIMM_FILES}/v0.1-weights/seresnet18-4bb0ce65.pth",
                   "in1k", f"{TIMM_043}/senet.py#L405", 11_780_000, 2_328_876_024, 47_175_663, 71.74, 90.34,
                   preprocess=BICUBIC),
    LegacySEResNet("legacy_seresnet34", "legacy_seresnet34", f"{TIMM_FILES}/v0.1-weights/seresnet34-a4004e63.pth",
                   "in1k", f"{TIMM_043}/senet.py#L412", 21_960_000, 4_706_201_004, 87_958_697, 74.79, 92.13),
    LegacySEResNet("legacy_seresnet50", "legacy_seresnet50", f"{TIMM_FILES}/v0.1-cadene/se_resnet50-ce0d4300.pth",
                   "in1k", f"{TIMM_043}/senet.py#L419", 28_090_000, 4_974_351_024, 112_611_220, 77.64, 93.74),
    # Legacy SE ResNeXt
    LegacySEResNeXt("legacy_seresnext101_32x4d", "legacy_seresnext101_32x4d",
                    f"{CADENE}/se_resnext101_32x4d-3b2fe3d8.pth", "", f"{TIMM_043}/senet.py#L462", 48_960_000,
                    10_287_698_672, 196_466_866, 80.23, 95.02),
    LegacySEResNeXt("legacy_seresnext26_32x4d", "legacy_seresnext26_32x4d",
                    f"{TIMM_FILES}/v0.1-weights/seresnext26_32x4d-65ebdb501.pth", "in1k",
                    f"{TIMM_043}/senet.py#L448", 16_790_000, 3_187_342_304, 67_346_327, 77.11, 93.31,
                    preprocess=BICUBIC),
    LegacySEResNeXt("legacy_seresnext50_32x4d", "legacy_seresnext50_32x4d",
                    f"{CADENE}/se_resnext50_32x4d-a260b3a4.pth", "", f"{TIMM_043}/senet.py#L455", 27_560_000,
                    5_459_954_352, 110_559_176, 79.08, 94.43),
    # SE ResNet
    TimmSEResNet("seresnet152d", "seresnet152d", f"{TIMM_FILES}/v0.1-weights/seresnet152d_ra2-04464dd2.pth",
                 "ra2_in1k", f"{TIMM_A7F9}/resnet.py#L1206", 66_840_000, 20_161_904_304, 268_144_497, 83.74, 96.77),
    TimmSEResNet("seresnet50", "seresnet50", f"{TIMM_FILES}/v0.1-weights/seresnet50_ra_224-8efdb4bb.pth", "ra2_in1k",
                 f"{TIMM_A7F9}/resnet.py#L1180", 28_090_000, 5_285_062_320, 112_621_903, 80.26, 95.07,
                 preprocess=BICUBIC),
    # SEResNeXt
    TimmSEResNeXt("seresnext26d_32x4d", "seresnext26d_32x4d",
                  f"{TIMM_FILES}/v0.1-weights/seresnext26d_32x4d-80fa48a3.pth", "bt_in1k",
                  f"{TIMM_A7F9}/resnet.py#L1234", 16_810_000, 3_507_053_024, 67_425_193, 77.59, 93.61),
    TimmSEResNeXt("seresnext26t_32x4d", "seresnext26t_32x4d",
                  f"{TIMM_FILES}/v0.1-weights/seresnext26tn_32x4d-569cb627.pth", "bt_in1k",
                  f"{TIMM_A7F9}/resnet.py#L1246", 16_820_000, 3_466_436_448, 67_414_838, 77.99, 93.73),
    TimmSEResNeXt("seresnext50_32x4d", "seresnext50_32x4d",
                  f"{TIMM_FILES}/v0.1-weights/seresnext50_32x4d_racm-a304a460.pth", "racm_in1k",
                  f"{TIMM_A7F9}/resnet.py#L1267", 27_560_000, 5_475_179_184, 110_569_859, 81.27, 95.62),
    # SSL ResNet
    SSLResNet("ssl_resnet18", "resnet18", f"{FACEBOOK}/semi_supervised_resnet18-d92f0530.pth",
              "fb_ssl_yfcc100m_ft_in1k", f"{TIMM_9A25}/resnet.py#L894", 11_690_000, 2_337_073_152, 46_811_375, 72.62,
              91.42),
    SSLResNet("ssl_resnet50", "resnet50", f"{FACEBOOK}/semi_supervised_resnet50-08389792.pth",
              "fb_ssl_yfcc100m_ft_in1k", f"{TIMM_9A25}/resnet.py#L904", 25_560_000, 5_282_531_328, 102_480_594,
              79.24, 94.83),
    # SSL ResNext
    SSLResNeXt("ssl_resnext101_32x16d", "resnext101_32x16d",
               f"{FACEBOOK}/semi_supervised_resnext101_32x16-15fffa57.pth", "fb_ssl_yfcc100m_ft_in1k",
               f"{TIMM_9A25}/resnet.py#L944", 194_030_000, 46_623_691_776, 777_518_664, 81.84, 96.09),
    SSLResNeXt("ssl_resnext101_32x4d", "resnext101_32x4d",
               f"{FACEBOOK}/semi_supervised_resnext101_32x4-dc43570a.pth", "fb_ssl_yfcc100m_ft_in1k",
               f"{TIMM_9A25}/resnet.py#L924", 44_180_000, 10_298_145_792, 177_341_913, 80.91, 95.73),
    SSLResNeXt("ssl_resnext101_32x8d", "resnext101_32x8d",
               f"{FACEBOOK}/semi_supervised_resnext101_32x8-2cfe2f8b.pth", "fb_ssl_yfcc100m_ft_in1k",
               f"{TIMM_9A25}/resnet.py#L934", 88_790_000, 21_180_417_024, 356_056_638, 81.61, 96.04),
    SSLResNeXt("ssl_resnext50_32x4d", "resnext50_32x4d", f"{FACEBOOK}/semi_supervised_resnext50_32x4-ddb3e555.pth",
               "fb_ssl_yfcc100m_ft_in1k", f"{TIMM_9A25}/resnet.py#L914", 25_030_000, 5_472_648_192, 100_428_550,
               80.3, 95.41),
    # SWSL ResNet
    SWSLResNet("swsl_resnet18", "resnet18", f"{FACEBOOK}/semi_weakly_supervised_resnet18-118f1556.pth",
               "fb_swsl_ig1b_ft_in1k", f"{TIMM_9A25}/resnet.py#L954", 11_690_000, 2_337_073_152, 46_811_375, 73.28,
               91.76),
    SWSLResNet("swsl_resnet50", "resnet50", f"{FACEBOOK}/semi_weakly_supervised_resnet50-16a12f1b.pth",
               "fb_swsl_ig1b_ft_in1k", f"{TIMM_9A25}/resnet.py#L965", 25_560_000, 5_282_531_328, 102_480_594, 81.14,
               95.97),
    # SWSL ResNext
    SWSLResNeXt("swsl_resnext101_32x16d", "resnext101_32x16d",
                f"{FACEBOOK}/semi_weakly_supervised_resnext101_32x16-f3559a9c.pth", "fb_swsl_ig1b_ft_in1k",
                f"{TIMM_9A25}/resnet.py#L1009", 194_030_000, 46_623_691_776, 777_518_664, 83.34, 96.84),
    SWSLResNeXt("swsl_resnext101_32x4d", "resnext101_32x4d",
                f"{FACEBOOK}/semi_weakly_supervised_resnext101_32x4-3f87e46b.pth", "fb_swsl_ig1b_ft_in1k",
                f"{TIMM_9A25}/resnet.py#L987", 44_180_000, 10_298_145_792, 177_341_913, 83.22, 96.77),
    SWSLResNeXt("swsl_resnext101_32x8d", "resnext101_32x8d",
                f"{FACEBOOK}/semi_weakly_supervised_resnext101_32x8-b4712904.pth", "fb_swsl_ig1b_ft_in1k",
                f"{TIMM_9A25}/resnet.py#L998", 88_790_000, 21_180_417_024, 356_056_638, 84.27, 97.17),
    SWSLResNeXt("swsl_resnext50_32x4d", "resnext50_32x4d",
                f"{FACEBOOK}/semi_weakly_supervised_resnext50_32x4-72679e44.pth", "fb_swsl_ig1b_ft_in1k",
                f"{TIMM_9A25}/resnet.py#L976", 25_030_000, 5_472_648_192, 100_428_550, 82.17, 96.23),
    # IG ResNeXt
    IGResNeXt("ig_resnext101_32x16d", "resnext101_32x16d", f"{PYTORCH}/ig_resnext101_32x16-c6f796b0.pth",
              "fb_wsl_ig1b_ft_in1k", f"{TIMM_043}/resnet.py#L874", 194_030_000, 46_623_691_776, 777_518_664, 84.16,
              97.19),
    IGResNeXt("ig_resnext101_32x32d", "resnext101_32x32d", f"{PYTORCH}/ig_resnext101_32x32-e4b90b00.pth",
              "fb_wsl_ig1b_ft_in1k", f"{TIMM_043}/resnet.py#L885", 468_530_000, 112_225_170_432, 1_876_573_776,
              85.09, 97.44),
    IGResNeXt("ig_resnext101_32x48d", "resnext101_32x48d", f"{PYTORCH}/ig_resnext101_32x48-3e41cc8a.pth", "",
              f"{TIMM_043}/resnet.py#L896", 828_410_000, 197_446_554_624, 3_317_136_976, 85.42, 97.58),
    IGResNeXt("ig_resnext101_32x8d", "resnext101_32x8d", f"{PYTORCH}/ig_resnext101_32x8-c38310e5.pth",
              "fb_wsl_ig1b_ft_in1k", f"{TIMM_043}/resnet.py#L863", 88_790_000, 21_180_417_024, 356_056_638, 82.7,
              96.64),
    # Wide ResNet
    TimmWide("wide_resnet101_2", "wide_resnet101_2", f"{PYTORCH}/wide_resnet101_2-32ee1156.pth", "tv_in1k",
             f"{TIMM_5F9A}/resnet.py#L802", 126_890_000, 29_304_929_280, 254_695_146, 78.85, 94.28),
    TimmWide("wide_resnet50_2", "wide_resnet50_2", f"{TIMM_FILES}/v0.1-weights/wide_resnet50_racm-8234f177.pth",
             "racm_in1k", f"{TIMM_5F9A}/resnet.py#L790", 68_880_000, 14_688_058_368, 275_853_271, 81.45, 95.52,
             license="apache-2.0", preprocess=BICUBIC),
    # Inception ResNet v2
    InceptionResNetv2("inception_resnet_v2", "inception_resnet_v2",
                      f"{TIMM_FILES}/v0.1-weights/inception_resnet_v2-940b1cd6.pth", "tf_in1k",
                      f"{TIMM_043}/inception_resnet_v2.py#L343", 55_850_000, 16_959_133_120, 223_774_238, 0.95,
                      17.29),
    # Ensemble Adversarial
    EnsembleAdversarial("ens_adv_inception_resnet_v2", "inception_resnet_v2",
                        f"{TIMM_FILES}/v0.1-weights/ens_adv_inception_resnet_v2-2592a550.pth", "tf_ens_adv_in1k",
                        f"{TIMM_043}/inception_resnet_v2.py#L351", 55_850_000, 16_959_133_120, 223_774_238, 1.0,
                        17.32),
    # ECAResNet
    ECAResNet("ecaresnet101d", "ecaresnet101d", f"{MIIL}/job_45402/outputs/ECAResNet101D_281c5844.pth", "",
              f"{TIMM_A7F9}/resnet.py#L1087", 44_570_000, 10_377_193_728, 178_815_067, 82.18, 96.06),
    ECAResNet("ecaresnet50d", "ecaresnet50d", f"{MIIL}/job_45402/outputs/ECAResNet50D_833caf58.pth", "",
              f"{TIMM_A7F9}/resnet.py#L1045", 25_580_000, 5_591_090_432, 102_579_290, 80.61, 95.31),
    ECAResNet("ecaresnetlight", "ecaresnetlight", f"{MIIL}/job_45402/outputs/ECAResNetLight_4f34b35b.pth", "",
              f"{TIMM_A7F9}/resnet.py#L1077", 30_160_000, 5_276_118_784, 120_956_612, 80.46, 95.25),
    # SKResNet
    SKResNet("skresnet18", "skresnet18", f"{TIMM_FILES}/v0.1-weights/skresnet18_ra-4eec2804.pth", "ra_in1k",
             f"{TIMM_A7F9}/sknet.py#L148", 11_960_000, 2_333_467_136, 47_923_238, 73.03, 91.17),
    SKResNet("skresnet34", "skresnet34", f"{TIMM_FILES}/v0.1-weights/skresnet34_ra-bdc0ccde.pth", "ra_in1k",
             f"{TIMM_A7F9}/sknet.py#L165", 22_280_000, 4_711_849_952, 89_299_314, 76.93, 93.32),
    # SKResNeXt
    SKResNeXt("skresnext50_32x4d", "skresnext50_32x4d", f"{TIMM_FILES}/v0.1-weights/skresnext50_ra-f40e40bf.pth",
              "ra_in1k", f"{TIMM_A7F9}/sknet.py#L210", 27_480_000, 5_739_845_824, 110_340_975, 80.15, 94.64),
    # Res2Net
    Res2Net("res2net101_26w_4s", "res2net101_26w_4s", f"{TIMM_FILES}/v0.1-res2net/res2net101_26w_4s-02a759a1.pth",
            "in1k", f"{TIMM_043}/res2net.py#L152", 45_210_000, 10_415_881_200, 181_456_059, 79.19, 94.43),
    Res2Net("res2net50_14w_8s", "res2net50_14w_8s", f"{TIMM_FILES}/v0.1-res2net/res2net50_14w_8s-6527dddc.pth",
            "in1k", f"{TIMM_043}/res2net.py#L196", 25_060_000, 5_403_546_768, 100_638_543, 78.14, 93.86),
    Res2Net("res2net50_26w_4s", "res2net50_26w_4s", f"{TIMM_FILES}/v0.1-res2net/res2net50_26w_4s-06e79181.pth",
            "in1k", f"{TIMM_043}/res2net.py#L141", 25_700_000, 5_499_974_064, 103_110_087, 77.99, 93.85),
    Res2Net("res2net50_26w_6s", "res2net50_26w_6s", f"{TIMM_FILES}/v0.1-res2net/res2net50_26w_6s-19041792.pth",
            "in1k", f"{TIMM_043}/res2net.py#L163", 37_050_000, 8_130_156_528, 148_603_239, 78.57, 94.12),
    Res2Net("res2net50_26w_8s", "res2net50_26w_8s", f"{TIMM_FILES}/v0.1-res2net/res2net50_26w_8s-2c7c9f12.pth",
            "in1k", f"{TIMM_043}/res2net.py#L174", 48_400_000, 10_760_338_992, 194_085_165, 79.19, 94.37),
    Res2Net("res2net50_48w_2s", "res2net50_48w_2s", f"{TIMM_FILES}/v0.1-res2net/res2net50_48w_2s-afed724a.pth",
            "in1k", f"{TIMM_043}/res2net.py#L185", 25_290_000, 5_375_291_520, 101_421_406, 77.53, 93.56),
    # Res2NeXt
    Res2NeXt("res2next50", "res2next50", f"{TIMM_FILES}/v0.1-res2net/res2next50_4s-6ef7e7bf.pth", "in1k",
             f"{TIMM_043}/res2net.py#L207", 24_670_000, 5_396_798_208, 99_019_592, 78.24, 93.91),
    # ResNeSt
    ResNeSt("resnest101e", "resnest101e", f"{TIMM_FILES}/v0.1-resnest/resnest101-22405ba7.pth", "in1k",
            f"{TIMM_043}/resnest.py#L182", 48_280_000, 17_423_183_648, 193_782_911, 82.88, 96.31,
            preprocess=Preprocess(crop_px=256, crop_pct=0.875)),
    ResNeSt("resnest14d", "resnest14d", f"{TIMM_FILES}/v0.1-weights/gluon_resnest14-9c8fe254.pth", "gluon_in1k",
            f"{TIMM_043}/resnest.py#L148", 10_610_000, 3_548_594_464, 42_562_639, 75.51, 92.52),
    # The card links to resnest101e's file; this is the one that timm 0.4.3 loads.
    ResNeSt("resnest200e", "resnest200e", f"{TIMM_FILES}/v0.1-resnest/resnest200-75117900.pth", "in1k",
            f"{TIMM_043}/resnest.py#L194", 70_200_000, 45_954_387_872, 193_782_911, 83.85, 96.89,
            preprocess=Preprocess(crop_px=320, crop_pct=0.909, interpolation="bicubic")),
    ResNeSt("resnest269e", "resnest269e", f"{TIMM_FILES}/v0.1-resnest/resnest269-0cc87c48.pth", "in1k",
            f"{TIMM_043}/resnest.py#L206", 110_930_000, 100_830_307_104, 445_402_691, 84.53, 96.99,
            preprocess=Preprocess(crop_px=416, crop_pct=0.928, interpolation="bicubic")),
    ResNeSt("resnest26d", "resnest26d", f"{TIMM_FILES}/v0.1-weights/gluon_resnest26-50eb607c.pth", "gluon_in1k",
            f"{TIMM_043}/resnest.py#L159", 17_070_000, 4_678_918_720, 68_470_242, 78.48, 94.3),
    ResNeSt("resnest50d", "resnest50d", f"{TIMM_FILES}/v0.1-resnest/resnest50-528c19ca.pth", "in1k",
            f"{TIMM_043}/resnest.py#L170", 27_480_000, 6_937_106_336, 110_273_258, 80.96, 95.38),
    ResNeSt("resnest50d_1s4x24d", "resnest50d_1s4x24d",
            f"{TIMM_FILES}/v0.1-resnest/resnest50_fast_1s4x24d-d4a4f76f.pth", "in1k", f"{TIMM_043}/resnest.py#L229",
            25_680_000, 5_686_764_544, 103_045_531, 81.0, 95.33, preprocess=BICUBIC),
    ResNeSt("resnest50d_4s2x40d", "resnest50d_4s2x40d",
            f"{TIMM_FILES}/v0.1-resnest/resnest50_fast_4s2x40d-41d14ed0.pth", "in1k", f"{TIMM_043}/resnest.py#L218",
            30_420_000, 5_657_064_720, 122_133_282, 81.11, 95.55, preprocess=BICUBIC),
    # Results of timm
    TimmResNetT("resnet10t", "c3_in1k", "v0.1-rsb-weights/resnet10t_176_c3-f3215ab1.pth", 5.44, 68.358, 88.040,
                BICUBIC_95),
    TimmResNetT("resnet14t", "c3_in1k", "v0.1-rsb-weights/resnet14t_176_c3-c4ed2c37.pth", 10.08, 72.254, 90.302,
                BICUBIC_95),
    TimmEcaResNet("ecaresnet26t", "ra2_in1k", "v0.1-weights/ecaresnet26t_ra2-46609757.pth", 16.01, 79.850, 95.090,
                  BICUBIC_320),
    TimmEcaResNet("ecaresnet50t", "ra2_in1k", "v0.1-weights/ecaresnet50t_ra2-f7ac63c4.pth", 25.57, 82.352, 96.140,
                  BICUBIC_320),
    TimmEcaResNet("ecaresnet50t", "a1_in1k", "v0.1-rsb-weights/ecaresnet50t_a1_0-99bd76a8.pth", 25.57, 82.128, 95.642,
                  BICUBIC_288),
    TimmEcaResNet("ecaresnet50t", "a2_in1k", "v0.1-rsb-weights/ecaresnet50t_a2_0-b1c7b745.pth", 25.57, 81.658, 95.552,
                  BICUBIC_288),
    TimmEcaResNet("ecaresnet50t", "a3_in1k", "v0.1-rsb-weights/ecaresnet50t_a3_0-8cc311f1.pth", 25.57, 79.552, 94.694,
                  BICUBIC_95),
    TimmEcaResNet("ecaresnet269d", "ra2_in1k", "v0.1-weights/ecaresnet269d_320_ra2-7baa55cb.pth", 102.09, 84.966,
                  97.222, BICUBIC_352),
    TimmSEResNeXtTpu("seresnext101_32x8d", "ah_in1k", "v0.1-tpu-weights/seresnext101_32x8d_ah-e6bc4c0a.pth", 93.57,
                     84.186, 96.874, BICUBIC_288),
    TimmSEResNeXtTpu("seresnext101d_32x8d", "ah_in1k", "v0.1-tpu-weights/seresnext101d_32x8d_ah-191d7b94.pth", 93.59,
                     84.358, 96.920, BICUBIC_288),
    TimmResNetV2("resnetv2_50", "a1h_in1k", "v0.1-rsb-weights/resnetv2_50_a1h-000cdf49.pth", 25.55, 81.398, 95.726,
                 BICUBIC_288_HALF),
    TimmResNetV2("resnetv2_101", "a1h_in1k", "v0.1-rsb-weights/resnetv2_101_a1h-5d01f016.pth", 44.54, 83.002, 96.454,
                 BICUBIC_288_HALF),
    # MMPretrain: ResNet
    MmResNet("resnet18_8xb16_cifar10", "resnet18_cifar10", "resnet/resnet18_b16x8_cifar10_20210528-bd6371c8.pth",
             "resnet/resnet18_8xb16_cifar10.py", 11.17, 0.56, 94.82, None, dataset="CIFAR-10", preprocess=CIFAR10),
    MmResNet("resnet34_8xb16_cifar10", "resnet34_cifar10", "resnet/resnet34_b16x8_cifar10_20210528-a8aa36a6.pth",
             "resnet/resnet34_8xb16_cifar10.py", 21.28, 1.16, 95.34, None, dataset="CIFAR-10", preprocess=CIFAR10),
    MmResNet("resnet50_8xb16_cifar10", "resnet50_cifar10", "resnet/resnet50_b16x8_cifar10_20210528-f54bfad9.pth",
             "resnet/resnet50_8xb16_cifar10.py", 23.52, 1.31, 95.55, None, dataset="CIFAR-10", preprocess=CIFAR10),
    MmResNet("resnet101_8xb16_cifar10", "resnet101_cifar10", "resnet/resnet101_b16x8_cifar10_20210528-2d29e936.pth",
             "resnet/resnet101_8xb16_cifar10.py", 42.51, 2.52, 95.58, None, dataset="CIFAR-10", preprocess=CIFAR10),
    MmResNet("resnet152_8xb16_cifar10", "resnet152_cifar10", "resnet/resnet152_b16x8_cifar10_20210528-3e8e9178.pth",
             "resnet/resnet152_8xb16_cifar10.py", 58.16, 3.74, 95.76, None, dataset="CIFAR-10", preprocess=CIFAR10),
    MmResNet("resnet50_8xb16_cifar100", "resnet50_cifar100", "resnet/resnet50_b16x8_cifar100_20210528-67b58a1b.pth",
             "resnet/resnet50_8xb16_cifar100.py", 23.71, 1.31, 79.9, 95.19, dataset="CIFAR-100",
             preprocess=CIFAR100),
    MmResNet("resnet18_8xb32_in1k", "resnet18", "resnet/resnet18_8xb32_in1k_20210831-fbbb1da6.pth",
             "resnet/resnet18_8xb32_in1k.py", 11.69, 1.82, 69.9, 89.43, caveat=OPENCV),
    MmResNet("resnet34_8xb32_in1k", "resnet34", "resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth",
             "resnet/resnet34_8xb32_in1k.py", 2.18, 3.68, 73.62, 91.59, caveat=OPENCV),
    MmResNet("resnet50_8xb32_in1k", "resnet50", "resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth",
             "resnet/resnet50_8xb32_in1k.py", 25.56, 4.12, 76.55, 93.06, caveat=OPENCV),
    MmResNet("resnet101_8xb32_in1k", "resnet101", "resnet/resnet101_8xb32_in1k_20210831-539c63f8.pth",
             "resnet/resnet101_8xb32_in1k.py", 44.55, 7.85, 77.97, 94.06, caveat=OPENCV),
    MmResNet("resnet152_8xb32_in1k", "resnet152", "resnet/resnet152_8xb32_in1k_20210901-4d7582fa.pth",
             "resnet/resnet152_8xb32_in1k.py", 60.19, 11.58, 78.48, 94.13, caveat=OPENCV),
    MmResNet("resnetv1d50_8xb32_in1k", "resnet50d", "resnet/resnetv1d50_b32x8_imagenet_20210531-db14775a.pth",
             "resnet/resnetv1d50_8xb32_in1k.py", 25.58, 4.36, 77.54, 93.57),
    MmResNet("resnetv1d101_8xb32_in1k", "resnet101d", "resnet/resnetv1d101_b32x8_imagenet_20210531-6e13bcd3.pth",
             "resnet/resnetv1d101_8xb32_in1k.py", 44.57, 8.09, 78.93, 94.48),
    MmResNet("resnetv1d152_8xb32_in1k", "resnet152d", "resnet/resnetv1d152_b32x8_imagenet_20210531-278cf22a.pth",
             "resnet/resnetv1d152_8xb32_in1k.py", 60.21, 11.82, 79.41, 94.7),
    MmResNet("resnet50_8xb32-fp16_in1k", "resnet50", "fp16/resnet50_batch256_fp16_imagenet_20210320-b3964210.pth",
             "resnet/resnet50_8xb32-fp16_in1k.py", 25.56, 4.12, 76.3, 93.07, caveat=OPENCV),
    MmResNet("resnet50_8xb256-rsb-a1-600e_in1k", "resnet50",
             "resnet/resnet50_8xb256-rsb-a1-600e_in1k_20211228-20e21305.pth",
             "resnet/resnet50_8xb256-rsb-a1-600e_in1k.py", 25.56, 4.12, 80.12, 94.78, preprocess=RESIZE_236_BICUBIC),
    MmResNet("resnet50_8xb256-rsb-a2-300e_in1k", "resnet50",
             "resnet/resnet50_8xb256-rsb-a2-300e_in1k_20211228-0fd8be6e.pth",
             "resnet/resnet50_8xb256-rsb-a2-300e_in1k.py", 25.56, 4.12, 79.55, 94.37, preprocess=RESIZE_236_BICUBIC),
    MmResNet("resnet50_8xb256-rsb-a3-100e_in1k", "resnet50",
             "resnet/resnet50_8xb256-rsb-a3-100e_in1k_20211228-3493673c.pth",
             "resnet/resnet50_8xb256-rsb-a3-100e_in1k.py", 25.56, 4.12, 78.3, 93.8, preprocess=RESIZE_236_BICUBIC),
    MmResNet("resnetv1c50_8xb32_in1k", "resnet50c", "resnet/resnetv1c50_8xb32_in1k_20220214-3343eccd.pth",
             "resnet/resnetv1c50_8xb32_in1k.py", 25.58, 4.36, 77.01, 93.58),
    MmResNet("resnetv1c101_8xb32_in1k", "resnet101c", "resnet/resnetv1c101_8xb32_in1k_20220214-434fe45f.pth",
             "resnet/resnetv1c101_8xb32_in1k.py", 44.57, 8.09, 78.3, 94.27),
    MmResNet("resnetv1c152_8xb32_in1k", "resnet152c", "resnet/resnetv1c152_8xb32_in1k_20220214-c013291f.pth",
             "resnet/resnetv1c152_8xb32_in1k.py", 60.21, 11.82, 78.76, 94.41),
    MmResNet("resnet50_8xb8_cub", "resnet50_cub", "resnet/resnet50_8xb8_cub_20220307-57840e60.pth",
             "resnet/resnet50_8xb8_cub.py", 23.92, 16.48, 88.45, None, dataset="CUB-200-2011", preprocess=CUB,
             caveat=SQUASHED),
    # MMPretrain: ResNeXt
    MmResNeXt("resnext50-32x4d_8xb32_in1k", "resnext50_32x4d",
              "resnext/resnext50_32x4d_b32x8_imagenet_20210429-56066e27.pth",
              "resnext/resnext50-32x4d_8xb32_in1k.py", 25.03, 4.27, 77.9, 93.66),
    MmResNeXt("resnext101-32x4d_8xb32_in1k", "resnext101_32x4d",
              "resnext/resnext101_32x4d_b32x8_imagenet_20210506-e0fa3dd5.pth",
              "resnext/resnext101-32x4d_8xb32_in1k.py", 44.18, 8.03, 78.61, 94.17),
    MmResNeXt("resnext101-32x8d_8xb32_in1k", "resnext101_32x8d",
              "resnext/resnext101_32x8d_b32x8_imagenet_20210506-23a247d5.pth",
              "resnext/resnext101-32x8d_8xb32_in1k.py", 88.79, 16.5, 79.27, 94.58),
    MmResNeXt("resnext152-32x4d_8xb32_in1k", "resnext152_32x4d",
              "resnext/resnext152_32x4d_b32x8_imagenet_20210524-927787be.pth",
              "resnext/resnext152-32x4d_8xb32_in1k.py", 59.95, 11.8, 78.88, 94.33),
    # MMPretrain: SEResNet
    MmSEResNet("seresnet50_8xb32_in1k", "seresnet50",
               "se-resnet/se-resnet50_batch256_imagenet_20200804-ae206104.pth", "seresnet/seresnet50_8xb32_in1k.py",
               28.09, 4.13, 77.74, 93.84),
    MmSEResNet("seresnet101_8xb32_in1k", "seresnet101",
               "se-resnet/se-resnet101_batch256_imagenet_20200804-ba5b51d4.pth",
               "seresnet/seresnet101_8xb32_in1k.py", 49.33, 7.86, 78.26, 94.07),
    # MMPretrain: Wide-ResNet
    MmWide("wide-resnet50_3rdparty_8xb32_in1k", "wide_resnet50_2",
           "wrn/wide-resnet50_3rdparty_8xb32_in1k_20220304-66678344.pth", "wrn/wide-resnet50_8xb32_in1k.py", 68.88,
           11.44, 78.48, 94.08),
    MmWide("wide-resnet101_3rdparty_8xb32_in1k", "wide_resnet101_2",
           "wrn/wide-resnet101_3rdparty_8xb32_in1k_20220304-8d5f9d61.pth", "wrn/wide-resnet101_8xb32_in1k.py",
           126.89, 22.81, 78.84, 94.28),
    MmWide("wide-resnet50_3rdparty-timm_8xb32_in1k", "wide_resnet50_2",
           "wrn/wide-resnet50_3rdparty-timm_8xb32_in1k_20220304-83ae4399.pth",
           "wrn/wide-resnet50_timm_8xb32_in1k.py", 68.88, 11.44, 81.45, 95.53, preprocess=BICUBIC),
    # MMPretrain: Res2Net
    MmRes2Net("res2net50-w14-s8_3rdparty_8xb32_in1k", "res2net50_14w_8s",
              "res2net/res2net50-w14-s8_3rdparty_8xb32_in1k_20210927-bc967bf1.pth",
              "res2net/res2net50-w14-s8_8xb32_in1k.py", 25.06, 4.22, 78.14, 93.85),
    MmRes2Net("res2net50-w26-s8_3rdparty_8xb32_in1k", "res2net50_26w_8s",
              "res2net/res2net50-w26-s8_3rdparty_8xb32_in1k_20210927-f547a94b.pth",
              "res2net/res2net50-w26-s8_8xb32_in1k.py", 48.4, 8.39, 79.2, 94.36),
    MmRes2Net("res2net101-w26-s4_3rdparty_8xb32_in1k", "res2net101_26w_4s",
              "res2net/res2net101-w26-s4_3rdparty_8xb32_in1k_20210927-870b6c36.pth",
              "res2net/res2net101-w26-s4_8xb32_in1k.py", 45.21, 8.12, 79.19, 94.44),
    # torchvision
    TvResNet("ResNet18_Weights.IMAGENET1K_V1", "resnet18", "resnet18-f37072fd.pth",
             ("ResNet18_Weights.DEFAULT", "resnet18.tv_in1k"), 11_689_512, 1.814, 44.661, 69.758, 89.078),
    TvResNet("ResNet34_Weights.IMAGENET1K_V1", "resnet34", "resnet34-b627a593.pth",
             ("ResNet34_Weights.DEFAULT", "resnet34.tv_in1k"), 21_797_672, 3.664, 83.275, 73.314, 91.42),
    TvResNet("ResNet50_Weights.IMAGENET1K_V1", "resnet50", "resnet50-0676ba61.pth", ("resnet50.tv_in1k",),
             25_557_032, 4.089, 97.781, 76.13, 92.862),
    TvResNet("ResNet50_Weights.IMAGENET1K_V2", "resnet50", "resnet50-11ad3fa6.pth",
             ("ResNet50_Weights.DEFAULT", "resnet50.tv2_in1k"), 25_557_032, 4.089, 97.79, 80.858, 95.434,
             preprocess=RESIZE_232),
    TvResNet("ResNet101_Weights.IMAGENET1K_V1", "resnet101", "resnet101-63fe2227.pth", ("resnet101.tv_in1k",),
             44_549_160, 7.801, 170.511, 77.374, 93.546),
    TvResNet("ResNet101_Weights.IMAGENET1K_V2", "resnet101", "resnet101-cd907fc2.pth",
             ("ResNet101_Weights.DEFAULT", "resnet101.tv2_in1k"), 44_549_160, 7.801, 170.53, 81.886, 95.78,
             preprocess=RESIZE_232),
    TvResNet("ResNet152_Weights.IMAGENET1K_V1", "resnet152", "resnet152-394f9c45.pth", ("resnet152.tv_in1k",),
             60_192_808, 11.514, 230.434, 78.312, 94.046),
    TvResNet("ResNet152_Weights.IMAGENET1K_V2", "resnet152", "resnet152-f82ba261.pth",
             ("ResNet152_Weights.DEFAULT", "resnet152.tv2_in1k"), 60_192_808, 11.514, 230.474, 82.284, 96.002,
             preprocess=RESIZE_232),
    TvResNeXt("ResNeXt50_32X4D_Weights.IMAGENET1K_V1", "resnext50_32x4d", "resnext50_32x4d-7cdf4587.pth", (),
              25_028_904, 4.23, 95.789, 77.618, 93.698),
    TvResNeXt("ResNeXt50_32X4D_Weights.IMAGENET1K_V2", "resnext50_32x4d", "resnext50_32x4d-1a0047aa.pth",
              ("ResNeXt50_32X4D_Weights.DEFAULT", "resnext50_32x4d.tv2_in1k"), 25_028_904, 4.23, 95.833, 81.198,
              95.34, preprocess=RESIZE_232),
    TvResNeXt("ResNeXt101_32X8D_Weights.IMAGENET1K_V1", "resnext101_32x8d", "resnext101_32x8d-8ba56ff5.pth", (),
              88_791_336, 16.414, 339.586, 79.312, 94.526),
    TvResNeXt("ResNeXt101_32X8D_Weights.IMAGENET1K_V2", "resnext101_32x8d", "resnext101_32x8d-110c445d.pth",
              ("ResNeXt101_32X8D_Weights.DEFAULT", "resnext101_32x8d.tv2_in1k"), 88_791_336, 16.414, 339.673, 82.834,
              96.228, preprocess=RESIZE_232),
    TvResNeXt("ResNeXt101_64X4D_Weights.IMAGENET1K_V1", "resnext101_64x4d", "resnext101_64x4d-173b62eb.pth",
              ("ResNeXt101_64X4D_Weights.DEFAULT", "resnext101_64x4d.tv_in1k"), 83_455_272, 15.46, 319.318, 83.246,
              96.454, preprocess=RESIZE_232),
    TvWide("Wide_ResNet50_2_Weights.IMAGENET1K_V1", "wide_resnet50_2", "wide_resnet50_2-95faca4d.pth",
           ("wide_resnet50_2.tv_in1k",), 68_883_240, 11.398, 131.82, 78.468, 94.086),
    TvWide("Wide_ResNet50_2_Weights.IMAGENET1K_V2", "wide_resnet50_2", "wide_resnet50_2-9ba9bcbe.pth",
           ("Wide_ResNet50_2_Weights.DEFAULT", "wide_resnet50_2.tv2_in1k"), 68_883_240, 11.398, 263.124, 81.602,
           95.758, preprocess=RESIZE_232),
    TvWide("Wide_ResNet101_2_Weights.IMAGENET1K_V1", "wide_resnet101_2", "wide_resnet101_2-32ee1156.pth", (),
           126_886_696, 22.753, 242.896, 78.848, 94.284),
    TvWide("Wide_ResNet101_2_Weights.IMAGENET1K_V2", "wide_resnet101_2", "wide_resnet101_2-d733dc28.pth",
           ("Wide_ResNet101_2_Weights.DEFAULT", "wide_resnet101_2.tv2_in1k"), 126_886_696, 22.753, 484.747, 82.51,
           96.02, preprocess=RESIZE_232),
    # He et al. 2015, section 4.2, trained by akamaster
    _cifar(20, "resnet20-12fca82f.th", 0.27, 8.27),
    _cifar(32, "resnet32-d509ac18.th", 0.46, 7.37),
    _cifar(44, "resnet44-014dd654.th", 0.66, 6.9),
    _cifar(56, "resnet56-4bfd9763.th", 0.85, 6.61),
    _cifar(110, "resnet110-1d1ed7c2.th", 1.7, 6.32),
)
# fmt: on
