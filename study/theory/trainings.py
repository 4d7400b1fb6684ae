"""How the runs of Part III are made: on one thread each, so that no number depends on how many cores there are."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from study.runs import Outcome
from study.theory import agreement, cost, mixing, scaling


@contextmanager
def one_thread() -> Generator[None]:
    """PyTorch with one thread, as a decorator or around a block."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def columns(found: Sequence[dict]) -> dict[str, list]:
    """The values of alike mappings, a list for each key."""
    return {key: [one[key] for one in found] for key in found[0]}


@one_thread()
def compare_with_pytorch(spec: dict, scratch: Path) -> Outcome:
    """Largest differences, one value for each shape."""
    shapes = spec["settings"]["shapes"]
    return columns([agreement.differences(spec["model"], *shape, seed=spec["seed"]) for shape in shapes]), {}


@one_thread()
def measure_softmax(spec: dict, scratch: Path) -> Outcome:
    """Per kind of softmax and statistic, one value for each d_k."""
    s = spec["settings"]
    found = columns([scaling.measure(width, s["keys"], s["queries"], spec["seed"]) for width in s["d_k"]])
    return {kind: columns(statistics) for kind, statistics in found.items()}, {}


@one_thread()
def train_mixing(spec: dict, scratch: Path) -> Outcome:
    """R², places looked at and number of parameters, one for each width of the content."""
    s = spec["settings"]
    given = s["heads"], s["output"], s["tokens"]
    return columns([mixing.train(*given, content, s["steps"], spec["seed"]) for content in s["content"]]), {}


@one_thread()
def measure_cost(spec: dict, scratch: Path) -> Outcome:
    """Seconds and bytes, one value for each number of tokens."""
    s = spec["settings"]
    given = s["width"], s["heads"], s["seconds"], spec["seed"], scratch
    return columns([cost.measure(spec["model"], tokens, *given) for tokens in s["tokens"]]), {}
