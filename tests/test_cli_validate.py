"""`resbench validate` from the shell's side, on generated images, with a network whose answers are known."""

import hashlib
import json
import re
import sys
from contextlib import nullcontext

import pytest
from typer.testing import CliRunner

import resbench
from resbench.accuracy.labels import imagenet
from resbench.bench import entries, validation
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.nets.cache import cached_path
from resbench.records import jsonio, predictions
from resbench.zoo.find import find_weights
from tests import planted
from tests.printed import printed_records

pytestmark = pytest.mark.usefixtures("planted_checkpoint")
WNIDS = list(imagenet())
SMALL = ["--img-size", "16", "--crop-pct", "0.8"]


@pytest.fixture
def folder(tmp_path):
    return planted.write_four(tmp_path / "val")


def run(*words):
    return CliRunner().invoke(app, ["validate", *map(str, words)])


def test_the_table_shows_counts_and_interval(folder):
    result = run("--data", folder, "--weights", "some.pth", "resnet18", *SMALL)
    assert result.exit_code == 0, result.output
    top1, top5 = (line.split("│") for line in result.stdout.splitlines() if "top-" in line)
    assert [cell.strip() for cell in top1[1:5]] == ["top-1", "2", "4", "50.00 %"]
    assert [cell.strip() for cell in top5[1:5]] == ["top-5", "3", "4", "75.00 %"]
    assert len(top1) == len(top5) == 5 + 2  # columns and margins: nothing stands beside a figure never published
    assert "resnet18 with some.pth" in result.stdout


def test_json_is_exactly_the_record_that_is_saved(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["resbench", "validate"])  # "::" of pytest's own words would be escaped on stdout
    result = run("--data", folder, "resnet18", *SMALL, "--json", "--save", "--output", tmp_path / "results")
    (saved,) = (tmp_path / "results").rglob("*.json")
    assert result.stdout == f"[\n{saved.read_text()}]\n"
    (record,) = printed_records(result.stdout)
    assert (record.top1_right, record.top5_right, record.images) == (2, 3, 4)
    assert record.pixels.interpolation == "bilinear"
    assert (record.dataset.images, record.dataset.classes, record.dataset.layout) == (4, 4, "wnid folders")


def test_a_published_checkpoint_brings_its_preprocessing_and_claim(folder):
    result = run("--data", folder, "gluon_seresnext50_32x4d", *SMALL)
    assert result.exit_code == 0, result.output
    assert "79.92 %" in result.stdout
    assert "94.82 %" in result.stdout
    assert "bicubic" in result.stdout


def test_a_published_checkpoint_is_known_by_its_hash_whatever_its_name(folder, monkeypatch, tmp_path):
    gluon = find_weights("gluon_seresnext50_32x4d")
    digest = hashlib.sha256(b"weights").hexdigest()
    monkeypatch.setattr(entries, "by_digest", lambda sha256: [gluon] if sha256 == digest else [])
    for content, network, expected in (
        (b"weights", "seresnext50_32x4d", ("gluon_seresnext50_32x4d", "bicubic")),
        (b"weights", "resnet18", ("renamed.pth", "bilinear")),
        (b"others", "seresnext50_32x4d", ("renamed.pth", "bilinear")),
    ):
        (tmp_path / "renamed.pth").write_bytes(content)
        result = run("--data", folder, "--weights", tmp_path / "renamed.pth", network, *SMALL, "--json")
        (record,) = json.loads(result.stdout)
        assert (record["weights"], record["pixels"]["interpolation"]) == expected


def test_options_override_the_checkpoints_preprocessing(folder):
    words = ["--interpolation", "lanczos", "--mean", 0.5, 0.5, 0.5, "--std", 0.25, 0.5, 0.5, "--json"]
    pixels = json.loads(run("--data", folder, "gluon_seresnext50_32x4d", *SMALL, *words).stdout)[0]["pixels"]
    assert pixels["interpolation"] == "lanczos"
    assert (pixels["mean"], pixels["std"]) == ([0.5, 0.5, 0.5], [0.25, 0.5, 0.5])
    assert (pixels["crop_px"], pixels["resize_px"]) == (16, 20)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "nowhere", "resnet18"], "nowhere: no such folder"),
        (["--data", ".", "resnet19"], "unknown network 'resnet19'; did you mean resnet18"),
        (["--data", "val", "resnet18", "--interpolation", "nearest"], "choose from bilinear, bicubic, lanczos"),
        (["--data", "val", "resnet18", "--device", "tpu"], "device 'tpu'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(folder, monkeypatch, words, message):
    monkeypatch.chdir(folder.parent)
    result = run(*words, "--save")
    assert isinstance(result.exception, ResbenchError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""
    assert not (folder.parent / "results").exists()


def test_unreadable_images_are_listed_before_any_forward_pass(folder, monkeypatch):
    (folder / WNIDS[17] / "a.JPEG").write_bytes(b"not a picture")
    monkeypatch.setattr(planted.Planted, "forward", None)
    result = run("--data", folder, "resnet18", *SMALL)
    assert str(result.exception).endswith("intact files, or leave them out with --skip-unreadable")
    assert str(result.exception).startswith(f"1 unreadable image: {WNIDS[17]}/a.JPEG (not an image); replace")


def test_several_checkpoints_are_evaluated_in_one_pass(folder):
    weights = ["--weights", "a.pth", "--weights", "bgr.pth", "--weights", "c.pth"]
    result = run("--data", folder, *weights, "resnet18", "resnet34", "resnet50", *SMALL, "--json")
    assert result.exit_code == 0, result.output
    records = json.loads(result.stdout)
    assert [(one["network"], one["weights"], one["top1_right"]) for one in records] == [
        ("resnet18", "a.pth", 2),
        ("resnet34", "bgr.pth", 0),
        ("resnet50", "c.pth", 2),
    ]
    table = run("--data", folder, *weights, "resnet18", "resnet34", "resnet50", *SMALL).stdout
    assert table.index("c.pth") < table.index("bgr.pth")  # the best first


def test_weights_must_match_the_networks(folder):
    result = run("--data", folder, "--weights", "a.pth", "resnet18", "resnet34")
    assert "--weights: given 1 times for 2 networks; give it once for each" in str(result.exception)


def test_without_a_name_the_checkpoints_on_this_machine_are_taken(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    assert "no published checkpoints for 1000 classes in" in str(run("--data", folder).exception)
    for name in ("gluon_seresnext50_32x4d", "gluon_seresnext101_32x4d", "akamaster_resnet20"):
        path = cached_path(find_weights(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = json.loads(run("--data", folder, *SMALL, "--json").stdout)
    assert {one["weights"] for one in found} == {"gluon_seresnext50_32x4d", "gluon_seresnext101_32x4d"}
    (one,) = json.loads(run("--data", folder, "seresnext50*", *SMALL, "--json").stdout)
    assert one["weights"] == "gluon_seresnext50_32x4d"
    for words in (["resnest*"], ["resnest*", "seresnext50*"], ["resnest*", "--all"]):
        assert "that fit resnest* in" in str(run("--data", folder, *words).exception)
    for words in (["seresnext*"], ["--all"]):
        assert "--weights: needs the name of a network for each file" in str(
            run("--data", folder, *words, "--weights", "a.pth").exception
        )
    assert len(json.loads(run("--data", folder, "seresnext50*", "--all", *SMALL, "--json").stdout)) == 2


def test_networks_that_do_not_fit_into_memory_together_take_several_passes(folder, monkeypatch, tmp_path):
    passes = []
    scored = validation.scored
    monkeypatch.setattr(validation, "scored", lambda one, *rest: passes.append(len(one)) or scored(one, *rest))
    monkeypatch.setattr(validation, "_free_bytes", lambda device: 5000)
    weights = []
    for name, size in (("a.pth", 600), ("b.pth", 600), ("c.pth", 600), ("d.pth", 5000)):
        (tmp_path / name).write_bytes(b"x" * size)
        weights += ["--weights", tmp_path / name]
    names = ["resnet18", "resnet34", "resnet50", "resnet101"]
    records = json.loads(run("--data", folder, *weights, *names, *SMALL, "--json").stdout)
    assert [record["network"] for record in records] == names
    assert {record["top1_right"] for record in records} == {2}
    assert passes == [2, 1, 1]


def test_what_was_left_out_and_a_missed_figure_are_told(folder, monkeypatch):
    (folder / "Thumbs.db").touch()
    result = run("--data", folder, "resnet18", *SMALL)
    assert "note: no part of the set (1: Thumbs.db); left out" in result.stderr
    monkeypatch.setattr("resbench.judging.claims.obstacle", lambda *_: "")  # as if these were all of ImageNet's
    result = run("--data", folder, "gluon_seresnext50_32x4d", *SMALL)
    assert "differs by -29.92 points" in result.stdout
    assert "gluon_seresnext50_32x4d: below the published figure; --explain-gap" in result.stderr


def test_a_network_that_answers_alike_is_told(folder):
    result = run("--data", folder, "resnet18", "--weights", "constant.pth", *SMALL)
    assert result.exit_code == 0, result.output
    assert (
        "note: resnet18: its largest logits are the same for all 4 images; the checkpoint is damaged" in result.stderr
    )
    assert [line.split("│")[2].strip() for line in result.stdout.splitlines() if "top-" in line] == ["0", "0"]
    assert "its largest logits" not in run("--data", folder, "resnet18", *SMALL).stderr


def test_half_precision_that_is_slow_here_is_told_before_anything_runs(monkeypatch):
    monkeypatch.setattr(validation, "validate_all", None)  # whoever validates now fails
    result = run("--data", "x", "resnet18", "--dtype", "fp16", "--device", "cpu")
    assert isinstance(result.exception, TypeError)
    assert "note: --dtype fp16: several times slower than fp32 on most CPUs; bf16 is" in result.stderr


def test_the_official_images_are_counted_by_reals_labels_for_one_and_for_several(folder, tmp_path):
    for number in (1, 2, 3):  # ReaL: nothing; 970 and 795; 230 and 231
        shown = {1: 65, 2: 795, 3: 231}[number]
        planted.write(tmp_path / "official" / f"ILSVRC2012_val_{number:08d}.JPEG", shown)
    assert re.search(
        r"ReaL top-1 │ 2 +│ 2 +│ 100\.00 %", run("--data", tmp_path / "official", "resnet18", *SMALL).stdout
    )
    shown = run("--data", tmp_path / "official", "resnet18", "resnet34", *SMALL).stdout
    titles, first, second = [line.split("│") for line in re.sub("[┃|]", "│", shown).splitlines() if "│" in line][:3]
    column = next(place for place, title in enumerate(titles) if "ReaL top-1" in title)
    assert [row[column].strip() for row in (first, second)] == ["100.00 %", "100.00 %"]
    assert "ReaL" not in run("--data", folder, "resnet18", "resnet34", *SMALL).stdout


def test_what_the_doctor_sees_is_told(folder):
    planted.write(folder / WNIDS[5] / "b.JPEG", 5, kind="PNG")
    result = run("--data", folder, "resnet18", *SMALL)
    told = "note: PNG under the name of another format (1: n01443537/b.JPEG); decoded as what they are"
    assert told.replace("n01443537", WNIDS[5]) in result.stderr
    assert "note: images of 4 of the 1000 classes; the accuracy is that of these classes" in result.stderr


def test_networks_for_other_classes_are_refused(folder):
    refused = str(run("--data", folder, "resnet20_cifar10", "--weights", "x.pth").exception)
    assert "4 folders with images, but the head has 10 classes; give the names of the classes" in refused


def test_a_labels_file_goes_before_the_layout(folder, tmp_path):
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.JPEG"))]
    (tmp_path / "labels.csv").write_text(
        "".join(f"{name},{label}\n" for name, label in zip(names, (5, 17, 401, 990), strict=True))
    )
    (record,) = json.loads(
        run("--data", folder, "--labels", tmp_path / "labels.csv", "resnet18", *SMALL, "--json").stdout
    )
    assert record["top1_right"] == 4
    assert record["dataset"]["layout"] == "labels file"


def test_skipped_images_are_shown(folder):
    (folder / WNIDS[999] / "a.JPEG").write_bytes(b"")
    result = run("--data", folder, "resnet18", *SMALL, "--skip-unreadable")
    assert result.exit_code == 0, result.output
    assert f"skipped   1 unreadable: {WNIDS[999]}/a.JPEG" in result.stdout
    (record,) = json.loads(run("--data", folder, "resnet18", *SMALL, "--skip-unreadable", "--json").stdout)
    assert (record["images"], record["dataset"]["images"], record["top1_right"]) == (3, 4, 2)


def test_predictions_lie_beside_the_record(folder, tmp_path):
    run("--data", folder, "resnet18", *SMALL, "--save", "--output", tmp_path / "r")
    (path,) = (tmp_path / "r").rglob("*.json")
    found = predictions.load_predictions(predictions.path_beside(path))
    assert found.sha256 == jsonio.read_record(path).predictions_sha256
    assert sorted(found.names) == sorted(f"{WNIDS[label]}/a.JPEG" for label in (5, 17, 400, 999))
    assert sorted(found.rows["top5"][:, 0].tolist()) == [5, 17, 401, 990]


def test_a_record_that_cannot_be_saved_costs_no_evaluation(folder, monkeypatch, tmp_path):
    words = ("--data", folder, "resnet18", *SMALL, "--save", "--output")
    (tmp_path / "file").touch()
    told = "choose a folder that can be written to; what was evaluated is kept"
    assert told in str(run(*words, tmp_path / "file").exception)
    with monkeypatch.context() as patch:
        patch.setattr(planted.Planted, "forward", None)  # whoever evaluates now fails
        result = run(*words, tmp_path / "results")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "results").rglob("*.json"))) == 1
    assert not list((tmp_path / "cache").rglob("*.rows"))


def test_a_home_that_cannot_be_written_to_is_told(folder, monkeypatch, tmp_path):
    (tmp_path / "home").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    result = run("--data", folder, "resnet18", *SMALL)
    assert result.exit_code == 0, result.output
    assert "note: progress could not be kept (" in result.stderr
    assert "Not a directory); an interrupted run would begin anew" in result.stderr


def test_several_passes_are_all_kept_until_every_record_is_saved(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(validation, "in_groups", lambda entries, budget: [[entry] for entry in entries])
    kept = tmp_path / "cache" / "resbench" / "unfinished"
    seen = []
    monkeypatch.setattr(validation, "write_together", lambda *_: seen.append(len(list(kept.iterdir()))))
    saving = ("--save", "--output", tmp_path / "results")
    result = run("--data", folder, "resnet18", "resnet34", *SMALL, *saving)
    assert result.exit_code == 0, result.output
    assert (seen, list(kept.iterdir())) == ([2, 2], [])


def test_a_batch_size_that_is_not_looked_for_is_told(folder):
    result = run("--data", folder, "resnet18", *SMALL, "--batch-size", "auto")
    assert result.exit_code == 0, result.output
    assert "note: --batch-size auto: forward passes on the CPU take few images" in result.stderr
    assert "fp16" not in result.stderr
    assert ", batch 256," in result.stdout


def test_ranks_take_the_smallest_of_their_batch_sizes(folder, monkeypatch):
    """Each finds one for the memory of its own device, but all go by the same batches."""

    class Two(validation.Ranks):
        def gather(self, value):
            return [value, 3] if isinstance(value, int) else [value]

    monkeypatch.setattr(validation, "ranks", lambda: nullcontext(Two()))
    (record,) = json.loads(run("--data", folder, "resnet18", *SMALL, "-b", "64", "--json").stdout)
    assert (record["batch_size"], record["top1_right"]) == (3, 2)


@pytest.mark.parametrize("text", ["0", "many", "-3", "1.5"])
def test_a_batch_size_that_is_none_is_refused(folder, text):
    assert "batch size" in str(run("--data", folder, "resnet18", "--batch-size", text).exception)


@pytest.mark.parametrize(("decoder", "levels"), [("simplejpeg", "0"), ("simplejpeg+torch", "[01]")])
def test_another_decoder_is_recorded_with_its_difference(folder, decoder, levels):
    (record,) = json.loads(run("--data", folder, "resnet18", *SMALL, "--decoder", decoder, "--json").stdout)
    assert (record["top1_right"], record["top5_right"]) == (2, 3)
    told = rf"simplejpeg .*: within {levels} of 255 of pillow's on 4 images, 2 of them right, 2 with pillow's"
    assert re.fullmatch(told, record["pixels"]["decoder"])


def test_settings_are_shown_and_kept_apart(folder, tmp_path):
    for words in ([], ["--channels-last"], ["--fuse"], ["--decoder", "simplejpeg"], ["--crop-mode", "squash"]):
        result = run("--data", folder, "resnet18", *SMALL, *words, "--plain", "--save", "--output", tmp_path / "r")
        assert result.exit_code == 0, result.output
        assert ("fp32, channels last, " in result.stdout) == ("--channels-last" in words)
        assert ("fp32, batch norm folded, " in result.stdout) == ("--fuse" in words)
    assert len(list((tmp_path / "r").rglob("*.json"))) == 5


def test_an_unknown_decoder_is_refused(folder):
    refused = str(run("--data", folder, "resnet18", "--decoder", "opencv").exception)
    assert refused == "decoder 'opencv': unknown; choose from pillow, simplejpeg, simplejpeg+torch, nvimgcodec"


def test_the_command_and_the_function_build_the_same_options(folder, monkeypatch):
    built = []

    def keep(networks, weights, data, validating, *_, **__):
        built.append((networks, list(map(str, weights)), data, validating))
        raise ResbenchError("kept")

    monkeypatch.setattr(validation, "validate_all", keep)
    words = "--crop-pct 0.9 --interpolation bicubic --crop-mode squash --mean 0.1 0.2 0.3 --std 1 2 3 --img-size 32"
    words += " --dtype bf16 --amp --channels-last --fuse --runtime openvino --threads 3 --batch-size 7"
    words += " --workers 2 --tta ten-crop --tta-average logits --device cpu"
    words += " --skip-unreadable --decoder simplejpeg --plain --labels l.csv --cache c --weights w.pth"
    run("resnet18", "--data", folder, *words.split())
    with pytest.raises(ResbenchError, match="kept"):
        resbench.validate(
            "resnet18",
            folder,
            weights="w.pth",
            labels="l.csv",
            input_px=32,
            crop_pct=0.9,
            interpolation="bicubic",
            crop_mode="squash",
            mean=(0.1, 0.2, 0.3),
            std=(1.0, 2.0, 3.0),
            tta="ten-crop",
            tta_average="logits",
            dtype="bf16",
            amp=True,
            channels_last=True,
            runtime="openvino",
            fuse=True,
            threads=3,
            batch_size=7,
            workers=2,
            device="cpu",
            skip_unreadable=True,
            cache="c",
            decoder="simplejpeg",
            plain=True,
        )
    run("resnet18", "--data", folder)
    with pytest.raises(ResbenchError, match="kept"):
        resbench.validate("resnet18", folder)
    assert built[0] == built[1]
    assert built[2] == built[3]
    assert built[3][3] == entries.Validating()
