"""On a CUDA device: `pytest -m gpu`."""

import pytest
import torch

import resbench
from resbench.accuracy.annotations import annotated_sample
from resbench.accuracy.dataset import File
from resbench.accuracy.decoders import decoder_named, largest_difference
from resbench.accuracy.loader import batches
from resbench.bench import comparing, subject
from resbench.bench.sides import Side
from resbench.errors import ResbenchError
from resbench.running import arm as arms
from resbench.running.runtimes.runtime import missing
from resbench.running.settings import Running, settings_for
from resbench.timing import calls, speeds
from resbench.timing.clock import event_timer, host_clock
from resbench.timing.contest import Rules
from resbench.zoo.find import find
from resbench.zoo.spec import Preprocess
from tests.test_accuracy_pixels import SIZES, photograph

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
CUDA = torch.device("cuda", 0)


def made(**options):
    chosen = settings_for(Running(**{"input_px": 64, **options}), 224, CUDA)
    request = speeds.Request(
        network=find("resnet18"), weights=None, device="cuda:0", settings=chosen, time_budget_s=1.0, target=0.01
    )
    return request, subject.ready(request).arm


def test_a_replayed_graph_computes_what_the_network_computes():
    _, arm = made()
    with torch.inference_mode():
        batch = arms.random_images(arm, 2, torch.Generator(CUDA).manual_seed(0))
        torch.testing.assert_close(calls._captured(arm, batch)(), arm.forward(batch))


def test_device_time_is_not_longer_than_latency():
    _, arm = made()
    with torch.inference_mode():
        (call,) = calls.inference(arm, 8, graph=True)()
        host, device = host_clock(CUDA), event_timer(CUDA)
        for timer in (host, device):
            timer(call, 10)
        latency = min(host(call, 1)[0] for _ in range(50))
        busy = min(device(call, 1)[0] for _ in range(50))
    assert 0 < busy <= latency


@pytest.mark.parametrize("options", [{"dtype": "tf32"}, {"dtype": "bf16", "channels_last": True}, {"dtype": "fp16"}])
def test_settings_run_and_move_the_output_little(options):
    request, _ = made(**options)
    assert 0 < subject.difference_from_plain(request, subject.ready(request)) < 0.1


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("aotinductor", {}),
        ("onnxruntime", {}),
        ("onnxruntime", {"dtype": "fp16"}),
        ("tensorrt", {}),
        ("tensorrt", {"dtype": "tf32"}),
        ("tensorrt", {"dtype": "fp16"}),
        ("tensorrt", {"dtype": "bf16"}),
    ],
)
def test_another_runtime_answers_as_eager_torch_does(name, options):
    if reason := missing(name):
        pytest.skip(reason)
    request, arm = made(runtime=name, **options)
    try:
        found = subject.proof_of(request, arm, [1, 3])
    except ResbenchError as error:
        if "cannot load what it has compiled" not in str(error):
            raise
        pytest.skip(str(error))  # torch's own fault on this machine, found before it took this process along
    assert found.difference <= found.bound
    with torch.inference_mode():
        (call,) = calls.inference(arm, 3)()
        assert call().device == CUDA
        assert host_clock(CUDA)(call, 5)[0] > 0


def test_a_profile_has_every_speed_memory_and_ceilings():
    record = resbench.profile("resnet18", input_px=64, batch_sizes=(4,), time_budget_s=1.0)
    assert [series.speed for series in record.series] == ["latency", "device_time", "throughput"]
    (memory,) = record.memory
    assert memory.reserved_bytes >= memory.allocated_bytes > record.counts.params * 4
    (kernels,) = record.kernels
    assert kernels.batch_size == 4
    assert kernels.launches == kernels.kernels >= 20  # resnet18 has 20 convolutions, and each is a kernel at least
    assert record.ceilings is not None
    assert record.environment.machine.cuda == torch.version.cuda


def test_auto_finds_a_batch_size_and_says_that_it_was_asked():
    record = resbench.profile("resnet18", input_px=64, batch_sizes=("auto",), time_budget_s=1.0)
    assert {series.batch_size_asked for series in record.series} == {"auto"}
    assert record.series[0].batch_size > 1


def test_a_training_step_is_measured_in_its_parts():
    record = resbench.profile("resnet18", input_px=64, batch_sizes=(4,), train=True, time_budget_s=1.0)
    assert [series.speed for series in record.series] == list(speeds.PHASES)


def launched(speed="latency", **options):
    return speeds.kernels_started(made(**options)[1], speeds.Wanted(speed=speed, batch_size=2, asked="2"))


def test_kernels_are_as_many_every_time_and_no_more_when_batch_norm_is_folded():
    plain, again, folded = launched(), launched(), launched(fuse=True)
    assert plain == again
    assert folded.kernels <= plain.kernels  # a bias is a kernel of its own where a batch norm was one
    assert plain.launches == plain.kernels


def test_a_graph_is_launched_once_with_all_its_kernels():
    graph = launched(cuda_graph=True)
    assert graph.launches == 1
    assert graph.kernels >= 20  # the convolutions of resnet18


def test_a_relu_more_is_a_kernel_more():
    _, arm = made()
    want = speeds.Wanted(speed="latency", batch_size=2, asked="2")
    before = speeds.kernels_started(arm, want)
    arm.module.fc = torch.nn.Sequential(arm.module.fc, torch.nn.ReLU())
    assert speeds.kernels_started(arm, want).kernels == before.kernels + 1


def test_kernels_of_a_compiled_network_are_counted():
    assert launched(runtime="compile").kernels >= 20  # the convolutions of resnet18


def test_two_settings_are_compared():
    a, b = (Side(network=find("resnet18"), running=Running(input_px=64, dtype=dtype)) for dtype in ("fp32", "bf16"))
    found = comparing.ab(a, b, rules=Rules(looks=(3,), confirm=False))
    assert found.a.settings.threads is None
    assert comparing.findings(found)[0].ratio > 0


def test_images_are_decoded_and_resized_on_the_gpu_and_stay_there(tmp_path):
    pytest.importorskip("nvidia.nvimgcodec")
    decoder, how = decoder_named("nvimgcodec", CUDA), Preprocess(crop_px=96)
    samples = []
    for index, size in enumerate(SIZES * 4):
        (path := tmp_path / f"{index}.jpg").write_bytes(photograph(*size))
        samples.append(annotated_sample(File(name=path.name, path=path, size_bytes=path.stat().st_size), 0))
    assert largest_difference(samples, how, decoder) <= 8  # its inverse cosine transform is not libjpeg's
    (batch,) = batches(samples, [how], starts=[0], batch_size=len(samples), workers=4, pinned=True, decoder=decoder)
    assert batch.frames[how].device == CUDA
    for one, frame in zip(samples, batch.frames[how], strict=True):
        assert torch.equal(frame, decoder.frame(decoder.image(one), how))
