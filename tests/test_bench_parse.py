"""Options as people write them."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from resbench.bench import parse
from resbench.bench.sides import Side
from resbench.cli import ab
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.running.settings import Running
from resbench.zoo.find import find

SIDE = Side(network=find("resnet18"), running=Running(threads=1, fuse=True))


def changed(differences):
    """The side B of a comparison with these differences."""
    _, other = parse.arms(SIDE, [], {"b": differences})
    return other


@pytest.mark.parametrize("text", ["", "1,", "0", "-1", "1.5", "max", "１"])
def test_batch_sizes_that_are_none_are_refused(text):
    with pytest.raises(ResbenchError, match="batch size"):
        parse.batch_sizes(text)


def test_batch_sizes_are_read_in_order_and_once():
    assert parse.batch_sizes("8,1,auto,8") == (8, 1, "auto")
    assert parse.batch_sizes(None) == ()


@pytest.mark.parametrize(
    ("difference", "field", "value"),
    [
        ("dtype=bf16", "dtype", "bf16"),
        ("threads=2", "threads", 2),
        ("input-px=224x288", "input_px", (224, 288)),
        ("amp", "amp", True),
        ("channels-last", "channels_last", True),
        ("runtime=openvino", "runtime", "openvino"),
        ("calibration=photos", "calibration", "photos"),
        ("compile-mode=max-autotune", "compile_mode", "max-autotune"),
        ("cuda-graph=true", "cuda_graph", True),
        ("fuse=false", "fuse", False),
    ],
)
def test_a_difference_changes_one_option_of_b(difference, field, value):
    before, after = SIDE.running, changed([difference]).running
    assert getattr(after, field) == value
    others = set(Running.__dataclass_fields__) - {field}
    assert all(getattr(before, name) == getattr(after, name) for name in others)


def test_b_has_an_interpreter_and_a_tree_of_its_own(tmp_path):
    side = changed(["python=python3", f"tree={tmp_path}"])
    assert (side.python, side.tree) == ("python3", Path(tmp_path))
    assert side.running == SIDE.running


def test_arms_have_networks_in_order_and_differences_by_letter():
    networks = [find("resnet34"), find("resnet50")]
    nothing = {"b": (), "c": (), "d": ()}
    names = [side.network.name for side in parse.arms(SIDE, networks, nothing)]
    assert names == ["resnet18", "resnet34", "resnet50"]
    assert parse.arms(SIDE, [], nothing) == [SIDE, SIDE]
    found = parse.arms(SIDE, networks[:1], {"b": ["dtype=bf16"], "c": ["fuse=false"], "d": ["threads=2"]})
    shown = [(side.network.name, side.running.dtype, side.running.fuse, side.running.threads) for side in found[1:]]
    assert shown == [("resnet34", "bf16", True, 1), ("resnet18", "fp32", False, 1), ("resnet18", "fp32", True, 2)]
    with pytest.raises(ResbenchError, match="--b: says nothing, but a later arm does; give the arms in order"):
        parse.arms(SIDE, [], {"b": (), "c": ["fuse=false"], "d": ()})
    with pytest.raises(ResbenchError, match="--c fused: unknown option 'fused'; did you mean fuse"):
        parse.arms(SIDE, networks, {"b": (), "c": ["fused"], "d": ()})
    with pytest.raises(ResbenchError, match="27 arms: at most 26"):
        parse.arms(SIDE, networks[:1] * 26, nothing)


def test_every_option_of_running_can_differ():
    assert {field for field, _ in parse.KEYS.values()} == set(Running.__dataclass_fields__) | {"python", "tree"}
    assert set(parse.EXAMPLES) == set(parse.KEYS)


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        ("fused", "--b fused: unknown option 'fused'; did you mean fuse?"),
        ("zzz=1", "unknown option 'zzz'; choose from dtype, threads,"),
        ("", "unknown option ''"),
        ("threads=0", "--b threads=0: give a positive number, such as --b threads=2"),
        ("threads", "give a positive number"),
        ("fuse=maybe", "--b fuse=maybe: give --b fuse or --b fuse=false"),
        ("input-px=wide", "give a size, such as --b input-px=256"),
        ("dtype=", "give --b dtype=bf16"),
        ("tree=no/such/folder", "give a folder with a checkout, such as --b tree=../base"),
        ("tree", "give a folder with a checkout"),
        ("python=", "give an interpreter"),
    ],
)
def test_what_is_no_difference_is_one_line_with_an_example(difference, message):
    with pytest.raises(ResbenchError) as raised:
        changed([difference])
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_help_names_every_key_with_examples_and_the_shell_completes_them(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    text = CliRunner().invoke(app, ["ab", "--help"]).output
    assert all(key in text for key in parse.KEYS)
    assert "--b dtype=bf16" in text
    assert ab._differences("c") == ["calibration", "channels-last", "compile-mode", "cuda-graph"]
    command = typer.main.get_command(app).commands["ab"]
    (option,) = (parameter for parameter in command.params if "--b" in parameter.opts)
    assert [item.value for item in option.shell_complete(None, "d")] == ["dtype"]
