"""Kernels counted in the profiler's trace: the trace of one call, and what in it counts."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from resbench.bench import subject
from resbench.errors import InvalidMeasurementError
from resbench.timing import kernels, speeds
from resbench.timing.kernels import Kernels, count_kernels, kernels_of, trace
from resbench.zoo import find
from tests.test_running_arm import CPU, TINY, arm
from tests.test_timing_speeds import REQUEST


def kernel(correlation, name="void cudnn::fprop"):
    return {"ph": "X", "cat": "kernel", "name": name, "args": {"correlation": correlation, "stream": 7}}


def other(category, correlation=0):
    return {"ph": "X", "cat": category, "name": "x", "args": {"correlation": correlation}}


def test_every_kernel_that_is_launched_alone_counts_once():
    assert count_kernels([kernel(1), kernel(2), kernel(5)], 8) == Kernels(batch_size=8, launches=3, kernels=3)


def test_the_kernels_of_a_graph_have_one_launch():
    replay = [other("cuda_runtime", 3), *(kernel(3, name) for name in "abcd"), kernel(4, "the copy of its output")]
    assert count_kernels(replay, 1) == Kernels(batch_size=1, launches=2, kernels=5)


def test_copies_fills_annotations_and_the_hosts_calls_are_no_kernels():
    noise = ("gpu_memcpy", "gpu_memset", "gpu_user_annotation", "cuda_runtime", "cuda_driver", "overhead", "cpu_op")
    events = [{"ph": "M", "name": "process_name"}, *(other(category, 9) for category in noise)]
    assert count_kernels([*events, kernel(1)], 1) == Kernels(batch_size=1, launches=1, kernels=1)
    assert count_kernels(events, 1) is None  # a profiler that sees no kernels does not say that there are none


def test_the_trace_is_of_one_call_behind_those_that_settle():
    seen = []

    def call():
        seen.append(len(seen))
        torch.relu(torch.zeros(1)) if len(seen) % 2 else torch.sigmoid(torch.zeros(1))

    found = Counter(event.get("name") for event in trace(call, CPU))
    assert len(seen) == 2
    assert (found["aten::relu"], found["aten::sigmoid"]) == (0, 1)
    assert kernels_of(call, 1, CPU) is None  # the CPU runs no kernels of this kind
    assert len(seen) == 2 + kernels.SETTLING + 2


def wants(*pairs):
    return tuple(speeds.Wanted(speed=speed, batch_size=size, asked=str(size)) for speed, size in pairs)


ASKED = wants(("latency", 1), ("device_time", 1), ("throughput", 1), ("throughput", 4), ("end_to_end", 4))


def in_this_process(function, argument):
    return function(argument)


@pytest.mark.parametrize(("told", "expected"), [({1: 4, 4: 5}, (4, 5)), ({1: 4}, None)])
def test_every_batch_size_is_counted_once_in_the_settings_asked_for(monkeypatch, told, expected):
    seen = []

    def fake(arm, want):
        seen.append((want.speed, want.batch_size, arm.settings.fuse))
        number = told.get(want.batch_size)
        return number and Kernels(batch_size=want.batch_size, launches=number, kernels=number)

    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, TINY))
    monkeypatch.setattr(subject.fresh, "call", in_this_process)
    monkeypatch.setattr(speeds, "kernels_started", fake)
    request = replace(REQUEST, wanted=ASKED, settings=replace(REQUEST.settings, fuse=True))
    found = subject.kernels_by_batch(request, lambda *_: None)
    assert seen == [("throughput", 1, True), ("throughput", 4, True)]
    assert (found and tuple(one.launches for one in found)) == expected


def test_a_process_that_dies_while_it_is_traced_costs_only_the_kernels(monkeypatch):
    def die(*_):
        raise InvalidMeasurementError("the measuring process was killed by SIGSEGV")

    monkeypatch.setattr(subject.fresh, "call", die)
    assert subject.kernels_by_batch(replace(REQUEST, wanted=ASKED), lambda *_: None) is None


def test_a_forward_pass_is_traced_on_the_batch_wanted_and_without_gradients(monkeypatch):
    def fake(call, batch_size, device):
        call()
        return batch_size, device, torch.is_inference_mode_enabled()

    monkeypatch.setattr(speeds, "kernels_of", fake)
    one, batches = arm(fuse=True), []
    one.module.register_forward_pre_hook(lambda _, inputs: batches.append(inputs[0].shape))
    assert speeds.kernels_started(one, ASKED[3]) == (4, CPU, True)
    assert batches == [(4, 3, 32, 32)]


def test_a_training_step_is_counted_whole(monkeypatch):
    monkeypatch.setattr(
        speeds, "kernels_of", lambda call, *_: [event["name"] for event in trace(call, CPU) if "name" in event]
    )
    (want,) = wants(("train", 2))
    names = set(speeds.kernels_started(arm(), want))
    assert {"aten::convolution", "aten::convolution_backward", "Optimizer.step#SGD.step"} <= names
