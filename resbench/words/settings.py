"""What records say, in words that the terminal and cards share."""

from collections.abc import Iterator

from resbench.records.settings import Engine, RuntimeName, Settings

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
    if settings.winograd:
        yield "Winograd"
    if settings.threads:
        yield f"{settings.threads} threads" if settings.threads > 1 else "1 thread"
