"""What is measured at which batch sizes, and launches put together."""

from dataclasses import replace

import pytest
import torch

from resbench.errors import ResbenchError
from resbench.records.record import Settings
from resbench.running import arm as arms
from resbench.timing import speeds
from resbench.timing.sampler import Surroundings
from tests.examples import series
from tests.test_running_arm import CPU, TINY, chosen, tiny

CUDA = torch.device("cuda")
PLAIN = Settings(input_px=(32, 32))
REQUEST = speeds.Request(
    network=TINY, weights=None, device="cpu", settings=Settings(input_px=(32, 32)), time_budget_s=0.1, target=0.02
)


def pairs(wants):
    return [(want.speed, want.batch_size, want.asked) for want in wants]


def test_latency_at_one_and_throughput_at_a_full_batch_are_the_default():
    assert pairs(speeds.wanted_speeds((), CPU, PLAIN, train=False)) == [("latency", 1, "1"), ("throughput", 8, "8")]
    assert pairs(speeds.wanted_speeds((), CUDA, PLAIN, train=False)) == [
        ("latency", 1, "1"),
        ("device_time", 1, "1"),
        ("throughput", 256, "256"),
    ]


def test_with_images_every_throughput_is_followed_by_the_same_end_to_end():
    assert pairs(speeds.wanted_speeds((), CPU, PLAIN, train=False, end_to_end=True))[1:] == [
        ("throughput", 8, "8"),
        ("end_to_end", 8, "8"),
    ]
    wants = pairs(speeds.wanted_speeds((1, "auto"), CUDA, PLAIN, train=False, auto=16, end_to_end=True))
    assert [one for one in wants if one[0] in ("throughput", "end_to_end")] == [
        ("throughput", 1, "1"),
        ("end_to_end", 1, "1"),
        ("throughput", 16, "auto"),
        ("end_to_end", 16, "auto"),
    ]


@pytest.mark.parametrize(("mode", "recorded"), [("default", True), ("reduce-overhead", False), ("max-autotune", False)])
def test_code_that_replays_graphs_itself_is_not_recorded_into_another_graph(mode, recorded):
    wants = speeds.wanted_speeds((1,), CUDA, replace(PLAIN, compile=mode), train=False)
    assert ("device_time" in [want.speed for want in wants]) is recorded


def test_every_asked_batch_size_gets_every_speed_and_auto_says_that_it_was_asked():
    assert pairs(speeds.wanted_speeds((1, "auto"), CPU, PLAIN, train=False, auto=16)) == [
        ("latency", 1, "1"),
        ("throughput", 1, "1"),
        ("latency", 16, "auto"),
        ("throughput", 16, "auto"),
    ]
    assert pairs(speeds.wanted_speeds((4,), CPU, PLAIN, train=True)) == [("train", 4, "4")]


@pytest.mark.parametrize(
    ("rates", "chosen_size"),
    [
        ({1: 10, 2: 19, 4: 30, 8: 31}, 8),
        ({1: 10, 2: 19, 4: 18}, 2),
        ({1: 10, 2: 20, 4: 40}, 4),  # then memory ends
    ],
)
def test_auto_doubles_until_throughput_saturates_or_memory_ends(rates, chosen_size):
    asked = []

    def rate(size):
        asked.append(size)
        if size not in rates:
            raise ResbenchError("does not fit")
        return rates[size]

    assert speeds.saturating(rate) == chosen_size
    assert asked == sorted(asked)


def test_when_not_one_image_fits_auto_fails():
    def rate(size):
        raise ResbenchError("does not fit")

    with pytest.raises(ResbenchError, match="does not fit"):
        speeds.saturating(rate)


def test_launches_become_one_series_that_tells_the_worst():
    first, second = series(), replace(series(), stop_reason="time_budget", drifting=True)
    (merged,) = speeds.merge_launches([[first], [second], [first]])
    assert len(merged.launches) == 3
    assert merged.stop_reason == "time_budget"
    assert merged.drifting


def test_later_launches_keep_the_windows_of_the_first():
    wants = tuple(speeds.wanted_speeds((), CPU, PLAIN, train=False))
    first = [series(), replace(series("throughput"), batch_size=8, calls=13)]
    again = speeds.repeated(replace(REQUEST, wanted=wants), first)
    assert [want.calls for want in again.wanted] == [1, 13]


def test_a_tiny_network_is_measured_in_training_and_left_in_eval_mode():
    subject = arms.prepare(tiny(), chosen(), CPU, 10)
    (want,) = speeds.wanted_speeds((2,), CPU, PLAIN, train=True)
    found = speeds.measure(subject, want, REQUEST, Surroundings())
    assert [one.speed for one in found] == list(speeds.PHASES)
    assert len({len(one.launches[0].clusters) for one in found}) == 1
    assert not subject.module.training


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")],
)
def test_a_batch_that_does_not_fit_is_one_line(error):
    def fail(batch):
        raise error

    subject = replace(arms.prepare(tiny(), chosen(), CPU, 10), forward=fail)
    (want, _) = speeds.wanted_speeds((64,), CPU, PLAIN, train=False)
    with pytest.raises(ResbenchError, match="batch size 64: does not fit into memory"):
        speeds.measure(subject, want, REQUEST, Surroundings())


def test_code_is_compiled_anew_for_every_speed_and_batch_size(monkeypatch):
    resets = []
    monkeypatch.setattr(torch.compiler, "reset", lambda: resets.append(1))
    plain = arms.prepare(tiny(), chosen(), CPU, 10)
    compiled = replace(plain, settings=replace(plain.settings, runtime="compile", compile="default"))
    for size in (1, 2):
        speeds.run_untimed(compiled, speeds.wanted_speeds((size,), CPU, PLAIN, train=False)[0], times=1)
        speeds.run_untimed(plain, speeds.wanted_speeds((size,), CPU, PLAIN, train=False)[0], times=1)
    assert len(resets) == 2


def test_other_errors_of_torch_stay_what_they_are():
    def fail(batch):
        raise RuntimeError("a bug")

    subject = replace(arms.prepare(tiny(), chosen(), CPU, 10), forward=fail)
    with pytest.raises(RuntimeError, match="a bug"):
        speeds.quick_rate(subject, 1)
