"""`make bench`: how fast the build and the trainings are on this machine, beside the common ways, in one go.

Here belongs a module a section, with `measure(profile, work)`.
"""

import time
from collections.abc import Callable

TEXTS = "texts.npz"
"""The encoded texts that the section in PyTorch leaves for the one in Keras."""


def seconds(work: Callable[[], object], repeats: int = 3) -> list[float]:
    """Wall seconds of each of several calls."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return found
