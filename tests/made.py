"""Records as hypothesis makes them, within the bounds that their fields state, and damaged ones with a fixed seed."""

import json
import random
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from resbench.records import record as r
from resbench.records.corruptions import CorruptedFigure
from resbench.records.jsonio import dumps
from tests.examples import EVALUATION, PROFILE, STAGE_TIMES

WHEN = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)).map(lambda moment: f"{moment.isoformat()}+00:00")


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation, bounded as its msgspec.Meta says."""
    if get_origin(kind) is Annotated:
        own, meta = get_args(kind)
        if own is int:
            return st.integers(meta.ge, meta.le)
        if own is float:
            return st.floats(meta.ge, 1e300 if meta.le is None else meta.le)
        return of_type(own).filter(lambda value: len(value) >= meta.min_length)
    if is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        given = {field.name: of_type(hints[field.name]) for field in fields(kind) if field.name != "schema"}
        return st.builds(kind, **given | ({"started": WHEN} if kind is r.Run else {}))
    match get_origin(kind), get_args(kind):
        case origin, options if origin in (UnionType, Union):
            return st.one_of(map(of_type, options))
        case origin, options if origin is Literal:
            return st.sampled_from(options)
        case origin, (item, end) if origin is tuple and end is Ellipsis:
            return st.lists(of_type(item), max_size=2).map(tuple)
        case origin, items if origin is tuple:
            return st.tuples(*map(of_type, items))
        case origin, (key, value) if origin is dict:
            return st.dictionaries(of_type(key), of_type(value), max_size=2)
    if kind is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    return st.text(max_size=9) if kind is str else st.from_type(kind)


def _evaluation(record: r.Evaluation, right: list[int], real: list[int]) -> r.Evaluation:
    top1, top5, images = sorted(right)
    real_top1, real_images = sorted(real)
    counts: dict[str, Any] = {"real_top1_right": real_top1, "real_images": real_images}
    if record.corruptions:
        counts["corruptions"] = replace(record.corruptions, figures=tuple(map(_rising, record.corruptions.figures)))
    return replace(record, top1_right=top1, top5_right=top5, images=images, **counts)


def _rising(figure: CorruptedFigure) -> CorruptedFigure:
    top1, top5, images = sorted((figure.top1_right, figure.top5_right, figure.images))
    return replace(figure, top1_right=top1, top5_right=top5, images=images)


def _clusters(times: list[tuple[int, int]]) -> r.Cluster:
    return r.Cluster(wall_ns=tuple(wall for wall, _ in times), cpu_ns=tuple(cpu for _, cpu in times))


def _timed(record: r.Profile, cluster: r.Cluster) -> r.Profile:
    def launch(one: r.Launch) -> r.Launch:
        return replace(one, clusters=tuple(cluster for _ in one.clusters))

    series = tuple(replace(of, launches=tuple(map(launch, of.launches))) for of in record.series)
    return replace(record, series=series, stages=(STAGE_TIMES,) * len(record.stages))  # as many passes of each part


_COUNT = st.integers(0, 2**62)
EVALUATIONS = st.builds(
    _evaluation,
    of_type(r.Evaluation),
    st.lists(_COUNT, min_size=3, max_size=3),
    st.lists(_COUNT, min_size=2, max_size=2),
)
PROFILES = st.builds(_timed, of_type(r.Profile), st.builds(_clusters, st.lists(st.tuples(_COUNT, _COUNT), max_size=3)))

_WRONG: tuple[Any, ...] = (
    None, "", 0, -1, 1, 2, 1e308, -0.5, 2**31, 2**53, 2**62, 2**64, 10**30, True, [], {}, [[]], "a\nb", "\x1b[31m",
    "::error::x", "../../x", "\0", "é" * 300, "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", [0], [-1],
    [1, 2, 3], "fp32", "nan", "cuda", "center", "latency", "throughput", "end_to_end",
)  # fmt: skip
_RICH = replace(
    PROFILE,
    ceilings=r.Ceilings(matmul_size=64, matmul_ns=(500, 600), copy_bytes=4096, copy_ns=(700, 800)),
    energy=(r.Energy(batch_size=1, images=10, millijoules=50, wall_ns=10_000),),
    gpu=r.Gpu(sm_clock_mhz=(1000,), temperature_c=(50,), power_mw=(90_000,), power_limit_mw=100_000),
    kernels=(r.Kernels(batch_size=1, launches=70, kernels=80),),
    stages=(STAGE_TIMES,),
    series=(
        *PROFILE.series,
        replace(
            PROFILE.series[0],
            speed="end_to_end",
            pipeline=r.Pipeline(data="val", fingerprint="ab" * 32, images=9, pixels=EVALUATION.pixels, workers=2),
        ),
    ),
    counts=replace(PROFILE.counts, traffic=10_000_000, receptive_field_px=(400, 400), operators=170),
)


def damaged(number: int, seed: int = 14) -> Iterator[str]:
    """Yield `number` records with up to three places changed or removed, one in ten garbled as text."""
    chance = random.Random(seed)
    for index in range(number):
        record = (_RICH, replace(EVALUATION, weights="gluon_resnet18_v1b"))[index % 2]
        data = json.loads(dumps(record))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            _damage(data, chance)
        text = json.dumps(data)
        if index % 10 == 9:
            place = chance.randrange(len(text))
            text = (
                text[:place]
                + chance.choice(("", '"', "{", "\\ud800", "é", "[" * 2000))
                + text[place + chance.randrange(9) :]
            )
        yield text


def _damage(data: Any, chance: random.Random) -> None:
    places = list(_places(data))
    holder, key = chance.choice(places)
    match chance.randrange(10):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.append(holder[key])
        case 2 if isinstance(holder[key], list):
            holder[key] = holder[key][: chance.randrange(2)]
        case 3 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = holder[key] * chance.choice((-1, 0, 1e-9, 10**9, 10**40))
        case 4:
            holder[key] = chance.choice(_WRONG)
        case _:  # of the right type, so that many get past the reader
            alike = [value for value in _WRONG if type(value) is type(holder[key])]
            holder[key] = chance.choice(alike or _WRONG)


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    for key in data if isinstance(data, dict) else range(len(data)):
        yield data, key
        if isinstance(data[key], dict | list):
            yield from _places(data[key])
