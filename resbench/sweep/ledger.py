"""The state of a sweep: small files beside the records, so that any process can read it, whoever has died.

`.sweep/plan`, and for each job `KEY.ticket` while an engine has it and `KEY.ending` when it is over. They are JSON, but
not called so: every *.json below a folder of records is a record.
"""

import hashlib
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

import resbench
from resbench.bounded import content
from resbench.errors import ExitCode, ResbenchError
from resbench.records.files import held, write_text
from resbench.sweep.jobs import Job, Kind

FOLDER = ".sweep"
LARGEST_BYTES = 2**26
EngineName = Literal["here", "processes", "slurm", "ray", "script"]
Kept = TypeVar("Kept", bound=msgspec.Struct)


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What runs the jobs, and how many at a time."""

    name: EngineName = "here"
    workers: int = 1
    ranks: int = 1  # processes that share the images of a validation
    minutes: int | None = None  # the most that a job may take; None: as long as it takes here, a day on a cluster
    gpus: int = 0  # for each job, on a cluster
    local_gpus: int = 0  # of this machine, for processes: each has one profile at a time
    partition: str | None = None
    slurm: dict[str, str | int | bool] = {}  # other parameters of sbatch

    def at_once(self, kind: Kind) -> int:
        """Return how many jobs of a kind run at a time: on this machine, one that takes time, or one on each GPU."""
        local = self.name in ("here", "processes")
        return max(1, self.local_gpus) if local and kind == "profile" else self.workers


class StoredSweep(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep as it was started."""

    jobs: tuple[Job, ...]
    engine: EngineOptions
    retries: int
    code: str  # a hash of the program that started it
    command: tuple[str, ...]  # for the records
    together: int | None = None  # the most validations that share a pass; None: all
    id: str = ""  # a random word that tells it from other sweeps


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended."""

    state: Literal["done", "there", "failed"]  # there: its record had been there before
    record: str | None = None  # relative to the folder of records
    seconds: float | None = None  # that it took
    host: str = ""
    reason: str = ""  # why it failed
    lines: tuple[str, ...] = ()  # the last that it printed
    exit_code: int = 0
    attempts: int = 1


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that an engine has, under the name that it gave them."""

    jobs: tuple[str, ...]  # their keys
    handle: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The state of the sweep into the folder of records `root`."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where the state lies."""
        return self.root / FOLDER

    @property
    def unfinished(self) -> Path:
        """Where validations keep what they have evaluated until their record is written."""
        return self.folder / "unfinished"

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Own the sweep until the end. Raises ResbenchError when another process does."""
        with held(self.folder / "lock") as free:
            if not free:
                raise ResbenchError(
                    f"{self.root}: another process runs a sweep into this folder; `resbench sweep status -o "
                    f"{self.root}` shows it; wait for it, or give another -o"
                )
            yield

    def is_owned(self) -> bool:
        """Tell whether a process runs the sweep now."""
        with held(self.folder / "lock") as free:
            return not free

    def begin(self, stored: StoredSweep) -> None:
        """Write the plan of a new sweep, and forget how the jobs of an earlier one ended."""
        for path in [*self._files("ticket"), *self._files("ending")]:
            path.unlink(missing_ok=True)
        self._write("plan", stored)

    def has_plan(self) -> bool:
        """Tell whether this process can see the plan of a sweep."""
        return (self.folder / "plan").exists()

    def stored(self) -> StoredSweep:
        """Return the sweep as it was started. Raises ResbenchError when there is none that this process can see."""
        path = self.folder / "plan"
        if not self.has_plan():
            raise ResbenchError(
                f"{path}: no such file on {hostname()}; start with `resbench sweep`, or give the folder of its records "
                "as -o: workers must see the same folder"
            )
        return _read(path, StoredSweep)

    def ending(self, job: Job) -> Ending | None:
        """Return how `job` ended; None: it did not yet."""
        path = self.folder / f"{job.key}.ending"
        return _read(path, Ending) if path.exists() else None

    def end(self, job: Job, ending: Ending) -> None:
        """Write down how `job` ended."""
        self._write(f"{job.key}.ending", ending)

    def forget(self, job: Job) -> None:
        """Let `job` be open again."""
        (self.folder / f"{job.key}.ending").unlink(missing_ok=True)

    def tickets(self) -> list[Ticket]:
        """Return what the engine had when it was last asked."""
        return [_read(path, Ticket) for path in self._files("ticket")]

    def note(self, ticket: Ticket) -> None:
        """Write down what the engine has."""
        self._write(f"{ticket.jobs[0]}.ticket", ticket)

    def drop(self, ticket: Ticket) -> None:
        """The engine has this no more."""
        (self.folder / f"{ticket.jobs[0]}.ticket").unlink(missing_ok=True)

    def _files(self, suffix: str) -> list[Path]:
        return sorted(self.folder.glob(f"*.{suffix}"))

    def _write(self, name: str, kept: msgspec.Struct) -> None:
        write_text(self.folder / name, msgspec.json.format(msgspec.json.encode(kept), indent=1).decode() + "\n")


def open_jobs(ledger: Ledger, jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs that did not end well yet."""
    endings = ((job, ledger.ending(job)) for job in jobs)
    return [job for job, ending in endings if ending is None or ending.exit_code != ExitCode.OK]


def hostname() -> str:
    """Return what this machine is called."""
    return platform.node() or "this machine"


@cache
def code_sha256() -> str:
    """Return a hash over the modules of this resbench."""
    digest = hashlib.sha256()
    package = Path(resbench.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(
            f"{path.relative_to(package).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
        )
    return digest.hexdigest()


def _read(path: Path, kind: type[Kept]) -> Kept:
    remedy = "delete it and start the sweep again; records are kept"
    try:
        return msgspec.json.decode(content(path, LARGEST_BYTES, remedy), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ResbenchError(f"{path}: not the state of a sweep: {error}; {remedy}") from None
