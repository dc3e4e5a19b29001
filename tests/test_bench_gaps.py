"""`resbench validate --explain-gap` names what restores an accuracy, and costs no result."""

import io
import json
import re
import shlex
import tarfile
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from resbench.accuracy.figures import gap
from resbench.accuracy.labels import imagenet
from resbench.accuracy.twins import STRIDES, twins
from resbench.bench import entries, gaps
from resbench.bench.entries import Validating
from resbench.cli.app import app
from resbench.nets.build import build
from resbench.nets.checkpoints import Loaded
from resbench.records import jsonio
from resbench.running.settings import Running
from resbench.zoo.find import find
from tests import filled, planted
from tests.printed import printed_records

pytestmark = pytest.mark.usefixtures("planted_checkpoint")
WNIDS = list(imagenet())


@pytest.fixture
def folder(tmp_path):
    for place in range(4):
        planted.write(tmp_path / "val" / WNIDS[25 * place] / f"{place}.JPEG", 25 * place)
    return tmp_path / "val"


def run(folder, *words):
    small = ("--img-size", "16", "--crop-pct", "0.8", "--explain-gap")
    return CliRunner().invoke(app, ["validate", "--data", str(folder), "resnet18", *small, *words])


def test_the_twin_that_restores_the_accuracy_is_named(tmp_path):
    for place in range(40):
        planted.write(tmp_path / "val" / WNIDS[25 * place] / f"{place}.JPEG", 25 * place)
    result = run(tmp_path / "val", "--weights", "bgr.pth")
    assert result.exit_code == 0, result.output
    restoring = [line for line in result.stderr.splitlines() if "restores" in line]
    assert len(restoring) == 1
    assert "channels blue, green, red" in restoring[0]
    assert " 40 " in restoring[0]


def test_what_was_found_is_kept_in_the_record_and_shown_again(tmp_path):
    for place in range(40):
        planted.write(tmp_path / "val" / WNIDS[25 * place] / f"{place}.JPEG", 25 * place)
    output = ("--save", "--output", str(tmp_path / "results"))
    result = run(tmp_path / "val", "--weights", "bgr.pth", *output)
    assert result.exit_code == 0, result.output
    assert "channels blue, green, red: no option validates like this" in " ".join(result.stderr.split())
    (path,) = (tmp_path / "results").rglob("*.json")
    gap = jsonio.read_record(path).gap
    assert (gap.images, gap.twins[0].what, gap.twins[0].top1_right) == (40, "channels blue, green, red", 40)
    shown = CliRunner().invoke(app, ["results", "show", str(path)])
    assert "restores" in shown.stdout
    (told,) = json.loads(CliRunner().invoke(app, ["results", "show", str(path), "--json"]).stdout)
    assert told["gap"]["twins"][0]["gained"] == gap.twins[0].gained


def test_twins_see_images_from_all_over_an_archive_that_is_sorted_by_class(tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "val.tar.gz", "w:gz") as archive:
        for place in range(12):
            shown = 25 * (place // 3)
            member = tarfile.TarInfo(f"val/{WNIDS[shown]}/{place:02}.JPEG")
            member.size = len(data := planted.encoded(shown))
            archive.addfile(member, io.BytesIO(data))
    seen = []
    monkeypatch.setattr(gaps, "GAP_IMAGES", 4)
    monkeypatch.setattr(gaps, "gap", lambda first, others: seen.append(first.names) or gap(first, others))
    monkeypatch.setattr(gaps, "twins", lambda *given: list(twins(*given))[:1])
    result = run(tmp_path / "val.tar.gz", "--weights", "x.pth")
    assert result.exit_code == 0, result.output
    (names,) = seen
    assert len(names) == len({name.split("/")[-2] for name in names}) == 4


def test_the_commands_of_twins_do_what_the_twins_did(tmp_path):
    folder = tmp_path / "a folder"
    for place in range(6):
        planted.write(folder / WNIDS[25 * place] / f"{place}.JPEG", 25 * place, size=(40, 30))
    words = ("--decoder", "simplejpeg", "--dtype", "bf16", "--channels-last", "--save", "--output", str(tmp_path / "r"))
    result = run(folder, *words, "--weights", str(tmp_path / "x.pth"), "--explain-gap")
    assert result.exit_code == 0, result.output
    (path,) = (tmp_path / "r").rglob("*.json")
    record = jsonio.read_record(path)
    ran = {}
    for twin in record.gap.twins:
        if twin.command:
            again = CliRunner().invoke(app, [*shlex.split(twin.command)[1:], "--json"])
            assert again.exit_code == 0, again.output
            (ran[twin.what],) = printed_records(again.stdout)
            assert ran[twin.what].top1_right == twin.top1_right, twin.what
    assert ran["bicubic resizing"].pixels.interpolation == "bicubic"
    assert ran["inputs from 0 to 1, not normalised"].pixels.mean == (0, 0, 0)
    assert (ran["crop of 1.0 of the image"].pixels.resize_px, record.pixels.resize_px) == (16, 20)
    assert ran["everything in fp32"].settings == replace(record.settings, dtype="fp32")
    assert ran["pixels of Pillow"].pixels.decoder.startswith("pillow")
    assert "channels blue, green, red" not in ran
    assert len(ran) > 8


def test_a_stride_on_the_other_convolution_is_a_network_of_the_table(tmp_path, monkeypatch):
    module = build(filled.short(find("resnet50")))
    loaded = Loaded(module=module, variant=find("resnet50"), path=tmp_path / "w.pth", sha256="ab" * 32, notes=())
    (tmp_path / "w.pth").touch()
    monkeypatch.setattr(entries, "load_checkpoint", lambda *_: loaded)
    monkeypatch.setattr(gaps, "twins", lambda *found: (one for one in twins(*found) if one.what == STRIDES))
    planted.write(tmp_path / "val" / WNIDS[0] / "a.JPEG", 0)
    monkeypatch.setattr(gaps, "_other_types", lambda own: ())
    how = Validating(running=Running(input_px=32), batch_size=1)
    ((moved,),) = (found.twins for found in gaps.explain_gaps(["resnet50"], ["w.pth"], tmp_path / "val", how))
    assert moved.what == f"{STRIDES}: resnet50_v1"
    words = f"--data {tmp_path / 'val'} --batch-size 1 --img-size 32 --weights {tmp_path / 'w.pth'}"
    assert moved.command == f"resbench validate {words} resnet50_v1"


def test_decoder_resizing_and_type_are_tried_each_alone(folder):
    result = run(folder, "--decoder", "simplejpeg+torch", "--dtype", "bf16")
    assert result.exit_code == 0, result.exception
    rows = result.stderr
    for what in ("pixels of Pillow", "everything in fp32", "resizing without antialiasing"):
        assert re.search(rf"{what}\W.* 4 ", rows), what
    assert "in bf16" not in rows
    rows = run(folder).stderr
    assert "everything in bf16" in rows
    assert "lanczos resizing" in rows
    assert "pixels of Pillow" not in rows


def test_the_result_is_shown_before_twins_are_tried(folder, monkeypatch):
    monkeypatch.setattr(gaps, "twins", None)  # what comes after the validation fails
    result = run(folder, "--json")
    assert isinstance(result.exception, TypeError)
    assert json.loads(result.stdout)[0]["top1_right"] == 4


def test_of_several_processes_one_looks_for_twins_and_shows_the_result(folder, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(gaps, "explain_gaps", None)  # whoever calls it now fails
    result = run(folder)
    assert (result.exit_code, result.output) == (0, "")
