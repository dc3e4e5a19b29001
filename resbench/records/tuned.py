"""What `resbench tune` saw: the settings that raced with every sample, and how the answers of those that led were.

It lies at results/<machine>/<network>/<goal>-<size>.tuned. It is JSON, but not called so: every *.json below a folder
of records is a record.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from resbench.bounded import content
from resbench.errors import ResbenchError
from resbench.records.bounds import Natural, NotNegative, Pixel, Positive
from resbench.records.files import write_text
from resbench.records.jsonio import dumps
from resbench.records.record import Cluster, Engine, Environment, Exported, Run, Settings
from resbench.records.store import machine_folder, network_folder

Goal = Literal["latency", "throughput"]
PLAIN = 0  # the place of plain eager torch among those that race
LARGEST_BYTES = 2**26
_REMEDY = "run `resbench tune` again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raced:
    """A setting, and what was seen of it."""

    settings: Settings
    batch_size: Positive
    calls: Positive  # that a sample spans
    rounds: tuple[Natural, ...]  # in which it was timed
    clusters: tuple[Cluster, ...]  # one for each of them
    engine: Engine = field(default_factory=Engine)
    exported: Exported | None = None  # how the file that it runs was proved, where its answers were asked for
    fault: str | None = None  # why its answers are not right; empty: they are, None: they were not asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotRace:
    """What could not take part, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A race of settings for one network on one machine."""

    network: str
    weights: str | None  # name or file of the checkpoint; None: fresh weights
    weights_sha256: str | None
    goal: Goal
    answers: str  # what right answers are, and on which images
    raced: tuple[Raced, ...]  # eager torch in fp32, without anything else, first (PLAIN)
    winner: Natural
    most_measurements: Natural  # timed samples that the race might take
    cannot: tuple[CannotRace, ...]
    environment: Environment
    run: Run
    max_latency_s: NotNegative | None = None
    calibration: str | None = None  # where the images for int8 lie
    kind: Literal["tuned"] = "tuned"
    schema: Literal[1] = 1

    @property
    def input_px(self) -> tuple[int, int]:
        """The size of the images."""
        return self.raced[PLAIN].settings.input_px


def tuned_path(root: Path, machine: str, network: str, goal: Goal, input_px: tuple[Pixel, Pixel]) -> Path:
    """Return where the race of `network` on the machine with this folder is kept below `root`."""
    height, width = input_px
    size = f"{height}px" if height == width else f"{height}x{width}px"
    return root / machine / network_folder(network) / f"{goal}-{size}.tuned"


def save_tuned(tuned: Tuned, root: Path) -> Path:
    """Write `tuned` below `root`, replacing an earlier one. Return the path."""
    machine = machine_folder(tuned.environment.machine)
    path = tuned_path(root, machine, tuned.network, tuned.goal, tuned.input_px)
    write_text(path, dumps(tuned))
    return path


def read_tuned(path: Path) -> Tuned:
    """Read what `save_tuned` wrote. Raises ResbenchError for anything else."""
    try:
        tuned = msgspec.json.decode(content(path, LARGEST_BYTES, _REMEDY), type=Tuned)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ResbenchError(f"{path}: not what tune saved: {str(error)[:300]}; {_REMEDY}") from None
    if tuned.winner >= len(tuned.raced):
        raise ResbenchError(f"{path}: its winner is not among what raced; {_REMEDY}")
    return tuned
