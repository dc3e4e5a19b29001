"""A network brought into its settings, moved about in memory, and wrapped into calls."""

import random
from dataclasses import replace

import pytest
import torch
from torch import nn

import resbench
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.records.record import Settings
from resbench.running import arm as arms
from resbench.running.fold import fold_batch_norms
from resbench.running.runtimes.eager import relocate
from resbench.running.settings import Running, plain, settings_for, switches
from resbench.timing import calls
from resbench.zoo.spec import ResNetSpec, Variant
from resbench.zoo.variants import VARIANTS

CPU = torch.device("cpu")
TINY = Variant(
    name="tiny",
    family="ResNet",
    spec=ResNetSpec(block="bottleneck", depths=(1, 1), squeeze="se"),
    paper=VARIANTS[0].paper,
    classes=10,
)


def tiny():
    torch.manual_seed(0)
    module = resbench.build(TINY)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
            nn.init.uniform_(norm.weight, 0.5, 1.0)
    return module


def chosen(**options):
    return settings_for(Running(**{"input_px": 32, "threads": 1, **options}), 224, CPU)


def arm(**options):
    return arms.prepare(tiny(), chosen(**options), CPU, 10)


def difference(**options):
    return arms.output_difference(tiny(), arm(**options))


def output(module, seed=1):
    batch = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        return module(batch)


def test_settings_that_leave_the_arithmetic_alone_are_plain_and_compared_with_nothing():
    assert plain(chosen(channels_last=True))
    assert difference(channels_last=True) is None
    assert not any(plain(chosen(**option)) for option in ({"fuse": True}, {"dtype": "bf16"}, {"runtime": "compile"}))


def test_switches_are_set_and_come_back_even_after_an_exception():
    def state():
        cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        return cuda.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, torch.get_num_threads()

    before = state()
    wanted = Settings(input_px=(8, 8), dtype="tf32", cudnn_benchmark=True, threads=3)
    with pytest.raises(KeyboardInterrupt), switches(wanted):  # noqa: PT012
        assert state() == (True, True, True, 3)
        raise KeyboardInterrupt
    assert state() == before


def test_fp32_means_fp32_and_not_tf32():
    with switches(Settings(input_px=(8, 8))):
        assert not torch.backends.cudnn.allow_tf32


def test_folded_batch_norms_compute_the_same_function():
    module, folded = tiny().double(), tiny().double()
    fold_batch_norms(folded, (32, 32))
    assert not any(isinstance(child, nn.BatchNorm2d) for child in folded.modules())
    batch = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(folded(batch), module(batch), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d", "seresnext50_32x4d"])
def test_every_batch_norm_of_a_residual_network_is_folded(name):
    module = resbench.build(name, device="meta")
    fold_batch_norms(module, (32, 32))
    assert not any(isinstance(child, nn.BatchNorm2d) for child in module.modules())


def test_a_batch_norm_that_no_convolution_feeds_stays():
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)).eval()
    fold_batch_norms(module, (8, 8))
    assert isinstance(module[2], nn.BatchNorm2d)


def test_layers_derived_from_a_convolution_or_a_norm_stay():
    class Rectified(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x).relu()

    module = nn.Sequential(nn.Conv2d(3, 4, 1), Rectified(4)).eval()
    fold_batch_norms(module, (8, 8))
    assert isinstance(module[1], Rectified)


def test_the_output_difference_is_recorded():
    assert 0 < difference(fuse=True) < 1e-5
    assert 1e-5 < difference(dtype="bf16") < 0.1
    assert 1e-5 < difference(dtype="bf16", amp=True) < 0.1


def test_an_output_that_is_not_finite_is_refused():
    with pytest.raises(InvalidMeasurementError, match="not finite"):
        arms.output_difference(tiny(), replace(arm(fuse=True), forward=lambda batch: batch * torch.nan))


def test_settings_reach_weights_and_images():
    half = arm(dtype="bf16", channels_last=True)
    batch = arms.random_images(half, 2, torch.Generator().manual_seed(0))
    assert batch.dtype == torch.bfloat16
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert half.module.conv1.weight.dtype == torch.bfloat16
    assert half.module.layer1[0].conv2.weight.is_contiguous(memory_format=torch.channels_last)
    autocast = arm(dtype="bf16", amp=True)
    assert autocast.module.conv1.weight.dtype == torch.float32
    assert output(autocast.forward).dtype == torch.bfloat16


def test_images_are_never_zeros_and_a_cluster_takes_three_in_turn():
    seen = []
    module = tiny()
    module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    subject = arms.prepare(module, chosen(), CPU, 10)
    with torch.inference_mode():
        (call,) = calls.inference(subject, 2)()
        for _ in range(4):
            call()
    assert seen[0] is seen[3]
    assert len({id(batch) for batch in seen}) == 3
    assert min(batch.abs().max() for batch in seen) > 1


def test_relocation_moves_every_tensor_and_changes_no_value():
    module = tiny()
    before, places = output(module), [tensor.data_ptr() for tensor in module.state_dict().values()]
    relocate(module, random.Random(0))
    after = [tensor.data_ptr() for tensor in module.state_dict().values()]
    assert not set(places) & set(after)
    assert torch.equal(output(module), before)


def test_relocation_keeps_the_memory_format():
    module = tiny().to(memory_format=torch.channels_last)
    relocate(module, random.Random(0))
    assert module.layer1[0].conv2.weight.is_contiguous(memory_format=torch.channels_last)


def test_for_memory_nothing_is_moved():
    subject = arms.prepare(tiny(), chosen(), CPU, 10)
    place = subject.module.conv1.weight.data_ptr()
    calls.inference(subject, 1, still=True)()
    assert subject.module.conv1.weight.data_ptr() == place


def test_fresh_weights_settle_so_that_deep_networks_stay_in_the_range_of_fp16():
    deep = Variant(
        name="deep", family="ResNet", spec=ResNetSpec(block="basic", depths=(30, 1)), paper=VARIANTS[0].paper
    )

    def largest(module):
        seen = []
        module.layer1.register_forward_hook(lambda *call: seen.append(call[2].abs().max().item()))
        output(module)
        return seen[0]

    torch.manual_seed(0)
    module = resbench.build(deep)
    assert largest(module) > 65_504
    arms.settle_norms(module, chosen())
    assert largest(module) < 1_000
    assert not any(child.training for child in module.modules())


class _OddlyCalled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(3)
        self.without = torch.nn.BatchNorm2d(3, track_running_stats=False)

    def forward(self, images):
        return self.without(self.norm(input=100 * images + 50))


def test_norms_settle_however_they_are_called_and_with_a_mean():
    module = _OddlyCalled().eval()
    arms.settle_norms(module, chosen())
    rms = (100**2 + 50**2) ** 0.5
    assert torch.allclose(module.norm.running_var.sqrt(), torch.tensor(rms), rtol=0.05)
    means = module.norm.running_mean / rms
    assert means.unique().numel() == 3
    assert 0 < means.abs().max() < 1
    assert module.without.running_mean is None


def test_a_training_step_learns_and_leaves_no_gradients():
    subject = arms.prepare(tiny(), chosen(), CPU, 10)
    subject.module.train()
    before = subject.module.fc.weight.detach().clone()
    forward, backward, optimizer = calls.training(subject, 2)()
    forward()
    assert subject.module.fc.weight.grad is None
    backward()
    assert subject.module.fc.weight.grad is not None
    optimizer()
    assert subject.module.fc.weight.grad is None
    assert not torch.equal(subject.module.fc.weight, before)


def test_contradictions_are_refused_by_name():
    for options in ({"dtype": "tf32"}, {"amp": True}, {"cuda_graph": True}):
        with pytest.raises(ResbenchError, match=";"):
            settings_for(Running(**options), 224, CPU)
    with pytest.raises(ResbenchError, match="threads: only for the CPU"):
        settings_for(Running(threads=2), 224, torch.device("cuda"))
    with pytest.raises(ResbenchError, match="cuda-graph with runtime compile"):
        settings_for(Running(cuda_graph=True, runtime="compile"), 224, torch.device("cuda"))


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")  # of torch's own, on its own parts
def test_a_compiled_network_is_not_compiled_again_for_every_cluster():
    subject = arm(runtime="compile")
    assert arms.output_difference(tiny(), subject) < 1e-5
    with torch.inference_mode():
        materialise = calls.inference(subject, 1)
        materialise()[0]()
        with torch.compiler.set_stance("fail_on_recompile"):
            for _ in range(3):
                materialise()[0]()
