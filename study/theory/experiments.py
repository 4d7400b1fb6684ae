"""The experiments of Part III, whose inputs are random numbers from a seed; `study.theory.trainings` makes them."""

from study import definitions, paths
from study.experiments import Compared, Experiment, Experiments, Run
from study.profile import Part3
from study.runs import Record

REFERENCES = ("scaled_dot_product_attention", "MultiheadAttention")
VARIANTS = {
    "two-heads-mixed": {"heads": 2, "output": True},
    "two-heads-joined": {"heads": 2, "output": False},
    "one-head-mixed": {"heads": 1, "output": True},
}
"""The attention layers of the mixing task, with and without W_o."""
COSTS = ("explicit", "fused", "projections")
SHAPES = ((1, 1, 8, 1), (3, 2, 8, 2), (4, 17, 32, 4), (2, 33, 64, 8), (2, 128, 96, 3))
"""Batch, tokens, width and heads of the comparisons with PyTorch."""

MEASURED = {
    "scaled_dot_product_attention": (paths.STUDY / "attention.py", "scaled_dot_product"),
    "MultiheadAttention": (paths.STUDY / "attention.py", "SelfAttention"),
    "part3-scaling": (paths.STUDY / "attention.py", "scaled_dot_product"),
    "part3-mixing": (paths.STUDY / "theory" / "mixing.py", "Neighbours"),
    "explicit": (paths.STUDY / "attention.py", "scaled_dot_product"),
}
"""What of ours a run measures, by its model or task; the other runs measure PyTorch's functions alone."""


def _definition(spec: dict) -> str | None:
    measured = MEASURED.get(spec["model"]) or MEASURED.get(spec["task"])
    return definitions.in_file(*measured) if measured else None


def _scaling(record: Record) -> Compared:
    widest = record.spec["settings"]["d_k"][-1]
    return [
        (f"{name}, {kind}, d_k {widest}", found[name][-1], 1e-6 * abs(found[name][-1]))
        for kind, found in record.metrics.items()
        for name in ("variance", "entropy", "jacobian_mean")
    ]


def _settings(sizes: Part3, *names: str) -> dict:
    found = {name: getattr(sizes, name) for name in names}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


ALL = Experiments(
    part="part3",
    trainings="study.theory.trainings",
    rows=(
        Experiment(  # `study.attention` against PyTorch's own functions
            "part3-agreement", 2, "compare_with_pytorch",
            lambda sizes: [Run(name, settings={"shapes": [list(one) for one in SHAPES]}) for name in REFERENCES],
            lambda r: [(f"largest difference, {key}", max(r.metrics[key]), 1e-5) for key in ("output", "gradient")],
        ),
        Experiment(  # the softmax with and without the division by √d_k
            "part3-scaling", 1, "measure_softmax",
            lambda sizes: [
                Run("softmax", seed, _settings(sizes, "d_k", "keys", "queries"))
                for seed in range(sizes.scaling_seeds)
            ],
            _scaling,
        ),
        Experiment(  # attention with and without W_o
            "part3-mixing", 1, "train_mixing",
            lambda sizes: [
                Run(name, seed, variant | {"tokens": sizes.ring} | _settings(sizes, "content", "steps"))
                for name, variant in VARIANTS.items()
                for seed in range(sizes.mixing_seeds)
            ],
            lambda r: [
                (f"R², {content} components", value, 0.02)
                for content, value in zip(r.spec["settings"]["content"], r.metrics["explained"], strict=True)
            ],
        ),
        Experiment(  # time and memory against the number of tokens
            "part3-cost", 1, "measure_cost",
            lambda sizes: [
                Run(name, settings=_settings(sizes, "tokens", "width", "heads", "seconds")) for name in COSTS
            ],
            lambda r: [
                (f"peak bytes, N {tokens}", value, 0.05 * value)
                for tokens, value in zip(r.spec["settings"]["tokens"], r.metrics["peak"], strict=True)
            ],
        ),
    ),
    smoke_task="part3-scaling",
    definition=_definition,
)  # fmt: skip
