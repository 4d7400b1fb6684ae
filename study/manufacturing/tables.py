"""The tables of Part I: evidence in, a data frame of texts out, in the order of its columns in print."""

from collections.abc import Sequence
from itertools import pairwise

import pandas as pd

from study import published
from study.comparison import with_interval
from study.manufacturing.detectors import PRICED, SINGLE
from study.manufacturing.evaluation import Economy, Evidence, by_cost, detection_at, shown
from study.prose import NOTHING, number, percent


def parameters(names: Sequence[str], widths: Sequence[int], by_keras: Sequence[int]) -> pd.DataFrame:
    """Each layer's parameters by hand, as Keras counts them, and as the original gives them; the last row sums up.

    Raises ValueError if the `widths`, from the input to the output, are not those of so many layers.
    """
    if len(widths) != len(names) + 1:
        raise ValueError(f"{len(names)} layers ({', '.join(names)}) have {len(names) + 1} widths, not {len(widths)}.")
    pairs = list(pairwise(widths))
    by_hand = [m * n + n for m, n in pairs]
    reported, known = [*(f"part1.{name}.total" for name in names), "part1.total"], published.numbers("part1")
    return pd.DataFrame(
        {
            "Layer": [*names, "sum"],
            "Weights + biases": [f"{m} × {n} + {n}" for m, n in pairs] + [""],
            "By hand": [number(v) for v in (*by_hand, sum(by_hand))],
            "By Keras": [number(v) for v in (*by_keras, sum(by_keras))],
            "Original": [number(published.value(key)) if key in known else NOTHING for key in reported],
        }
    )


FAULTS = {
    "spike": "two readings of one gauge jump",
    "drift": "one gauge departs steadily",
    "stuck sensor": "one gauge keeps a value",
    "broken correlation": "temperatures of another product",
    "joint shift": "all gauges off by less than their noise",
}
"""What each kind of fault does."""


def detection(e: Evidence) -> pd.DataFrame:
    """Detection rate of each kind of fault by each detector; then of all kinds, with intervals, and the AUROC."""
    rows = [
        {"Fault": f"{kind}: {what}"} | {n: percent(e.rate(n, "detection", kind).mean, 0) for n in SINGLE}
        for kind, what in FAULTS.items()
    ]
    rows.append({"Fault": "all kinds"} | {n: shown(e.rate(n, "detection")) for n in SINGLE})
    rows.append({"Fault": "AUROC, all kinds"} | {n: with_interval(e.rate(n, "auroc"), 2) for n in SINGLE})
    return pd.DataFrame(rows)


def costs(e: Evidence, prices: Economy) -> pd.DataFrame:
    """For each detector the share of cost that it saves by the price of a missed fault, detection within the alarm
    budget of a shift, and the median time that it needs for one vector, where it was measured.
    """
    times = e.typical_milliseconds
    return pd.DataFrame(
        {
            "Detector": name,
            **{f"Saved at {c.missed:g}": percent(c.saved, 0) for c in by_cost(e.reference, name, prices)},
            "Detected in the budget": shown(detection_at(e.reference, name, prices.affordable)),
            "ms a cycle": number(times[name], 2) if name in times else NOTHING,
        }
        for name in PRICED
    )
