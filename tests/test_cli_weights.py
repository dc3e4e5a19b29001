"""`resbench weights` as a shell sees it; tests/test_nets_cache.py has the network."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from typer.testing import CliRunner

import resbench
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.nets import cache
from resbench.zoo import find as lookup
from resbench.zoo.find import find_weights
from resbench.zoo.weights import WEIGHTS
from tests.imported import modules_after

FILE = "resnet20-12fca82f.th"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def own(tmp_path):
    """A file as akamaster's are, of our own making."""
    tensors = resbench.build("resnet20_cifar10").state_dict()
    names = {key: f"module.{key.replace('fc.', 'linear.')}" for key in tensors}
    torch.save({"state_dict": {names[key]: tensor for key, tensor in tensors.items()}}, tmp_path / "own.th")
    return tmp_path / "own.th"


@pytest.fixture
def published(own, monkeypatch):
    """The table, as if akamaster had published that file."""
    row = replace(find_weights("akamaster_resnet20"), sha256_prefix=cache.sha256(own)[:8])
    monkeypatch.setattr(lookup, "WEIGHTS", (row,))
    return row


def run(*words):
    return CliRunner().invoke(app, ["weights", *map(str, words)])


def refused(*words):
    result = run(*words)
    assert isinstance(result.exception, ResbenchError)
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_every_checkpoint_is_listed_with_its_claims_and_path(hub):
    listed = json.loads(run("list", "--json").stdout)
    assert [row["name"] for row in listed] == [weights.name for weights in WEIGHTS]
    (row,) = json.loads(run("list", "gluon_senet154", "--json").stdout)
    assert row["sha256_prefix"] == "70a1a3c0"
    assert row["preprocess"]["interpolation"] == "bicubic"
    assert {claim["metric"] for claim in row["claims"]} == {"params", "flops", "file_size", "top1", "top5"}
    assert (row["path"], row["here"]) == (str(hub / "gluon_senet154-70a1a3c0.pth"), False)


@pytest.mark.parametrize(
    ("pattern", "count"), [("resnext101_64x4d", 2), ("ssl_*", 6), ("*_Weights.DEFAULT", 10), ("*.gluon_in1k", 23)]
)
def test_patterns_fit_names_networks_and_aliases(pattern, count):
    assert len(json.loads(run("list", pattern, "--json").stdout)) == count


def test_the_table_says_what_is_here_and_what_was_published_in_error(hub):
    (hub / FILE).write_bytes(b"x")
    here = run("list", "akamaster_resnet20").stdout
    assert "91.73 %" in here
    assert "yes" in here
    assert "false" in run("list", "inception_resnet_v2").stdout


def test_listing_and_locating_do_not_import_torch(hub):
    (hub / FILE).write_bytes(b"x")
    for words in (("list", "resnet50"), ("path", "akamaster_resnet20")):
        assert "torch" not in modules_after("weights", *words)


def test_the_path_of_what_is_here_is_printed(hub):
    (hub / FILE).write_bytes(b"x")
    assert run("path", "akamaster_resnet20").stdout == f"{hub / FILE}\n"


def test_what_is_not_here_or_not_known_is_said_in_one_line(hub):
    message = refused("path", "akamaster_resnet20")
    assert all(part in message for part in (FILE, str(hub), find_weights("akamaster_resnet20").url, "weights fetch"))
    assert "akamaster_resnet20" in refused("path", "akamaster_resnet2")
    assert "its checkpoints are tv_resnet101" in refused("fetch", "resnet101")
    assert "no checkpoint of it is published" in refused("fetch", "plain18")
    assert "unknown checkpoint 'zzz'; `resbench weights list`" in refused("list", "zzz")


def test_fetching_what_is_here_prints_its_path(hub, own, published):
    (hub / FILE).write_bytes(own.read_bytes())
    result = run("fetch", published.name)
    assert (result.exit_code, result.stdout) == (0, f"{hub / FILE}\n")


def test_a_published_file_is_recognised_under_any_name(own, published):
    result = run("verify", own, "--json")
    assert result.exit_code == 0
    identity = json.loads(result.stdout)
    assert (identity["verdict"], identity["published"]) == ("published", [published.name])
    assert identity["networks"] == ["resnet20_cifar10"]
    assert identity["sha256"] == cache.sha256(own)


def test_a_file_that_bears_a_published_name_wrongly_exits_1(tmp_path, own):
    (tmp_path / FILE).write_bytes(own.read_bytes())
    result = run("verify", tmp_path / FILE)
    assert result.exit_code == 1
    assert "NOT akamaster_resnet20" in result.stdout


def test_any_other_file_is_told_what_it_fits(own):
    result = run("verify", own)
    assert result.exit_code == 0
    assert "no published checkpoint of the table" in result.stdout
    assert "resnet20_cifar10" in result.stdout


def test_a_file_that_fits_look_alikes_is_told_so(tmp_path):
    torch.save(resbench.build("resnet18").state_dict(), tmp_path / "a.pth")
    result = run("verify", tmp_path / "a.pth")
    assert "resnet18 and resnetblur18" in result.stdout
    assert "validate with each" in result.stdout


def test_what_is_no_checkpoint_cannot_be_verified_or_converted(tmp_path):
    (tmp_path / "page.pth").write_text("<html>")
    for command in ("verify", "convert"):
        assert "not a checkpoint" in refused(command, tmp_path / "page.pth")
        assert "no such file" in refused(command, tmp_path / "nowhere.pth").lower()


def test_a_converted_file_holds_the_same_numbers_under_our_names(own):
    result = run("convert", own, "--to", "safetensors")
    written = own.with_name("own.safetensors")
    assert result.stdout == f"{written}\n"
    held, wanted = load_file(written), resbench.load("resnet20_cifar10", own).state_dict()
    assert held.keys() == wanted.keys()
    assert all(torch.equal(held[key], wanted[key]) for key in wanted)
    with safe_open(written, "pt") as file:
        assert file.metadata() == {"format": "pt", "converted_from_sha256": cache.sha256(own)}
    assert resbench.load("resnet20_cifar10", written)


def test_what_was_changed_in_a_converted_file_is_said(tmp_path):
    tensors = {key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in small().items()}
    torch.save(tensors, tmp_path / "half.pth.tar")
    result = run("convert", tmp_path / "half.pth.tar")
    assert result.stdout == f"{tmp_path / 'half.safetensors'}\n"
    assert "converted float16 tensors to float32" in result.stderr


def small():
    return resbench.build("resnet20_cifar10").state_dict()


def test_nothing_is_overwritten_and_nothing_is_left_half_written(tmp_path, own):
    existing = tmp_path / "there.safetensors"
    existing.write_text("mine")
    assert "exists already" in refused("convert", own, "--output", existing)
    assert existing.read_text() == "mine"
    assert "choose a folder" in refused("convert", own, "--output", existing / "a.safetensors")
    tensors = small()
    del tensors["fc.bias"]
    torch.save(tensors, tmp_path / "short.pth")
    assert "fits no network" in refused("convert", tmp_path / "short.pth")
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == ["there.safetensors"]
