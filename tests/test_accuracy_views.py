"""Averages over views of an image, against crops and sums made by hand, and against torchvision's ten crops."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from resbench.accuracy import loader
from resbench.accuracy.dataset import Sample
from resbench.accuracy.evaluate import Contestant, evaluate
from resbench.accuracy.pixels import decode, frame, normalise
from resbench.accuracy.views import SCALES_PX, checked_tta, views
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.judging.accuracy import accuracies
from resbench.judging.finding import Verdict
from resbench.judging.limits import Limits
from resbench.records.store import evaluations, path_of
from resbench.zoo.spec import Preprocess
from tests import planted
from tests.printed import printed_records

HOW = Preprocess(crop_px=16, crop_pct=0.8)
KINDS = {"hflip": 2, "five-crop": 5, "ten-crop": 10, "multi-scale": 5}


def photograph(width, height, seed=0):
    stream = io.BytesIO()
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(levels).resize((width, height), Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


def frames(data, tta, how=HOW):
    """The inputs of all views: (views, 3, H, W)."""
    image = decode(data)
    parts = []
    for view in views(tta, how):
        inputs = normalise(torch.tensor(frame(image, view.preprocess))[None], view.preprocess)
        parts.append(inputs.flip(3) if view.mirrored else inputs)
    return parts


def linear(classes=7, seed=0):
    """A network that sees where a pixel lies. (N, 3, H, W) -> (N, classes)."""
    weights = torch.randn(3, 8, 8, classes, generator=torch.Generator().manual_seed(seed))

    def forward(x):
        return torch.einsum("nchw,chwk->nk", torch.nn.functional.interpolate(x, (8, 8)), weights) / 8

    return forward


def rows(tmp_path, tta, average, network):
    path = tmp_path / "a.png"
    path.write_bytes(photograph(37, 26))
    sample = Sample(name="a.png", path=path, size_bytes=path.stat().st_size, label=3)
    asked = Contestant(name="", identity="", forward=network, preprocess=HOW, views=views(tta, HOW), average=average)
    batches = loader.batches([sample] * 3, asked.streams, starts=[0], batch_size=3, workers=1)
    ((found,),) = evaluate([asked], batches, device=torch.device("cpu"), batch_size=4)
    return found


@pytest.mark.parametrize("tta", KINDS)
def test_probabilities_or_logits_of_all_views_are_averaged(tmp_path, tta):
    network = linear()
    seen = torch.cat([network(inputs) for inputs in frames(photograph(37, 26), tta)])
    assert len(seen) == KINDS[tta]
    found = rows(tmp_path, tta, "softmax", network)
    best = seen.softmax(1).mean(0).topk(5)
    assert found["top5"].tolist() == [best.indices.tolist()] * 3
    assert np.exp(found["logits"] - found["logsumexp"][:, None]) == pytest.approx(
        np.tile(best.values, (3, 1)), rel=1e-5
    )
    assert np.exp(found["own"][0] - found["logsumexp"][0]) == pytest.approx(float(seen.softmax(1).mean(0)[3]), rel=1e-4)
    found = rows(tmp_path, tta, "logits", network)
    assert found["logits"][0] == pytest.approx(seen.mean(0).topk(5).values.numpy(), rel=1e-5)


def test_crops_are_corners_and_centre_of_the_resized_image():
    image = decode(photograph(40, 20))
    resized = np.asarray(image)  # 20 px high, as the crop wants it
    top, bottom, left, right = slice(0, 16), slice(4, 20), slice(0, 16), slice(24, 40)
    expected = [resized[rows_, columns] for rows_ in (top, bottom) for columns in (left, right)]
    expected.append(resized[2:18, 12:28])
    for view, crop in zip(views("five-crop", HOW), expected, strict=True):
        assert np.array_equal(frame(image, view.preprocess), crop)


def test_the_scales_are_those_of_the_paper():
    assert [view.preprocess.crop_px for view in views("multi-scale", Preprocess())] == list(SCALES_PX)
    assert {view.preprocess.resize_px - view.preprocess.crop_px for view in views("multi-scale", Preprocess())} == {0}
    assert [view.preprocess.crop_px for view in views("multi-scale", HOW)] == [16, 18, 27, 34, 46]


@pytest.mark.reference
@pytest.mark.parametrize("size", [(37, 26), (26, 37), (25, 25), (64, 31), (500, 375)])
def test_ten_crops_are_torchvisions(size):
    transforms = pytest.importorskip("torchvision.transforms")
    how = Preprocess(crop_px=17, crop_pct=0.85) if size != (500, 375) else Preprocess()
    image = decode(photograph(*size))
    reference = transforms.Compose([transforms.Resize(how.resize_px), transforms.TenCrop(how.crop_px)])(image)
    spread = transforms.Compose([transforms.ToTensor(), transforms.Normalize(how.mean, how.std)])
    own = torch.cat(frames(photograph(*size), "ten-crop", how))
    expected = torch.stack([spread(crop) for crop in reference])

    def in_order(inputs):
        return sorted(one.numpy().tobytes() for one in inputs)

    assert in_order(own) == in_order(expected)
    assert in_order(own[:5]) == in_order(expected[:5])
    assert in_order(torch.cat(frames(photograph(*size), "five-crop", how))) == in_order(expected[:5])


@pytest.fixture
def folder(planted_checkpoint, tmp_path):
    return planted.write_four(tmp_path / "val")


def run(*words):
    return CliRunner().invoke(app, ["validate", "--img-size", "16", "--crop-pct", "0.8", *map(str, words)])


def test_each_average_is_a_record_of_its_own_and_compared_with_none_of_another(folder, tmp_path):
    found = {}
    for words in ([], ["--tta", "ten-crop"], ["--tta", "hflip"], ["--tta", "hflip", "--tta-average", "logits"]):
        result = run("--data", folder, "resnet18", *words, "--save", "--output", tmp_path / "r", "--json")
        assert result.exit_code == 0, result.output
        (record,) = printed_records(result.stdout)
        assert (record.top1_right, record.top5_right) == (2, 3)
        found[path_of(record)] = record
    assert len(found) == len(list((tmp_path / "r").rglob("*.json"))) == 4
    plain, ten, *_ = found.values()
    assert (plain.pixels.tta, plain.pixels.tta_average) == (None, None)
    assert (ten.pixels.tta, ten.pixels.tta_average) == ("ten-crop", "softmax")
    (refused,) = accuracies(plain, ten, "r", Limits())
    assert (refused.verdict, "tta" in refused.why) == (Verdict.NOT_COMPARABLE, True)
    assert list(evaluations({"a": plain, "b": ten})) == ["a"]  # cards show no averages


def test_the_sheet_names_views_and_average_and_compares_no_claim(folder):
    shown = run("--data", folder, "gluon_seresnext50_32x4d", "--tta", "five-crop", "--tta-average", "logits").stdout
    assert re.search(r"pixels .*, logits averaged over views: five-crop", shown)
    assert "of other images" in shown


def test_an_interrupted_average_does_not_go_on_as_another(folder, monkeypatch):
    run("--data", folder, "resnet18", "--tta", "hflip")
    with monkeypatch.context() as patch:
        patch.setattr(planted.Planted, "forward", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        run("--data", folder, "resnet18", "--tta", "hflip", "--batch-size", "1")
    (record,) = printed_records(run("--data", folder, "resnet18", "--tta", "five-crop", "--json").stdout)
    assert record.top1_right == 2


@pytest.mark.parametrize(
    ("tta", "average", "message"),
    [
        ("twenty-crop", None, "--tta twenty-crop: unknown; choose from hflip, five-crop, ten-crop, multi-scale"),
        ("hflip", "max", "--tta-average max: unknown; choose from softmax, logits"),
        (None, "logits", "--tta-average logits: one view needs no average; give --tta too"),
    ],
)
def test_what_is_no_average_is_refused(tta, average, message):
    with pytest.raises(ResbenchError) as refused:
        checked_tta(tta, average)
    assert str(refused.value) == message


def test_twins_are_compared_on_one_view(folder):
    refused = str(run("--data", folder, "resnet18", "--tta", "hflip", "--explain-gap").exception)
    assert refused == "--explain-gap: compares networks on one view of an image; leave --tta hflip out"
