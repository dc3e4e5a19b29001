"""Networks that other libraries build."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from resbench.errors import ResbenchError
from resbench.nets import elsewhere
from resbench.nets.build import build
from resbench.zoo.find import find


def builder(name):
    if name != "own":
        raise ValueError(f"Unknown model {name}\nand more")
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout())


def installed(monkeypatch, module):
    def import_module(name):
        if module is None:
            raise ImportError
        return module

    monkeypatch.setattr(elsewhere, "import_module", import_module)


def test_a_name_with_a_library_stands_for_its_network_and_others_for_rows_of_the_table():
    there = find("timm:resnet50")
    assert (there.name, there.spec.place, there.spec.name) == ("timm:resnet50", "timm", "resnet50")
    assert find("resnet50") is find("resnet50")


def test_it_is_built_by_the_library_where_asked_in_eval_mode(monkeypatch):
    installed(monkeypatch, SimpleNamespace(create_model=builder))
    assert not build(find("timm:own")).training
    assert build(find("timm:own"), device="meta")[0].weight.device == torch.device("meta")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (None, "timm:other: timm is not installed; run `pip install timm`"),
        (SimpleNamespace(create_model=builder), "timm:other: Unknown model other"),
    ],
)
def test_what_is_not_there_is_one_line(monkeypatch, module, message):
    installed(monkeypatch, module)
    with pytest.raises(ResbenchError) as raised:
        build(find("timm:other"))
    assert str(raised.value) == message


def test_a_module_that_is_not_there_is_one_line():
    with pytest.raises(
        ResbenchError, match="nolib:x: no module named 'nolib' here; install it, run this in its folder"
    ):
        build(find("nolib:x"))
