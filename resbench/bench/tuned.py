"""The setting that `resbench tune` saved for a network on this machine."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from resbench import environment, units
from resbench.bench.entrance import entered
from resbench.bench.entries import Validating, entry_of, is_pattern
from resbench.errors import ResbenchError
from resbench.judging.exact import differences
from resbench.records.store import machine_folder
from resbench.records.tuned import Goal, Raced, Tuned, read_tuned, tuned_path
from resbench.running.device import resolve
from resbench.running.runtimes.runtime import missing, versions_of
from resbench.running.settings import Running
from resbench.words.settings import setting_words


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSetting:
    """How a network runs by what was saved, and what is said of that."""

    running: Running
    batch_size: int
    words: str


def saved_setting(
    network: str, running: Running, input_px: tuple[int, int], on: torch.device, root: Path, goals: Sequence[Goal]
) -> SavedSetting:
    """Return how `network` runs fastest on `on` by what lies below `root`, for the first of `goals` that is there.

    `running` says what stays: the size of images, and where those for int8 lie, if that is not where they were.
    Raises ResbenchError when nothing was saved for images of `input_px`.
    """
    machine = environment.machine(on)
    paths = [tuned_path(root, machine_folder(machine), network, goal, input_px) for goal in goals]
    path = next(filter(Path.exists, paths), None)
    if path is None:
        size = units.pixels(input_px)
        raise ResbenchError(
            f"--tuned: no {paths[0]}; run `resbench tune {network}` first, on this machine and for images of {size} px"
        )
    tuned = read_tuned(path)
    winner = tuned.raced[tuned.winner]
    calibration = running.calibration or (tuned.calibration if winner.settings.dtype == "int8" else None)
    return SavedSetting(
        running=replace(running_as(winner), input_px=running.input_px, calibration=calibration),
        batch_size=winner.batch_size,
        words="; ".join([_saved_words(tuned, winner), *_changed_since(tuned, winner, asdict(machine))]),
    )


def running_as(raced: Raced) -> Running:
    """Return what gives the settings that raced; int8 needs its images too."""
    own = raced.settings
    return Running(
        input_px=own.input_px,
        dtype=own.dtype,
        channels_last=own.memory_format == "channels_last",
        runtime=own.runtime,
        fuse=own.fuse,
        threads=own.threads,
    )


def _saved_words(tuned: Tuned, winner: Raced) -> str:
    weights = tuned.weights or "fresh weights"
    saved = f"tuned for {tuned.goal} on {tuned.run.started[:10]}: {', '.join(setting_words(winner.settings))}"
    return f"{saved}; {tuned.answers}, with {weights}"


def _changed_since(tuned: Tuned, winner: Raced, machine: dict[str, object]) -> list[str]:
    """Return what differs here from what was tuned, in words: another setting may be faster now."""
    runtime = winner.settings.runtime
    versions = {} if missing(runtime) else versions_of(runtime)
    then = asdict(tuned.environment.machine) | {name: winner.engine.versions.get(name) for name in versions}
    changed = differences(then, machine | versions)
    return [f"since then {changed}: tune again"] if changed else []


def validating_as_tuned(
    networks: Sequence[str], weights: Sequence[str], validating: Validating, root: Path
) -> tuple[Validating, list[str]]:
    """Return how a network is validated in the setting that was saved below `root`, and what is to be said of that.

    That is the one for throughput, if there is one. Raises ResbenchError for several networks: each has its own.
    """
    if len(networks) != 1 or is_pattern(networks[0]) or len(weights) > 1:
        raise ResbenchError("--tuned: every network has a setting of its own; name one")
    running = validating.running
    network = entered(networks[0], running.input_px)
    side = entry_of(networks[0], network, next(iter(weights), None), validating).preprocess.crop_px
    on = resolve(validating.device)
    saved = saved_setting(network.name, running, (side, side), on, root, ("throughput", "latency"))
    asis = replace(saved.running, threads=None, input_px=None) == Running()  # else validate chooses options by itself
    return replace(validating, running=saved.running, plain=validating.plain or asis), [saved.words]
