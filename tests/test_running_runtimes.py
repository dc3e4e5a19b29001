"""Networks in other runtimes: they answer as eager torch does, or are refused; eager torch itself is the witness."""

import copy
import errno
import gc
import json
import warnings
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from resbench.bench import comparing, gate, measuring, profiling, subject, worker
from resbench.bench.sides import Side
from resbench.bench.table import speed_rows
from resbench.cli.app import app
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.judging import history
from resbench.judging.exact import obstacle_to_comparing
from resbench.records import jsonio, store
from resbench.records.record import Engine, Exported, Settings
from resbench.report import exports
from resbench.running import arm as arms
from resbench.running import proof
from resbench.running.fresh import DiedError
from resbench.running.runtimes import aotinductor, compiled, exported, runtime
from resbench.running.settings import Running, settings_for
from resbench.timing import calls, interleave
from resbench.timing.contest import Rules
from resbench.words.observed import run_by
from resbench.words.observed import settings as settings_words
from resbench.zoo import find
from tests import planted
from tests.examples import PROFILE
from tests.printed import printed_records
from tests.test_cli_validate import SMALL
from tests.test_running_arm import CPU, TINY, chosen, tiny

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

CUDA = torch.device("cuda")
INSTALLED = ["onnxruntime", *(["openvino"] if not runtime.missing("openvino") else [])]


def written(content, path):
    """Write an ONNX file with torch's older exporter, which takes a twentieth of the time."""
    names = {"input_names": ["images"], "output_names": ["logits"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated
        axes = {name: {0: "batch"} for name in ("images", "logits")}
        torch.onnx.export(content.module, (content.example,), str(path), dynamo=False, dynamic_axes=axes, **names)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with the ONNX file of the tiny network."""
    folder = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exported, "write_model", written)
        arms.prepare(tiny(), chosen(runtime="onnxruntime"), CPU, 10, folder)
    return folder


def test_a_network_is_exported_by_torch_itself(tmp_path):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)
    ).eval()
    arm = arms.prepare(copy.deepcopy(module), chosen(runtime="onnxruntime"), CPU, 10, tmp_path)
    assert proof.proved_export(module, arm, [1, 3]).difference < 1e-4


def expected(batch):
    with torch.inference_mode():
        return tiny()(batch)


def images(count, seed=3):
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", INSTALLED)
def test_a_runtime_answers_as_eager_torch_does_at_every_batch_size(files, name):
    arm = arms.prepare(None, chosen(runtime=name), CPU, 10, files)
    for size in (1, 5):
        torch.testing.assert_close(arms.answer(arm, images(size)), expected(images(size)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", INSTALLED)
def test_answers_stay_the_same_when_weights_are_laid_out_afresh(files, name):
    arm = arms.prepare(None, chosen(runtime=name), CPU, 10, files)
    with torch.inference_mode():
        materialise = calls.inference(arm, 2)
        first = [call() for call in materialise()]
        assert first[0].shape == (2, 10)
        (call,) = materialise()
        assert torch.isfinite(call()).all()
    torch.testing.assert_close(arms.answer(arm, images(3)), expected(images(3)), rtol=1e-4, atol=1e-4)


def test_the_version_is_that_of_the_build_that_runs_where_several_are_installed(monkeypatch):
    monkeypatch.setattr(runtime, "version", lambda package: f"of {package} in the list of packages")
    monkeypatch.setattr(runtime.importlib.import_module("onnxruntime"), "__version__", "of what is imported")
    found = runtime.versions_of("onnxruntime")
    assert found["onnxruntime"] == "of what is imported"
    assert found["onnx"] == "of onnx in the list of packages"


def test_the_engine_names_versions_providers_threads_and_export(files):
    engine = arms.prepare(None, chosen(runtime="onnxruntime", threads=2), CPU, 10, files).engine
    assert engine.versions == {name: version(name) for name in ("onnx", "onnxscript", "onnxruntime")}
    assert engine.providers == ("CPUExecutionProvider",)
    assert engine.options["intra_op_num_threads"] == "2"
    assert int(engine.options["opset"]) >= 17  # torch 2.6 writes 17


def test_a_proof_says_how_many_images_and_how_far(files):
    arm = arms.prepare(None, chosen(runtime="onnxruntime"), CPU, 10, files)
    found = proof.proved_export(tiny(), arm, [1, 3, 3])
    assert (found.images, found.batch_sizes, found.bound) == (4, (1, 3), 1e-3)
    assert found.difference < 1e-4
    assert found.file_bytes == next(files.glob("*.onnx")).stat().st_size


def test_a_file_with_other_weights_is_not_used(files):
    arm = arms.prepare(None, chosen(runtime="onnxruntime"), CPU, 10, files)
    stale = tiny()
    with torch.no_grad():
        stale.layer1[0].conv1.weight.mul_(1.5)
    with pytest.raises(
        InvalidMeasurementError, match=r"onnxruntime, fp32: not used: .* first in layer layer1\.0\.conv1"
    ):
        proof.proved_export(stale, arm, [2])


def test_a_file_whose_answers_are_not_finite_is_not_used(files):
    arm = arms.prepare(None, chosen(runtime="onnxruntime"), CPU, 10, files)
    broken = replace(arm, forward=lambda batch: batch.new_full((len(batch), 10), torch.nan))
    with pytest.raises(InvalidMeasurementError, match="differ from eager torch by inf"):
        proof.proved_export(tiny(), broken, [1])


def test_files_are_removed_with_the_network_and_when_the_export_fails(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(exported, "write_model", lambda content, path: path.write_bytes(b"nothing"))
    with pytest.raises(Exception, match="Error parsing message"):
        arms.prepare(tiny(), chosen(runtime="onnxruntime"), CPU, 10)
    assert not list(tmp_path.iterdir())


def test_a_temporary_folder_lives_as_long_as_the_network(files, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (source,) = files.glob("*.onnx")
    monkeypatch.setattr(exported, "write_model", lambda content, path: path.write_bytes(source.read_bytes()))
    arm = arms.prepare(tiny(), chosen(runtime="onnxruntime"), CPU, 10)
    assert [path.suffix for path in arm.files.iterdir()] == [".onnx"]
    del arm
    gc.collect()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "device", "train", "words"),
    [
        ({"runtime": "onnxruntime"}, CPU, True, "runs forward passes only"),
        ({"runtime": "aotinductor"}, CPU, True, "runs forward passes only"),
        ({"runtime": "openvino"}, CUDA, False, "not on cuda; give --device cpu"),
        ({"runtime": "tensorrt"}, CPU, False, "not on cpu; give --device cuda"),
        ({"runtime": "onnxruntime", "dtype": "bf16"}, CPU, False, "no bf16 on cpu; give --dtype fp32"),
        ({"runtime": "openvino", "dtype": "fp16"}, CPU, False, "no fp16 on cpu; give --dtype fp32 or bf16"),
        ({"runtime": "onnxruntime", "channels_last": True}, CPU, False, "channels-last with runtime onnxruntime"),
        ({"runtime": "tensorrt", "cuda_graph": True}, CUDA, False, "cuda-graph with runtime tensorrt"),
        ({"runtime": "tensorrt", "dtype": "fp16", "amp": True}, CUDA, False, "amp with runtime tensorrt"),
        ({"runtime": "eager", "compile_mode": "default"}, CPU, False, "give --runtime compile with it"),
    ],
)
def test_what_a_runtime_cannot_do_is_one_line(options, device, train, words):
    with pytest.raises(ResbenchError) as raised:
        settings_for(Running(**options), 224, device, train=train)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "extra"), [("onnxruntime", "onnx"), ("openvino", "openvino"), ("tensorrt", "tensorrt")]
)
def test_a_runtime_that_is_not_installed_names_the_extra(monkeypatch, name, extra):
    monkeypatch.setattr(runtime, "find_spec", lambda wanted: None if wanted == name else object())
    with pytest.raises(ResbenchError, match=rf"runtime {name}: needs {name}; pip install 'resbench\[{extra}\]'"):
        runtime.loader_of(name)


def test_the_mode_of_older_records_is_the_runtime_compile():
    plain = jsonio.dumps(replace(PROFILE, settings=replace(PROFILE.settings, compile="max-autotune")))
    fields = json.loads(plain) | {"schema": 2}
    del fields["settings"]["runtime"], fields["engine"], fields["exported"]
    record = jsonio.loads(json.dumps(fields))
    assert (record.settings.runtime, record.settings.compile) == ("compile", "max-autotune")
    assert record.engine == Engine()
    # The path that version 0.1.0 gave to such a record.
    assert store.path_of(record).name == "profile-fp32-224px-compile-max-autotune-1t-b1.json"
    plain_fields = json.loads(jsonio.dumps(PROFILE)) | {"schema": 1}
    del plain_fields["settings"]["runtime"], plain_fields["engine"]
    assert jsonio.loads(json.dumps(plain_fields)).settings == PROFILE.settings


def in_runtime(record, **versions):
    settings = replace(record.settings, runtime="onnxruntime")
    return replace(record, settings=settings, engine=Engine(versions=versions, providers=("CPUExecutionProvider",)))


def test_records_of_other_runtimes_or_their_versions_are_not_compared():
    old, new = in_runtime(PROFILE, onnxruntime="1.31.0"), in_runtime(PROFILE, onnxruntime="1.32.0")
    assert obstacle_to_comparing(old, old) == ""
    assert obstacle_to_comparing(old, new) == "onnxruntime 1.31.0 -> 1.32.0"
    assert "runtime eager -> onnxruntime" in obstacle_to_comparing(PROFILE, new)
    assert store.path_of(new) != store.path_of(PROFILE)
    assert "-onnxruntime-" in store.path_of(new).name


def test_tables_exports_and_cards_say_which_runtime_it_was():
    record = in_runtime(PROFILE, onnxruntime="1.32.0")
    (row,) = speed_rows({"m/n/a.json": record})
    assert (row["runtime"], row["settings"]) == ("onnxruntime", "fp32, ONNX Runtime, 1 thread")
    assert [line.split(",")[-1] for line in exports.timm_benchmark({"a": [record]}).splitlines()] == [
        "runtime",
        "onnxruntime",
    ]
    suite = json.loads(exports.pyperf({"a": [record]}))
    assert {run["metadata"]["runtime"] for of in suite["benchmarks"] for run in of["runs"]} == {"onnxruntime"}
    assert settings_words(record.settings) == "224x224 px, fp32, ONNX Runtime, 1 thread"


def test_history_blames_a_new_version_of_the_runtime():
    old, new = in_runtime(PROFILE, onnxruntime="1.31.0"), in_runtime(PROFILE, onnxruntime="1.32.0")
    assert history._why(old, new) == "onnxruntime 1.31.0 -> 1.32.0"


def test_gate_runs_accuracies_and_speeds_in_the_runtime(monkeypatch, tmp_path):
    asked = []

    def keep(against, gating, *_):
        asked.append(gating)
        raise ResbenchError("kept")

    monkeypatch.setattr(gate, "gate", keep)
    CliRunner().invoke(app, ["gate", "resnet18", "--runtime", "openvino"])
    assert asked[0].running.runtime == "openvino"

    def run(tree, *words):
        asked.append(words)
        raise ResbenchError("kept")

    monkeypatch.setattr(gate, "_run", run)
    sides = SimpleNamespace(base=tmp_path, root=tmp_path)
    for runtime_, words in (("openvino", ("--runtime", "openvino")), ("eager", ("--data",))):
        gating = gate.Gating(data=tmp_path, evaluate=["resnet18"], running=Running(runtime=runtime_))
        with pytest.raises(ResbenchError, match="kept"):
            gate.changed_accuracies(sides, gating, None)
        assert asked[-1][2 : 2 + len(words)] == words


def test_a_proved_file_is_said_in_words():
    engine = Engine(versions={"onnxruntime": "1.32.0"}, providers=("CPUExecutionProvider",), options={"opset": "18"})
    file = Exported(file_bytes=46_800_000, images=9, batch_sizes=(1, 8), difference=2e-6, bound=1e-3)
    assert run_by(engine, file) == (
        "onnxruntime 1.32.0, CPUExecutionProvider, opset 18; file of 44.6 MiB, logits within 2e-06 of eager torch's "
        "(bound 0.001) on 9 images"
    )
    assert run_by(Engine(), None) == ""


@pytest.mark.parametrize("name", ["compile", "aotinductor"])
@pytest.mark.filterwarnings("ignore")  # of torch's own, on its own parts
def test_without_a_compiler_the_error_says_what_is_missing(tmp_path, name):
    without = torch._inductor.config.patch({"cpp.cxx": (None, str(tmp_path / "none"))})
    wanted = rf"^runtime {name}: cannot compile this network \(InductorError: .*none.*; it needs a C\+\+ compiler"
    with without, pytest.raises(ResbenchError, match=wanted):
        arms.answer(arms.prepare(tiny(), chosen(runtime=name), CPU, 10), images(2))


def test_a_disk_that_is_full_is_no_missing_compiler():
    error = compiled.uncompiled("compile", RuntimeError("g++: when writing output to a.i: No space left on device"))
    assert isinstance(error, OSError)
    assert error.errno == errno.ENOSPC


@pytest.fixture
def quick(monkeypatch, files, few_samples):
    """Nothing is exported again, no process is started, and little time is taken."""
    (source,) = files.glob("*.onnx")
    monkeypatch.setattr(exported, "write_model", lambda content, path: path.write_bytes(source.read_bytes()))
    monkeypatch.setattr(interleave, "BURST_S", 1e-9)
    monkeypatch.setattr(subject, "fresh_network", lambda *_: tiny())
    monkeypatch.setattr(subject, "settle_norms", lambda *_: None)
    monkeypatch.setattr(measuring.ceilings, "measure_ceilings", lambda *_: None)
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, TINY))


def test_a_profile_in_another_runtime_has_its_engine_proof_and_memory(quick, monkeypatch, tmp_path):
    asked = []

    def call(function, request):
        asked.append(request)
        return function(request)

    monkeypatch.setattr(profiling.fresh, "call", call)
    words = ["profile", "tiny", "--runtime", "onnxruntime", "--input-px", "32", "--threads", "1", "-b", "2"]
    done = CliRunner().invoke(app, [*words, "--time-budget", "0.1", "--save", "-o", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    (record,) = printed_records(done.stdout)
    assert record.settings == Settings(input_px=(32, 32), runtime="onnxruntime", threads=1)
    assert record.engine.versions["onnxruntime"] == version("onnxruntime")
    assert record.exported.batch_sizes == (2,)
    assert record.output_difference == record.exported.difference < 1e-4
    assert [request.files.name for request in asked] == [asked[0].files.name]  # what was proved is what runs
    assert record.memory[0].resident_bytes
    (path,) = tmp_path.rglob("*.json")
    assert path.name == "profile-fp32-32px-onnxruntime-1t-b2.json"


def test_ab_sets_a_runtime_beside_eager_torch(quick):
    sides = [Side(network=TINY, running=Running(input_px=32, runtime=name)) for name in ("eager", "onnxruntime")]
    found = comparing.ab(*sides, rules=Rules(looks=(3,), confirm=False))
    assert (found.a.settings.runtime, found.b.settings.runtime) == ("eager", "onnxruntime")
    assert found.a.exported is None
    assert found.b.exported.batch_sizes == (1,)
    assert found.b.output_difference == found.b.exported.difference
    assert found.b.engine.versions["onnxruntime"] == version("onnxruntime")


def test_a_version_that_knows_no_runtimes_is_not_taken_for_one(monkeypatch):
    older = {"program": "resbench 0.1.0", "output_difference": None}
    remote = object.__new__(worker.Remote)
    monkeypatch.setattr(remote, "_name", "python3", raising=False)
    monkeypatch.setattr(remote, "_heard", lambda: older, raising=False)
    monkeypatch.setattr(remote, "_runtime", "onnxruntime", raising=False)
    with pytest.raises(ResbenchError, match=r"resbench 0\.1\.0 has no runtime onnxruntime; leave out --runtime"):
        remote.ready()
    monkeypatch.setattr(remote, "_runtime", "compile", raising=False)
    assert remote.ready().program == "resbench 0.1.0"


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.usefixtures("planted_checkpoint")
def test_validation_in_another_runtime_counts_the_same_answers(monkeypatch, tmp_path, name):
    planted.write_four(tmp_path / "val")
    monkeypatch.setattr(exported, "write_model", written)
    words = ["validate", "--data", str(tmp_path / "val"), "resnet18", *SMALL, "--runtime", name]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    (record,) = printed_records(done.stdout)
    assert (record.top1_right, record.top5_right, record.images) == (2, 3, 4)
    assert record.settings.runtime == name
    assert record.engine.versions[name] == version(name)
    assert record.exported.batch_sizes == (record.batch_size,)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")  # of torch's own, on its own parts
def test_aotinductor_answers_as_eager_torch_does(tmp_path):
    arm = arms.prepare(tiny(), chosen(runtime="aotinductor"), CPU, 10, tmp_path)
    found = proof.proved_export(tiny(), arm, [1, 2])
    assert found.difference < 1e-4
    again = arms.prepare(None, chosen(runtime="aotinductor"), CPU, 10, tmp_path)
    torch.testing.assert_close(arms.answer(again, images(2)), expected(images(2)), rtol=1e-4, atol=1e-4)
    with pytest.raises(ResbenchError, match="was not compiled for 3 images"):
        arms.answer(again, images(3))


def test_a_package_that_crashes_its_process_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.export, "export", lambda *_: None)
    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", lambda _, package_path: None)
    monkeypatch.setattr(aotinductor.fresh, "call", dies)
    arm = arms.prepare(tiny(), chosen(runtime="aotinductor"), CPU, 10, tmp_path)
    with pytest.raises(
        ResbenchError, match=r"cannot load what it has compiled \(.*SIGSEGV.*\); use the runtime compile"
    ):
        arms.answer(arm, images(1))


def dies(*_):
    raise DiedError("the measuring process was killed by SIGSEGV: it printed nothing")


def test_every_runtime_has_a_file_that_says_what_it_is():
    folder = Path(runtime.__file__).parent
    for row in runtime.RUNTIMES.values():
        assert f"def {row.loader}(source: Source) -> Program:" in (folder / f"{row.module}.py").read_text()


def test_compiled_networks_share_no_code():
    """torch counts what it compiles by the code object, and from the ninth variant on it runs eagerly."""
    first, second = (compiled._with_own_code(tiny(), size) for size in (1, 2))
    assert first.__code__ is not second.__code__
    assert first.__code__ != second.__code__
    with torch.inference_mode():
        torch.testing.assert_close(first(images(2)), expected(images(2)))


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")  # of torch's own, on its own parts
def test_variants_of_a_network_are_all_compiled():
    limit = {"recompile_limit": 1, "fail_on_recompile_limit_hit": True}
    with torch._dynamo.config.patch(limit), torch.inference_mode():
        for options in ({}, {"fuse": True}):
            arm = arms.prepare(tiny(), chosen(runtime="compile", **options), CPU, 10)
            for size in (1, 2):
                torch.testing.assert_close(arms.answer(arm, images(size)), expected(images(size)), rtol=1e-4, atol=1e-4)
