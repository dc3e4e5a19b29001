"""Several sets of weights in one file: which is taken, what is said of it, and how to choose."""

from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

import resbench
from resbench.bench.profiling import Profiling, requested
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.nets.checkpoints import load_checkpoint, read_tensors
from resbench.zoo.find import find

SMALLEST = "resnet20_cifar10"
SMALL = replace(find(SMALLEST), spec=replace(find(SMALLEST).spec, depths=(1,)))
KEY = "fc.bias"


def zeros(network):
    return {key: torch.zeros_like(tensor) for key, tensor in resbench.build(network).state_dict().items()}


@pytest.fixture(scope="module")
def raw():
    return zeros(SMALL)


@pytest.fixture(scope="module")
def average(raw):
    return {key: torch.ones_like(tensor) for key, tensor in raw.items()}


@pytest.fixture
def saved(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "a.pth")
        return tmp_path / "a.pth"

    return save


def taken(path, key=None):
    """Which set a file gives, and what is said."""
    loaded = load_checkpoint(SMALL, path, key)
    return "average" if loaded.module.state_dict()[KEY][0] == 1 else "raw", "; ".join(loaded.notes)


@pytest.mark.parametrize(
    ("average_key", "raw_key"),
    [
        ("ema", "model"),
        ("ema_state_dict", "state_dict"),
        ("model_ema_state_dict", "model"),
        ("averaged_model", "model"),
        ("state_dict_ema", "state_dict"),
        ("swa_model", "net"),
    ],
)
def test_an_average_beside_raw_weights_is_taken_and_both_are_named(saved, raw, average, average_key, raw_key):
    path = saved({raw_key: raw, average_key: average, "epoch": 3})
    which, note = taken(path)
    assert which == "average"
    assert note == f"took the moving average {average_key!r}; the file also holds {raw_key!r} (choose with --key)"
    assert taken(path, raw_key) == ("raw", "")
    assert taken(path, average_key) == ("average", "")


def test_a_teacher_may_be_another_network_so_the_model_is_taken(saved, raw, average):
    path = saved({"teacher": average, "model": raw})
    assert taken(path) == ("raw", "took 'model'; the file also holds 'teacher' (choose with --key)")
    assert taken(path, "teacher") == ("average", "")


def test_of_a_teacher_and_a_student_the_teacher_is_taken(saved, raw, average):
    assert taken(saved({"student": raw, "teacher": average}))[0] == "average"


def test_mmengine_swaps_the_average_into_the_state_dict(saved, raw, average):
    path = saved({"message_hub": {}, "state_dict": average, "ema_state_dict": raw})
    which, note = taken(path)
    assert which == "average"
    assert "MMEngine's moving average; --key ema_state_dict takes the raw weights" in note


@pytest.mark.parametrize("container", [None, "state_dict"])
def test_sets_that_share_one_mapping_are_told_apart_by_their_prefix(saved, raw, average, container):
    mixed = {f"model.{k}": v for k, v in raw.items()} | {f"model_ema.module.{k}": v for k, v in average.items()}
    path = saved({container: mixed} if container else mixed)
    prefix = f"{container}." if container else ""
    which, note = taken(path)
    assert which == "average"
    assert repr(f"{prefix}model") in note
    assert taken(path, f"{prefix}model")[0] == "raw"


def test_a_container_of_containers_is_opened(saved, raw, average):
    path = saved({"checkpoint": {"model": raw, "ema": average}})
    assert taken(path)[0] == "average"
    assert taken(path, "checkpoint.model")[0] == "raw"


def test_mmcvs_copies_of_the_other_weights_are_left_out_and_said(saved, raw):
    tensors = {f"backbone.{key}" if not key.startswith("fc") else f"head.{key}": value for key, value in raw.items()}
    copies = {f"ema_{key.replace('.', '_')}": value + 1 for key, value in tensors.items()}
    which, note = taken(saved({"state_dict": tensors | copies}))
    assert which == "raw"
    assert f"left out {len(copies)} buffers ema_*" in note


def test_several_sets_of_unknown_names_are_refused_until_one_is_chosen(saved, raw, average):
    path = saved({"generator": raw, "critic": average, "loss": {"weight": torch.ones(1)}})
    with pytest.raises(ResbenchError, match=r"sets of weights \('generator', 'critic'\); choose one with --key"):
        taken(path)
    assert taken(path, "critic")[0] == "average"


def test_one_set_of_an_unknown_name_needs_no_choice(saved, raw):
    assert taken(saved({"generator": raw, "epoch": 1})) == ("raw", "")


def test_a_key_that_is_not_there_is_answered_with_those_that_are(saved, raw, average):
    with pytest.raises(ResbenchError, match=r"no set of weights is called 'emma'; it holds 'model', 'ema'"):
        taken(saved({"model": raw, "ema": average}), "emma")
    with pytest.raises(ResbenchError, match="the file holds one set alone; leave --key out"):
        taken(saved(raw), "emma")


def test_two_sets_of_one_file_are_two_checkpoints(saved, raw, average):
    path = saved({"model": raw, "ema": average})
    hashes = {load_checkpoint(SMALL, path, key).sha256 for key in ("model", "ema")}
    assert len(hashes) == 2
    assert load_checkpoint(SMALL, path).sha256 in hashes


def test_optimizer_states_are_no_weights(saved, raw):
    module = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    path = saved({"state_dict": raw, "optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()})
    assert taken(path) == ("raw", "")
    assert read_tensors(path).key == ""


@pytest.fixture
def whole(saved):
    """A file of two sets of weights of a network of the table."""
    raw = zeros(SMALLEST)
    return saved({"model": raw, "ema": {key: torch.ones_like(tensor) for key, tensor in raw.items()}})


def test_the_commands_take_the_key_and_say_which_was_taken(whole):
    verified = CliRunner().invoke(app, ["weights", "verify", str(whole)])
    assert "took the moving average 'ema'" in " ".join(verified.stdout.split())
    assert "took" not in CliRunner().invoke(app, ["weights", "verify", "--key", "model", str(whole)]).stdout
    converted = CliRunner().invoke(app, ["weights", "convert", "--key", "model", str(whole)])
    assert load_checkpoint(SMALLEST, converted.stdout.strip()).module.state_dict()[KEY][0] == 0


def test_validations_and_profiles_take_the_key_and_record_it(whole, tmp_path):
    (tmp_path / "test_batch.bin").write_bytes(b"".join(bytes([label]) + bytes(3072) for label in range(10)))
    how = {"workers": 1, "device": "cpu", "plain": True}
    records = [
        resbench.validate(SMALLEST, tmp_path / "test_batch.bin", weights=whole, key=key, **how)
        for key in ("model", "ema")
    ]
    assert [record.weights for record in records] == ["a.pth (model)", "a.pth (ema)"]
    assert records[0].weights_sha256 != records[1].weights_sha256
    profiling = Profiling(weights=str(whole), key="model", device="cpu")
    assert requested(resbench.find(SMALLEST), profiling).key == "model"
