"""From the names that people type to rows of the table."""

import difflib
import fnmatch
from collections.abc import Iterable
from dataclasses import replace

from resbench.errors import ResbenchError
from resbench.zoo.own import own_zoo
from resbench.zoo.places import is_place, network_at
from resbench.zoo.spec import ResNetSpec, Spec, Variant, Weights
from resbench.zoo.variants import VARIANTS
from resbench.zoo.weights import WEIGHTS


def networks() -> tuple[Variant, ...]:
    """Return every network that has a name here: those of the shipped table, then those of the user's own zoo."""
    return (*VARIANTS, *own_zoo().networks)


def published_weights() -> tuple[Weights, ...]:
    """Return every checkpoint that has a name here, in the order of `networks`."""
    return (*WEIGHTS, *own_zoo().checkpoints)


def find(name: str) -> Variant:
    """Return the network called `name`, or the one that the checkpoint called `name` fills, or that lies at a place.

    A place ("mine.py:build", "timm:resnet50") is taken apart, and nothing there is run: whether a network is there,
    building it shows. Raises ResbenchError for an unknown name, with the nearest known ones.
    """
    if is_place(name):
        return network_at(name)
    if shipped := _called(name, VARIANTS):  # which spares the search for a zoo of the user's own
        return shipped
    weights = find_weights(name)
    if network := _called(weights.network if weights else name, networks()):
        return network
    raise ResbenchError(unknown("network", name, _known_names()))


def _called(name: str, among: Iterable[Variant]) -> Variant | None:
    return next((variant for variant in among if variant.name == name), None)


def find_weights(name: str) -> Weights | None:
    """Return the checkpoint called `name`, or None when it is no checkpoint's name."""
    return _weights_called(name, WEIGHTS) or _weights_called(name, own_zoo().checkpoints)


def _weights_called(name: str, among: Iterable[Weights]) -> Weights | None:
    return next((weights for weights in among if name == weights.name or name in weights.aliases), None)


def checkpoints(network: str) -> tuple[Weights, ...]:
    """Return the published checkpoints of `network`, in the order of the table."""
    return tuple(weights for weights in published_weights() if weights.network == network)


def look_alikes(variant: Variant) -> tuple[Variant, ...]:
    """Return the other networks that the weights of `variant` fill, in the order of the table.

    Their tensors have equal names and shapes; strides or pooling differ, so that they compute something else.
    """
    layers = _layers(variant.spec)
    return tuple(
        other
        for other in VARIANTS
        if other.name != variant.name and other.classes == variant.classes and _layers(other.spec) == layers
    )


def _layers(spec: Spec) -> Spec:
    """Return `spec` without what leaves no trace in the names and shapes of its weights."""
    return replace(spec, anti_alias=False, stride_on="3x3") if isinstance(spec, ResNetSpec) else spec


def published(name: str) -> Weights:
    """Return the checkpoint called `name`. Raises ResbenchError for an unknown name, with the nearest known ones."""
    if weights := find_weights(name):
        return weights
    if any(variant.name == name for variant in networks()):
        names = [weights.name for weights in checkpoints(name)]
        known = f"its checkpoints are {', '.join(names)}" if names else "no checkpoint of it is published"
        raise ResbenchError(f"{name}: a network; {known}")
    raise ResbenchError(unknown("checkpoint", name, _published_names(), "resbench weights list"))


def by_digest(sha256: str) -> list[Weights]:
    """Return the checkpoints that a file with this hash is; more than one where publishers share a file."""
    return [
        weights for weights in published_weights() if weights.sha256_prefix and sha256.startswith(weights.sha256_prefix)
    ]


def by_file(name: str) -> list[Weights]:
    """Return the checkpoints whose published file bears this name and a hash."""
    return [weights for weights in published_weights() if weights.sha256_prefix and weights.url.endswith(f"/{name}")]


def match_weights(patterns: Iterable[str]) -> list[Weights]:
    """Return the checkpoints that any of `patterns` fits by a name of theirs, or by that of their network.

    Raises ResbenchError for a pattern that fits nothing.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        names = {
            weights.name
            for weights in published_weights()
            if any(fnmatch.fnmatchcase(name, pattern) for name in (weights.name, weights.network, *weights.aliases))
        }
        if not names:
            known = [*_published_names(), *(variant.name for variant in networks())]
            raise ResbenchError(unknown("checkpoint", pattern, known, "resbench weights list"))
        chosen |= names
    return [weights for weights in published_weights() if weights.name in chosen]


def match(patterns: Iterable[str]) -> list[Variant]:
    """Return the networks that any of `patterns` names (shell wildcards allowed), in the order of the table.

    Those that lie elsewhere come behind them, in the order in which they were named.

    Raises ResbenchError for a pattern that fits nothing.
    """
    chosen: set[str] = set()
    places: dict[str, Variant] = {}
    for pattern in patterns:
        if is_place(pattern):
            network = network_at(pattern)
            places[network.name] = network
        elif any(mark in pattern for mark in "*?["):
            fits = {variant.name for variant in networks() if fnmatch.fnmatchcase(variant.name, pattern)}
            if not fits:
                raise ResbenchError(f"no network matches {pattern!r}; `resbench list` shows the table")
            chosen |= fits
        else:
            chosen.add(find(pattern).name)
    return [variant for variant in networks() if variant.name in chosen] + list(places.values())


def unknown(kind: str, name: str, known: Iterable[str], table: str = "resbench list") -> str:
    """Return the error line for an unknown `name`, with up to three `known` ones: longer first, then near."""
    spelled = {each.lower(): each for each in known}  # whatever their case
    longer = [each for each in spelled if name and each.startswith(name.lower())]
    near = dict.fromkeys([*longer, *difflib.get_close_matches(name.lower(), spelled, n=3, cutoff=0.6)])
    hint = (
        f"did you mean {', '.join(spelled[each] for each in list(near)[:3])}?" if near else f"`{table}` shows the table"
    )
    return f"unknown {kind} {name!r}; {hint}"


def _known_names() -> list[str]:
    return [*dict.fromkeys([variant.name for variant in networks()] + _published_names())]


def _published_names() -> list[str]:
    return [name for weights in published_weights() for name in (weights.name, *weights.aliases)]
