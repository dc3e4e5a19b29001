"""Checkpoints in the key names of every house load and compute what the network computes.

The names of each dialect are written here from their publishers' code, independently of resbench.nets.renames.
"""

import functools
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

import resbench
from resbench.errors import ResbenchError
from resbench.nets import checkpoints
from resbench.nets.checkpoints import load_checkpoint
from resbench.nets.renames import translate
from resbench.zoo.find import find
from tests import filled

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_logits.json").read_text())
COUNTER = "num_batches_tracked"


SMALLEST = "resnet20_cifar10"


def variant_of(network):
    """A short network of the same kind."""
    return find(network) if network == SMALLEST else filled.short(find(network))


def canonical(network):
    """The golden weights of `network` under its own names, in the precision of files."""
    return dict(drawn(network))


@functools.lru_cache(maxsize=2)
def drawn(network):
    own = resbench.build(variant_of(network), device="meta").state_dict()
    tensors = {key: filled.tensor(key, tuple(tensor.shape)) for key, tensor in own.items()}
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}


def renamed(tensors, *pairs):
    """Replace the beginning (or, after a star, any part) of each name by the first pair that fits it."""

    def name(key):
        for ours, theirs in pairs:
            if ours.startswith("*") and ours[1:] in key:
                key = key.replace(ours[1:], theirs)
            elif not ours.startswith("*") and key.startswith(ours):
                return theirs + key.removeprefix(ours)
        return key

    return {name(key): tensor for key, tensor in tensors.items()}


def under(prefix, tensors):
    return {f"{prefix}{key}": tensor for key, tensor in tensors.items()}


def without_counters(tensors):
    return {key: tensor for key, tensor in tensors.items() if not key.endswith(COUNTER)}


def computes_the_golden_logits(module, network, tolerance=1e-4):
    """Compare in float64 with timm's logits; what is left is the rounding of the weights to the file's precision."""
    golden = GOLDEN[network]["short"]["logits"][0]
    with torch.inference_mode():
        logits = module.double()(filled.image(golden["height"], golden["width"]))[0]
    expected = torch.tensor(golden["first8"], dtype=torch.float64)
    assert (logits[:8] - expected).abs().max() < tolerance * expected.abs().max()
    assert logits.square().sum().item() == pytest.approx(golden["sumsq"], rel=10 * tolerance)
    assert logits.argmax().item() == golden["argmax"]


def loads(tmp_path, network, content, *, suffix=".pth", **kwargs):
    """Write `content`, load it, and compare it with the golden weights, which give the golden logits; return the notes.

    That they do shows test_golden_logits.py.
    """
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path, **kwargs)
    loaded = load_checkpoint(variant_of(network), path)
    wanted = canonical(network)
    held = loaded.module.state_dict()
    assert held.keys() == wanted.keys()
    assert all(torch.equal(held[key], wanted[key]) for key in wanted)
    return loaded.notes


# MMPretrain v1.2.0: backbones/resnet.py builds a deep stem of three ConvModules (conv, bn), heads/linear_head.py a
# head.fc, utils/se_layer.py a se_layer of two ConvModules with a bias and no norm.
MM_PLAIN = (("fc.", "head.fc."), ("", "backbone."))
MM_STEM = (
    ("conv1.0.", "backbone.stem.0.conv."),
    ("conv1.1.", "backbone.stem.0.bn."),
    ("conv1.3.", "backbone.stem.1.conv."),
    ("conv1.4.", "backbone.stem.1.bn."),
    ("conv1.6.", "backbone.stem.2.conv."),
    ("bn1.", "backbone.stem.2.bn."),
)
# With stride 1 its shortcut has no average pool to count; timm's has an identity in that place.
MM_FIRST_SHORTCUT = (
    ("layer1.0.downsample.1.", "backbone.layer1.0.downsample.0."),
    ("layer1.0.downsample.2.", "backbone.layer1.0.downsample.1."),
)
MM_SQUEEZE = (("*.se.fc1.", ".se_layer.conv1.conv."), ("*.se.fc2.", ".se_layer.conv2.conv."))
MM_META = {"mmcls_version": "0.20.1", "epoch": 100, "CLASSES": ["tench", "goldfish"], "config": "model = dict()"}


@pytest.mark.parametrize(
    ("network", "pairs"),
    [
        ("resnet18", MM_PLAIN),
        ("resnet50c", (*MM_STEM, *MM_PLAIN)),
        ("resnet26d", (*MM_STEM, *MM_FIRST_SHORTCUT, *MM_PLAIN)),
        ("seresnext50_32x4d", (*MM_SQUEEZE, *MM_PLAIN)),
    ],
)
def test_mmpretrain_names_load(tmp_path, network, pairs):
    content = renamed(canonical(network), *pairs)
    assert all(key.startswith(("backbone.", "head.fc.")) for key in content)
    assert loads(tmp_path, network, {"meta": MM_META, "state_dict": content}) == ()


def test_mmpretrain_counts_the_modules_of_a_shortcut_without_a_pool_from_zero():
    content = renamed(canonical("resnet26d"), *MM_STEM, *MM_FIRST_SHORTCUT, *MM_PLAIN)
    assert "backbone.layer1.0.downsample.0.weight" in content
    assert "backbone.layer2.0.downsample.2.weight" in content


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_torchvisions_names_are_ours(tmp_path, suffix):
    assert loads(tmp_path, SMALLEST, canonical(SMALLEST), suffix=suffix) == ()


def test_files_from_before_the_step_counters_load(tmp_path):
    content = without_counters(canonical(SMALLEST))
    assert loads(tmp_path, SMALLEST, content, _use_new_zipfile_serialization=False) == ()


@pytest.mark.parametrize("network", ["resnet50s", "seresnext50_32x4d"])
def test_gluons_ports_use_our_names(tmp_path, network):
    content = without_counters(canonical(network))
    assert {"conv1.0.weight", "layer1.0.se.fc1.weight"} & content.keys()
    assert loads(tmp_path, network, content) == ()


def test_timms_names_of_today_load_from_safetensors_and_those_of_its_training_program_from_pickles(tmp_path):
    content = canonical("resnetblur50")
    assert loads(tmp_path, "resnetblur50", content, suffix=".safetensors") == ()
    training = {"epoch": 3, "arch": "resnetblur50", "state_dict": content, "optimizer": {}, "metric": 0.79}
    assert loads(tmp_path, "resnetblur50", training, suffix=".pth.tar") == ()
    module = load_checkpoint(variant_of("resnetblur50"), tmp_path / "weights.pth.tar").module
    computes_the_golden_logits(module, "resnetblur50")  # its blurs are in no file


def test_cadenes_squeeze_networks_keep_their_names(tmp_path):
    content = without_counters(canonical("legacy_seresnet18"))
    assert {"layer0.conv1.weight", "layer1.0.se_module.fc1.weight", "last_linear.weight"} <= content.keys()
    assert loads(tmp_path, "legacy_seresnet18", content) == ()


def test_cadenes_squeeze_networks_are_not_todays(tmp_path, monkeypatch):
    names = ("seresnext50_32x4d", "legacy_seresnext50_32x4d")
    monkeypatch.setattr(checkpoints, "VARIANTS", [find(name) for name in names])  # not all of the table
    own = resbench.build("legacy_seresnext50_32x4d", device="meta").state_dict()
    blank = {key: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape) for key, tensor in own.items()}
    torch.save(blank, tmp_path / "a.pth")
    with pytest.raises(ResbenchError, match="it fits legacy_seresnext50_32x4d"):
        load_checkpoint("seresnext50_32x4d", tmp_path / "a.pth")


@pytest.mark.parametrize("classifier", ["last_linear", "classif"])
def test_the_background_class_of_tensorflow_ports_is_left_out(classifier):
    rows, bias = torch.arange(2002.0).view(1001, 2), torch.arange(1001.0)
    shapes = {"conv.weight": (1,), "classif.weight": (1000, 2), "classif.bias": (1000,)}
    held = {"conv.weight": torch.ones(1), f"{classifier}.weight": rows, f"{classifier}.bias": bias}
    tensors, (note,) = translate(held, shapes)
    assert torch.equal(tensors["classif.weight"], rows[1:])
    assert torch.equal(tensors["classif.bias"], bias[1:])
    assert "background" in note


@pytest.mark.nightly
@pytest.mark.parametrize("classifier", ["last_linear", "classif"])
def test_tensorflow_ports_lose_their_background_class_and_say_so(tmp_path, classifier):
    content = canonical("inception_resnet_v2")
    for kind in ("weight", "bias"):
        rows = content.pop(f"classif.{kind}")
        content[f"{classifier}.{kind}"] = torch.cat([torch.full_like(rows[:1], 1e6), rows])
    (note,) = loads(tmp_path, "inception_resnet_v2", content)
    assert "background" in note


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.module."])
def test_wrappers_come_off_in_any_order(tmp_path, prefix):
    assert loads(tmp_path, SMALLEST, {"state_dict": under(prefix, canonical(SMALLEST))}, suffix=".pth.tar") == ()


def test_the_cifar_networks_of_he_et_al_call_their_classifier_linear(tmp_path):
    content = under("module.", without_counters(renamed(canonical(SMALLEST), ("fc.", "linear."))))
    assert loads(tmp_path, SMALLEST, {"state_dict": content, "best_prec1": 91.78}, suffix=".th") == ()


@pytest.mark.parametrize(
    ("container", "inner"),
    [
        ("state_dict_ema", lambda tensors: under("module.", tensors)),  # timm
        ("model_ema", lambda tensors: {"n_averaged": torch.tensor(9), **under("module.", tensors)}),  # torchvision
    ],
)
def test_the_moving_average_is_taken_before_the_raw_weights(tmp_path, container, inner):
    tensors = canonical(SMALLEST)
    raw = {key: torch.zeros_like(tensor) for key, tensor in tensors.items()}
    (note,) = loads(tmp_path, SMALLEST, {"state_dict": raw, "model": raw, container: inner(tensors)})
    assert "moving average" in note


def test_half_precision_files_become_single_precision_and_say_so(tmp_path):
    tensors = canonical("resnet18")
    half = {key: tensor.half() for key, tensor in tensors.items()}  # the step counters too
    torch.save(half, tmp_path / "a.pth")
    loaded = load_checkpoint(variant_of("resnet18"), tmp_path / "a.pth")
    assert loaded.notes == ("converted float16 tensors to float32",)
    held = loaded.module.state_dict()
    assert all(torch.equal(held[key], half[key].to(held[key].dtype)) for key in half)
    assert {tensor.dtype for tensor in loaded.module.parameters()} == {torch.float32}
    computes_the_golden_logits(loaded.module, "resnet18", tolerance=2e-2)


def test_dialects_lie_on_top_of_each_other(tmp_path):
    tensors = renamed(canonical("resnet26d"), *MM_STEM, *MM_FIRST_SHORTCUT, *MM_PLAIN)
    content = {"state_dict_ema": under("_orig_mod.module.", without_counters(tensors)), "meta": MM_META}
    (note,) = loads(tmp_path, "resnet26d", content)
    assert "moving average" in note


SMALL = {
    "conv1.weight": torch.arange(6.0).reshape(1, 1, 2, 3),
    "bn1.weight": torch.tensor([1.0]),
    "bn1.running_mean": torch.tensor([2.0]),
    "bn1.num_batches_tracked": torch.tensor(0),
    "fc.weight": torch.tensor([[3.0]]),
    "fc.bias": torch.tensor([4.0]),
}
SHAPES = {key: tuple(tensor.shape) for key, tensor in SMALL.items()}
DIALECTS = {
    "module": lambda tensors: under("module.", tensors),
    "compiled": lambda tensors: under("_orig_mod.", tensors),
    "lightning": lambda tensors: under("model.", tensors),
    "uncounted": without_counters,
}
FIRST = {
    "torchvision": lambda tensors: tensors,
    "mmpretrain": lambda tensors: renamed(tensors, *MM_PLAIN),
    "cadene": lambda tensors: renamed(tensors, ("fc.", "last_linear.")),
    "double": lambda tensors: {key: t.double() if t.is_floating_point() else t for key, t in tensors.items()},
}


@given(st.sampled_from(sorted(FIRST)), st.lists(st.sampled_from(sorted(DIALECTS)), max_size=4))
def test_any_stack_of_dialects_translates_back(first, stack):
    tensors = FIRST[first](SMALL)
    for dialect in stack:
        tensors = DIALECTS[dialect](tensors)
    back, _ = translate(tensors, SHAPES)
    assert back.keys() == SMALL.keys()
    assert all(torch.equal(back[key], SMALL[key]) for key in SMALL)


def test_what_no_rule_knows_stays_as_it_is():
    odd = {"encoder.conv1.weight": SMALL["conv1.weight"], "module.fc.bias": SMALL["fc.bias"]}
    assert translate(odd, SHAPES)[0].keys() == odd.keys()
