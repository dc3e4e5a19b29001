"""On a CUDA device: `pytest -m gpu`."""

import pytest
import torch

import resbench
from resbench.bench import subject
from resbench.timing import arms, speeds
from resbench.timing.clock import event_timer, host_clock
from resbench.timing.settings import settings

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
CUDA = torch.device("cuda", 0)


def made(**options):
    chosen = settings({"input_px": 64, **options}, 224, CUDA)
    request = speeds.Request(
        network="resnet18", weights=None, device="cuda:0", settings=chosen, time_budget_s=1.0, target=0.01
    )
    return request, subject.ready(request).arm


def test_a_replayed_graph_computes_what_the_network_computes():
    _, arm = made()
    with torch.inference_mode():
        batch = arms.images(arm, 2, torch.Generator(CUDA).manual_seed(0))
        torch.testing.assert_close(arms._captured(arm, batch)(), arm.forward(batch))


def test_device_time_is_not_longer_than_latency():
    with torch.inference_mode():
        (call,) = arms.inference(made()[1], 8, graph=True)()
        host, device = host_clock(CUDA), event_timer(CUDA)
        for timer in (host, device):
            timer(call, 10)
        latency = min(host(call, 1)[0] for _ in range(50))
        busy = min(device(call, 1)[0] for _ in range(50))
    assert 0 < busy <= latency


@pytest.mark.parametrize("options", [{"dtype": "tf32"}, {"dtype": "bf16", "channels_last": True}, {"dtype": "fp16"}])
def test_settings_run_and_move_the_output_little(options):
    assert 0 < subject.difference(*made(**options)) < 0.1


def test_a_profile_has_every_speed_memory_and_ceilings():
    record = resbench.profile("resnet18", input_px=64, batch_sizes=(4,), time_budget_s=1.0)
    assert [series.speed for series in record.series] == ["latency", "device_time", "throughput"]
    (memory,) = record.memory
    assert memory.reserved_bytes >= memory.allocated_bytes > record.counts.params * 4
    assert record.ceilings is not None
    assert record.environment.machine.cuda == torch.version.cuda


def test_auto_finds_a_batch_size_and_says_that_it_was_asked():
    record = resbench.profile("resnet18", input_px=64, batch_sizes=("auto",), time_budget_s=1.0)
    assert {series.batch_size_asked for series in record.series} == {"auto"}
    assert record.series[0].batch_size > 1


def test_a_training_step_is_measured_in_its_parts():
    record = resbench.profile("resnet18", input_px=64, batch_sizes=(4,), train=True, time_budget_s=1.0)
    assert [series.speed for series in record.series] == list(speeds.PHASES)
