"""From the records of Part III to the tables that its notebook shows."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.evaluation import t_interval
from study.prose import CONFIRMED, HALF, NOTHING, OPEN, Glance, Judged, Verdict, number, percent, scientific
from study.runs import Record
from study.theory.claims import about_formulas

VARIANT_NAMES = {
    "two-heads-mixed": "2 heads, with Wₒ",
    "two-heads-joined": "2 heads, without Wₒ",
    "one-head-mixed": "1 head, with Wₒ",
}
COST_NAMES = {
    "explicit": "explicit weights",
    "reused": "explicit, in reused memory",
    "fused": "fused kernel",
    "projections": "four linear maps",
}


def of(records: Sequence[Record], task: str) -> list[Record]:
    """The records of a task. Raises KeyError if there are none."""
    found = [r for r in records if r.spec["task"] == task]
    if not found:
        raise KeyError(f"no record of {task}")
    return found


def agreement(records: Sequence[Record]) -> pd.DataFrame:
    """Largest differences from PyTorch's functions, one row a function and shape."""
    return pd.DataFrame(
        [
            {
                "reference": r.spec["model"], "batch": batch, "tokens": tokens, "width": width, "heads": heads,
                "output": output, "gradient": gradient,
            }
            for r in of(records, "part3-agreement")
            for (batch, tokens, width, heads), output, gradient in zip(
                r.spec["settings"]["shapes"], r.metrics["output"], r.metrics["gradient"], strict=True
            )
        ]
    )  # fmt: skip


def scaling(records: Sequence[Record]) -> pd.DataFrame:
    """Mean and 95% interval over seeds of each statistic: one row a kind of softmax, statistic and d_k."""
    found = of(records, "part3-scaling")
    rows = []
    for kind, statistics in found[0].metrics.items():
        for name in statistics:
            for i, width in enumerate(found[0].spec["settings"]["d_k"]):
                over_seeds = t_interval([r.metrics[kind][name][i] for r in found])
                rows.append({"kind": kind, "statistic": name, "d_k": width, **over_seeds._asdict()})
    return pd.DataFrame(rows)


def pick(table: pd.DataFrame, kind: str, statistic: str) -> pd.DataFrame:
    """The rows of one kind of softmax and statistic, indexed by d_k. Raises KeyError if there are none."""
    found = table[(table.kind == kind) & (table.statistic == statistic)].set_index("d_k")
    if found.empty:
        raise KeyError(f"no {statistic} of the {kind} softmax")
    return found


def mixing(records: Sequence[Record]) -> pd.DataFrame:
    """Share of variance explained on unseen tokens, with what theory expects: one row a run and width of content."""
    return pd.DataFrame(
        [
            {
                "variant": r.spec["model"], "seed": r.spec["seed"], "content": content, "explained": explained,
                "expected": expected_share(r.spec["settings"]["heads"], r.spec["settings"]["output"], tokens, content),
                "d_k": (content + tokens) // r.spec["settings"]["heads"], "places": places, "parameters": parameters,
            }
            for r in of(records, "part3-mixing")
            for tokens in [r.spec["settings"]["tokens"]]
            for content, explained, places, parameters in zip(
                r.spec["settings"]["content"], r.metrics["explained"], r.metrics["places"], r.metrics["parameters"],
                strict=True,
            )
        ]
    )  # fmt: skip


def expected_share(heads: int, output: bool, tokens: int, content: int) -> float:
    """Share of the variance of x_{i−1} − x_{i+1} that attention can explain.

    Without two heads that W_o mixes, a component follows one neighbour, half of the variance. With them, each head
    carries one neighbour, d_k of its components at most.
    """
    if heads < 2 or not output:
        return 0.5
    return min(1.0, (content + tokens) / heads / content)


def cost(records: Sequence[Record]) -> pd.DataFrame:
    """Seconds and peak bytes, one row a model and number of tokens; NaN for what a model does not have."""
    return pd.concat(
        [
            pd.DataFrame({"model": r.spec["model"], "tokens": r.spec["settings"]["tokens"], **r.metrics})
            for r in of(records, "part3-cost")
        ],
        ignore_index=True,
    )


def exponent(table: pd.DataFrame, model: str, quantity: str) -> float:
    """The power of N with which a quantity of a model grows over the last doublings: slope of the last three points."""
    last = table[table.model == model].sort_values("tokens").tail(3)
    return float(np.polyfit(np.log(last.tokens), np.log(last[quantity]), 1)[0])


def weights_bytes(tokens: int, heads: int) -> int:
    """Bytes of one float32 array of attention weights, 4 h N²."""
    return 4 * heads * tokens**2


def expected_entropy(variance: float, keys: int) -> float:
    """Entropy in nats of the softmax of many independent normal logits: ln N − σ²/2, and 0 from σ² = 2 ln N on.

    Derrida's random energy model (1981), to leading order in ln N: from that variance on the largest logit takes all.
    """
    return max(math.log(keys) - variance / 2, 0.0) if variance < freezing_variance(keys) else 0.0


def freezing_variance(keys: int) -> float:
    """The variance of the logits from which on the softmax concentrates on the largest: 2 ln N."""
    return 2 * math.log(keys)


VANISHED = 0.1
"""The share of the scaled softmax's gradient below which the unscaled one's is "extremely small"; and how near to one
the variance of the scores must be if the division by √dₖ is to have scaled them down."""


def judged(records: Sequence[Record]) -> list[Judged]:
    """The original gives no numbers in Part III."""
    return []


def claims(records: Sequence[Record]) -> dict[str, Verdict]:
    """The verdict on each of the original's claims about Part III, by name in data/published.toml."""
    table = scaling(records)
    raw, scaled = (pick(table, kind, "jacobian_median")["mean"] for kind in ("raw", "scaled"))
    saturated, variance = (
        [pick(table, kind, statistic)["mean"].iloc[-1] for kind in ("raw", "scaled")]
        for statistic in ("saturated", "variance")
    )
    vanishes = Verdict(
        CONFIRMED if raw.iloc[-1] < VANISHED * scaled.iloc[-1] else OPEN,
        f"at dₖ = {raw.index[-1]} the median gradient is {scientific(raw.iloc[-1])} without and "
        f"{number(scaled.iloc[-1], 2)} with the division; {percent(saturated[0], 0)} of the queries are saturated "
        f"against {percent(saturated[1], 0)}",
    )
    divided = Verdict(
        CONFIRMED if abs(variance[1] - 1) < VANISHED < abs(variance[0] - 1) else OPEN,
        f"at dₖ = {raw.index[-1]} the variance of the scores is {number(variance[0])} without and "
        f"{number(variance[1], 2)} with the division",
    )
    return about_formulas() | {"attention_scaled": divided, "attention_gradients": vanishes}


def finding(records: Sequence[Record]) -> str:
    """The part in one sentence."""
    said = claims(records)
    found = [verdict.status for verdict in said.values()]
    whole, half = found.count(CONFIRMED), found.count(HALF)
    reason = said["attention_gradients"]
    return (
        f"Of the original's {len(said)} statements about self-attention {whole} hold as printed, {half} with a symbol "
        f"read otherwise, {len(said) - whole - half} not; its reason for dividing by √dₖ is {reason.status}: "
        f"{reason.reason}."
    )


def glance(records: Sequence[Record]) -> list[Glance]:
    """The part on the front page."""
    table, mixed = scaling(records), mixing(records)
    raw, scaled = (pick(table, kind, "jacobian_median")["mean"] for kind in ("raw", "scaled"))
    explained = mixed[mixed.content == mixed.content.min()].groupby("variant").explained.max()
    return [
        Glance(
            f"median gradient of the softmax at dₖ = {raw.index[-1]}",
            "“extremely small” unscaled",
            f"{scientific(raw.iloc[-1])} unscaled",
            f"{number(scaled.iloc[-1], 2)} scaled",
        ),
        Glance(
            "variance that two heads explain",
            NOTHING,
            f"{number(explained['two-heads-joined'], 2)} without Wₒ",
            f"{number(explained['two-heads-mixed'], 2)} with Wₒ",
        ),
    ]
