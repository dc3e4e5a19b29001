"""Profiles of several networks, one after the other, each in a fresh process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from resbench.bench.entrance import patterns
from resbench.bench.profiling import Interrupted, Profiling, profiled
from resbench.bench.recorded import recorded_profile
from resbench.bench.subject import OnProgress
from resbench.bench.tuned import saved_setting
from resbench.errors import ResbenchError
from resbench.nets.probing import probed
from resbench.records import store
from resbench.records.record import Profile
from resbench.records.tuned import Goal
from resbench.running import fresh
from resbench.running.device import resolve
from resbench.zoo.find import match
from resbench.zoo.spec import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one network among those that were to be profiled: a record, or why there is none."""

    network: str
    record: Profile | None = None
    path: Path | None = None  # where the record lies, when it was to be saved
    error: ResbenchError | None = None
    note: str = ""  # how it ran, where that was saved


def chosen_in_order(names: Sequence[str], *, every: bool) -> list[Variant]:
    """Return the networks that `names` match, in the order given, or all in that of the table.

    Raises ResbenchError when neither or both are asked for, and for a name that matches none.
    """
    each = (network for pattern in patterns(names, every=every) for network in match([pattern]))
    return list({network.name: network for network in each}.values())


def profile_each(
    networks: Sequence[Variant],
    profiling: Profiling,
    *,
    root: Path | None = None,
    resume: bool = False,
    tuned: Path | None = None,
    on_progress: OnProgress = lambda *_: None,
) -> Iterator[Outcome]:
    """Profile several networks, each in a fresh process (a single one in this), and yield each when it is finished.

    With `root` every record is written below it at once; with `resume` those that already lie there are not measured
    again; with `tuned` each runs as `resbench tune` saved it below that folder. A network that cannot be built or
    measured does not stop the others.
    """
    if resume and root is None:
        raise ResbenchError("--resume: skips what was saved, so give --save too")
    for index, network in enumerate(networks):
        try:
            network = probed(network, profiling.running.input_px)
            own, note = _as_tuned(network, profiling, tuned) if tuned else (profiling, "")
            if resume and root and (finished := recorded_profile(network, own, root)):
                yield Outcome(network=network.name, record=finished, path=root / store.path_of(finished), note=note)
                continue
            if len(networks) == 1:
                record = profiled(network, own, on_progress)
            else:
                on_progress(f"profiling {network.name} ({index + 1} of {len(networks)})", index / len(networks))
                record = fresh.call(profiled, network, own)
        except Interrupted as interrupted:
            yield _saved(interrupted.record, root, note)
            raise
        except ResbenchError as error:
            if len(networks) == 1:
                raise
            yield Outcome(network=network.name, error=error)
        else:
            yield _saved(record, root, note)


def _saved(record: Profile, root: Path | None, note: str) -> Outcome:
    return Outcome(network=record.network, record=record, path=root and store.save(record, root), note=note)


def _as_tuned(network: Variant, profiling: Profiling, root: Path) -> tuple[Profiling, str]:
    """Return `profiling` in the setting that was saved below `root`, at its batch size unless others are asked for.

    That is the one for latency, or for throughput where calls of one image are not asked for.
    """
    sizes, running = profiling.batch_sizes, profiling.running
    goals: tuple[Goal, ...] = ("throughput", "latency") if sizes and 1 not in sizes else ("latency", "throughput")
    size = running.input_px or network.input_px
    pair = (size, size) if isinstance(size, int) else size
    saved = saved_setting(network.name, running, pair, resolve(profiling.device), root, goals)
    return replace(profiling, running=saved.running, batch_sizes=sizes or (saved.batch_size,)), saved.words
