"""From options to what builds a network in its settings, and makes it ready to be timed."""

from pathlib import Path

import torch

from resbench.bench.entries import Validating, entry_of, square_side
from resbench.bench.passes import images_to_calibrate
from resbench.records.record import Settings
from resbench.running.settings import Running, settings_for
from resbench.timing.speeds import Images, Request
from resbench.zoo.spec import Variant


def request_for(
    network: Variant,
    running: Running,
    on: torch.device,
    *,
    weights: str | None = None,
    key: str | None = None,
    train: bool = False,
    files: Path | None = None,
) -> Request:
    """Return what builds `network` as `running` has it; nothing is wanted of it yet.

    `files`: the folder for what is exported; None: one of its own. Raises ResbenchError for what `on` cannot run.
    """
    settings = settings_for(running, network.input_px, on, train=train)
    return Request(
        network=network,
        weights=weights,
        key=key,
        device=str(on),
        settings=settings,
        files=files,
        calibration=_calibration_images(network, weights, running, settings),
    )


def _calibration_images(network: Variant, weights: str | None, running: Running, settings: Settings) -> Images | None:
    """Return the images that int8 is calibrated with, as `network` wants them; None: another type.

    Raises ResbenchError where there are none, or the network's images are not square.
    """
    if running.calibration is None:
        return None
    side = square_side(settings.input_px, "--calibration")
    own = entry_of(network.name, network, weights, Validating(running=Running(input_px=side)))
    return images_to_calibrate(own.preprocess, running.calibration)
