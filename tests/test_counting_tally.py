import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from resbench.counting import tally
from resbench.counting.conventions import dog_photo, operations
from resbench.counting.counted import counted, counted_at
from resbench.counting.stages import count_by_stage
from resbench.nets.build import build
from resbench.zoo.spec import ResNetSpec, Variant
from resbench.zoo.variants import VARIANTS
from tests.observed import cases, observed

# Made by running the tools themselves on other people's networks, at 224 px (inception_resnet_v2: 299), except the
# rows of mmcv and of thop 0.0.31, which are their formulas applied by hand; timm-card is printed on the cards.
BY_THE_TOOLS = {
    "resnet18": {
        "macs": 1814073344,
        "torch": 3628146688,
        "fvcore": 1819065856,
        "mmcv": 1821664768,
        "ptflops-aten": 1814074344,
        "ptflops-pytorch": 1825313768,
        "thop": 1824033792,
        "thop-0.0.31": 1819066368,
        "timm-card": 2337073152,
    },
    "resnet50": {
        "macs": 4089184256,
        "torch": 8178368512,
        "fvcore": 4111512576,
        "mmcv": 4119876096,
        "ptflops-aten": 4089185256,
        "ptflops-pytorch": 4132436968,
        "thop": 4133742592,
        "thop-0.0.31": 4111514624,
        "timm-card": 5282531328,
    },
    "resnext50_32x4d": {
        "macs": 4230479872,
        "torch": 8460959744,
        "fvcore": 4259381248,
        "mmcv": 4271031296,
        "ptflops-aten": 4230480872,
        "ptflops-pytorch": 4286878696,
        "thop": 4288184320,
        "thop-0.0.31": 4259383296,
        "timm-card": 5472648192,
    },
    "seresnext50_32x4d": {
        "macs": 4232994816,
        "torch": 8465989632,
        "fvcore": 4261896192,
        "mmcv": 4279082592,
        "ptflops-aten": 4233011864,
        "ptflops-pytorch": 4289411576,
        "thop": 4290699264,
        "thop-0.0.31": 4261914288,
        "timm-card": 5475179184,
    },
    "resnext101_32x8d": {
        "macs": 16414015488,
        "torch": 32828030976,
        "fvcore": 16476534784,
        "mmcv": 16504993792,
        "ptflops-aten": 16414016488,
        "ptflops-pytorch": 16537650152,
        "thop": 16538955776,
        "thop-0.0.31": 16476536832,
        "timm-card": 21180417024,
    },
    "senet154": {
        "macs": 20688363520,
        "torch": 41376727040,
        "fvcore": 20765734912,
        "mmcv": 20815622752,
        "ptflops-aten": 20688415384,
        "ptflops-pytorch": 20843364856,
        "thop": 20843008000,
        "thop-0.0.31": 20765787824,
        "timm-card": 26681705136,
    },
    "inception_resnet_v2": {
        "macs": 13155794016,
        "torch": 26311588032,
        "fvcore": 13182930592,
        "mmcv": 13221152768,
        "ptflops-aten": 13167334856,
        "ptflops-pytorch": 13251006408,
        "thop": 13210205600,
        "thop-0.0.31": 13194707168,
        "timm-card": 16959133120,
    },
    # ptflops 0.7.5 and both thops on timm 1.0.31's networks: a fixed blur counts for those that look at calls.
    "resnetblur50": {
        "ptflops-aten": 5133021672,
        "ptflops-pytorch": 5174993896,
        "thop": 5176299520,
        "thop-0.0.31": 5153017856,
        "timm-card": 6621606912,
    },
    "resnet50d": {"ptflops-aten": 4328825832, "ptflops-pytorch": 4378098664, "thop": 4376945664},
    "res2net50_14w_8s": {
        "ptflops-aten": 4178899944,
        "ptflops-pytorch": 4231199016,
        "thop": 4232191824,
        "thop-0.0.31": 4205637744,
    },
    "resnest14d": {"ptflops-aten": 2749408584, "thop": 2779339136, "thop-0.0.31": 2764689184},
}
# Made by thop 0.0.22 to 0.0.31.post2001170342 themselves, on the networks of torchvision 0.28.0 (avgpool7: 0.2.1) and
# timm 1.0.31. They add up numbers of 32 bits, so that the last digits are lost.
BY_OLD_THOPS = {
    "resnet18": {
        "thop-0.0.22-avgpool7": 1826680832,
        "thop-0.0.22": 1826702336,
        "thop-0.0.23": 1824544768,
        "thop-0.0.31-1910": 1824545792,
        "thop-0.0.31-2001": 1819578368,
    },
    "resnet50": {
        "thop-0.0.22-avgpool7": 4142627840,
        "thop-0.0.22": 4142713856,
        "thop-0.0.23": 4135789568,
        "thop-0.0.31-1910": 4135790592,
        "thop-0.0.31-2001": 4113562624,
    },
    "resnet152": {"thop-0.0.22-avgpool7": 11620457472},
    "resnext101_32x8d": {
        "thop-0.0.22": 16551339008,
        "thop-0.0.23": 16541002752,
        "thop-0.0.31-1910": 16541003776,
        "thop-0.0.31-2001": 16478584832,
    },
    "resnet50d": {"thop-0.0.23": 4379695104, "thop-0.0.31-1910": 4379696128, "thop-0.0.31-2001": 4355160064},
    "seresnext50_32x4d": {"thop-0.0.23": 4292761600, "thop-0.0.31-1910": 4292762624, "thop-0.0.31-2001": 4263961600},
    "legacy_seresnet50": {"thop-0.0.23": 3905001472, "thop-0.0.31-1910": 3905002496, "thop-0.0.31-2001": 3883828224},
}


def counted_by_us(figures):
    """The same table from our counts."""
    return {
        network: {name: operations(counted(network, name).terms, name) for name in row}
        for network, row in figures.items()
    }


def test_a_convention_gives_what_its_tool_gave():
    assert counted_by_us(BY_THE_TOOLS) == BY_THE_TOOLS


@pytest.mark.parametrize("network", BY_OLD_THOPS)
def test_an_older_thop_gave_the_same_but_for_the_digits_that_32_bits_lose(network):
    row = BY_OLD_THOPS[network]
    ours = counted_by_us(BY_OLD_THOPS)[network]
    assert ours == pytest.approx(row, rel=3e-7)  # squeezes and gates are many small numbers, each rounded
    if "se" not in network:
        assert {name: torch.tensor(float(value), dtype=torch.float32).item() for name, value in ours.items()} == row


def test_only_the_last_relu_of_a_block_counts_for_old_thops_and_a_called_twice_module_once():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1, stride=2), nn.ReLU())
            self.relu = nn.ReLU()

        def forward(self, x):
            out = self.relu(self.body(self.relu(x)))
            return torch.relu(out)  # no module

    terms = tally.count_module(Block().eval(), 8).terms
    assert terms.relu_last == 4 * 8 * 8 + 4 * 4 * 4 + 4 * 4 * 4
    assert terms.bias_macs == 3 * 4 * 8 * 8 + 4 * 4 * 4 * 4
    assert terms.relu == 3 * 8 * 8 + terms.relu_last + 4 * 4 * 4


@pytest.mark.parametrize("variant", cases())
def test_the_shipped_counts_are_those_of_a_fresh_tally(variant):
    assert counted(variant.name) == observed(variant)[0], "run `resbench count --all --write`"


def test_legacy_senet154_differs_from_senet154_only_where_the_stem_pool_pads():
    counts = {
        (name, size): operations(counted_at(name, size).terms, "timm-card")  # fresh: the test above
        for name in ("senet154", "legacy_senet154")
        for size in ((224, 224), dog_photo(224))
    }
    assert counts["senet154", (224, 224)] == counts["legacy_senet154", (224, 224)]
    assert counts["legacy_senet154", (224, 285)] == 26_659_556_016


class Odd(nn.Module):
    """One of each thing that a traversal of modules alone would miss or confuse."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, (3, 1), stride=2, bias=True)
        self.gate = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.register_buffer("blur", torch.full((8, 1, 2, 2), 0.25))
        self.fc = nn.Linear(8, 5, bias=False)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        gates = self.gate(x.mean((2, 3)).unsqueeze(1)).squeeze(1).sigmoid()
        x = nn.functional.conv2d(x * gates[:, :, None, None], self.blur, groups=8)
        return self.fc(nn.functional.adaptive_avg_pool2d(nn.functional.avg_pool2d(x, 2), 1).flatten(1))


def test_every_term_is_the_sum_that_one_gets_by_hand():
    counts = tally.count_module(Odd().eval(), (11, 8))
    assert counts.terms == tally.Terms(
        conv=8 * 5 * 4 * 3 * 3 + 8 * 3,  # 8 maps of 5x4, each element of 3 channels and 3x1; then 8 gates of 3
        blur=8 * 4 * 3 * 4,  # 8 maps of 4x3, each element of 2x2
        conv_bias=8 * 5 * 4,
        fc=8 * 5,
        relu=8 * 5 * 4,
        se_in=8 * 5 * 4,
        avgpool_in=8 * 4 * 3,
        avgpool_out=8 * 2 * 1,
        gap_in=8 * 2 * 1,
        gap_out=8,
        bias_macs=8 * 5 * 4 * 3,  # the convolution with a bias, one place of its kernel
        relu_last=0,  # no ReLU is a module
        maxpool_side=0,
        avgpool_side=8 * 2 * 1 * 2,  # windows of 2x2
    )
    assert counts.params == 8 * 3 * 3 + 8 + 3 + 40
    assert counts.buffers == 32
    assert counts.activations == 160 + 8 + 96 + 5
    read, written = 3 * 11 * 8 + 160 + 8 + 160 + 96 + 16 + 8, 160 + 8 + 8 + 96 + 16 + 8 + 5
    assert counts.traffic == read + written
    assert counts.bytes_moved() == 4 * (counts.params + counts.traffic)
    assert counts.operators == 10  # conv, relu; mean, conv, sigmoid; mul, blur; average pool, global pool, linear
    assert counts.bytes_moved(batch_size=8, element_bytes=2) == 2 * (counts.params + 8 * counts.traffic)


@given(
    groups=st.integers(1, 3),
    channels=st.integers(1, 3),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
)
@settings(max_examples=50, deadline=None)
def test_multiply_adds_of_any_convolution_are_pytorchs(groups, channels, kernel, stride, dilation, bias, size):
    module = nn.Sequential(
        nn.Conv2d(3, groups * channels, 1),
        nn.Conv2d(groups * channels, 2 * groups, kernel, stride, dilation=dilation, groups=groups, bias=bias),
    ).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, 3, *size))
    assert 2 * tally.count_module(module, size).terms.macs == counter.get_total_flops()


@pytest.mark.parametrize("block", ["basic", "bottleneck", "sk_bottleneck", "res2net", "resnest"])
def test_counts_on_the_meta_device_are_those_on_real_tensors(block):
    spec = ResNetSpec(block=block, depths=(1, 1), planes=16, splits=2 if block in ("res2net", "resnest") else 1)
    variant = Variant(name="tiny", family="ResNet", spec=spec, paper=VARIANTS[0].paper, classes=10)
    counts = [tally.count_module(build(variant, device=device), (33, 40)) for device in ("meta", "cpu")]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["seresnext50_32x4d", "inception_resnet_v1", "legacy_seresnet18"])
def test_stages_add_up_to_the_network(name):
    module = build(name, device="meta")
    whole, stages = tally.count_module(module, 160), count_by_stage(module, 160)
    for quantity in ("params", "buffers", "weights_bytes", "activations", "traffic", "operators"):
        assert sum(getattr(stage, quantity) for stage in stages.values()) == getattr(whole, quantity)
    assert sum(stage.terms.macs for stage in stages.values()) == whole.terms.macs
    assert sum(operations(stage.terms, "mmcv") for stage in stages.values()) == operations(whole.terms, "mmcv")


def test_the_stages_of_a_resnet_are_stem_layers_and_head():
    stages = count_by_stage(build("resnet50", device="meta"))
    assert list(stages) == ["stem", "layer1", "layer2", "layer3", "layer4", "head"]
    assert stages["stem"].terms.conv == 112 * 112 * 64 * 3 * 49
    assert stages["head"].params == 2048 * 1000 + 1000


def test_counting_leaves_the_module_as_it_was():
    module = build("resnet18", device="meta")
    tally.count_module(module)
    assert not any(child._forward_pre_hooks for child in module.modules())


def test_a_module_in_training_mode_is_refused():
    with pytest.raises(ValueError, match=r"training mode.*eval"):
        tally.count_module(build("resnet18", device="meta").train())


def test_the_receptive_field_of_inception_resnet_v2_is_the_published_one():
    # Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", table 1
    assert counted("inception_resnet_v2").receptive_field_px == (3039, 3039)


class LateStride(nn.Module):
    """ResNet-50's convolutions as tf.slim strides them: in the last block of each stage, not in the first."""

    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, 1, 7, 2, 3), nn.MaxPool2d(3, 2, 1)]
        for depth, stride in ((3, 2), (4, 2), (6, 2), (3, 1)):
            layers += [nn.Conv2d(1, 1, 3, stride if index == depth - 1 else 1, 1) for index in range(depth)]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        return self.layers(x)


def test_the_receptive_field_of_slims_resnet50_is_the_published_one():
    assert tally.count_module(LateStride().eval(), 224).receptive_field_px == (483, 483)  # Araujo et al. 2019, table 1


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (ResNetSpec(block="basic", depths=(1, 1), planes=4, stem="conv3", shortcut="pad"), 64),
        (ResNetSpec(block="bottleneck", depths=(1, 1), planes=4), 160),
    ],
)
def test_the_receptive_field_is_where_the_gradient_of_one_element_reaches(spec, size):
    module = build(Variant(name="tiny", family="ResNet", spec=spec, paper=VARIANTS[0].paper, classes=2)).double()
    for parameter in module.parameters():
        nn.init.constant_(parameter, 0.01)  # nothing cancels, no ReLU closes
    if isinstance(module.maxpool, nn.MaxPool2d):
        module.maxpool = nn.AvgPool2d(3, 2, 1)  # the same window, but its gradient reaches all of it
    features = {}
    module.avgpool.register_forward_pre_hook(lambda _, inputs: features.update(map=inputs[0]))
    image = torch.rand(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    module(image)
    middle = features["map"].shape[-1] // 2
    features["map"][0, :, middle, middle].sum().backward()
    rows = image.grad.abs().sum((0, 1)).nonzero()
    reach = tuple(int(extent) for extent in rows.max(0).values - rows.min(0).values + 1)
    assert tally.count_module(module, size).receptive_field_px == reach
