"""The table of published checkpoints against the pages it was taken from."""

import pytest

from resbench.counting.counted import counted
from resbench.zoo.find import checkpoints, find_weights
from resbench.zoo.spec import Preprocess
from resbench.zoo.variants import VARIANTS
from resbench.zoo.weights import FALSE, WEIGHTS

CORE = {"timm": 75, "mmpretrain": 31, "torchvision": 17}
EXTENDED = ("ecaresnet", "skresne", "res2ne", "resnest")

# The three seed pages, as printed: parameters, FLOPs, bytes, top-1 and top-5 in per cent.
GLUON_SERESNEXT = {
    "gluon_seresnext101_32x4d": (48_960_000, 10_302_923_504, 196_505_510, 80.87, 95.29),
    "gluon_seresnext101_64x4d": (88_230_000, 19_958_950_640, 353_875_948, 80.88, 95.31),
    "gluon_seresnext50_32x4d": (27_560_000, 5_475_179_184, 110_578_827, 79.92, 94.82),
}
# And the table of MMPretrain: parameters in millions, 10^9 FLOPs, top-1 and top-5 in per cent.
RESNEXT = {
    "resnext50-32x4d_8xb32_in1k": (25.03, 4.27, 77.90, 93.66),
    "resnext101-32x4d_8xb32_in1k": (44.18, 8.03, 78.61, 94.17),
    "resnext101-32x8d_8xb32_in1k": (88.79, 16.5, 79.27, 94.58),
    "resnext152-32x4d_8xb32_in1k": (59.95, 11.8, 78.88, 94.33),
}


def values(name):
    return {claim.metric: claim.value for claim in find_weights(name).claims}


def test_every_published_checkpoint_of_the_core_family_is_in_the_table():
    core = [weights for weights in WEIGHTS if not weights.network.startswith(EXTENDED) and weights.claim("flops")]
    assert {source: sum(one.source == source for one in core) for source in CORE} == CORE


def test_rows_of_timms_results_are_quoted_with_their_size_and_crop():
    # results/results-imagenet.csv: model, top1, top5, param_count, img_size, crop_pct, interpolation
    printed = {
        "resnet10t.c3_in1k": (68.358, 88.040, 5.44, 224, 0.95, "bicubic"),
        "ecaresnet50t.ra2_in1k": (82.352, 96.140, 25.57, 320, 0.95, "bicubic"),
        "ecaresnet269d.ra2_in1k": (84.966, 97.222, 102.09, 352, 1.0, "bicubic"),
        "seresnext101d_32x8d.ah_in1k": (84.358, 96.920, 93.59, 288, 1.0, "bicubic"),
        "resnetv2_101.a1h_in1k": (83.002, 96.454, 44.54, 288, 1.0, "bicubic"),
    }
    for name, (top1, top5, params_m, side, crop, interpolation) in printed.items():
        assert values(name) == pytest.approx({"params": params_m * 1e6, "top1": top1 / 100, "top5": top5 / 100})
        pixels = find_weights(name).preprocess
        assert (pixels.crop_px, pixels.crop_pct, pixels.interpolation) == (side, crop, interpolation)


def test_every_checkpoint_fills_a_network_of_the_table():
    assert {weights.network for weights in WEIGHTS} <= {variant.name for variant in VARIANTS}


def test_a_name_stands_for_one_checkpoint_and_never_hides_another_network():
    names = [name for weights in WEIGHTS for name in (weights.name, *weights.aliases)]
    assert len(names) == len(set(names))
    networks = {variant.name for variant in VARIANTS}
    assert all(weights.network == weights.name for weights in WEIGHTS if weights.name in networks)


@pytest.mark.parametrize(("name", "printed"), GLUON_SERESNEXT.items())
def test_the_gluon_page_is_quoted_exactly(name, printed):
    params, flops, file_size, top1, top5 = printed
    assert values(name) == pytest.approx(
        {"params": params, "flops": flops, "file_size": file_size, "top1": top1 / 100, "top5": top5 / 100}, rel=1e-12
    )
    weights = find_weights(name)
    assert (weights.collection, weights.preprocess) == ("Gluon SEResNeXt", Preprocess(interpolation="bicubic"))


@pytest.mark.parametrize(("name", "printed"), RESNEXT.items())
def test_the_mmpretrain_page_is_quoted_exactly(name, printed):
    params_m, flops_g, top1, top5 = printed
    expected = {"params": params_m * 1e6, "flops": flops_g * 1e9, "top1": top1 / 100, "top5": top5 / 100}
    assert values(name) == pytest.approx(expected, rel=1e-12)


def test_every_claim_has_a_source_and_every_flop_figure_its_convention():
    for claim in (claim for weights in WEIGHTS for claim in weights.claims):
        assert claim.source.startswith("https://")
        assert (claim.metric == "flops") == (claim.convention is not None) == (claim.input_px is not None)


def test_accuracies_are_fractions():
    accuracies = [claim for weights in WEIGHTS for claim in weights.claims if claim.metric in ("top1", "top5")]
    assert all(0.68 < claim.value < 1 for claim in accuracies if not claim.error)


def test_published_parameters_are_ours_to_the_printed_digit_except_the_named_misprints():
    wrong = {
        weights.name
        for weights in WEIGHTS
        if (claim := weights.claim("params"))
        and abs(counted(weights.network).params - claim.value) > (claim.quantum / 2 if claim.quantum > 1 else 0)
    }
    assert wrong == {name for name, metric in FALSE if metric == "params"}


def test_what_is_known_to_be_false_stands_as_published_with_its_reason():
    judged = {
        (weights.name, claim.metric): claim.error for weights in WEIGHTS for claim in weights.claims if claim.error
    }
    assert judged == FALSE
    assert values("inception_resnet_v2")["top1"] == pytest.approx(0.0095)
    assert values("resnet34_8xb32_in1k")["params"] == 2_180_000


def test_the_hash_is_the_one_in_the_files_name():
    assert all(weights.sha256_prefix in weights.url for weights in WEIGHTS)
    unhashed = {weights.name for weights in WEIGHTS if not weights.sha256_prefix}
    assert unhashed == {"ecaresnet101d", "ecaresnet50d", "ecaresnetlight"}  # their files end in something else


@pytest.mark.parametrize(
    ("name", "resize_px", "crop_px"),
    [
        ("ResNet50_Weights.IMAGENET1K_V1", 256, 224),
        ("ResNet50_Weights.IMAGENET1K_V2", 232, 224),
        ("resnet50_8xb256-rsb-a1-600e_in1k", 236, 224),
        ("inception_resnet_v2", 333, 299),
        ("resnet101d", 272, 256),
        ("resnest269e", 448, 416),
        ("resnet50_8xb8_cub", 600, 448),
        ("akamaster_resnet20", 32, 32),
    ],
)
def test_preprocessing_belongs_to_the_checkpoint(name, resize_px, crop_px):
    preprocess = find_weights(name).preprocess
    assert (preprocess.resize_px, preprocess.crop_px) == (resize_px, crop_px)


def test_the_inception_networks_want_pixels_between_minus_one_and_one():
    assert {find_weights(name).preprocess.mean for name in ("inception_resnet_v2", "ens_adv_inception_resnet_v2")} == {
        (0.5, 0.5, 0.5)
    }


@pytest.mark.reference
def test_timm_gives_the_same_file_licence_and_normalisation_for_each_of_its_tags():
    timm = pytest.importorskip("timm")
    tagged = [(alias, weights) for weights in WEIGHTS for alias in weights.aliases if not alias[0].isupper()]
    assert len(tagged) > 90
    for alias, weights in tagged:
        theirs = timm.models.get_pretrained_cfg(alias)
        assert theirs is not None, alias
        if theirs.url:  # otherwise timm has moved the file to the Hugging Face hub, under the tag alone
            assert weights.url.rpartition("/")[2] == theirs.url.rpartition("/")[2]
        assert weights.license == theirs.license
        assert (weights.preprocess.mean, weights.preprocess.std) == (theirs.mean, theirs.std)


@pytest.mark.reference
def test_torchvision_gives_the_same_figures_and_preprocessing_for_each_of_its_enums():
    models = pytest.importorskip("torchvision").models
    ours = [weights for weights in WEIGHTS if weights.source == "torchvision"]
    for weights in ours:
        theirs = models.get_weight(weights.name)
        meta, transforms = theirs.meta, theirs.transforms()
        accuracy = meta["_metrics"]["ImageNet-1K"]
        assert weights.url == theirs.url
        assert weights.claim("params").value == meta["num_params"]
        assert weights.claim("flops").value == pytest.approx(meta["_ops"] * 1e9)
        assert weights.claim("file_size").value == pytest.approx(meta["_file_size"] * 2**20)
        assert weights.claim("top1").value == pytest.approx(accuracy["acc@1"] / 100)
        assert weights.claim("top5").value == pytest.approx(accuracy["acc@5"] / 100)
        assert [weights.preprocess.resize_px] == transforms.resize_size
        assert [weights.preprocess.crop_px] == transforms.crop_size
        assert weights.preprocess.interpolation == transforms.interpolation.value
    defaults = {models.get_weight(alias) for one in ours for alias in one.aliases if alias.endswith("DEFAULT")}
    assert len(defaults) == 10
    assert all(checkpoints(weights.network) for weights in ours)
