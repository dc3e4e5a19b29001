"""Small, complete records for tests, to be changed with dataclasses.replace."""

from resbench.records import record as r

MACHINE = r.Machine(
    device_kind="cpu",
    device_name="Example CPU",
    cpu_model="Example CPU",
    cpu_isa="AVX2",
    cpu_cores=2,
    torch="2.13.0",
    math_libraries="oneDNN 3, MKL 2024",
)
CONDITIONS = r.Conditions(host="0123abcd", os="Linux 6", python="3.11.7", libraries={"numpy": "2.0"}, noise="quiet")
ENVIRONMENT = r.Environment(machine=MACHINE, conditions=CONDITIONS)
RUN = r.Run(started="2026-01-01T00:00:00+00:00", duration_s=1.5, command="resbench profile", resbench="0.1.0")
SETTINGS = r.Settings(input_px=(224, 224), threads=1)


STAGE_TIMES = r.StageTimes(
    batch_size=2,
    whole=r.PartTime(name="", wall_ns=(100, 110, 900), cpu_ns=(90, 100, 110)),
    stages=(
        r.PartTime(name="stem", wall_ns=(31, 30, 700), cpu_ns=(30, 30, 31)),
        r.PartTime(name="layer1", wall_ns=(60, 61, 62), cpu_ns=(59, 60, 61)),
        r.PartTime(name="head", wall_ns=(10, 10, 11), cpu_ns=(10, 10, 10)),
    ),
    operators=(
        r.PartTime(name="native_batch_norm", wall_ns=(9, 10, 11), cpu_ns=(9, 10, 11)),
        r.PartTime(name="convolution", wall_ns=(68, 70, 80), cpu_ns=(68, 70, 80)),
        r.PartTime(name="relu", wall_ns=(4, 5, 6), cpu_ns=(4, 5, 6)),
        r.PartTime(name="sigmoid", wall_ns=(15, 15, 13), cpu_ns=(1, 1, 1)),
    ),
)


def series(speed: r.Speed = "latency", scale: float = 1.0, clusters: int = 12) -> r.Series:
    """Clusters of three samples around `scale` milliseconds, one per cent apart."""
    samples = [
        r.Cluster(
            wall_ns=tuple(round(scale * 1e6 * (1 + 0.01 * (index % 3) + 0.001 * k)) for k in range(3)),
            cpu_ns=tuple(round(scale * 1e6 * (1 + 0.01 * (index % 3) + 0.001 * k)) for k in range(3)),
        )
        for index in range(clusters)
    ]
    launch = r.Launch(
        cold_start_ns=5_000_000, warmup_iterations=10, warmup_ns=500_000_000, steady=True, clusters=tuple(samples)
    )
    return r.Series(
        speed=speed,
        batch_size=1,
        batch_size_asked="1",
        calls=1,
        launches=(launch,),
        stop_reason="precision",
        target=0.02,
        drifting=False,
    )


COUNTS = r.Counts(
    input_px=(224, 224),
    params=25_028_904,
    buffers=68_000,
    weights_bytes=100_400_000,
    activations=14_400_000,
    terms=r.Terms(conv=4_228_431_872, fc=2_048_000),
)
PROFILE = r.Profile(
    network="resnext50_32x4d",
    weights=None,
    weights_sha256=None,
    counts=COUNTS,
    settings=SETTINGS,
    series=(series(),),
    memory=(r.Memory(batch_size=1, resident_bytes=400_000_000),),
    environment=ENVIRONMENT,
    run=RUN,
)
EVALUATION = r.Evaluation(
    network="resnet18",
    weights="resnet18.pth",
    weights_sha256="ab" * 32,
    dataset=r.DataSet(name="val", layout="wnid folders", images=200, classes=200, fingerprint="cd" * 32),
    pixels=r.Pixels(
        decoder="pillow 11", resize_px=256, crop_px=224, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3
    ),
    settings=SETTINGS,
    batch_size=8,
    images=200,
    top1_right=158,
    top5_right=190,
    skipped=(),
    environment=ENVIRONMENT,
    run=RUN,
)
