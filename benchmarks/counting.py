"""Counting every network: our tally on the meta device against fvcore and timm's profile path on real tensors.

    python benchmarks/counting.py --rounds 3
    python benchmarks/counting.py 'resnet*' --rounds 5

Each arm builds a network and counts its operations (fvcore's convention) and activations, as `resbench count --all`,
fvcore's FlopCountAnalysis and timm's benchmark.py --bench profile do; the arms take turns, network by network, on one
thread. All numbers must be equal. The ratio is taken between the totals of a round over the networks that both arms
have. timm's arm runs where timm is installed.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from statistics import median

import torch
from torch import nn

from resbench.counting.conventions import operations
from resbench.counting.tally import count_module
from resbench.nets.build import build
from resbench.zoo.find import match
from resbench.zoo.spec import Variant

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fvcore's use of torch.jit is deprecated
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis
try:
    import timm
except ImportError:
    timm = None

Counted = tuple[int, int | None]  # operations, activations (None: not counted)


def ours(variant: Variant) -> Counted:
    counts = count_module(build(variant, device="meta"), variant.input_px)
    return operations(counts.terms, "fvcore"), counts.activations


def by_fvcore(variant: Variant) -> Counted:
    return silent(FlopCountAnalysis, build(variant), variant).total(), None


def by_timm(variant: Variant) -> Counted:
    module = timm.create_model(variant.name).eval()
    flops, activations = (silent(kind, module, variant) for kind in (FlopCountAnalysis, ActivationCountAnalysis))
    return flops.total(), activations.total()


def silent(kind: type, module: nn.Module, variant: Variant) -> FlopCountAnalysis:
    analysis = kind(module, torch.zeros(1, 3, variant.input_px, variant.input_px))
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)


def arms(variant: Variant) -> dict[str, Callable[[Variant], Counted]]:
    found = {"ours": ours, "fvcore": by_fvcore}
    return found | {"timm": by_timm} if timm and timm.is_model(variant.name) else found


def one_round(variants: Sequence[Variant], number: int) -> dict[tuple[str, str], float]:
    """CPU seconds by network and arm; who goes first changes from network to network and from round to round."""
    seconds = {}
    for index, variant in enumerate(variants):
        turns = list(arms(variant).items())
        shift = (index + number) % len(turns)
        found = {}
        for arm, run in turns[shift:] + turns[:shift]:
            start = time.process_time()
            found[arm] = run(variant)
            seconds[variant.name, arm] = time.process_time() - start
        require_equal(variant.name, found)
    return seconds


def require_equal(name: str, found: dict[str, Counted]) -> None:
    flops, activations = found["ours"]
    for arm, (their_flops, their_activations) in found.items():
        assert their_flops == flops, f"{name}: {flops} operations by us, {their_flops} by {arm}"
        assert their_activations in (None, activations), (
            f"{name}: {activations} activations, {their_activations} by {arm}"
        )


def totals(seconds: dict[tuple[str, str], float], arm: str) -> tuple[float, float, int]:
    """Our seconds and theirs over the networks that `arm` has, and their number."""
    names = [name for name, of in seconds if of == arm]
    return sum(seconds[name, "ours"] for name in names), sum(seconds[name, arm] for name in names), len(names)


def report(rounds: Iterable[dict[tuple[str, str], float]]) -> None:
    rounds = list(rounds)
    for arm in ("fvcore", "timm"):
        pairs = [totals(seconds, arm) for seconds in rounds]
        if pairs[0][2] == 0:
            continue
        ratios = [theirs / mine for mine, theirs, _ in pairs]
        print(
            f"{arm:7} {pairs[0][2]:3} networks: {median(theirs for _, theirs, _ in pairs):7.1f} s of CPU, "
            f"ours {median(mine for mine, _, _ in pairs):6.2f} s: "
            f"{median(ratios):5.1f} times as long ({min(ratios):.1f} to {max(ratios):.1f} in {len(rounds)} rounds)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["*"], help="networks or patterns; all when left out")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    variants = match(arguments.names)
    one_round(variants[:1], 0)  # imports and first calls
    rounds = []
    for number in range(arguments.rounds):
        rounds.append(one_round(variants, number))
        report(rounds)


if __name__ == "__main__":
    main()
