"""What is seen of settings while they race: every sample, and whether their answers are right."""

import random
import time
from collections.abc import Sequence

from resbench.bench.examining import Examiner, fault_in
from resbench.bench.field import Field
from resbench.bench.subject import proof_of
from resbench.errors import ResbenchError
from resbench.judging.ranking import log_time
from resbench.judging.standing import Round
from resbench.records.record import Cluster, Exported
from resbench.records.tuned import Raced
from resbench.timing import interleave
from resbench.timing.race import Entrants
from resbench.timing.sampler import without_garbage_collection

PLAIN = 0  # the place of plain eager torch among those that race


class Track:
    """What is seen of the entrants of a field while they race."""

    def __init__(self, field: Field, examiner: Examiner) -> None:
        self.field, self._examiner = field, examiner
        self._chance = random.Random()  # the same orders every time would favour the same setting every time
        self._rounds = 0
        self._samples: list[list[tuple[int, Cluster]]] = [[] for _ in field.entrants]  # with the rounds they come from
        self._faults: dict[int, str] = {}
        self._exported: dict[int, Exported | None] = {}

    def entrants(self, max_latency_s: float | None, end_s: float) -> Entrants:
        """Return what races."""
        own = self.field.entrants
        return Entrants(
            count=len(own),
            plain=PLAIN,
            measure=self.measure,
            holds=self.holds,
            limits_s=[max_latency_s / entrant.batch_size for entrant in own] if max_latency_s else (),
            time_budget_s=end_s - time.monotonic(),
        )

    def raced(self) -> tuple[Raced, ...]:
        """Return what was seen until now."""
        return tuple(
            Raced(
                settings=entrant.request.settings,
                batch_size=entrant.batch_size,
                calls=entrant.burst.calls,
                rounds=tuple(number for number, _ in samples),
                clusters=tuple(cluster for _, cluster in samples),
                engine=entrant.arm.engine,
                exported=self._exported.get(index),
                fault=self._faults.get(index),
            )
            for index, (entrant, samples) in enumerate(zip(self.field.entrants, self._samples, strict=True))
        )

    def measure(self, taking: Sequence[int]) -> Round:
        """Take one cluster of each of these, in turn."""
        entrants = [self.field.entrants[index] for index in taking]
        bursts = [entrant.burst for entrant in entrants]
        shape = interleave.Shape(pairs=interleave.fitting_pairs(max(burst.seconds for burst in bursts)), calls=1)
        with without_garbage_collection():
            clusters = interleave.cluster(bursts, shape, self._chance)
        for index, cluster in zip(taking, clusters, strict=True):
            self._samples[index].append((self._rounds, cluster))
        self._rounds += 1
        return {
            index: log_time(cluster, entrant.burst.calls, entrant.batch_size)
            for index, entrant, cluster in zip(taking, entrants, clusters, strict=True)
        }

    def holds(self, index: int) -> bool:
        """Tell whether the answers are right: on a few random images first, which costs least, then on all."""
        entrant = self.field.entrants[index]
        fault = ""
        try:
            if index != PLAIN:  # which knows what is right
                self._exported[index] = proof_of(entrant.request, entrant.arm, [entrant.batch_size])
                fault = fault_in(self._examiner, entrant.arm, entrant.batch_size)
        except ResbenchError as error:
            fault = str(error)
        self._faults[index] = fault
        return not fault
