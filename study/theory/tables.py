"""From the records of Part III to data frames."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from study.runs import Record, of

NEAR = 0.02
"""How far from the theory's share of variance a training may end and have reached it."""


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
    return _joined(records, "part3-agreement", lambda spec: {"reference": spec["model"]})


def mixing(records: Sequence[Record]) -> pd.DataFrame:
    """The trainings on the narrowest tokens, a row each: the share of variance `explained` on unseen tokens.

    Beside it `expected`, what weights by place can explain, and `reached`, whether the training came that near to it.
    """

    def run(spec: dict) -> dict:
        s = spec["settings"]
        expected = [expected_share(s["heads"], s["output"], s["tokens"], content) for content in s["content"]]
        return {"variant": spec["model"], "seed": spec["seed"], "content": s["content"], "expected": expected}

    found = _joined(records, "part3-mixing", run)
    found["reached"] = (found.explained - found.expected).abs() < NEAR
    return found[found.content == found.content.min()]


def expected_share(heads: int, output: bool, tokens: int, content: int) -> float:
    """Share of the variance of x_{i−1} − x_{i+1} that attention can explain whose weights depend on places alone.

    Without two heads that W_o mixes, a component follows one neighbour, half of the variance. With them, each head
    carries one neighbour, d_k of its components at most.
    """
    if heads < 2 or not output:
        return 0.5
    return min(1.0, (content + tokens) / heads / content)


def cost(records: Sequence[Record]) -> pd.DataFrame:
    """Seconds (`forward`) and peak bytes (`peak`), indexed by model and number of tokens."""
    found = _joined(records, "part3-cost", lambda spec: {"model": spec["model"], "tokens": spec["settings"]["tokens"]})
    return found.set_index(["model", "tokens"]).sort_index()


def _joined(records: Sequence[Record], task: str, run: Callable[[dict], dict]) -> pd.DataFrame:
    """The metrics of a task's records, lists of equal length, below each other; `run` gives columns by the spec."""
    frames = [pd.DataFrame(run(record.spec) | record.metrics) for record in of(records, task)]
    return pd.concat(frames, ignore_index=True)
