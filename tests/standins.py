"""Results of commands that measure, made up: as long as real ones, and with what is rare in them."""

from dataclasses import replace

from resbench.bench.comparing import Comparison, FurtherArm
from resbench.bench.ladder import Ladder, Rung, RungTime
from resbench.bench.rows import RowCheck
from resbench.bench.selfcheck import SelfCheck, Trial
from resbench.bench.sides import MeasuredSide
from resbench.judging.finding import Verdict
from resbench.judging.paired import Judgement
from resbench.judging.peers import SlowMachine
from resbench.judging.stats import Interval
from resbench.nets.identify import Identity
from resbench.records.record import Cluster, Engine, Exported
from resbench.sweep.jobs import Job
from resbench.sweep.ledger import Ending
from resbench.sweep.summary import JobState, Status
from resbench.timing.contest import Rules
from tests.examples import ENVIRONMENT, EVALUATION, RUN, SETTINGS

ENGINE = Engine(versions={"onnxruntime": "1.30.1", "onnx": "1.23.2"}, providers=("CPUExecutionProvider",))
EXPORTED = Exported(file_bytes=97_800_000, images=6, batch_sizes=(1, 8), difference=3.1e-6, bound=0.001)


def _rung(runtime: str, times_as_fast: float, **more) -> Rung:
    ends = (0.94, 1.07)
    times = tuple(
        RungTime(
            batch_size=size,
            call_s=Interval(*(size * 0.0517 / times_as_fast * end for end in (1, *ends))),
            speedup=None if runtime == "eager" else Interval(*(times_as_fast * end for end in (1, *ends))),
        )
        for size in (1, 8)
    )
    settings = replace(SETTINGS, runtime=runtime)
    return Rung(runtime=runtime, settings=settings, times=times, evaluation=EVALUATION, **more)


LADDER = Ladder(
    network="legacy_seresnext101_32x4d",
    weights="legacy_seresnext101_32x4d.pth",
    batch_sizes=(1, 8),
    rungs=(
        _rung("eager", 1.0),
        _rung("onnxruntime", 1.873, engine=ENGINE, exported=EXPORTED),
        Rung(runtime="tensorrt", why="runtime tensorrt: not on cpu; give --device cuda"),
    ),
    environment=ENVIRONMENT,
    run=RUN,
)


def _trial(injected: float, verdict: Verdict, ratio: float) -> Trial:
    around = Interval(ratio, ratio - 0.0123, ratio + 0.0123)
    return Trial(injected=injected, verdict=verdict, ratio=around, detectable=0.033, clusters=12, judged_by="cpu_ns")


SELFCHECK = SelfCheck(
    network="resnet18",
    settings=SETTINGS,
    rules=Rules(),
    trials=(
        _trial(0.0, Verdict.OK, 0.9987),
        _trial(0.0, Verdict.IMPROVED, 0.9712),
        _trial(0.05, Verdict.REGRESSED, 1.0513),
        _trial(0.05, Verdict.INCONCLUSIVE, 1.0398),
    ),
    environment=ENVIRONMENT,
    run=RUN,
)
ROW_CHECKS = (
    RowCheck(row="networks.tinynet_wide", what="builds", holds=True, why="126,826 parameters at 64x64"),
    RowCheck(
        row="checkpoints.tinynet_a",
        what="top1",
        holds=False,
        why="81.20 % claimed, 78.31 % [77.02, 79.55] in results/cpu-example-cpu-2c/tinynet_wide/evaluation.json",
    ),
    RowCheck(row="checkpoints.tinynet_a", what="file", holds=None, why="not here; run `resbench weights fetch`"),
)
IDENTITY = Identity(
    file="weights/resnet50-0676ba61.pth",
    sha256="ab" * 32,
    verdict="published",
    published=("resnet50.tv_in1k", "tv_resnet50"),
    networks=("resnet50", "resnet50_v1"),
    notes=("of model and model_ema, model_ema was taken; --key model takes the other",),
)
SWEEP = Status(
    running=True,
    counts={"done": 1, "failed": 1, "waiting": 1},
    seconds_left=4000.0,
    jobs=(
        JobState(
            job=Job(kind="profile", name="legacy_seresnext101_32x4d", options={"dtype": "bf16", "channels-last": True}),
            state="done",
            ending=Ending(state="done", seconds=61.5, record="cpu-example-2c/legacy_seresnext101_32x4d/profile.json"),
        ),
        JobState(
            job=Job(kind="validate", name="resnet50.tv_in1k", options={"data": "imagenet/val"}),
            state="failed",
            ending=Ending(
                state="failed",
                reason="imagenet/val: no such folder; give the folder of the images",
                lines=("resbench: imagenet/val: no such folder; give the folder of the images",),
                exit_code=2,
                attempts=3,
            ),
        ),
        JobState(job=Job(kind="profile", name="resnet50"), state="waiting"),
    ),
    slow_machines=(
        SlowMachine(host="node-17", what="matrix product", ratio=1.082, low=1.041, high=1.125, records=6, peers=5),
    ),
)


def _side(network: str, **settings) -> MeasuredSide:
    return MeasuredSide(
        network=network,
        weights=None,
        settings=replace(SETTINGS, **settings),
        program="this process",
        output_difference=2.4e-7,
    )


def _judgement(verdict: Verdict, ratio: float) -> Judgement:
    around = Interval(ratio, ratio - 0.0123, ratio + 0.0123)
    return Judgement(verdict=verdict, ratio=around, detectable=0.0331, units=24)


def _cluster(milliseconds: float) -> Cluster:
    return Cluster(wall_ns=(round(milliseconds * 1e6),) * 3, cpu_ns=(round(milliseconds * 1e6),) * 3)


COMPARISON = Comparison(
    a=_side("legacy_seresnext101_32x4d"),
    b=_side("legacy_seresnext101_32x4d", fuse=True, memory_format="channels_last"),
    further=(FurtherArm(arm=_side("resnet50"), judgement=_judgement(Verdict.INCONCLUSIVE, 0.9871), doubt="drifted"),),
    batch_size=1,
    calls=1,
    units=tuple((tuple(map(_cluster, (48.7, 51.7 + 0.05 * (unit % 3), 48.1 + 0.1 * unit))),) for unit in range(12)),
    rules=Rules(),
    judged_by="wall_ns",
    judgement=_judgement(Verdict.REGRESSED, 1.0613),
    confirmed=True,
    doubt="",
    environment=ENVIRONMENT,
    run=RUN,
)
