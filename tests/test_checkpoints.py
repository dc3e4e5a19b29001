"""Files of weights: what is read, what is refused, and what is said."""

import argparse
import os
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import resbench
from resbench.errors import ResbenchError
from resbench.nets import cache, checkpoints
from resbench.nets.checkpoints import load_checkpoint
from resbench.zoo import find as lookup
from resbench.zoo.find import find_weights
from resbench.zoo.variants import VARIANTS
from tests import filled

SMALLEST = "resnet20_cifar10"


@pytest.fixture(scope="module")
def tensors():
    shapes = {key: tuple(value.shape) for key, value in resbench.build(SMALLEST, device="meta").state_dict().items()}
    values = {key: filled.tensor(key, shape) for key, shape in shapes.items()}
    return {key: value.float() if value.is_floating_point() else value for key, value in values.items()}


@pytest.fixture
def weights(tmp_path, tensors):
    torch.save(tensors, tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def refusal(path, network=SMALLEST):
    with pytest.raises(ResbenchError) as caught:
        load_checkpoint(network, path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


def blank(network):
    """The names and shapes of a network's weights; every element is the same one, so that the file is small."""
    tensors = resbench.build(network, device="meta").state_dict()
    return {key: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape) for key, tensor in tensors.items()}


class RunsCode:
    ran = False

    def __reduce__(self):
        return (setattr, (RunsCode, "ran", True))


def test_a_loaded_network_is_ready_to_use(weights, tensors):
    module = resbench.load(SMALLEST, weights)
    assert not module.training
    assert module.conv1.weight.requires_grad
    assert all(torch.equal(value, tensors[key]) for key, value in module.state_dict().items())
    with torch.inference_mode():
        assert module(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_what_is_changed_in_the_weights_is_warned_of(tmp_path, tensors):
    torch.save({key: value.half() for key, value in tensors.items()}, tmp_path / "half.pth")
    with pytest.warns(UserWarning, match=r"half\.pth: converted float16 tensors to float32") as caught:
        resbench.load(SMALLEST, tmp_path / "half.pth")
    assert caught[0].filename == __file__


def test_the_hash_of_the_file_comes_with_the_network(weights):
    import hashlib

    assert load_checkpoint(SMALLEST, weights).sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_no_tensor_of_any_network_is_left_without_memory(tmp_path):
    network = "resnetblur18"  # its blurs are constants that no checkpoint holds
    torch.save(resbench.build(network).state_dict(), tmp_path / "a.pth")
    module = resbench.load(network, tmp_path / "a.pth")
    assert not any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))
    with torch.inference_mode():
        assert module(torch.zeros(1, 3, 64, 64)).isfinite().all()


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_weights_lie_in_the_usual_order_whatever_the_files(tmp_path, tensors, layout):
    stored = {key: value.to(memory_format=layout) if value.ndim == 4 else value for key, value in tensors.items()}
    torch.save(stored, tmp_path / "a.pth")
    assert all(parameter.is_contiguous() for parameter in resbench.load(SMALLEST, tmp_path / "a.pth").parameters())


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["bare", "state_dict", "beside"])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, tensors, zipped, place):
    content = {"bare": RunsCode(), "state_dict": {"state_dict": RunsCode()}, "beside": {**tensors, "extra": RunsCode()}}
    torch.save(content[place], tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    message = refusal(tmp_path / "a.pth")
    assert "would run code (setattr)" in message
    assert not RunsCode.ran


def test_a_plain_pickle_that_would_run_code_is_refused(tmp_path):
    (tmp_path / "a.pth").write_bytes(pickle.dumps(RunsCode()))
    assert "refused" in refusal(tmp_path / "a.pth")
    assert not RunsCode.ran


def test_a_pickled_network_is_refused_and_names_its_class(tmp_path):
    torch.save(resbench.build(SMALLEST), tmp_path / "a.pth")
    assert "ResNet); save its state dict alone" in refusal(tmp_path / "a.pth")


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning", "ignore:.*torch.jit:FutureWarning")
def test_a_torchscript_program_is_refused(tmp_path):
    traced = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    traced.save(str(tmp_path / "a.pt"))
    assert "TorchScript" in refusal(tmp_path / "a.pt")


def test_the_plain_values_of_training_programs_are_no_code(tmp_path, tensors):
    content = {
        "state_dict": tensors,
        "args": argparse.Namespace(lr=0.1, model="resnet20"),
        "best": np.float64(0.91),
        "step": np.int64(7),
    }
    torch.save(content, tmp_path / "a.pth.tar")
    assert resbench.load(SMALLEST, tmp_path / "a.pth.tar")


def files_that_are_no_checkpoints(tmp_path, whole):
    cut = whole.read_bytes()
    zipped = tmp_path / "zipped.pth"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("notes.txt", "nothing")
    yield zipped
    for name, content in {
        "empty.pth": b"",
        "page.pth": b"<html><body>404 Not Found",
        "pointer.pth": b"version https://git-lfs.github.com/spec/v1\n",
        "zeros.pth": bytes(4096),
        "noise.pth": os.urandom(4096).replace(b"PK", b"QK"),
        "cut.pth": cut[: len(cut) // 2],
        "pickle.pth": b"\x80\x02}q\x00.",
        "half-pickle.pth": b"\x80\x02}q\x00(X\x05",
    }.items():
        (tmp_path / name).write_bytes(content)
        yield tmp_path / name
    for name, value in {
        "list.pth": [1, 2],
        "tensor.pth": torch.zeros(3),
        "nothing.pth": {},
        "step.pth": {"step": 1},
    }.items():
        torch.save(value, tmp_path / name)
        yield tmp_path / name
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    yield tmp_path / "arrays.npz"


def test_what_is_not_a_checkpoint_is_said_not_to_be_one(tmp_path, weights):
    for path in files_that_are_no_checkpoints(tmp_path, weights):
        message = refusal(path)
        assert message.startswith(f"{path}: not a checkpoint"), message


def test_a_damaged_safetensors_file_is_refused(tmp_path, tensors):
    save_file(tensors, tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:-100])
    assert "damaged" in refusal(tmp_path / "b.safetensors")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    assert "no such file" in refusal(tmp_path / "nowhere.pth")
    assert "a folder" in refusal(tmp_path)


def test_every_misfit_is_counted_and_the_first_are_named(tmp_path, tensors):
    odd = dict(tensors)
    for key in [key for key in odd if key.startswith("layer3.2.")]:
        del odd[key]
    odd["stranger.weight"] = torch.zeros(1)
    odd["fc.weight"], odd["fc.bias"] = torch.zeros(1000, 64), torch.zeros(1000)
    odd["conv1.weight"] = torch.zeros(16, 3, 3, 3, dtype=torch.int8)
    torch.save(odd, tmp_path / "a.pth")
    message = refusal(tmp_path / "a.pth")
    assert "12 missing (layer3.2.conv1.weight, layer3.2.bn1.weight, layer3.2.bn1.bias and 9 more)" in message
    assert "1 unexpected (stranger.weight)" in message
    assert "2 of another shape (fc.weight (1000, 64) for (10, 64), fc.bias (1000,) for (10,))" in message
    assert "1 of another type (conv1.weight int8)" in message
    assert "fits no network" in message


@pytest.mark.parametrize(("network", "prefix"), [("resnet20_cifar10", "module."), ("legacy_seresnet18", "")])
def test_a_checkpoint_of_another_network_is_told_whose_it_is(tmp_path, network, prefix):
    torch.save({f"{prefix}{key}": value for key, value in blank(network).items()}, tmp_path / "a.pth")
    message = refusal(tmp_path / "a.pth", "resnet34")
    assert "not a checkpoint of resnet34" in message
    assert f"it fits {network}" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_numbers_load_and_are_named(tmp_path, tensors, value):
    torch.save({**tensors, "fc.bias": torch.full((10,), value)}, tmp_path / "a.pth")
    (note,) = load_checkpoint(SMALLEST, tmp_path / "a.pth").notes
    assert note.startswith("NaN or infinite values in fc.bias, so the outputs mean nothing")


def test_subnormal_weights_are_named_when_there_are_many(tmp_path, tensors):
    few, many = tensors["bn1.weight"] * 1e-40, tensors["layer3.1.conv1.weight"] * 1e-40
    torch.save({**tensors, "bn1.weight": few}, tmp_path / "few.pth")
    torch.save({**tensors, "layer3.1.conv1.weight": many}, tmp_path / "many.pth")
    assert load_checkpoint(SMALLEST, tmp_path / "few.pth").notes == ()
    (note,) = load_checkpoint(SMALLEST, tmp_path / "many.pth").notes
    assert note.startswith(f"{many.numel():,} weights are subnormal (below 1.2e-38), which slows a CPU")


def test_a_part_of_a_checkpoint_is_said_to_be_one(tmp_path, tensors):
    path = tmp_path / "model-00002-of-00003.safetensors"
    save_file({"fc.bias": tensors["fc.bias"]}, path)
    assert "by its name it is part 2 of 3: join all parts into one file" in refusal(path)


def test_a_published_checkpoint_that_is_not_here_is_described(hub):
    message = refusal(None, "gluon_seresnext50_32x4d")
    published = find_weights("gluon_seresnext50_32x4d")
    for part in (published.url, "gluon_seresnext50_32x4d-90cf2d6e.pth", str(hub), "resbench weights fetch"):
        assert part in message


def published_as(monkeypatch, weights, network=SMALLEST, name="akamaster_resnet20"):
    """Let the table say that `weights` was published as `name`."""
    row = replace(find_weights(name), network=network, sha256_prefix=cache.sha256(weights)[:8])
    monkeypatch.setattr(lookup, "WEIGHTS", (row,))
    return row


def test_a_published_checkpoint_loads_by_name_from_torch_hubs_folder(hub, weights, monkeypatch):
    row = published_as(monkeypatch, weights)
    (hub / "resnet20-12fca82f.th").write_bytes(weights.read_bytes())
    for words in [(row.name,), (SMALLEST, row.name)]:
        loaded = load_checkpoint(*words)
        assert loaded.path == hub / "resnet20-12fca82f.th"
        assert loaded.published is row


def test_a_file_with_a_wrong_hash_is_never_loaded_by_name(hub, weights):
    (hub / "resnet20-12fca82f.th").write_bytes(weights.read_bytes())
    message = refusal(None, "akamaster_resnet20")
    assert "begins with" in message
    assert "12fca82f" in message


def test_a_published_file_under_another_name_is_recognised_by_its_hash(weights, monkeypatch):
    row = published_as(monkeypatch, weights)
    assert load_checkpoint(SMALLEST, weights).published is row


def test_weights_that_fit_several_networks_name_all_of_them(tmp_path, monkeypatch):
    names = ("resnet50", "resnet50_v1", "resnetblur50", "seresnet50", "resnet18")
    monkeypatch.setattr(checkpoints, "VARIANTS", [lookup.find(name) for name in names])  # not all of the table
    torch.save(blank("resnet50_v1"), tmp_path / "a.pth")
    for network, other in (("resnet50", "resnet50_v1"), ("resnet50_v1", "resnet50")):
        (note,) = load_checkpoint(network, tmp_path / "a.pth").notes
        assert note == f"fits {network} and {other}: equal shapes, different strides; validate with both"
    assert "it fits resnet50, resnet50_v1, resnetblur50" in refusal(tmp_path / "a.pth", "resnet18")


def test_a_published_file_in_a_look_alike_is_said_to_belong_elsewhere(tmp_path, monkeypatch):
    torch.save(blank("resnet18"), tmp_path / "a.pth")
    published_as(monkeypatch, tmp_path / "a.pth", network="resnet18", name="gluon_resnet18_v1b")
    assert load_checkpoint("resnet18", tmp_path / "a.pth").notes == ()
    loaded = load_checkpoint("resnetblur18", tmp_path / "a.pth")
    assert loaded.published is None
    assert "published as gluon_resnet18_v1b for resnet18" in loaded.notes[0]


def test_any_other_file_is_no_published_checkpoint(weights):
    assert load_checkpoint(SMALLEST, weights).published is None


def test_a_checkpoint_of_another_network_is_refused_by_name():
    message = refusal("gluon_seresnext50_32x4d", "resnet50")
    assert "a checkpoint of seresnext50_32x4d, not of resnet50" in message


def test_a_network_alone_does_not_say_which_weights():
    assert "which weights? give a file, or name one of its checkpoints (tv_resnet101, " in refusal(None, "resnet101")
    assert "no checkpoint of it is published" in refusal(None, "plain18")


@pytest.mark.nightly
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_network_takes_its_own_weights_back(tmp_path, variant):
    torch.save(resbench.build(variant).state_dict(), tmp_path / "a.pth")
    notes = load_checkpoint(variant.name, tmp_path / "a.pth").notes
    assert len(notes) == (variant.name.removesuffix("_v1") in ("resnet50", "resnet101", "resnet152"))
