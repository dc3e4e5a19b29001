"""What the stages and blocks of a network cost, and the shapes that leave them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import nn

from resbench.counting.inputs import one_image
from resbench.counting.tally import ForwardPass, counts_of, run_once
from resbench.counting.views import Pair
from resbench.records.counts import Input
from resbench.records.record import Counts

Shape = tuple[int, ...]  # of what a module puts out for one image: (C, H, W), or (features,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A block of a stage, or a child of the network that stands in one."""

    name: str  # "layer1.0", "conv1"
    kind: str  # the class of its module
    shape: Shape | None  # that leaves it; None where it did not run, or put out no tensor
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOutline:
    """A stage of a network, with its parts in their order."""

    name: str  # "stem", "layer1", "head"
    shape: Shape | None
    counts: Counts
    parts: tuple[Part, ...]


def count_by_stage(module: nn.Module, input_px: int | Pair = 224) -> dict[str, Counts]:
    """Return what each stage of `module` costs, in the order in which they run; they add up to `count`.

    The stages are a network's children; those before layer1 are its stem, those behind the last layer its head.
    """
    return {stage.name: stage.counts for stage in outline(module, input_px)}


def outline(module: nn.Module, input_px: int | Pair = 224) -> list[StageOutline]:
    """Return the stages of `module` with their blocks: the children of a stage that is a sequence of them."""
    feed = one_image(input_px)
    children = dict(module.named_children())
    members: dict[str, list[str]] = {}
    for name, stage in stage_names(children).items():
        members.setdefault(stage, []).append(name)
    parts = {stage: list(_parts(names, module)) for stage, names in members.items()}
    ran = run_once(module, feed, [*children, *(name for names in parts.values() for name in names)])
    return [_stage(stage, members[stage], names, module, ran, feed) for stage, names in parts.items()]


def stage_names(children: Iterable[str]) -> dict[str, str]:
    """Return the stage of each child: itself, or "stem" and "head" around the children called layerN."""
    names = list(children)
    staged = [index for index, name in enumerate(names) if name.startswith("layer")]
    if not staged:
        return {name: name for name in names}
    return {
        name: "stem" if index < staged[0] else "head" if index > staged[-1] else name
        for index, name in enumerate(names)
    }


def _parts(names: Sequence[str], module: nn.Module) -> Iterator[str]:
    for name in names:
        child = module.get_submodule(name)
        inner = [f"{name}.{number}" for number, _ in child.named_children()]
        # A subclass is a layer of its own, such as a convolution with its norm.
        yield from inner if type(child) is nn.Sequential and len(names) == 1 and inner else [name]


def _stage(
    stage: str,
    children: Sequence[str],
    names: Sequence[str],
    module: nn.Module,
    ran: ForwardPass,
    feed: tuple[Input, ...],
) -> StageOutline:
    parts = tuple(
        Part(
            name=name,
            kind=type(module.get_submodule(name)).__name__,
            shape=ran.shapes.get(name),
            counts=counts_of([module.get_submodule(name)], ran.of([name]), feed),
        )
        for name in names
    )
    counts = counts_of([module.get_submodule(name) for name in children], ran.of({*children, *names}), feed)
    shape = next((ran.shapes[name] for name in reversed(list(ran.shapes)) if name in children), None)
    return StageOutline(name=stage, shape=shape, counts=counts, parts=parts)
