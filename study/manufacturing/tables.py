"""The tables of Part I: evidence in, a data frame of texts out, in the order of its columns in print."""

from collections.abc import Sequence

import pandas as pd

from study import published
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, SINGLE
from study.manufacturing.evaluation import Economy, Evidence, by_cost, detection_at, shown
from study.manufacturing.experiments import WORST
from study.manufacturing.faults import KINDS
from study.prose import NOTHING, number, percent

PRICED = (*SINGLE, ENSEMBLE, WORST.format(AUTOENCODER))


def parameters(names: Sequence[str], widths: Sequence[int], by_keras: Sequence[int]) -> pd.DataFrame:
    """Each layer's parameters by hand, as Keras counts them, and as the original gives them; the last row sums up."""
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    reported = [int(published.value(f"part1.{name}.total")) for name in names]
    return pd.DataFrame(
        {
            "Layer": [*names, "sum"],
            "Weights + biases": [f"{m} × {n} + {n}" for m, n in pairs] + [""],
            "By hand": [number(v) for v in _with_sum([m * n + n for m, n in pairs])],
            "By Keras": [number(v) for v in _with_sum(by_keras)],
            "Original": [*map(number, reported), number(published.value("part1.total"))],
        }
    )


def _with_sum(values: Sequence[int]) -> list[int]:
    return [*values, sum(values)]


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
        {"Fault": f"{kind}: {FAULTS[kind]}"} | {n: number(e.rate(n, "detection", kind).mean, 2) for n in SINGLE}
        for kind in KINDS
    ]
    rows += [
        {"Fault": title} | {n: shown(e.rate(n, quantity)) for n in SINGLE}
        for title, quantity in (("all kinds", "detection"), ("AUROC, all kinds", "auroc"))
    ]
    return pd.DataFrame(rows)


def costs(e: Evidence, prices: Economy) -> pd.DataFrame:
    """For each detector the share of cost that it saves by the price of a missed fault, detection within the alarm
    budget of a shift, and the median time that it needs for one vector, where it was measured.
    """
    rows = []
    for name in PRICED:
        saved = {f"{c.missed:g}": percent(c.saved, 0) for c in by_cost(e.reference, name, prices)}
        within = shown(detection_at(e.reference, name, prices.affordable))
        time = e.typical_milliseconds.get(name)
        rows.append(
            {
                "Detector": name,
                **{f"Saved at {price}": share for price, share in saved.items()},
                "Detected in the budget": within,
                "ms a cycle": number(time, 2) if time else NOTHING,
            }
        )
    return pd.DataFrame(rows)
