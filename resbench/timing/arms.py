"""A network as something to be timed: brought into its settings, laid out afresh in memory, wrapped into calls."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.records.record import Settings
from resbench.timing.clock import Call

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
INPUTS = 3  # that a cluster takes in turn, so that no cache holds the image of the call before


def check(settings: Settings, device: torch.device, *, train: bool = False) -> None:
    """Raise ResbenchError for settings that `device` cannot run, or that contradict one another."""
    cuda = device.type == "cuda"
    faults = {
        f"dtype {settings.dtype!r}: unknown; choose from {', '.join(DTYPES)}": settings.dtype not in DTYPES,
        "dtype tf32: only on CUDA devices; use fp32 or bf16": settings.dtype == "tf32" and not cuda,
        "amp: runs in half precision; give --dtype fp16 or bf16 with it": settings.amp
        and settings.dtype not in ("fp16", "bf16"),
        f"compile mode {settings.compile!r}: unknown; choose from {', '.join(COMPILE_MODES)}": settings.compile
        not in (None, *COMPILE_MODES),
        "cuda-graph: only on CUDA devices; leave it out": settings.cuda_graph and not cuda,
        "cuda-graph with compile: ask for one of them (--compile reduce-overhead uses graphs itself)": bool(
            settings.cuda_graph and settings.compile
        ),
        "threads: only for the CPU; leave it out": settings.threads is not None and device.type != "cpu",
        "fuse with train: batch norm cannot be folded while it learns; leave one out": settings.fuse and train,
        "cuda-graph with train: graphs hold forward passes only; leave one out": settings.cuda_graph and train,
        "dtype fp16 with train: needs loss scaling, which is not measured here; use bf16": settings.dtype == "fp16"
        and train,
    }
    for message, wrong in faults.items():
        if wrong:
            raise ResbenchError(message)


@contextmanager
def switches(settings: Settings) -> Iterator[None]:
    """Set torch's global switches as `settings` say, and restore them whatever happens."""
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = (cuda.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, torch.get_num_threads())
    try:
        cuda.allow_tf32 = cudnn.allow_tf32 = settings.dtype == "tf32"
        cudnn.benchmark = settings.cudnn_benchmark
        torch.set_num_threads(settings.threads or before[3])
        yield
    finally:
        cuda.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before[:3]
        torch.set_num_threads(before[3])


def prepare(module: nn.Module, settings: Settings, device: torch.device) -> Callable[[Tensor], Tensor]:
    """Bring `module` into its settings, in place, and return what is called with a batch of images."""
    if settings.fuse:
        fold_batch_norms(module, settings.input_px)
    module.to(device=device, dtype=_weight_dtype(settings))
    module.to(memory_format=_layout(settings))  # type: ignore[call-overload]
    forward: Callable[[Tensor], Tensor] = module
    if settings.compile:
        forward = torch.compile(module, mode=settings.compile)
    if not settings.amp:
        return forward

    def autocast(images: Tensor) -> Tensor:
        with torch.autocast(device.type, DTYPES[settings.dtype]):
            return forward(images)

    return autocast


def images(settings: Settings, device: torch.device, batch_size: int, generator: torch.Generator) -> Tensor:
    """Return normally distributed images: never zeros, which cost less energy and time on some devices."""
    batch = torch.randn(batch_size, 3, *settings.input_px, generator=generator)
    return batch.to(device=device, dtype=_weight_dtype(settings), memory_format=_layout(settings))


def settle(module: nn.Module, settings: Settings) -> None:
    """Give every batch norm of a fresh `module` the statistics of random images.

    Without them the activations of a deep residual network double in every block and leave the range of fp16.
    """
    norms = [child for child in module.modules() if isinstance(child, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        module(torch.randn(2, 3, *settings.input_px, generator=torch.Generator().manual_seed(settings.seed)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def fold_batch_norms(module: nn.Module, input_px: tuple[int, int]) -> None:
    """Fold every batch norm that directly follows a convolution into it, in place. The module must be in eval mode."""
    for convolution, norm in _conv_norm_pairs(module, input_px):
        parent, _, name = convolution.rpartition(".")
        fused = fuse_conv_bn_eval(module.get_submodule(convolution), module.get_submodule(norm))  # type: ignore
        setattr(module.get_submodule(parent), name, fused)
        parent, _, name = norm.rpartition(".")
        setattr(module.get_submodule(parent), name, nn.Identity())


def relocate(module: nn.Module, chance: random.Random) -> list[Tensor]:
    """Move every parameter and buffer to fresh memory at random distances; return the padding, to be kept alive.

    Where tensors lie makes identical networks differ by several per cent, for as long as they lie there.
    """
    old, padding = [], []
    with torch.inference_mode(False), torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            padding.append(torch.empty(chance.randrange(64, 1 << 16), dtype=torch.uint8, device=tensor.device))
            old.append(tensor.data)  # alive until the end, else the allocator hands the same place out again
            tensor.data = tensor.data.clone()
    return padding


def inference(
    module: nn.Module,
    forward: Callable[[Tensor], Tensor],
    settings: Settings,
    device: torch.device,
    batch_size: int,
    *,
    graph: bool = False,
) -> Callable[[], Sequence[Call]]:
    """Return what materialises forward passes of `batch_size` images; to be called in inference mode."""
    chance, generator = random.Random(settings.seed), torch.Generator().manual_seed(settings.seed)
    padding: list[Tensor] = []

    def materialise() -> Sequence[Call]:
        padding[:] = relocate(module, chance)
        batches = [images(settings, device, batch_size, generator) for _ in range(INPUTS)]
        if graph:
            return (_captured(forward, batches[0], device),)
        turn = cycle(batches)
        return (lambda: forward(next(turn)),)

    return materialise


def training(
    module: nn.Module,
    forward: Callable[[Tensor], Tensor],
    settings: Settings,
    device: torch.device,
    batch_size: int,
    classes: int,
) -> Callable[[], Sequence[Call]]:
    """Return what materialises the three calls of a training step: forward with loss, backward, optimizer (SGD)."""
    chance, generator = random.Random(settings.seed), torch.Generator().manual_seed(settings.seed)
    criterion = nn.CrossEntropyLoss()
    padding: list[Tensor] = []

    def materialise() -> Sequence[Call]:
        padding[:] = relocate(module, chance)
        # The rate is so low that no length of measuring drives the weights out of range.
        optimizer = torch.optim.SGD(module.parameters(), lr=1e-6, momentum=0.9, weight_decay=1e-4)
        batches = cycle([images(settings, device, batch_size, generator) for _ in range(INPUTS)])
        labels = torch.randint(classes, (batch_size,), generator=generator).to(device)
        loss: list[Tensor] = []

        def forward_pass() -> None:
            loss[:] = [criterion(forward(next(batches)), labels)]

        def backward_pass() -> None:
            loss[0].backward()

        def optimizer_step() -> None:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return forward_pass, backward_pass, optimizer_step

    return materialise


def output_difference(plain: Tensor, changed: Tensor) -> float:
    """Return the largest difference of two outputs relative to the largest plain output.

    Raises InvalidMeasurementError when the changed output is not finite.
    """
    changed = changed.to(device=plain.device, dtype=plain.dtype)
    if not bool(torch.isfinite(changed).all()):
        raise InvalidMeasurementError("the output is not finite in these settings; use --dtype bf16 or fp32")
    return float((changed - plain).abs().max() / plain.abs().max())


def _captured(forward: Callable[[Tensor], Tensor], batch: Tensor, device: torch.device) -> Call:
    """Return the replay of one forward pass, recorded as a CUDA graph."""
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):  # libraries set themselves up before the recording, not in it
        for _ in range(3):
            forward(batch)
    torch.cuda.current_stream(device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = forward(batch)

    def replay() -> Tensor:
        graph.replay()
        return output

    return replay


def _conv_norm_pairs(module: nn.Module, input_px: tuple[int, int]) -> list[tuple[str, str]]:
    """Return the names of convolutions and the batch norms that read their outputs, seen in one forward pass."""
    made: dict[int, tuple[str, Tensor]] = {}
    pairs: list[tuple[str, str]] = []

    def note(name: str, child: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(child, nn.Conv2d):
            made[id(output)] = (name, output)  # the tensor is kept: a freed one's id would come again
        elif id(inputs[0]) in made:
            pairs.append((made[id(inputs[0])][0], name))

    hooks = []
    for name, child in module.named_modules():
        if isinstance(child, nn.Conv2d | nn.BatchNorm2d):
            hooks.append(child.register_forward_hook(lambda *seen, name=name: note(name, *seen)))
    try:
        parameter = next(module.parameters())
        with torch.no_grad():
            module(torch.zeros(1, 3, *input_px, device=parameter.device, dtype=parameter.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return pairs


def _weight_dtype(settings: Settings) -> torch.dtype:
    return torch.float32 if settings.amp else DTYPES[settings.dtype]


def _layout(settings: Settings) -> torch.memory_format:
    return torch.channels_last if settings.memory_format == "channels_last" else torch.contiguous_format
