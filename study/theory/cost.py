"""Time and memory of self-attention against the number of tokens N."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile
from torch.utils.benchmark import Timer

from study.attention import scaled_dot_product

# The profiler's messages would stand on standard error between the progress bars.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")


def measure(model: str, tokens: int, width: int, heads: int, seconds: float, seed: int, scratch: Path) -> dict:
    """Time and peak memory for one sequence of `tokens`, float32, one thread.

    The models: `explicit` attention holds its weights, `fused` is PyTorch's kernel that holds none, `projections` are
    the four linear maps around either. Returns the seconds of a forward pass (`forward`), the fastest of those that
    `seconds` allow (what disturbs a measurement only makes it slower), and the peak of bytes that forward and backward
    together allocate beyond the inputs (`peak`). Raises ValueError for another model.
    """
    forward = _forward(model, tokens, width, heads, seed)

    def only_forward() -> None:
        with torch.no_grad():
            forward()

    def both() -> None:
        forward().sum().backward()

    both()  # allocates what stays: the gradients of the inputs
    return {"forward": fastest(only_forward, seconds), "peak": peak_bytes(both, scratch)}


def _forward(model: str, tokens: int, width: int, heads: int, seed: int) -> Callable[[], Tensor]:
    torch.manual_seed(seed)
    q, k, v = (torch.randn(1, heads, tokens, width // heads, requires_grad=True) for _ in range(3))
    x = torch.randn(1, tokens, width, requires_grad=True)
    maps = nn.ModuleList(nn.Linear(width, width) for _ in range(4))
    models = {
        "explicit": lambda: scaled_dot_product(q, k, v)[0],
        "fused": lambda: functional.scaled_dot_product_attention(q, k, v),
        "projections": lambda: sum(project(x) for project in maps),
    }
    if model not in models:
        raise ValueError(f"Unknown model '{model}'. Choose one of: {', '.join(models)}.")
    return models[model]


def fastest(work: Callable[[], None], seconds: float) -> float:
    """The fastest of repeated runs, in seconds, on one thread."""
    timer = Timer("work()", globals={"work": work}, num_threads=1)
    return min(timer.blocked_autorange(min_run_time=seconds).times)


def peak_bytes(work: Callable[[], None], scratch: Path) -> int:
    """The most bytes that `work` holds in CPU tensors at a time, beyond those that lived before it began.

    PyTorch's profiler writes every allocation and release to a trace, whose running sum is the memory held.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    trace = scratch / "trace.json"
    profiler.export_chrome_trace(str(trace))
    events = [e for e in json.loads(trace.read_text())["traceEvents"] if e.get("name") == "[memory]"]
    trace.unlink()
    held = highest = 0
    for event in sorted(events, key=lambda e: e["ts"]):
        held += event["args"]["Bytes"]
        highest = max(highest, held)
    return highest
