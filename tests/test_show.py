"""A network as it is drawn: what stands there is what other counters and the record say."""

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
import torch
from typer.testing import CliRunner

from resbench.cards import drawing
from resbench.cli.app import app
from resbench.counting.stages import outline
from resbench.nets.build import build
from resbench.records.record import PartTime
from resbench.records.store import path_of, save
from resbench.zoo.find import find
from tests.examples import PROFILE, SETTINGS, STAGE_TIMES

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def show(*words):
    return CliRunner().invoke(app, ["show", *words])


def words_of(path):
    return [text.text for text in ET.parse(path).iter(f"{SVG}text")]


@pytest.fixture
def timed(tmp_path):
    """A folder with a record of resnet18 that says what each stage took."""
    names = ("stem", "layer1", "layer2", "layer3", "layer4", "head")
    parts = tuple(PartTime(name=name, wall_ns=(10**6 * (i + 1),) * 3) for i, name in enumerate(names))
    times = replace(STAGE_TIMES, whole=PartTime(name="", wall_ns=(21 * 10**6,) * 3), stages=parts, operators=parts[:1])
    record = replace(PROFILE, network="resnet18", settings=replace(SETTINGS, input_px=(64, 64)), stages=(times,))
    save(record, tmp_path / "results")
    return tmp_path / "results", record


def test_stages_and_blocks_have_the_shapes_and_parameters_of_a_real_pass():
    module = build("resnet18")
    stages = {stage.name: stage for stage in outline(module, 64)}
    shapes = {}
    for name, child in module.named_modules():
        child.register_forward_hook(lambda _m, _i, out, name=name: shapes.update({name: tuple(out.shape[1:])}))
    with torch.inference_mode():
        module.eval()(torch.zeros(1, 3, 64, 64))
    parts = [part for stage in stages.values() for part in stage.parts]
    assert {part.name: part.shape for part in parts} == {part.name: shapes[part.name] for part in parts}
    assert stages["stem"].shape == shapes["maxpool"] == (64, 16, 16)
    assert stages["layer3"].shape == shapes["layer3"]
    assert stages["head"].shape == (1000,)
    for part in parts:
        assert part.counts.params == sum(p.numel() for p in module.get_submodule(part.name).parameters())
    assert [part.name for part in stages["layer2"].parts] == ["layer2.0", "layer2.1"]
    assert sum(part.counts.terms.macs for part in parts) == sum(s.counts.terms.macs for s in stages.values())


def test_the_terminal_shows_stages_blocks_and_costs():
    shown = show("resnet50", "--results", "absent")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    # He et al. 2015 and torchvision: 25,557,032 parameters, 4.09 G multiply-adds, stages of 3, 4, 6 and 3 blocks.
    assert lines[0] == "resnet50: 25,557,032 parameters, 4,089,184,256 multiply-adds of an image of 224x224 px"
    layer3 = next(line for line in lines if "layer3" in line)
    assert "1024 x 14 x 14" in layer3
    assert "7,098,368" in layer3
    assert sum("1 to 5, each Bottleneck" in line for line in lines) == 1
    assert not any("time at batch" in line for line in lines)


def test_times_of_a_record_stand_beside_the_stages(timed):
    folder, record = timed
    words = ["resnet18", "--input-px", "64", "--results", str(folder)]
    shown = show(*words).stdout
    assert "time at batch 2" in shown
    assert "3.00 ms  14.3 %" in next(line for line in shown.splitlines() if "layer2" in line)
    assert f"times: {path_of(record).as_posix()}" in shown
    told = json.loads(show(*words, "--json").stdout)
    assert [stage["time_s"]["2"] for stage in told["stages"]] == pytest.approx([0.001 * i for i in range(1, 7)])
    assert told["record"] == path_of(record).as_posix()
    assert "time_s" not in json.loads(show("resnet18", "--results", str(folder), "--json").stdout)["stages"][0]


def test_the_drawing_has_what_the_terminal_shows(timed, tmp_path):
    folder, _ = timed
    file = tmp_path / "r.svg"
    done = show("resnet18", "--input-px", "64x96", "-o", str(file))
    assert (done.exit_code, done.stdout) == (0, "")
    words = words_of(file)
    assert {"3 x 64 x 96", "64 x 16 x 24", "512 x 2 x 3", "2.10 M params", "513.00 k params"} <= set(words)
    show("resnet18", "--input-px", "64", "--results", str(folder), "-o", str(file))
    assert [word for word in words_of(file) if "at b2" in word] == [f"{i}.00 ms at b2" for i in range(1, 7)]


def test_networks_without_layers_are_drawn_with_their_sequences(tmp_path):
    file = tmp_path / "i.svg"
    assert show("inception_resnet_v2", "-o", str(file)).exit_code == 0
    words = words_of(file)
    assert [word for word in words if word.startswith("repeat")] == ["repeat", "repeat_1", "repeat_2"]
    assert "1088 x 17 x 17" in words
    outside = [word for word in words if word.endswith(" params")]
    assert len(outside) == 5  # the stem, three stages, the rest


def test_cards_are_drawn_as_before():
    plain = drawing.network(find("resnet50")).svg
    assert "params" not in plain
    assert ">stage 4<" in plain


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("resnet500",), "unknown network"),
        (("resnet18", "-o", "drawing.png"), "drawing.png: the drawing is an SVG file"),
        (("resnet18", "--input-px", "0"), "--input-px"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(words, says):
    done = show(*words)
    assert says in str(done.exception)
