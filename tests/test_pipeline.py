"""The end-to-end speed: images are decoded, moved and run through the network inside the sample."""

import json
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from resbench.accuracy import loader, pixels
from resbench.accuracy.decoders import decoder_named
from resbench.accuracy.layouts import open_set, open_unlabelled
from resbench.bench import measuring, pipeline, profiles, profiling
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records import jsonio, store
from resbench.running import arm as arms
from resbench.running.settings import Running
from resbench.timing import calls, sampler
from resbench.timing.clock import Clock
from resbench.zoo import find
from tests import planted
from tests.test_running_arm import CPU, TINY, chosen, tiny

QUICK = {"input_px": 32, "threads": 1, "time_budget_s": 0.2, "batch_sizes": (2,)}
WORDS = ["profile", "tiny", "--input-px", "32", "--threads", "1", "--time-budget", "0.2", "-b", "2"]


@pytest.fixture(autouse=True)
def quick_networks(monkeypatch, few_samples):
    """Fresh processes, memory and ceilings have tests of their own."""
    monkeypatch.setattr(measuring, "_memory", lambda *_: iter(()))
    monkeypatch.setattr(measuring.ceilings, "measure_ceilings", lambda *_: None)
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, TINY))


@pytest.fixture
def folder(tmp_path):
    """Images without any hint of their classes."""
    for shown in range(5):
        planted.write(tmp_path / "mine" / f"{shown}.JPEG", shown, size=(60, 40))
    return tmp_path / "mine"


def end_to_end(record):
    (found,) = (one for one in record.series if one.speed == "end_to_end")
    return found


def endless(folder, batch_size=2, seed=0, workers=2, decoder=None):
    samples = open_unlabelled(folder).samples
    decoder = decoder or decoder_named("pillow")
    return loader.endless(
        samples, planted.SMALL, batch_size=batch_size, workers=workers, seed=seed, pinned=False, decoder=decoder
    )


def shown(folder, batches, **options):
    stream = endless(folder, **options)
    names = [sample.name for _ in range(batches) for sample in next(stream).samples]
    stream.close()
    return names


def test_a_sample_spans_the_loader_and_the_forward_pass():
    now, diary = [0], []

    def inputs():
        now[0] += 30_000_000
        diary.append("load")
        return torch.zeros(1, 3, 32, 32)

    def forward(batch):
        now[0] += 10_000_000
        diary.append("forward")
        return batch

    @contextmanager
    def paused():
        diary.append("pause")
        yield
        diary.append("go on")

    arm = replace(arms.prepare(tiny(), chosen(), CPU, 10), forward=forward)
    clock = Clock(synchronise=lambda: None, wall_ns=lambda: now[0], cpu_ns=lambda: now[0])
    plan = sampler.Plan(target=0.02, time_budget_s=100.0, window_s=0.1)
    found = sampler.sample(calls.fed(arm, inputs, paused), clock, plan)
    (launch,) = found.launches
    assert found.calls == 3
    assert {wall for cluster in launch.clusters for wall in cluster.wall_ns} == {3 * 40_000_000}
    assert diary[:4] == ["pause", "go on", "load", "forward"]
    assert diary.count("pause") == 1 + len(launch.clusters)


def test_every_cluster_moves_the_weights_while_nothing_is_loaded():
    arm = arms.prepare(tiny(), chosen(), CPU, 10)
    seen = []

    @contextmanager
    def paused():
        before = arm.module.fc.weight.data_ptr()
        yield
        seen.append(arm.module.fc.weight.data_ptr() != before)

    materialise = calls.fed(arm, lambda: torch.zeros(1, 3, 32, 32), paused)
    for _ in range(3):
        materialise()
    assert seen == [True] * 3


def test_a_pause_begins_no_image_and_its_end_goes_on(folder):
    begun, reached = [], threading.Event()

    def decode(data):
        begun.append(1)
        reached.set()
        return pixels.decode(data)

    decoder, paused = pipeline._pausing(replace(decoder_named("pillow"), decode=decode))
    with paused():
        stream = endless(folder, decoder=decoder)
        reader = threading.Thread(target=lambda: next(stream))
        reader.start()
        assert not reached.wait(0.2)
        assert not begun
    reader.join(10)
    assert not reader.is_alive()
    assert begun
    stream.close()


def test_images_go_round_for_ever_each_time_in_another_order_that_the_seed_decides(folder):
    names = shown(folder, 10)  # 20 of 5 images: four rounds
    rounds = [tuple(names[start : start + 5]) for start in range(0, 20, 5)]
    assert all(sorted(one) == [f"{number}.JPEG" for number in range(5)] for one in rounds)
    assert len(set(rounds)) > 1
    assert shown(folder, 10) == names
    assert shown(folder, 10, seed=1) != names


def test_a_batch_larger_than_the_set_is_full_all_the_same(folder):
    assert len(shown(folder, 1, batch_size=12)) == 12


def test_images_need_no_labels_and_keep_their_fingerprint_without_them(folder, tmp_path):
    with pytest.raises(ResbenchError, match="nothing says what the images show"):
        open_set(folder)
    found = open_unlabelled(folder)
    assert (found.name, len(found.samples)) == ("mine", 5)
    elsewhere = tmp_path / "other" / "n01440764"
    elsewhere.mkdir(parents=True)
    for path in folder.iterdir():
        (elsewhere / path.name).write_bytes(path.read_bytes())
    assert open_unlabelled(tmp_path / "other").fingerprint == found.fingerprint


def test_the_network_sees_the_images_as_validation_prepares_them(folder, monkeypatch):
    """Independent of the loader: each input that reached the network is one of the images, prepared by hand."""
    seen = []
    real = arms._placed
    monkeypatch.setattr(arms, "_placed", lambda batch, *how: seen.append(batch.clone()) or real(batch, *how))
    profiling.profile("tiny", data=str(folder), **QUICK)
    wanted = pipeline.images_of(TINY, None, chosen(), str(folder)).preprocess
    assert (wanted.crop_px, wanted.crop_pct) == (32, 0.875)
    known = [
        torch.from_numpy(pixels.frame(pixels.decode(path.read_bytes()), wanted).copy()) for path in folder.iterdir()
    ]
    prepared = [pixels.normalise(one[None], wanted)[0] for one in known]
    fed = [batch for batch in seen if any(torch.equal(batch[0], one) for one in prepared)]
    assert len(fed) > 10
    assert all(any(torch.equal(image, one) for one in prepared) for batch in fed for image in batch)


def test_the_record_of_a_real_run_names_its_images_survives_json_and_has_a_path_of_its_own(folder):
    record = profiling.profile("tiny", data=str(folder), workers=2, **QUICK)
    assert [series.speed for series in record.series] == ["latency", "throughput", "end_to_end"]
    found = end_to_end(record)
    assert found.batch_size == 2
    assert len(found.launches[0].clusters) >= 3
    assert found.pipeline.data == "mine"
    assert found.pipeline.fingerprint == open_unlabelled(folder).fingerprint
    assert (found.pipeline.images, found.pipeline.workers, found.pipeline.pixels.crop_px) == (5, 2, 32)
    assert found.pipeline.pixels.decoder.startswith("pillow ")
    assert all(series.pipeline is None for series in record.series if series is not found)
    assert jsonio.loads(jsonio.dumps(record)) == record
    plain = replace(record, series=tuple(one for one in record.series if one.speed != "end_to_end"))
    assert store.path_of(plain).name == "profile-fp32-32px-1t-b2.json"
    assert store.path_of(record).name == "profile-fp32-32px-1t-data-mine-2w-b2.json"


def test_several_launches_are_fed_in_processes_of_their_own(folder, monkeypatch):
    asked = []

    def call(function, request):  # the process itself is tested in test_running_fresh
        asked.append(function)
        return function(request)

    monkeypatch.setattr(profiling.fresh, "call", call)
    found = end_to_end(profiling.profile("tiny", data=str(folder), launches=3, **QUICK))
    assert asked == [pipeline.launch] * 3
    assert len(found.launches) == 3
    assert found.pipeline.data == "mine"


def test_only_a_record_of_the_same_images_counts_as_finished(folder, tmp_path):
    def outcome(**changes):
        how = profiling.Profiling(
            running=Running(input_px=32, threads=1),
            **{"batch_sizes": (2,), "time_budget_s": 0.2, "workers": 1} | changes,
            data=str(folder),
        )
        (found,) = profiles.profile_each([TINY], how, root=tmp_path / "results", resume=True)
        return found.record.run

    first = outcome()
    assert outcome() == first
    assert outcome(workers=2) != first
    planted.write(folder / "another.JPEG", 9)
    assert outcome() != first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--data", "no/such"), "no/such: no such folder"),
        (("--data", "{empty}"), "empty"),
        (("--data", "{mine}", "--input-px", "32x48"), "images are cut square, not 32x48 px"),
        (("--data", "{mine}", "--train"), "--data with --train"),
        (("--data", "{mine}", "--decoder", "jpeg"), "decoder 'jpeg': unknown"),
        (("--workers", "2"), "--decoder, --workers"),
        (("--decoder", "pillow"), "--decoder, --workers"),
        (("--data", "{damaged}"), "1 unreadable image: b.JPEG (not an image)"),
    ],
)
def test_bad_input_is_one_line(words, message, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    planted.write(tmp_path / "damaged" / "a.JPEG", 1)
    (tmp_path / "damaged" / "b.JPEG").write_text("<html>404</html>")
    places = {name: str(tmp_path / name) for name in ("mine", "empty", "damaged")}
    result = CliRunner().invoke(app, [*WORDS, *(word.format(**places) for word in words)])
    assert isinstance(result.exception, ResbenchError), result.output
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


def test_a_graph_that_keeps_its_batch_cannot_be_fed(folder):
    with pytest.raises(ResbenchError, match="--data with --cuda-graph"):
        pipeline.images_of(TINY, None, replace(chosen(), cuda_graph=True), str(folder))


def test_only_validate_decodes_on_the_gpu(folder):
    with pytest.raises(ResbenchError, match="--decoder nvimgcodec: only `resbench validate`"):
        pipeline.images_of(TINY, None, chosen(), str(folder), decoder_name="nvimgcodec")


def test_the_sheet_and_the_figures_say_what_was_measured_in_words(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    words = [*WORDS, "--data", str(folder), "-j", "2", "--save", "-o", str(tmp_path / "results")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    for said in ("end to end", "5 images of mine from the page cache", "in 2 threads", "centre crop 32 px"):
        assert said in result.stdout
    (path,) = (tmp_path / "results").rglob("*.json")
    shown = CliRunner().invoke(app, ["stats", str(path)])
    assert "5 images of mine from the page cache" in shown.stdout
    figures = json.loads(CliRunner().invoke(app, ["stats", str(path), "--json"]).stdout)
    (fed,) = (one for one in figures if one["speed"] == "end_to_end")
    assert fed["images_per_s"]["estimate"] > 0
    assert fed["pipeline"]["data"] == "mine"


def test_json_is_the_saved_record_byte_for_byte(folder, tmp_path):
    words = [*WORDS, "--data", str(folder), "--save", "-o", str(tmp_path / "results"), "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    (path,) = (tmp_path / "results").rglob("*.json")
    assert result.stdout_bytes == b"[\n" + path.read_bytes() + b"]\n"
    assert end_to_end(jsonio.read_record(path)).pipeline.data == "mine"
