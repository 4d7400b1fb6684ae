"""Every detector of Part II beside every other, from its records: one row each, medians over seeds."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from study.anomaly.detection import COLUMNS
from study.anomaly.detectors import NAMES, kind_of
from study.runs import Record

STREAMED = ("part2-stream", "part2-published-detectors")


def leaderboard(records: Sequence[Record], by: str = "paused_nab") -> pd.DataFrame:
    """A row for every detector that has been judged by the streaming protocol, the highest value of a column first.

    `key`, `model` (its name), `kind` and `seeds`; `vus_pr`, `roc_auc` and `pr_auc`; and, once beginning with `paused_`
    and once with `unpaused_`: `nab` (standard) with `_low` and `_high` over seeds, `event_f1`, `affiliation` (F1),
    `point_precision`, `point_recall`, `point_f1`, `tp`, `fp`, `fn`, `tn`, and `left_out`, the mean NAB score on the
    nine other series. Raises KeyError for an unknown column.
    """
    judged = [record for record in records if record.spec["task"] in STREAMED]
    keys = dict.fromkeys(record.spec["model"] for record in judged)
    rows = [row(key, [record for record in judged if record.spec["model"] == key]) for key in keys]
    return pd.DataFrame(rows).sort_values(by, ascending=False, kind="stable", ignore_index=True)


def row(key: str, runs: Sequence[Record]) -> dict:
    found = {"key": key, "model": NAMES.get(key, key), "kind": kind_of(key), "seeds": len(runs)}
    for column in COLUMNS:
        values = {f"{column}_{name}": [pick(r.metrics[column]) for r in runs] for name, pick in MEASURES.items()}
        found |= {name: float(np.median(seeds)) for name, seeds in values.items()}
        seeds = values[f"{column}_nab"]
        found |= {f"{column}_nab_low": float(min(seeds)), f"{column}_nab_high": float(max(seeds))}
    return found | {name: float(np.median([r.metrics[name] for r in runs])) for name in ("vus_pr", "roc_auc", "pr_auc")}


MEASURES: dict[str, Callable[[dict], float]] = {
    "nab": lambda m: m["nab"]["standard"],
    "event_f1": lambda m: m["events"]["f1"],
    "affiliation": lambda m: m["affiliation"]["f1"],
    **{f"point_{name}": lambda m, name=name: m["points"][name] for name in ("precision", "recall", "f1")},
    **{name: lambda m, name=name: m["points"][name] for name in ("tp", "fp", "fn", "tn")},
    "left_out": lambda m: float(np.mean(list(m["left_out"].values()))),
}
"""What is read from a column (`paused` or `unpaused`) of a record's metrics."""
