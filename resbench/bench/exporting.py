"""A network written as a file for another program, and proved before it is left there."""

import tempfile
from pathlib import Path

from resbench.accuracy import pixels
from resbench.bench.entrance import entered
from resbench.bench.parity import SEEDED_IMAGES, Parity, proved
from resbench.bench.reference import Uint8Input, identity, reference_of, seeded
from resbench.bench.subject import OnProgress
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.records.files import write_together
from resbench.records.store import safe_name
from resbench.running.runtimes.modelfile import FORMATS, Content, opened_model, write_model
from resbench.zoo.spec import Variant


def export_network(
    network: str | Variant,
    to: str,
    output: str | Path | None = None,
    *,
    weights: str | None = None,
    key: str | None = None,
    data: str | Path | None = None,
    input_px: int | None = None,
    dynamic_batch: bool = False,
    uint8: bool = False,
    on_progress: OnProgress = lambda *_: None,
) -> tuple[Path, Parity]:
    """Write `network` as a file in the format `to` (onnx, openvino, pt2), and return its path and how it was proved.

    `output`: the file, by default NETWORK with the format's suffix. `dynamic_batch`: the file takes any number of
    images, otherwise one. `uint8`: it takes images as decoders give them, (N, H, W, 3) uint8, and normalises them.
    The file is compared with the network in eager torch on seeded images, and on those of `data`.
    Raises ResbenchError for what cannot be exported, InvalidMeasurementError when the answers of the file differ; then
    nothing is written.
    """
    if to not in FORMATS:
        raise ResbenchError(f"--to {to}: unknown; choose from {', '.join(FORMATS)}")
    suffix = FORMATS[to].suffix
    variant = entered(network, input_px)
    path = Path(output or f"{safe_name(variant.name)}{suffix}")
    if path.suffix != suffix:
        raise ResbenchError(f"{path}: the name of such a file ends in {suffix}")
    on_progress("loading", 0.0)
    reference = reference_of(variant, weights, key, input_px)
    frames = seeded(SEEDED_IMAGES - 1 if dynamic_batch else 1, reference.preprocess.crop_px, seed=0)
    content = Content(
        module=Uint8Input(reference.module, reference.preprocess).eval() if uint8 else reference.module,
        example=frames if uint8 else pixels.normalise(frames, reference.preprocess),
        dynamic_batch=dynamic_batch,
        metadata=identity(reference, uint8=uint8),
    )
    with tempfile.TemporaryDirectory() as folder:
        on_progress("exporting", 0.0)
        files = write_model(content, Path(folder) / path.name)
        model = opened_model(files[0])
        result = proved(path, model, reference, data=data, on_progress=on_progress)
        if not result.sound:
            where = f", first in layer {result.departs}" if result.departs else ""
            raise InvalidMeasurementError(
                f"{path}: not written: its answers differ from the network's by {result.difference:.2g} of the largest "
                f"logit{where}; report this with the versions of torch and {to}"
            )
        write_together({path.parent / file.name: file for file in files})
    return path, result
