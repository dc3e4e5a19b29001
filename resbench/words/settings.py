"""What records say, in words that the terminal and cards share."""

from collections.abc import Iterator

from resbench.records.record import Settings


def setting_words(settings: Settings) -> Iterator[str]:
    """Yield the settings besides the size of the images, as far as they are not the usual ones."""
    yield f"{settings.dtype}{' autocast' if settings.amp else ''}"
    if settings.memory_format == "channels_last":
        yield "channels last"
    if settings.compile:
        yield f"compiled ({settings.compile})"
    if settings.cuda_graph:
        yield "CUDA graph"
    if settings.fuse:
        yield "batch norm folded"
    if settings.winograd:
        yield "Winograd"
    if settings.threads:
        yield f"{settings.threads} threads" if settings.threads > 1 else "1 thread"
