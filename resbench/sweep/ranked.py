"""Validations whose images several processes of one machine share: torchrun's launcher starts them."""

import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from resbench.accuracy.distributed import LostRankError
from resbench.bench.entries import Validating
from resbench.bench.validation import Keeping, validate_all
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.records import store
from resbench.running.allocator import keep_memory
from resbench.running.fresh import ERRORS, DiedError

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What `validate_all` is asked for."""

    networks: Sequence[str]
    weights: Sequence[str]
    data: Path
    how: Validating
    output: Path
    keeping: Keeping


def validated(validation: Validation) -> list[Path]:
    """Validate in this process, and return where the records lie below `output`; none for a portion of the images."""
    results = validate_all(
        validation.networks,
        validation.weights,
        [validation.data],
        validation.how,
        output=validation.output,
        keeping=validation.keeping,
    )
    return [store.path_of(result.record) for result in results]


def validated_in_ranks(validation: Validation, size: int) -> list[Path]:
    """Do as `validated` in `size` processes. Raises as that, and DiedError when one of them dies."""
    # Here: slow to import, and few sweeps need it.
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=size,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    before = signal.getsignal(signal.SIGTERM)
    with tempfile.TemporaryDirectory(prefix="resbench-") as folder:
        try:
            paths: list[Path] = elastic_launch(config, _rank)(validation, size, sys.argv, Path(folder))[0]
        except ChildFailedError as error:
            raise _why(Path(folder), error) from None
        except SignalException as error:  # not an error of the job, which whoever sent it decides about
            sys.exit(128 + error.sigval)
        finally:
            signal.signal(signal.SIGTERM, before)  # the launcher leaves its own
    return paths


def _rank(validation: Validation, size: int, command: list[str], reasons: Path) -> list[Path]:
    """Be one of the processes; where it fails, leave the reason in a file."""
    sys.argv = command  # which the record names
    keep_memory()
    torch.set_num_threads(max(1, torch.get_num_threads() // size))
    try:
        return validated(validation)
    except LostRankError:
        sys.exit(InvalidMeasurementError.exit_code)
    except ResbenchError as error:
        (reasons / os.environ["RANK"]).write_text(f"{error.exit_code:d} {error}", encoding="utf-8")
        sys.exit(error.exit_code)


def _why(reasons: Path, error: "ChildFailedError") -> ResbenchError:
    """Return what a rank said before it failed, else what became of the first that died."""
    if written := sorted(reasons.iterdir()):
        code, _, message = written[0].read_text(encoding="utf-8").partition(" ")
        return ERRORS[int(code)](message)
    rank, failure = error.get_first_failure()
    how = failure.signal_name() if failure.exitcode < 0 else f"exit code {failure.exitcode}"
    return DiedError(f"rank {rank} died ({how})")
