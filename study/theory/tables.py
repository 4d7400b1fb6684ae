"""From the records of Part III to data frames."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.runs import Record, of


def softmax(records: Sequence[Record]) -> pd.DataFrame:
    """Median and range over seeds of what the softmax does with and without √d_k; see `study.theory.scaling.measure`.

    Columns `median`, `low`, `high`; indexed by kind (raw, scaled), statistic and d_k.
    """
    found = of(records, "part3-scaling")
    widths = found[0].spec["settings"]["d_k"]
    rows = {
        (kind, statistic, width): np.quantile([r.metrics[kind][statistic][i] for r in found], (0.5, 0, 1))
        for kind, statistics in found[0].metrics.items()
        for statistic in statistics
        for i, width in enumerate(widths)
    }
    index = pd.MultiIndex.from_tuples(rows, names=("kind", "statistic", "d_k"))
    return pd.DataFrame(list(rows.values()), index, ["median", "low", "high"]).sort_index()


def agreement(records: Sequence[Record]) -> pd.DataFrame:
    """Largest differences of `study.attention` from PyTorch (`output`, `gradient`): one row a function and shape."""
    return pd.DataFrame(
        [
            {"reference": r.spec["model"], "output": output, "gradient": gradient}
            for r in of(records, "part3-agreement")
            for output, gradient in zip(r.metrics["output"], r.metrics["gradient"], strict=True)
        ]
    )


def mixing(records: Sequence[Record]) -> pd.DataFrame:
    """Share of variance `explained` on unseen tokens beside what theory expects: one row a run and width of content."""
    return pd.DataFrame(
        [
            {
                "variant": r.spec["model"], "seed": r.spec["seed"], "content": content, "explained": explained,
                "expected": expected_share(r.spec["settings"]["heads"], r.spec["settings"]["output"], tokens, content),
                "places": places, "parameters": parameters,
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
    """Seconds (`forward`, `both`) and peak bytes (`peak`), indexed by model and number of tokens."""
    rows = [
        pd.DataFrame({"model": r.spec["model"], "tokens": r.spec["settings"]["tokens"], **r.metrics})
        for r in of(records, "part3-cost")
    ]
    return pd.concat(rows).set_index(["model", "tokens"]).sort_index()
