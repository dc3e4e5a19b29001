"""Jobs: one network or checkpoint, measured in one way."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import msgspec

from resbench.errors import ResbenchError
from resbench.records.store import safe_name

Kind = Literal["profile", "validate"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A network, or a checkpoint, that is measured in one way; its record is what comes of it.

    A part of a validation evaluates some of the images, and leaves the record to the job that has no part.
    """

    kind: Kind
    name: str
    options: dict[str, Any] = {}  # those that differ from the command's defaults, as a plan has them
    part: tuple[int, int] | None = None  # (2, 3): the second of three

    @property
    def key(self) -> str:
        """What tells it from other jobs, as a file name: equal jobs have equal keys."""
        what = [self.kind, self.name, self.options, *([self.part] if self.part else [])]
        text = json.dumps(what, sort_keys=True)
        return f"{self.kind}-{safe_name(self.name)}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @property
    def words(self) -> str:
        """Its options in words, and its part: "dtype bf16, fuse, part 2 of 3"."""
        words = [key if value is True else f"{key} {option_words(value)}" for key, value in self.options.items()]
        return ", ".join([*words, *([self.part_words] if self.part else [])])

    @property
    def part_words(self) -> str:
        """Its part in words, "part 2 of 3"; empty where it is none."""
        return f"part {self.part[0]} of {self.part[1]}" if self.part else ""

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


def split_by_images(jobs: Sequence[Job], count: int) -> list[Job]:
    """Return the jobs, and before each validation `count` parts of it. Raises ResbenchError for those without parts."""
    return [part for job in jobs for part in (_split(job, count) if job.kind == "validate" else [job])]


def parts_of(jobs: Sequence[Job]) -> Mapping[str, Sequence[Job]]:
    """Return the parts of each validation that has some, by its key."""
    parts: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        if job.part:
            parts[msgspec.structs.replace(job, part=None).key].append(job)
    return parts


def _split(job: Job, count: int) -> list[Job]:
    if job.options.get("batch-size") == "auto":
        raise ResbenchError("--split with batch-size auto: parts need batches of one size; give a number")
    if job.options.get("dtype") == "int8":
        raise ResbenchError("--split with dtype int8: each part would be calibrated anew; leave one of them out")
    return [*(msgspec.structs.replace(job, part=(number, count)) for number in range(1, count + 1)), job]


def _pass(job: Job) -> str:
    """Return what must agree for two validations to share a pass: all but weights; either all have some or none."""
    shared = {key: value for key, value in job.options.items() if key != "weights"}
    return json.dumps([shared, job.weights is None, job.part], sort_keys=True)


def option_words(value: Any) -> str:
    """Return the value of an option as a command line has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
