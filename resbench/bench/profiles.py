"""Profiles of several networks, one after the other, each in a fresh process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from resbench import environment
from resbench.bench import pipeline
from resbench.bench.entrance import patterns
from resbench.bench.profiling import Interrupted, Profiling, profiled, requested, wanted_by
from resbench.bench.subject import OnProgress
from resbench.errors import ResbenchError
from resbench.nets.probing import probed
from resbench.records import store
from resbench.records.record import Profile
from resbench.running import fresh
from resbench.running.runtimes.runtime import missing, versions_of
from resbench.timing import speeds
from resbench.zoo.find import match
from resbench.zoo.spec import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one network among those that were to be profiled: a record, or why there is none."""

    network: str
    record: Profile | None = None
    path: Path | None = None  # where the record lies, when it was to be saved
    error: ResbenchError | None = None


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
    on_progress: OnProgress = lambda *_: None,
) -> Iterator[Outcome]:
    """Profile several networks, each in a fresh process (a single one in this), and yield each when it is finished.

    With `root` every record is written below it at once; with `resume` those that already lie there are not measured
    again. A network that cannot be built or measured does not stop the others.
    """
    if resume and root is None:
        raise ResbenchError("--resume: skips what was saved, so give --save too")
    for index, network in enumerate(networks):
        try:
            network = probed(network, profiling.running.input_px)
            if resume and root and (finished := _finished(network, root, profiling)):
                yield Outcome(network=network.name, record=finished, path=root / store.path_of(finished))
                continue
            if len(networks) == 1:
                record = profiled(network, profiling, on_progress)
            else:
                on_progress(f"profiling {len(networks)} networks", index / len(networks))
                record = fresh.call(profiled, network, profiling)
        except Interrupted as interrupted:
            yield _saved(interrupted.record, root)
            raise
        except ResbenchError as error:
            if len(networks) == 1:
                raise
            yield Outcome(network=network.name, error=error)
        else:
            yield _saved(record, root)


def _finished(network: Variant, root: Path, profiling: Profiling) -> Profile | None:
    """Return the record below `root` that measured what is asked for, on this machine and with these settings."""
    request = requested(network, profiling)
    machine = environment.machine(torch.device(request.device))
    images = pipeline.described(request.images) if request.images else None
    asked = {
        (speed, want.asked, images if speed == "end_to_end" else None)
        for want in wanted_by(request, profiling)
        for speed in speeds.speeds_of(want)
    }
    versions = {} if missing(request.settings.runtime) else versions_of(request.settings.runtime)
    folder = root / store.machine_folder(machine) / store.network_folder(network.name)
    for record in store.read_folder(folder).values() if any(folder.glob("*.json")) else ():
        if (
            isinstance(record, Profile)
            and (record.settings, record.environment.machine) == (request.settings, machine)
            and record.engine.versions == versions
            and (bool(record.stages) or not profiling.by_stage)
            and {(series.speed, series.batch_size_asked, series.pipeline) for series in record.series} == asked
        ):
            return record
    return None


def _saved(record: Profile, root: Path | None) -> Outcome:
    return Outcome(network=record.network, record=record, path=root and store.save(record, root))
