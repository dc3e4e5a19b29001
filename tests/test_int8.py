"""Networks in int8: calibrated, proved, and judged by what they lose against fp32 on the same images."""

import copy
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest
import torch
from scipy import stats
from typer.testing import CliRunner

from resbench.bench import calibrating, losses, recorded
from resbench.cli.app import app
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.judging.exact import obstacle_to_comparing
from resbench.judging.finding import Verdict
from resbench.judging.losses import has_collapsed, judge_loss
from resbench.records import store
from resbench.records.predictions import ROW
from resbench.records.record import Engine, PairedLoss
from resbench.report.losses import loss_words
from resbench.running import arm as arms
from resbench.running import proof
from resbench.running.runtimes import exported, onnx_runtime, runtime
from resbench.running.settings import Running, settings_for
from resbench.timing.speeds import Images
from resbench.zoo.spec import Preprocess
from tests import planted
from tests.examples import EVALUATION, PROFILE
from tests.printed import printed_records
from tests.test_cli_validate import SMALL
from tests.test_running_arm import CPU, tiny
from tests.test_running_runtimes import files, images, written

__all__ = ["files"]  # a fixture

CALIBRATION = runtime.CalibrationImages(
    name="photos", fingerprint="ab" * 32, images=8, batches=lambda: iter([images(8)])
)
WHERE = {"onnxruntime": "onnxruntime", "openvino": "nncf"}  # runtime -> the package that quantises for it


def in_int8(files, name="onnxruntime", calibration=CALIBRATION):
    running = Running(input_px=32, threads=1, runtime=name, dtype="int8", calibration="photos")
    return arms.prepare(None, settings_for(running, 224, CPU), CPU, 10, files, calibration)


@pytest.mark.parametrize("name", WHERE)
def test_int8_answers_nearly_as_fp32_and_says_how_it_was_made(files, name):
    pytest.importorskip(WHERE[name])
    arm = in_int8(files, name)
    found = proof.proved_export(tiny(), arm, [3])
    assert 1e-4 < found.difference < found.bound == 0.25
    suffix = {"onnxruntime": "onnx", "openvino": "bin"}[name]
    assert found.file_bytes < 0.5 * (files / f"network-float32.{suffix}").stat().st_size
    assert arm.engine.options["calibration"] == "8 images of photos"
    assert arm.engine.options["calibration_fingerprint"] == "ab" * 32
    assert "per channel" in arm.engine.options["int8"]
    assert arm.engine.versions[WHERE[name]] == version(WHERE[name])


@pytest.mark.parametrize("name", WHERE)
def test_weights_may_lie_beside_the_file_in_fp32_and_int8(files, tmp_path, name):
    pytest.importorskip(WHERE[name])
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "network-float32.onnx"
    beside = {"save_as_external_data": True, "location": f"{path.name}.data", "size_threshold": 0}
    onnx.save(onnx.load(str(files / path.name)), str(path), **beside)
    settings = settings_for(Running(input_px=32, threads=1, runtime=name), 224, CPU)
    plain = proof.proved_export(tiny(), arms.prepare(None, settings, CPU, 10, tmp_path), [2])
    assert plain.difference < 1e-4
    assert plain.file_bytes > path.with_name(f"{path.name}.data").stat().st_size
    found = proof.proved_export(tiny(), in_int8(tmp_path, name), [2])
    assert 1e-4 < found.difference < 0.25
    assert found.file_bytes < 0.6 * plain.file_bytes


def test_the_classifier_stays_in_fp32_so_that_logits_do_not_tie(files):
    arm = in_int8(files)
    assert len(arm.engine.options["layers_in_fp32"].split(", ")) == 1
    answers = arms.answer(arm, images(8))
    assert all(len(set(row.tolist())) == 10 for row in answers)


def test_a_file_that_exists_needs_no_images_again(files):
    first = in_int8(files)
    again = in_int8(files, calibration=None)
    assert torch.equal(arms.answer(again, images(2)), arms.answer(first, images(2)))


def test_the_layer_in_which_int8_departs_is_named(files):
    arm = in_int8(files)
    assert proof.departing_layer(tiny(), arm, images(1)) is None
    other = tiny()
    with torch.no_grad():
        other.layer1[0].conv3.weight.mul_(-4)
    with pytest.raises(InvalidMeasurementError, match=r"int8: not used: .* first in layer layer1\.0\.conv3"):
        proof.proved_export(other, arm, [2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runtime": "onnxruntime", "dtype": "int8"}, "give both, --dtype int8 and --calibration"),
        ({"calibration": "photos"}, "give both, --dtype int8 and --calibration"),
        ({"dtype": "int8", "calibration": "photos"}, "runtime eager: no int8 on cpu"),
    ],
)
def test_int8_needs_images_and_a_runtime_that_has_it(options, words):
    with pytest.raises(ResbenchError, match=words):
        settings_for(Running(**options), 224, CPU)


def test_without_nncf_the_error_names_the_extra(files, monkeypatch, tmp_path):
    from resbench.running.runtimes import openvino_runtime

    monkeypatch.setattr(openvino_runtime, "find_spec", lambda _: None)
    with pytest.raises(ResbenchError, match=r"needs nncf; pip install 'resbench\[int8\]'"):
        openvino_runtime.quantised_openvino(CALIBRATION, files, tmp_path / "q.xml")


def test_images_are_read_as_the_network_takes_them(tmp_path):
    for index in range(25):
        planted.write(tmp_path / "photos" / f"{index}.jpg", index * 30)
    preprocess = Preprocess(crop_px=16, crop_pct=0.8)
    found = calibrating.calibration_from(
        Images(path=str(tmp_path / "photos"), preprocess=preprocess, decoder="pillow", workers=1)
    )
    batches = list(found.batches())
    assert [tuple(batch.shape) for batch in batches] == [(20, 3, 16, 16), (5, 3, 16, 16)]
    assert (found.name, found.images) == ("photos", 25)
    assert calibrating.calibration_from(None) is None


# 58 images lost and 36 gained of 10,000: a real pair, resnet20 for CIFAR in ONNX Runtime.
REAL = PairedLoss(fp32_top1_right=9173, top1=(58, 36), top5=(0, 0))


def test_the_interval_of_a_loss_is_clopper_and_pearsons():
    judged = judge_loss(REAL, 10_000)
    low, high = stats.beta.ppf(0.025, 36, 59), stats.beta.ppf(0.975, 37, 58)  # of the share gained
    assert judged.change == pytest.approx(-0.0022)
    assert (judged.low, judged.high) == pytest.approx(((2 * low - 1) * 0.0094, (2 * high - 1) * 0.0094))
    assert judged.p_value == pytest.approx(2 * stats.binom.cdf(36, 94, 0.5))
    assert judged.permitted == pytest.approx(0.009173)


@pytest.mark.parametrize(
    ("top1", "max_loss", "verdict"),
    [
        ((58, 36), None, Verdict.OK),
        ((58, 36), 0.003, Verdict.INCONCLUSIVE),
        ((58, 36), 0.0, Verdict.REGRESSED),
        ((300, 36), None, Verdict.REGRESSED),
        ((0, 0), 0.0, Verdict.OK),
        ((140, 50), None, Verdict.INCONCLUSIVE),
    ],
)
def test_a_loss_is_judged_by_its_interval(top1, max_loss, verdict):
    assert judge_loss(replace(REAL, top1=top1), 10_000, max_loss).verdict == verdict


def test_a_loss_is_said_with_its_interval_and_what_is_permitted():
    record = replace(EVALUATION, images=10_000, loss=REAL)
    assert loss_words(record, judge_loss(REAL, 10_000)) == (
        "resnet18.pth: int8 against fp32 on the same 10,000 images: -0.22 points of top-1 [-0.41, -0.02] (58 lost, "
        "36 gained, p = 0.0298); within the permitted -0.92 points"
    )


def answers(right):
    rows = np.zeros(len(right), ROW)
    rows["top5"] = np.where(np.array(right), 0, 1)[:, None] + np.arange(5)
    rows["logits"] = np.arange(5, 0, -1)
    return rows


def test_a_collapse_shows_in_500_images_and_names_its_layer(files):
    fp32, sound = [True] * 400 + [False] * 100, [True] * 395 + [False] * 105
    arm, other = in_int8(files), copy.deepcopy(tiny())
    with torch.no_grad():
        other.layer1[0].conv3.weight.mul_(-4)
    shown = []

    def image(place):
        shown.append(place)
        return images(1)

    losses.refuse_collapse("tiny", arm, other, (answers(sound), answers(fp32)), image)
    assert shown == []
    fallen = [True] * 20 + [False] * 480
    with pytest.raises(InvalidMeasurementError) as raised:
        losses.refuse_collapse("tiny", arm, other, (answers(fallen), answers(fp32)), image)
    assert shown == [20]  # the first that fp32 alone got right
    assert "int8 has collapsed: 20 of the first 500 images right, 400 in fp32" in str(raised.value)
    assert "the first layer that departs is layer1.0.conv3" in str(raised.value)


def test_ten_points_are_no_collapse_where_chance_may_explain_them():
    assert has_collapsed(PairedLoss(fp32_top1_right=400, top1=(200, 0), top5=(0, 0)), 500)
    assert not has_collapsed(PairedLoss(fp32_top1_right=400, top1=(55, 0), top5=(0, 0)), 500)
    assert not has_collapsed(PairedLoss(fp32_top1_right=2, top1=(2, 0), top5=(0, 0)), 4)


def test_records_of_other_calibration_images_are_not_compared():
    settings = replace(PROFILE.settings, runtime="onnxruntime", dtype="int8")
    one, other = (
        replace(PROFILE, settings=settings, engine=Engine(options={"calibration_fingerprint": name}))
        for name in ("aa", "bb")
    )
    assert obstacle_to_comparing(one, other) == "calibration_fingerprint aa -> bb"
    assert store.path_of(one).name.startswith("profile-int8-224px-onnxruntime")


@pytest.fixture
def folder(planted_checkpoint, monkeypatch, tmp_path):
    planted.write_four(tmp_path / "val")
    planted.write(tmp_path / "photos" / "b.jpg", 5)
    planted.write(tmp_path / "photos" / "c.jpg", 123)
    monkeypatch.setattr(exported, "write_model", written)
    return tmp_path


def validate(folder, *words):
    given = ["--runtime", "onnxruntime", "--dtype", "int8", "--calibration", str(folder / "photos")]
    return CliRunner().invoke(
        app, ["validate", "--data", str(folder / "val"), "resnet18", *SMALL, *given, "--json", *words]
    )


def test_validation_in_int8_keeps_the_loss_and_the_images_in_both(folder, monkeypatch):
    monkeypatch.setattr(
        onnx_runtime, "quantised_onnx", lambda _, plain, path: path.write_bytes(plain.read_bytes())
    )  # the planted network has no layers to be quantised
    monkeypatch.setattr(losses, "FIRST_IMAGES", 2)  # which are evaluated first
    done = validate(folder)
    assert done.exit_code == 0, done.output
    (record,) = printed_records(done.stdout)
    assert record.loss == PairedLoss(fp32_top1_right=2, top1=(0, 0), top5=(0, 0), overlap=1)
    assert record.engine.options["calibration"] == "2 images of photos"
    assert "1 of these images calibrated int8 too" in done.stderr
    assert "int8 against fp32 on the same 4 images: +0.00 points" in done.stderr


def test_more_loss_than_permitted_exits_with_1(folder, monkeypatch):
    monkeypatch.setattr(onnx_runtime, "quantised_onnx", lambda _, plain, path: path.write_bytes(plain.read_bytes()))
    lost = PairedLoss(fp32_top1_right=4, top1=(4, 0), top5=(0, 0))
    monkeypatch.setattr(losses, "has_collapsed", lambda *_: False)
    monkeypatch.setattr(losses, "paired_loss", lambda *_: lost)
    assert validate(folder, "--max-loss", "1").exit_code == 0  # four images prove nothing
    monkeypatch.setattr(losses, "paired_loss", lambda *_: replace(lost, top1=(400, 0)))
    assert validate(folder, "--max-loss", "1").exit_code == 1
    assert validate(folder).exit_code == 0  # without --max-loss it is reported only


def test_a_record_of_other_images_is_not_taken_for_what_is_asked(tmp_path):
    from resbench.accuracy.layouts import open_unlabelled

    planted.write(tmp_path / "photos" / "b.jpg", 5)
    own = open_unlabelled(tmp_path / "photos").fingerprint
    running = Running(runtime="onnxruntime", dtype="int8", calibration=str(tmp_path / "photos"))
    for fingerprint, same in ((own, True), ("cd" * 32, False)):
        options = {"calibration_fingerprint": fingerprint}
        engine = Engine(versions=runtime.versions_of("onnxruntime"), options=options)
        assert recorded._same_engine(replace(PROFILE, engine=engine), running) == same
    assert recorded._same_engine(PROFILE, Running())
