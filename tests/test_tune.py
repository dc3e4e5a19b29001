"""`tune`, and `--tuned` of `profile` and `validate`: what races, whose answers are right, what is saved and used."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from resbench import environment
from resbench.bench import answers, candidates, entries, grid, parse, profiles, racelog, subject, tuned, tuning
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.judging.ranking import ranking, standings_in
from resbench.records.record import Cluster, Engine
from resbench.records.settings import Settings
from resbench.records.store import machine_folder, save
from resbench.records.tuned import CannotRace, Raced, Tuned, read_tuned, save_tuned, tuned_path
from resbench.report import tuning as report
from resbench.running import device
from resbench.running.runtimes import exported, runtime
from resbench.running.settings import Running, settings_for
from resbench.timing.interleave import Burst, fitting_pairs
from resbench.zoo.spec import Preprocess
from tests import planted
from tests.examples import ENVIRONMENT, PROFILE, RUN
from tests.printed import printed_records
from tests.scripted import git
from tests.test_cli_validate import SMALL, WNIDS
from tests.test_running_arm import CPU, tiny
from tests.test_running_runtimes import files, quick, written

__all__ = ["files", "quick"]  # fixtures

FP32 = Settings(input_px=(32, 32), threads=2)


def cluster(milliseconds):
    return Cluster(wall_ns=(round(milliseconds * 1e6),) * 3, cpu_ns=(1,) * 3)


def raced(settings, batch_size, times, **more):
    return Raced(
        settings=settings,
        batch_size=batch_size,
        calls=2,
        rounds=tuple(range(len(times))),
        clusters=tuple(map(cluster, times)),
        **more,
    )


# The third is the fastest and wrong, the fourth cannot be told from the second.
RACE = Tuned(
    network="resnet18",
    weights="resnet18.pth",
    weights_sha256="ab" * 32,
    goal="throughput",
    answers="equal top-1 on 200 images of val",
    raced=(
        raced(FP32, 8, [160, 162, 158]),
        raced(replace(FP32, runtime="onnxruntime"), 8, [80, 81, 79], fault="", engine=Engine(versions={"onnx": "1"})),
        raced(replace(FP32, dtype="bf16"), 8, [40], fault="another first class for 3 of 200 images"),
        raced(replace(FP32, fuse=True, memory_format="channels_last", threads=1), 2, [20.4, 20.2]),
    ),
    winner=1,
    most_measurements=48,
    cannot=(CannotRace(what="tensorrt", why="runtime tensorrt: not on cpu; give --device cuda"),),
    environment=ENVIRONMENT,
    run=RUN,
)


def test_a_ranking_follows_from_the_samples():
    rows = ranking(RACE)
    assert [row.index for row in rows] == [1, 3, 0, 2]
    assert [row.tied for row in rows] == [False, True, False, False]
    first, tie, plain, wrong = rows
    assert first.call_s.estimate == pytest.approx(0.040, rel=1e-3)
    assert first.images_per_s.estimate == pytest.approx(200, rel=1e-3)
    assert first.speedup.estimate == pytest.approx(2, rel=1e-3)
    assert first.call_s.low < 0.040 < first.call_s.high
    assert tie.call_s.estimate == pytest.approx(0.01015, rel=1e-3)
    assert plain.speedup is None
    assert wrong.why_not == "another first class for 3 of 200 images"
    assert [len(times) for times in standings_in(RACE).rounds] == [4, 3, 2]


def test_what_is_not_certainly_below_the_limit_cannot_win():
    rows = {row.index: row.why_not for row in ranking(replace(RACE, max_latency_s=0.05))}
    assert (rows[0], rows[1], rows[3]) == ("not certainly below the latency asked for", "", "")


def test_the_report_shows_ranks_ratios_answers_and_how_little_was_measured(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    assert report.show_tuning(iter([RACE]), as_json=False) is RACE
    text = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    assert [row[:3] for row in rows] == [
        ["1", "fp32, ONNX Runtime, 2 threads", "8"],
        ["tie", "fp32, channels last, batch norm folded, 1 thread", "2"],
        ["", "fp32, 2 threads (plain eager)", "8"],
        ["", "bf16, 2 threads", "8"],
    ]
    assert [row[-1] for row in rows] == ["right", "not compared", "right", "another first class for 3 of 200 images"]
    assert rows[0][5].startswith("2.000 [")
    assert rows[2][5] == "1"
    assert "27 measurements (timed samples); the whole grid of 4 settings would take 240" in text
    assert "a tie: another setting cannot be told from the first" in text
    assert "answers: equal top-1 on 200 images of val" in text
    assert "tensorrt: not on cpu; give --device cuda" in text
    command = "resbench profile resnet18 --input-px 32x32 --runtime onnxruntime --threads 2 -b 8"
    assert f"to use it: {command}" in text


def test_the_command_line_gives_the_setting_that_won():
    settings = replace(FP32, dtype="int8", runtime="openvino")
    won = replace(RACE, raced=(RACE.raced[0], replace(RACE.raced[1], settings=settings)), calibration="my photos")
    words = "--input-px 32x32 --runtime openvino --dtype int8 --threads 2 --calibration 'my photos' -b 8"
    assert report.command_of(won) == f"resbench profile resnet18 {words}"
    folded = replace(RACE, winner=3)
    assert "--channels-last --fuse --threads 1 -b 2" in report.command_of(folded)


def test_a_race_is_saved_and_read_and_no_reader_of_records_stumbles_over_it(tmp_path, monkeypatch):
    save(PROFILE, tmp_path)
    path = save_tuned(replace(RACE, network=PROFILE.network), tmp_path)
    assert path.relative_to(tmp_path).as_posix() == "cpu-example-cpu-2c/resnext50_32x4d/throughput-32px.tuned"
    assert read_tuned(path) == replace(RACE, network=PROFILE.network)
    monkeypatch.chdir(tmp_path)
    folder = str(tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "a race")
    for words in (
        ["results", "--results", folder],
        ["results", "show", folder],
        ["check", folder, "--against", "git:HEAD"],
        ["stats", folder],
        ["history", folder],
        ["list", "--results", folder, "resnext50_32x4d"],
        ["report", folder, "-o", "page.html"],
        ["baseline", "save", folder, "--pool", "pool"],
    ):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, f"{words}: {done.output} {done.exception}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "{", "not what tune saved"),
        (lambda text: text.replace('"tuned"', '"profile"'), "not what tune saved"),
        (lambda text: text.replace('"winner": 1', '"winner": 9'), "its winner is not among what raced"),
        (lambda text: text.replace('"schema": 1', '"schema": 2'), "not what tune saved"),
    ],
)
def test_a_damaged_file_is_one_line_with_the_next_step(tmp_path, change, words):
    path = save_tuned(RACE, tmp_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(ResbenchError, match=rf"{words}.*; run `resbench tune` again") as raised:
        read_tuned(path)
    assert "\n" not in str(raised.value)


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(environment, "cpu_cores", lambda: 6)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)


def test_the_grid_has_every_way_that_a_runtime_has_and_plain_eager_torch_first(two_cores):
    assert grid.thread_numbers() == (3, 4, 2, 1)
    rows = [runtime.RUNTIMES[name] for name in ("eager", "onnxruntime", "openvino")]
    found = grid.grid(Running(input_px=32, threads=2), rows, CPU)
    assert found[0] == Running(input_px=32, threads=2)
    assert len(found) == len(set(found))
    number = {
        (name, dtype): sum((own.runtime, own.dtype) == (name, dtype) for own in found)
        for name in ("eager", "onnxruntime", "openvino")
        for dtype in ("fp32", "bf16", "fp16", "int8")
    }
    assert number["eager", "fp32"] == number["eager", "bf16"] == 4  # folded or not, channels last or not
    assert number["onnxruntime", "fp32"] == number["openvino", "fp32"] == number["openvino", "bf16"] == 1
    assert not any(number[name, dtype] for name in ("eager", "onnxruntime", "openvino") for dtype in ("fp16", "int8"))
    assert len(grid.grid(Running(), rows, CPU)) == 4 * len(grid.grid(Running(threads=1), rows, CPU))


def test_int8_is_tried_where_there_are_images_for_it():
    rows = [runtime.RUNTIMES[name] for name in ("eager", "onnxruntime")]
    found = grid.grid(Running(threads=1, calibration="photos"), rows, CPU)
    assert [(own.runtime, own.dtype) for own in found if own.calibration] == [("onnxruntime", "int8")]


def test_runtimes_that_are_not_here_say_why():
    here, cannot = grid.runtimes_here(("onnxruntime", "tensorrt"), CPU)
    assert [row.name for row in here] == ["onnxruntime"]
    assert [(own.what, own.why) for own in cannot] == [("tensorrt", "runtime tensorrt: not on cpu; give --device cuda")]
    with pytest.raises(ResbenchError, match="runtime 'onnx': unknown; choose from eager"):
        grid.runtimes_here(("onnx",), CPU)


class Timed:
    """An arm whose call takes so many milliseconds."""

    def __init__(self, milliseconds):
        self.ns, self.calls = round(milliseconds * 1e6), 0

    pool = ""

    def rest(self):
        pass

    def materialise(self):
        self.calls = 0

    def time(self, calls):
        self.calls += calls
        return self.ns * calls, self.ns * calls


def test_samples_of_short_calls_span_several():
    short, long = Burst(Timed(0.8)), Burst(Timed(40))
    assert (short.calls, long.calls) == (7, 1)
    assert short.time(2) == (14 * 800_000, 14 * 800_000)
    assert fitting_pairs(short.seconds) == 10
    assert fitting_pairs(long.seconds) == 10
    assert fitting_pairs(0.4) == 3
    assert [fitting_pairs(time_s, most=40) for time_s in (0.005, 0.02, 0.4)] == [40, 25, 3]


@pytest.mark.parametrize(("text", "value"), [("20ms", 0.02), ("0.5s", 0.5), ("1.5 ms", 0.0015), (None, None)])
def test_a_latency_is_a_number_with_its_unit(text, value):
    assert parse.latency_limit_s(text) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize("text", ["20", "ms", "-1ms", "0ms", "1e3s", "9" * 400 + "s", "٣ms"])
def test_what_is_no_latency_is_refused(text):
    with pytest.raises(ResbenchError, match="such as 20ms"):
        parse.latency_limit_s(text)


@pytest.fixture
def few(quick, monkeypatch):
    """Two runtimes and one that cannot run here; a race of few rounds."""
    rows = {name: runtime.RUNTIMES[name] for name in ("eager", "onnxruntime", "tensorrt")}
    monkeypatch.setattr(grid, "RUNTIMES", rows)
    monkeypatch.setattr(grid, "_SWITCHES", ("fuse",))
    monkeypatch.setattr(answers, "RANDOM_IMAGES", 5)
    monkeypatch.setattr(candidates, "HOPELESS", 1e9)
    monkeypatch.setattr(racelog, "RACE_SAMPLES", 3)
    monkeypatch.setattr(racelog, "GRID_CLUSTERS", 2)
    monkeypatch.setattr("resbench.timing.race.SHARE", 1)


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


def tune(folder, *words):
    return run("tune", "tiny", "--input-px", 32, "--threads", 1, "-o", folder, *words)


def test_the_winner_answers_as_eager_torch_does_is_saved_and_is_used(few, monkeypatch, tmp_path):
    done = tune(tmp_path, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    race = found["tuned"]
    names = [(own["settings"]["runtime"], own["settings"]["dtype"]) for own in race["raced"]]
    assert names[0] == ("eager", "fp32")
    assert set(names) == {("eager", "fp32"), ("eager", "bf16"), ("onnxruntime", "fp32")}
    assert race["cannot"][0] == {"what": "tensorrt", "why": "runtime tensorrt: not on cpu; give --device cuda"}
    assert race["answers"].startswith("equal top-1 on 5 random images")
    assert race["raced"][race["winner"]]["fault"] in ("", None)
    assert found["measurements"] == 3 * sum(len(own["clusters"]) for own in race["raced"]) <= race["most_measurements"]
    assert found["ranking"][0]["index"] == race["winner"]
    (path,) = tmp_path.rglob("*.tuned")
    assert f"saved {path}" in done.stderr
    saved = read_tuned(path)
    assert json.loads(path.read_text()) == race

    asked = []
    monkeypatch.setattr(profiles, "profiled", lambda _, profiling, __: asked.append(profiling) or PROFILE)
    used = run("profile", "tiny", "--tuned", "--input-px", 32, "-o", tmp_path)
    assert used.exit_code == 0, used.output
    (profiling,) = asked
    assert settings_for(profiling.running, 224, CPU) == saved.raced[saved.winner].settings
    assert profiling.batch_sizes == (1,)
    assert "note: tuned for latency on" in used.stderr


def test_the_answers_of_every_setting_are_compared_and_a_stale_file_cannot_win(few, monkeypatch, tmp_path):
    """The file of the other runtime has other weights: its answers are not those of eager torch."""

    def stale():
        module = tiny()
        with torch.no_grad():
            module.layer1[0].conv1.weight.mul_(1.5)
        return module

    def timed(bursts, *_):  # the other runtime is the fastest by far
        return tuple(cluster(10 if burst._arm._settings.runtime == "eager" else 1) for burst in bursts)

    monkeypatch.setattr(racelog.interleave, "cluster", timed)
    monkeypatch.setattr(subject, "fresh_network", lambda *_: stale())
    done = tune(tmp_path, "--json", "--runtime", "onnxruntime")
    assert done.exit_code == 0, done.output
    race = json.loads(done.stdout)["tuned"]
    assert [own["settings"]["runtime"] for own in race["raced"]] == ["eager", "onnxruntime"]
    assert race["winner"] == 0
    assert "not used: its logits differ" in race["raced"][1]["fault"]


def test_answers_are_compared_on_the_images_and_the_loss_is_judged(planted_checkpoint, tmp_path):
    for label, shift in ((5, 0), (17, 0), (400, 1), (999, -9)):
        planted.write(tmp_path / "val" / WNIDS[label] / "a.JPEG", label + shift)
    arm = SimpleNamespace(forward=planted.Planted(), settings=Settings(input_px=(16, 16), threads=1), device=CPU)
    network = entries.find("resnet18")
    validating = entries.Validating(running=Running(input_px=16))
    data = tmp_path / "val"

    def fault(module, max_loss):
        rule = answers.answer_rule(network, "some.pth", validating, data=data, calibration=None, max_loss=max_loss)
        right = answers.right_answers(rule, arm, lambda _: None)
        other = SimpleNamespace(forward=module, settings=arm.settings, device=CPU)
        return rule.words, answers.fault_in(right, other, 3)

    class Shifted(planted.Planted):
        """Answers the class beside."""

        def forward(self, x):
            return super().forward(x).roll(1, 1)

    assert fault(planted.Planted(), None) == ("equal top-1 on 4 images of val", "")
    assert fault(Shifted(), None)[1] == "another first class for 4 of 4 images"
    words, wrong = fault(Shifted(), 0.01)
    assert words == "at most 1.00 points of top-1 lost, beyond doubt, on 4 images of val"
    assert wrong.startswith("may lose too much: -50.00 points of top-1 [")
    assert fault(planted.Planted(), 0.0)[1] == ""
    nothing = planted.Planted()
    nothing.forward = lambda x: x.new_full((len(x), 1000), torch.nan)
    assert "not finite" in fault(nothing, None)[1]


def test_a_loss_needs_labels_and_weights(tmp_path):
    network = entries.find("resnet18")
    for data, weights in ((None, "some.pth"), (tmp_path, None)):
        with pytest.raises(ResbenchError, match="--max-loss: needs labelled images, --data, and weights"):
            answers.answer_rule(network, weights, entries.Validating(), data=data, calibration=None, max_loss=0.0)


def test_random_images_depend_on_their_place_alone():
    preprocess = Preprocess(crop_px=16)
    whole = answers._random_batch(0, 5, preprocess, (16, 24)).frames[preprocess]
    part = answers._random_batch(3, 2, preprocess, (16, 24)).frames[preprocess]
    assert torch.equal(whole[3:], part)
    assert tuple(whole.shape) == (5, 16, 24, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--max-latency", "20ms", "--for", "latency"], "give --for throughput"),
        (["-b", "1,2"], "--for latency: is of one batch size"),
        (["--runtime", "onnx"], "runtime 'onnx': unknown"),
        (["--max-loss", "1"], "--max-loss: needs labelled images"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_is_timed(few, monkeypatch, tmp_path, words, message):
    monkeypatch.setattr(tuning, "made_ready", None)
    assert message in str(tune(tmp_path, *words).exception)


def test_without_a_setting_below_the_limit_the_shortest_call_is_named(few, tmp_path):
    done = tune(tmp_path, "--max-latency", "0.001ms", "-b", "1", "--runtime", "eager")
    assert isinstance(done.exception, ResbenchError)
    assert "tiny: no setting with right answers is certainly below 1.00 µs; the shortest call took" in str(
        done.exception
    )
    assert not list(tmp_path.iterdir())


def test_for_throughput_batch_sizes_race_too(few, monkeypatch, tmp_path):
    monkeypatch.setattr("resbench.timing.race.SHARE", 2)  # of two rounds: one
    done = tune(tmp_path, "--max-latency", "99s", "-b", "2,1", "--runtime", "eager", "--json")
    assert done.exit_code == 0, done.output
    race = json.loads(done.stdout)["tuned"]
    assert (race["goal"], race["max_latency_s"]) == ("throughput", 99.0)
    assert [own["batch_size"] for own in race["raced"]] == [2, 1] * 4
    assert [path.name for path in tmp_path.rglob("*.tuned")] == ["throughput-32px.tuned"]


def test_ctrl_c_shows_what_was_measured_until_then_and_saves_nothing(few, monkeypatch, tmp_path):
    real = racelog.interleave.cluster
    taken = []

    def cluster(*words):
        taken.append(1)
        if len(taken) == 2:
            raise KeyboardInterrupt
        return real(*words)

    monkeypatch.setattr(racelog.interleave, "cluster", cluster)
    done = tune(tmp_path, "--json", "--runtime", "eager")
    assert done.exit_code == 130
    assert {len(own["clusters"]) for own in json.loads(done.stdout)["tuned"]["raced"]} == {1}
    assert not list(tmp_path.iterdir())


def test_settings_that_there_is_no_time_for_are_named(few, monkeypatch):
    requests = [
        tuning._request(entries.find("tiny"), own, CPU, tuning.Tuning())
        for own in grid.grid(Running(input_px=32, threads=1), list(grid.RUNTIMES.values())[:1], CPU)
    ]
    ready = candidates.made_ready(requests, [1, 2], None, 0.0, lambda *_: None)
    assert [candidate.batch_size for candidate in ready.ready] == [1, 2]
    (cannot,) = ready.cannot
    assert cannot.why == f"{len(requests) - 1} settings: no time was left; give a larger --time-budget"


def test_what_cannot_be_made_ready_does_not_stop_the_others(few, monkeypatch, tmp_path):
    def broken(content, path):
        raise ResbenchError("runtime onnxruntime: cannot export this")

    monkeypatch.setattr(exported, "write_model", broken)
    done = tune(tmp_path, "--json", "--runtime", "onnxruntime")
    assert done.exit_code == 0, done.output
    race = json.loads(done.stdout)["tuned"]
    assert {"what": "onnxruntime", "why": "1 setting: cannot export this"} in race["cannot"]
    assert len(race["raced"]) == 1


def saved_here(folder, **changes):
    own = replace(RACE.environment, machine=environment.machine(device.resolve("cpu")))
    return save_tuned(replace(RACE, environment=own, **changes), folder)


def test_validate_runs_in_the_setting_that_was_saved(planted_checkpoint, monkeypatch, tmp_path):
    monkeypatch.setattr(exported, "write_model", written)
    planted.write_four(tmp_path / "val")
    settings = Settings(input_px=(16, 16), runtime="onnxruntime", threads=1)
    saved_here(tmp_path / "out", raced=(RACE.raced[0], replace(RACE.raced[1], settings=settings)))
    words = ["validate", "--data", tmp_path / "val", "resnet18", *SMALL]
    done = run(*words, "-o", tmp_path / "out", "--tuned", "--json")
    assert "no " in str(done.exception)  # it was saved at the size of the plain setting, 32 px
    changed = replace(RACE.raced[0], settings=replace(FP32, input_px=(16, 16)))
    saved_here(tmp_path / "out", raced=(changed, replace(RACE.raced[1], settings=settings)))
    done = run(*words, "-o", tmp_path / "out", "--tuned", "--json")
    assert done.exit_code == 0, done.output
    (record,) = printed_records(done.stdout)
    assert record.settings == settings
    assert (record.top1_right, record.top5_right) == (2, 3)
    assert "note: tuned for throughput on 2026-01-01: fp32, ONNX Runtime, 1 thread; equal top-1" in done.stderr


def test_without_a_saved_setting_the_error_names_the_next_step(tmp_path):
    done = run("profile", "resnet18", "--tuned", "-o", tmp_path)
    path = tuned_path(
        tmp_path, machine_folder(environment.machine(device.resolve("cpu"))), "resnet18", "latency", (224, 224)
    )
    assert str(done.exception) == (
        f"--tuned: no {path}; run `resbench tune resnet18` first, on this machine and for images of 224x224 px"
    )


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["profile", "resnet18", "--dtype", "fp32"], "--dtype"),
        (["profile", "resnet18", "--threads", "2"], "--threads"),
        (["profile", "resnet18", "--train"], "--train"),
        (["validate", "--data", "val", "resnet18", "--runtime", "eager"], "--runtime"),
        (["validate", "--data", "val", "resnet18", "--fuse"], "--fuse"),
    ],
)
def test_an_option_that_the_saved_setting_decides_is_refused(words, option):
    message = f"{option} with --tuned: the saved setting says how the network runs; leave one out"
    assert str(run(*words, "--tuned").exception) == message


@pytest.mark.parametrize("names", [["resnet18", "resnet34"], ["resnet*"], []])
def test_validate_takes_one_network_in_its_saved_setting(names):
    assert "--tuned: every network has a setting of its own" in str(
        run("validate", "--data", "val", *names, "--tuned").exception
    )


def test_what_changed_since_is_said(tmp_path):
    older = replace(environment.machine(device.resolve("cpu")), torch="2.6.0")
    save_tuned(replace(RACE, environment=replace(RACE.environment, machine=older)), tmp_path)
    found = tuned.saved_setting("resnet18", Running(input_px=32), (32, 32), CPU, tmp_path, ["throughput"])
    assert f"since then torch 2.6.0 -> {torch.__version__}" in found.words
    assert found.words.endswith(": tune again")
    assert found.batch_size == 8
    assert found.running == Running(input_px=32, runtime="onnxruntime", threads=2)


def test_int8_takes_its_images_from_where_they_were_or_are_now(tmp_path):
    int8 = replace(RACE.raced[1], settings=replace(FP32, runtime="onnxruntime", dtype="int8"))
    saved_here(tmp_path, raced=(RACE.raced[0], int8), calibration="photos")
    for given, used in ((None, "photos"), ("elsewhere", "elsewhere")):
        running = Running(input_px=32, calibration=given)
        found = tuned.saved_setting("resnet18", running, (32, 32), CPU, tmp_path, ["latency", "throughput"])
        assert (found.running.dtype, found.running.calibration) == ("int8", used)


def test_settings_that_there_is_no_memory_for_are_named(few, monkeypatch):
    monkeypatch.setattr(candidates.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    ways = grid.grid(Running(input_px=32, threads=1), [runtime.RUNTIMES["eager"]], CPU)
    requests = [tuning._request(entries.find("tiny"), own, CPU, tuning.Tuning()) for own in ways]
    ready = candidates.made_ready(requests, [1], None, float("inf"), lambda *_: None)
    assert len(ready.ready) == 1
    assert ready.cannot[0].why.startswith(f"{len(ways) - 1} settings: no memory was left; try fewer")


def test_settings_that_are_hopelessly_slow_do_not_race(few, monkeypatch):
    """Per image: plain eager torch takes 10 ms, so one that takes 41 ms is left out, and 39 ms may race."""
    times = {("fp32", False): 10, ("fp32", True): 39, ("bf16", True): 41, ("bf16", False): 400}

    def local(arm, size, switching):
        return Timed(size * times[arm.settings.dtype, arm.settings.fuse])

    monkeypatch.setattr(candidates, "Local", local)
    monkeypatch.setattr(candidates, "HOPELESS", 4)
    ways = grid.grid(Running(input_px=32, threads=1), [runtime.RUNTIMES["eager"]], CPU)
    requests = [tuning._request(entries.find("tiny"), own, CPU, tuning.Tuning()) for own in ways]
    ready = candidates.made_ready(requests, [1, 2], None, float("inf"), lambda *_: None)
    assert [(own.request.settings.fuse, own.batch_size) for own in ready.ready] == [
        (False, 1), (False, 2), (True, 1), (True, 2),
    ]  # fmt: skip
    assert [own.why for own in ready.cannot] == [
        "4 settings: took more than 4 times as long as plain eager torch in the first calls"
    ]
