"""Corrupted images: made alike in every run, read from ImageNet-C, and counted; errors beside published ones."""

import io
import json
import tarfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from resbench.accuracy import corruption, decoders, pixels
from resbench.accuracy.corruption import Corruption, chosen_corruptions, corrupted, corrupting_in, seed_of
from resbench.accuracy.labels import imagenet, levels_off
from resbench.accuracy.layouts import open_set
from resbench.bench import corrupting
from resbench.bench.entries import Validating, entry_of
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.judging.corruption import corruption_errors
from resbench.records import jsonio, store
from resbench.records.corruptions import COMMON_KINDS, EXTRA_KINDS, SEVERITIES, CorruptedFigure, Corruptions
from resbench.report import terminal
from resbench.report.corruption import errors_by_kind
from resbench.zoo.find import find
from tests import planted
from tests.test_accuracy_layouts import label, official_name
from tests.test_accuracy_published import of

pytest.importorskip("imagecorruptions", exc_type=ImportError)
pytestmark = pytest.mark.usefixtures("planted_checkpoint")
WNIDS = list(imagenet())
SMALL = ["--img-size", "32", "--crop-pct", "0.8", "--workers", "1"]
REFERENCE = json.loads((Path(__file__).parent / "data" / "imagenet_c_blocks.json").read_text())
REFERENCE_KINDS = {key.split()[0] for key in REFERENCE} - {"clean"}
NOISE = Corruption(kind="gaussian_noise", severity=5)


@pytest.fixture
def folder(tmp_path):
    return planted.write_four(tmp_path / "val", size=(60, 50))


def run(*words, size=SMALL):
    return CliRunner().invoke(app, ["validate", *map(str, words), *size])


def photograph(seed=0, side=48):
    levels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(levels).resize((side, side), Image.Resampling.BICUBIC))


def test_words_stand_for_kinds_and_severities():
    assert len(chosen_corruptions("common")) == 75
    assert len(chosen_corruptions("all")) == 95
    assert chosen_corruptions("fog,snow:3") == (
        *(Corruption(kind="fog", severity=severity) for severity in SEVERITIES),
        Corruption(kind="snow", severity=3),
    )
    for words, message in (("rain", "--corruptions rain: unknown; choose from all"), ("fog:6", "fog:6: no severity")):
        with pytest.raises(ResbenchError, match=message):
            chosen_corruptions(words)


def test_kinds_are_the_librarys_in_its_order():
    import imagecorruptions

    assert list(COMMON_KINDS) == imagecorruptions.get_corruption_names("common")
    assert list(EXTRA_KINDS) == imagecorruptions.get_corruption_names("validation")
    assert set(levels_off()) == {*COMMON_KINDS, *EXTRA_KINDS}


@pytest.mark.parametrize("kind", [kind for kind in (*COMMON_KINDS, *EXTRA_KINDS) if kind != "glass_blur"])
def test_pixels_are_the_librarys_stored_as_a_jpeg_and_the_same_again(kind):
    levels, stream = photograph(), io.BytesIO()
    Image.fromarray(library_pixels(kind, 4, levels)).save(stream, "JPEG", quality=85, optimize=True)
    np.random.seed(1)
    before = np.random.get_state()[1].tolist()
    asked = Corruption(kind=kind, severity=4)
    assert np.array_equal(corrupted(levels, asked, 7), np.asarray(Image.open(stream)))
    assert np.array_equal(corrupted(levels, asked, 7), corrupted(levels, asked, 7))
    assert np.random.get_state()[1].tolist() == before  # a user's own numbers go on as they would


def blocks(levels):
    """The means of 8 by 8 blocks of 28 px, by channel."""
    return np.asarray(levels, dtype=float).reshape(8, 28, 8, 28, 3).mean((1, 3)).ravel()


def library_pixels(kind, severity, levels, seed=7):
    import imagecorruptions

    np.random.seed(seed)
    own = {"seed": seed} if kind in ("glass_blur", "impulse_noise") else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return imagecorruptions.corrupt(levels, severity=severity, corruption_name=kind, **own)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.nightly] * (kind == "glass_blur")) for kind in sorted(REFERENCE_KINDS)],
)
def test_pixels_are_those_of_imagenet_cs_own_code(kind):
    """From the same random numbers; imagenet_c 0.0.3 (github.com/hendrycks/robustness) with ImageMagick 6.9.11."""
    assert blocks(photograph(side=224)) == pytest.approx(REFERENCE["clean"], abs=0.01)
    for severity in (2, 5):
        expected, off = REFERENCE[f"{kind} {severity}"], levels_off()[kind][severity - 1]
        differences = np.abs(blocks(library_pixels(kind, severity, photograph(side=224))) - expected)
        assert differences.mean() < 1 if off else differences.max() <= 0.01, severity


def test_only_kinds_without_a_reference_here_differ_by_levels():
    differing = {kind for kind, off in levels_off().items() if max(off) > 1}
    assert (
        differing == {*COMMON_KINDS, *EXTRA_KINDS} - REFERENCE_KINDS == {"impulse_noise", "frost", "elastic_transform"}
    )


def test_an_image_has_its_own_seed_for_each_kind_and_severity():
    digests, kinds = (b"a" * 16, b"b" * 16), (NOISE, replace(NOISE, severity=4), replace(NOISE, kind="shot_noise"))
    assert len({seed_of(digest, kind) for digest in digests for kind in kinds}) == 6
    assert not np.array_equal(corrupted(photograph(), NOISE, 1), corrupted(photograph(), NOISE, 2))


@pytest.mark.nightly
def test_processes_make_the_same_pixels_as_this_one():
    kinds = [Corruption(kind=kind, severity=3) for kind in (*COMMON_KINDS, *EXTRA_KINDS)]
    with corrupting_in(2, processes=True) as corrupt:
        for kind in kinds:
            assert np.array_equal(corrupt(photograph(), kind, 5), corrupted(photograph(), kind, 5)), kind


def test_each_corrupted_image_is_made_once_for_all_checkpoints(folder, monkeypatch):
    made = []
    monkeypatch.setattr(corruption, "corrupted", lambda *asked: made.append(asked[1]) or corrupted(*asked))
    words = ["--weights", "a.pth", "--weights", "bgr.pth", "resnet18", "resnet34"]
    kinds = "contrast:1,contrast:5,fog:1"
    records = json.loads(run("--data", folder, *words, "--corruptions", kinds, "--json").stdout)
    assert len(made) == 4 * 3
    first, second = (record["corruptions"] for record in records)
    asked = [(one["kind"], one["severity"], one["images"]) for one in first["figures"]]
    assert asked == [("contrast", 1, 4), ("contrast", 5, 4), ("fog", 1, 4)]
    # An image of one colour has that colour at any contrast; the planted network reads it.
    assert [one["top1_right"] for one in first["figures"][:2]] == [2, 2]
    assert [one["top5_right"] for one in first["figures"][:2]] == [3, 3]
    assert [one["top1_right"] for one in second["figures"][:2]] == [0, 0]
    assert (first["asked"], first["side_px"]) == (kinds, 32)
    assert first["source"].startswith("imagecorruptions-imaug 1.")
    assert (records[0]["top1_right"], records[0]["images"]) == (2, 4)


def test_each_image_is_decoded_once_for_all_corruptions_where_memory_suffices(folder, monkeypatch):
    decode, decoded = pixels.decode, []
    monkeypatch.setattr(pixels, "decode", lambda data: decoded.append(data) or decode(data))

    def figures_and_decodings(kinds):
        decoded.clear()
        result = run("--data", folder, "resnet18", "--plain", "--corruptions", kinds, "--json")
        return json.loads(result.stdout)[0]["corruptions"]["figures"], len(decoded)

    _, alone = figures_and_decodings("fog:1")
    figures, together = figures_and_decodings("contrast:1,contrast:5,fog:1")
    assert together == alone
    monkeypatch.setattr(decoders, "KEPT_BYTES", 0)
    assert figures_and_decodings("contrast:1,contrast:5,fog:1") == (figures, alone + 2 * 4)


def test_runs_batches_and_layouts_agree_and_an_interrupted_run_goes_on(folder, tmp_path, monkeypatch):
    words = ["resnet18", "--corruptions", "gaussian_noise:5,shot_noise:2", "--json"]
    first = json.loads(run("--data", folder, *words).stdout)[0]["corruptions"]["figures"]
    with tarfile.open(tmp_path / "val.tar", "w") as archive:
        archive.add(folder, "val")
    archived = json.loads(run("--data", tmp_path / "val.tar", *words, "-b", "3").stdout)[0]
    assert archived["corruptions"]["figures"] == first
    seen = []

    def interrupted(*asked):
        seen.append(asked)
        if len(seen) > 5:
            raise KeyboardInterrupt
        return corrupted(*asked)

    with monkeypatch.context() as patch:
        patch.setattr(corruption, "corrupted", interrupted)
        run("--data", folder, *words, "-b", "1")
    patched = []
    monkeypatch.setattr(corruption, "corrupted", lambda *asked: patched.append(asked) or corrupted(*asked))
    again = json.loads(run("--data", folder, *words, "-b", "1").stdout)[0]["corruptions"]["figures"]
    assert again == first
    assert 0 < len(patched) < 8


def test_the_record_lies_beside_the_plain_one_and_shows_its_errors(folder, tmp_path):
    output = ["--save", "--output", tmp_path / "r"]
    run("--data", folder, "resnet18", *output)
    result = run("--data", folder, "resnet18", "--corruptions", "contrast:2,pixelate:2", *output)
    assert result.exit_code == 0, result.output
    assert "mean error 50.00 %, clean 50.00 %" in result.stdout
    assert "mCE: needs all 15 common kinds at all 5 severities" in result.stdout
    assert "imagecorruptions-imaug" in result.stdout
    plain, kept = sorted((tmp_path / "r").rglob("*.json"), key=lambda path: "corruptions" in path.name)
    assert "corruptions-contrast-2-pixelate-2" in kept.name
    assert jsonio.read_record(plain).corruptions is None
    (record,) = store.evaluations(store.read_folder(tmp_path / "r")).values()
    assert record.corruptions is None  # cards show the accuracy on the clean images once
    assert list(store.evaluations({"alone": jsonio.read_record(kept)})) == ["alone"]
    (shown,) = json.loads(CliRunner().invoke(app, ["results", "show", str(kept), "--json"]).stdout)
    assert [kind["mean"] for kind in shown["corruptions"]["kinds"]] == [0.5, 0.5]
    assert "pixelate" in CliRunner().invoke(app, ["results", "show", str(kept)]).stdout


def test_the_errors_of_all_common_kinds_take_a_line_each_in_80_columns(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "UNWRAPPED", 80)
    figures = tuple(
        CorruptedFigure(kind=kind, severity=severity, images=50, top1_right=10, top5_right=20, levels_off=1.0)
        for kind in COMMON_KINDS
        for severity in SEVERITIES
    )
    made = Corruptions(asked="common", source="made", side_px=224, figures=figures)
    terminal.results_console().print(errors_by_kind(figures, corruption_errors(made, 0.3)))
    title, _, *lines = capsys.readouterr().out.splitlines()
    assert title.split() == ["error", "at", "severity", *"12345", "mean", "of", "AlexNet's"]
    assert [line.split()[0] for line in lines] == [f"{kind}*" for kind in COMMON_KINDS]
    assert max(map(len, [title, *lines])) <= 80


@pytest.fixture
def downloaded(tmp_path):
    """ImageNet-C as it is downloaded, in two archives and unpacked: fog 1 is seen right, snow 5 wrong."""
    for number in (1, 2, 3):
        for kind, severity, shift in (("fog", 1, 0), ("snow", 5, 50)):
            place = tmp_path / "c" / kind / str(severity) / WNIDS[label(number)]
            planted.write(place / official_name(number), (label(number) + shift) % 1000, size=(32, 32))
        planted.write(tmp_path / "official" / official_name(number), label(number), size=(60, 50))
    (tmp_path / "archives").mkdir()
    for kind in ("fog", "snow"):
        with tarfile.open(tmp_path / "archives" / f"{kind}.tar", "w") as archive:
            archive.add(tmp_path / "c" / kind, kind)
    return tmp_path


@pytest.mark.parametrize("place", ["c", "archives", "archives/fog.tar", "c/fog"])
def test_imagenet_c_is_read_as_it_was_downloaded(downloaded, place):
    result = run("--data", downloaded / "official", "resnet18", "--corruptions", downloaded / place, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)[0]["corruptions"]
    expected = [("fog", 1, 3, 3, None)] if "fog" in place else [("snow", 5, 3, 0, None), ("fog", 1, 3, 3, None)]
    keys = ("kind", "severity", "images", "top1_right", "levels_off")
    assert [tuple(one[key] for key in keys) for one in found["figures"]] == expected
    assert found["source"] == "ImageNet-C as downloaded"


def test_a_folder_of_imagenet_c_is_no_imagenet(downloaded):
    images = open_set(downloaded / "c" / "fog" / "1")
    assert images.name == "ImageNet-C (fog 1)"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--corruptions", "val"], "--corruptions val: no images in folders such as fog/3/n01440764"),
        (["--corruptions", "rain"], "--corruptions rain: unknown; choose from all, common, gaussian_noise"),
        (["--corruptions", "fog", "--tta", "hflip"], "--corruptions: evaluated on one view of an image; leave"),
        (["--corruptions", "fog", "--explain-gap"], "--explain-gap: evaluates no corrupted images; leave"),
        (["--corruptions", "fog", "--img-size", "16"], "--corruptions: images of 16 px are too small; give"),
        (["--corruptions", "fog", "--decoder", "simplejpeg+torch"], "--corruptions: made from Pillow's pixels, not by"),
        (["--corruptions", "fog", "--data", "other"], "--corruptions: of one set, given 2; give one --data"),
    ],
)  # fmt: skip
def test_what_cannot_be_corrupted_is_refused(folder, monkeypatch, words, message):
    planted.write(folder.parent / "other" / WNIDS[3] / "a.JPEG", 3)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr(planted.Planted, "forward", None)  # whoever evaluates fails
    result = run("--data", "val", "resnet18", *words, size=["--workers", "1"])
    assert isinstance(result.exception, ResbenchError)
    assert message in str(result.exception)


def test_without_the_library_the_message_says_what_to_install(monkeypatch, folder):
    monkeypatch.setitem(__import__("sys").modules, "imagecorruptions", None)
    told = str(run("--data", folder, "resnet18", "--corruptions", "fog").exception)
    assert told.endswith("pip install imagecorruptions-imaug opencv-python-headless")


def test_cifar_is_not_corrupted_with_imagenets_parameters():
    cifar = replace(of("x", (1,)), name="CIFAR-10")
    entry = entry_of("resnet18", find("resnet18"), None, Validating())
    with pytest.raises(ResbenchError, match="CIFAR-10-C has parameters of its own"):
        corrupting.plan_of("fog", [cifar], [entry], Validating(), processes=False)
