"""The runs of Part III: which there are, and how each is made. Their inputs are random numbers from a seed.

Tasks: `part3-agreement` compares `study.attention` with PyTorch's own functions; `part3-scaling` measures the softmax
with and without the division by √d_k; `part3-mixing` trains attention with and without W_o; `part3-cost` measures time
and memory against the number of tokens.
"""

from pathlib import Path

import numpy as np

from study.profile import Profile
from study.runs import Outcome, Record

REFERENCES = ("scaled_dot_product_attention", "MultiheadAttention")
VARIANTS = {
    "two-heads-mixed": {"heads": 2, "output": True},
    "two-heads-joined": {"heads": 2, "output": False},
    "one-head-mixed": {"heads": 1, "output": True},
}
"""The attention layers of the mixing task, with and without W_o."""
COSTS = ("explicit", "reused", "fused", "projections")
SHAPES = ((1, 1, 8, 1), (3, 2, 8, 2), (4, 17, 32, 4), (2, 33, 64, 8), (2, 128, 96, 3))
"""Batch, tokens, width and heads of the comparisons with PyTorch."""

# Raise the version of a task when what it computes changes.
VERSIONS = {"part3-agreement": 2, "part3-scaling": 1, "part3-mixing": 1, "part3-cost": 1}


def specs(profile: Profile) -> list[dict]:
    """Every run of Part III under a profile, cheap ones first."""
    sizes = profile.part3
    made = [_spec(profile, "part3-agreement", name, 0, shapes=[list(shape) for shape in SHAPES]) for name in REFERENCES]
    made += [
        _spec(
            profile, "part3-scaling", "softmax", seed,
            d_k=list(sizes.d_k), keys=sizes.keys, queries=sizes.queries,
        )
        for seed in range(sizes.scaling_seeds)
    ]  # fmt: skip
    made += [
        _spec(
            profile, "part3-mixing", name, seed,
            **variant, tokens=sizes.ring, content=list(sizes.content), steps=sizes.steps,
        )
        for name, variant in VARIANTS.items()
        for seed in range(sizes.mixing_seeds)
    ]  # fmt: skip
    made += [
        _spec(
            profile, "part3-cost", name, 0,
            tokens=list(sizes.tokens), width=sizes.width, heads=sizes.heads, seconds=sizes.seconds,
        )
        for name in COSTS
    ]  # fmt: skip
    return made


def sentinel(profile: Profile) -> dict:
    """The small run that is made again on the reader's machine: the softmax with and without √d_k, first seed."""
    return next(s for s in specs(profile) if s["task"] == "part3-scaling")


def _spec(profile: Profile, task: str, model: str, seed: int, **settings) -> dict:
    return {
        "task": task,
        "model": model,
        "data": [],
        "profile": profile.name,
        "seed": seed,
        "version": VERSIONS[task],
        "settings": settings,
    }


def train(spec: dict, scratch: Path) -> Outcome:
    """Make one run on one thread, so that its numbers and times do not depend on how many cores there are.

    `scratch` takes the profiler's traces.
    """
    import torch

    makers = {
        "part3-agreement": _agreement,
        "part3-scaling": _scaling,
        "part3-mixing": _mixing,
        "part3-cost": _cost,
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return makers[spec["task"]](spec, scratch)
    finally:
        torch.set_num_threads(threads)


def _agreement(spec: dict, scratch: Path) -> Outcome:
    from study.theory import agreement

    found = [agreement.differences(spec["model"], *shape, spec["seed"]) for shape in spec["settings"]["shapes"]]
    return {key: [one[key] for one in found] for key in ("output", "gradient")}, {}


def _scaling(spec: dict, scratch: Path) -> Outcome:
    """Per kind of softmax and statistic, one value for each d_k."""
    from study.theory import scaling

    s = spec["settings"]
    found = [scaling.measure(width, s["keys"], s["queries"], spec["seed"]) for width in s["d_k"]]
    return {kind: {name: [one[kind][name] for one in found] for name in found[0][kind]} for kind in found[0]}, {}


def _mixing(spec: dict, scratch: Path) -> Outcome:
    """R², places looked at, number of parameters and training history, one for each width of the content."""
    from study.theory import mixing

    s = spec["settings"]
    found = [
        mixing.train(s["heads"], s["output"], s["tokens"], content, s["steps"], spec["seed"])
        for content in s["content"]
    ]
    histories = np.array([one["history"] for one in found], dtype=np.float32)
    return {key: [one[key] for one in found] for key in ("explained", "places", "parameters")}, {"history": histories}


def _cost(spec: dict, scratch: Path) -> Outcome:
    """Seconds and bytes, one value for each number of tokens."""
    from study.theory import cost

    s = spec["settings"]
    found = [
        cost.measure(spec["model"], tokens, s["width"], s["heads"], s["seconds"], spec["seed"], scratch)
        for tokens in s["tokens"]
    ]
    return {key: [one[key] for one in found] for key in found[0]}, {}


def compared(record: Record) -> list[tuple[str, float, float]]:
    """What `make reproduce` and the sentinel compare: (name, value, absolute tolerance).

    The random numbers are the same everywhere; rounding is not. Times belong to a machine and are not compared.
    """
    m, s = record.metrics, record.spec["settings"]
    if record.spec["task"] == "part3-agreement":
        return [(f"largest difference, {key}", max(m[key]), 1e-5) for key in ("output", "gradient")]
    if record.spec["task"] == "part3-scaling":
        return [
            (f"{name}, {kind}, d_k {s['d_k'][-1]}", m[kind][name][-1], 1e-6 * abs(m[kind][name][-1]))
            for kind in m
            for name in ("variance", "entropy", "jacobian_mean")
        ]
    if record.spec["task"] == "part3-mixing":
        return [(f"R², {c} components", value, 0.02) for c, value in zip(s["content"], m["explained"], strict=True)]
    if "peak" not in m:
        return []
    return [(f"peak bytes, N {n}", value, 0.05 * value) for n, value in zip(s["tokens"], m["peak"], strict=True)]
