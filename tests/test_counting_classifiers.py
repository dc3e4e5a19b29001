"""The tally on every image classifier of torchvision, and four of each architecture file of timm, on the meta device.

Parameters against torchvision's published ones and the modules' own; multiply-adds against PyTorch's counter and, for
torchvision, its published `_ops`; for small networks also operations against fvcore, on real tensors.
"""

import warnings

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from resbench.counting.conventions import operations
from resbench.counting.inputs import blanks, one_image
from resbench.counting.tally import count_module

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fvcore compiles a function by torch.jit.script when it is imported
    from fvcore.nn import FlopCountAnalysis

timm = pytest.importorskip("timm", exc_type=ImportError)
torchvision = pytest.importorskip("torchvision", exc_type=ImportError)
models = torchvision.models

pytestmark = [pytest.mark.reference, pytest.mark.filterwarnings("ignore")]

OF_TORCHVISION = models.list_models(module=models)
BY_FILE = {file: timm.list_models(module=file)[:4] for file in timm.list_modules()}
BY_FILE = {file: names for file, names in BY_FILE.items() if names}
# Small networks of many kinds: fvcore runs on real tensors.
SMALL = [
    "mobilenetv3_small_050",
    "efficientnet_lite0",
    "ghostnet_050",
    "lcnet_035",
    "vit_tiny_patch16_224",
    "convnext_atto",
    "mixer_s32_224",
    "poolformer_s12",
    "edgenext_xx_small",
    "levit_128s",
    "mobilevit_xxs",
    "xcit_nano_12_p16_224",
    "coat_lite_tiny",
    "repvgg_a0",
    "regnetx_002",
    "rexnet_100",
    "dla46_c",
    "hrnet_w18_small",
    "nf_regnet_b0",
    "visformer_tiny",
    "resnet18",
    "resnetv2_50x1_bit",
    "resmlp_12_224",
    "gmixer_12_224",
    "pit_ti_224",
    "swin_tiny_patch4_window7_224",
    "crossvit_9_240",
    "pvt_v2_b0",
    "tnt_s_legacy_patch16_224",
    "efficientformer_l1",
    "botnet26t_256",
    "halonet26t",
    "lambda_resnet26t",
    "eca_botnext26ts_256",
    "cspresnet50",
    "vovnet39a",
    "selecsls42",
    "densenet121",
    "mobilevitv2_050",
    "fastvit_t8",
    "repghostnet_050",
    "tiny_vit_5m_224",
    "efficientvit_b0",
    "repvit_m0_9",
    "starnet_s1",
]
AS_PUBLISHED = {"googlenet": {"aux_logits": False, "init_weights": False}}


def on_meta(build, name, **options):
    """Build a network without memory; torchvision's RegNets compute their widths with tensors and cannot be."""
    try:
        with torch.device("meta"):
            module = build(name, **options)
    except NotImplementedError:
        module = build(name, **options).to("meta")
    return module.eval().requires_grad_(False)


def agrees(module, inputs):
    """Count `module`, and require PyTorch's multiply-adds and no operator without a cost."""
    counts = count_module(module, inputs=inputs)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*blanks(inputs, module))
    assert counts.uncounted == {}
    assert counts.params == sum(weight.numel() for weight in module.parameters())
    assert operations(counts.terms, "torch") == counter.get_total_flops()
    return counts


def test_there_are_enough_networks():
    assert len(OF_TORCHVISION) >= 80
    assert len(BY_FILE) >= 90
    assert sum(map(len, BY_FILE.values())) >= 300


@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_torchvisions_classifiers_have_their_published_parameters_and_operations(name):
    weights = next(iter(models.get_model_weights(name)))
    (side,) = weights.transforms().crop_size
    options = {"image_size": side} if name.startswith("vit") else AS_PUBLISHED.get(name, {})
    counts = agrees(on_meta(models.get_model, name, **options), one_image(side))
    assert counts.params == weights.meta["num_params"]
    assert round(counts.terms.macs / 1e9, 3) == weights.meta["_ops"]


@pytest.mark.timeout(3600)  # networks that step through their input take minutes
@pytest.mark.parametrize("file", BY_FILE)
def test_timms_classifiers_have_the_multiply_adds_that_pytorch_counts(file):
    for name in BY_FILE[file]:
        module = on_meta(timm.create_model, name)
        channels, *size = module.pretrained_cfg["input_size"]
        agrees(module, one_image(tuple(size), channels))


@pytest.mark.parametrize("name", SMALL)
def test_operations_are_fvcores(name):
    module = timm.create_model(name).eval()
    channels, *size = module.pretrained_cfg["input_size"]
    inputs = one_image(tuple(size), channels)
    theirs = FlopCountAnalysis(module, tuple(blanks(inputs, module))).unsupported_ops_warnings(False).total()
    assert operations(count_module(module, inputs=inputs).terms, "fvcore") == theirs
