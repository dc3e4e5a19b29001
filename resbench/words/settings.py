"""What records say, in words that the terminal and cards share."""

from collections.abc import Iterator

from resbench import units
from resbench.records.settings import ChosenOptions, Engine, RuntimeName, Settings

RUNTIME_WORDS: dict[RuntimeName, str] = {
    "eager": "eager torch",
    "compile": "compiled",
    "aotinductor": "AOTInductor",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "tensorrt": "TensorRT",
}


def engine_words(engine: Engine) -> str:
    """Return what besides torch ran a network, in words; empty: nothing did."""
    parts = [f"{name} {version}" for name, version in engine.versions.items()]
    parts += engine.providers
    parts += [f"{name.replace('_', ' ').lower()} {value}" for name, value in engine.options.items()]
    return ", ".join(parts)


def setting_words(settings: Settings) -> Iterator[str]:
    """Yield the settings besides the size of the images, as far as they are not the usual ones."""
    yield f"{settings.dtype}{' autocast' if settings.amp else ''}"
    if settings.memory_format == "channels_last":
        yield "channels last"
    if settings.runtime != "eager":
        yield RUNTIME_WORDS[settings.runtime] + (f" ({settings.compile})" if settings.compile else "")
    if settings.cuda_graph:
        yield "CUDA graph"
    if settings.fuse:
        yield "batch norm folded"
    if settings.threads:
        yield units.count_of(settings.threads, "thread")


def chosen_words(chosen: ChosenOptions) -> str:
    """Return which options a validation chose by itself, and what its first images say of them."""
    return f"{', '.join(chosen.options) or 'nothing'}: {comparison_words(chosen)}"


def comparison_words(chosen: ChosenOptions) -> str:
    """Return how the first images of a validation were answered with the options that it could choose."""
    first = f"the first {units.count_of(chosen.images, 'image')}"
    if chosen.failure:
        return f"the network fails ({chosen.failure})"
    if chosen.differing is None or chosen.difference is None:
        return f"the pixels of Pillow on {first}"
    if chosen.differing:
        answers = f"other five best classes than in plain torch on {chosen.differing} of {first}"
    else:
        answers = f"the five best classes of plain torch on {first}"
    return f"{answers}, logits within {chosen.difference:.2g} of the largest"


def setting_options(settings: Settings) -> Iterator[str]:
    """Yield the options that run a network in these settings, as they follow one another on the command line."""
    yield from ("--input-px", units.pixels(settings.input_px))
    if settings.runtime != "eager":
        yield from ("--runtime", settings.runtime)
    if settings.dtype != "fp32":
        yield from ("--dtype", settings.dtype)
    if settings.memory_format == "channels_last":
        yield "--channels-last"
    if settings.fuse:
        yield "--fuse"
    if settings.threads:
        yield from ("--threads", str(settings.threads))
