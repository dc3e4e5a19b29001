"""Nothing but `weights fetch` and addresses that the user gives touches the network."""

import socket

import pytest
import torch
from typer.testing import CliRunner

import resbench
from resbench.accuracy.labels import imagenet
from resbench.bench import measuring
from resbench.cli.app import app
from resbench.records.pool import add_all
from resbench.records.store import save
from tests import examples, planted


class TouchedNetworkError(AssertionError):
    """Something tried to reach another machine."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path, few_samples):
    """Every way out of this process raises."""

    def refuse(*_args, **_how):
        raise TouchedNetworkError

    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(measuring, "_memory", lambda *_: iter(()))
    monkeypatch.setattr(measuring.ceilings, "measure_ceilings", lambda *_: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights, images, a record and a card; no command below changes what another reads."""
    tmp_path = tmp_path_factory.mktemp("folder")
    torch.save(resbench.build("resnet10t").state_dict(), tmp_path / "resnet10t.pth")
    for label, wnid in enumerate(list(imagenet())[:2]):
        planted.write(tmp_path / "val" / wnid / "a.JPEG", label)
    save(examples.PROFILE, tmp_path / "results")
    add_all(tmp_path / "results", tmp_path / "pool")
    (tmp_path / "card.md").write_text("| Model | Params |\n| :-- | --: |\n| [resnet18](https://a.org) | 11.69M |\n")
    return tmp_path


QUICK = "--input-px 32 --time-budget 0.1 --threads 1"
COMMANDS = [
    "list",
    "count resnet20_cifar10",
    "count resnet20_cifar10 --crosscheck",
    "explain resnet50 4.09G",
    f"profile resnet20_cifar10 {QUICK} --save -o {{folder}}/new",
    "validate --data {folder}/val --weights {folder}/resnet10t.pth resnet10t --img-size 32",
    "data check {folder}/val",
    "card resnet18 --output {folder}/cards",
    "card resnet18 --style huggingface --output {folder}/hub",
    "lint {folder}/card.md",
    "check {folder}/results --against {folder}/results",
    "stats {folder}/results",
    "env",
    "weights list resnet18",
    "weights verify {folder}/resnet10t.pth",
    "weights convert {folder}/resnet10t.pth",
    "baseline save {folder}/results --pool {folder}/other",
    "history {folder}/pool",
]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_stays_on_this_machine(words, folder):
    done = CliRunner().invoke(app, words.format(folder=folder).split())
    assert not isinstance(done.exception, TouchedNetworkError)
    assert done.exit_code == 0, (done.output, done.exception)


def test_the_guard_sees_a_download(folder):
    """Otherwise the tests above could not fail."""
    done = CliRunner().invoke(app, ["weights", "fetch", "resnet18"])
    assert isinstance(done.exception, TouchedNetworkError), done.output
