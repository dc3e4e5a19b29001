"""Jobs: one network or checkpoint, measured in one way."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import msgspec

from resbench.records.store import safe_name

Kind = Literal["profile", "validate"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A network, or a checkpoint, that is measured in one way; its record is what comes of it."""

    kind: Kind
    name: str
    options: dict[str, Any] = {}  # those that differ from the command's defaults, as a plan has them

    @property
    def key(self) -> str:
        """What tells it from other jobs, as a file name: equal jobs have equal keys."""
        text = json.dumps([self.kind, self.name, self.options], sort_keys=True)
        return f"{self.kind}-{safe_name(self.name)}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @property
    def words(self) -> str:
        """Its options in words: "dtype bf16, fuse"."""
        return ", ".join(
            key if value is True else f"{key} {option_words(value)}" for key, value in self.options.items()
        )

    @property
    def data(self) -> Path:
        """The images of a job of the kind "validate"."""
        return Path(self.options["data"])

    @property
    def weights(self) -> str | None:
        """The file of weights, or the name of a checkpoint, beside the job's name."""
        return self.options.get("weights")


def together(jobs: Sequence[Job], most: int | None = None) -> Iterator[tuple[Job, ...]]:
    """Yield the jobs in groups that one process does: validations that share a pass over their images, at most `most`.

    A profile stands alone.
    """
    yield from ((job,) for job in jobs if job.kind == "profile")
    validations = sorted((job for job in jobs if job.kind == "validate"), key=_pass)
    for _, sharing in groupby(validations, _pass):
        group = tuple(sharing)
        size = most or len(group)
        yield from (group[start : start + size] for start in range(0, len(group), size))


def _pass(job: Job) -> str:
    """Return what must agree for two validations to share a pass: all options; either all have `weights` or none."""
    shared = {key: value for key, value in job.options.items() if key != "weights"}
    return json.dumps([shared, job.weights is None], sort_keys=True)


def option_words(value: Any) -> str:
    """Return the value of an option as a command line has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
