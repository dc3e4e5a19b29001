"""What the C library does with memory that is no longer in use.

On the CPU torch takes its memory from there. Keeping it saves a validation a tenth of the CPU time
(benchmarks/validating.py).
"""

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # of glibc's malloc.h


def keep_memory() -> None:
    """Make this process, for as long as it lives, keep freed memory for the next use instead of returning it.

    Activations and pictures are large and short-lived: what is returned has to be cleared before the next use.
    One heap for all threads, so that what one frees another takes. For the start of a program, before threads have
    heaps of their own; does nothing where the C library is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    for option, value in ((_M_TRIM_THRESHOLD, 2**31 - 1), (_M_MMAP_MAX, 0), (_M_ARENA_MAX, 1)):
        library.mallopt(option, value)
