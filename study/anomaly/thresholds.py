"""Threshold rules that the original may have used: it flags windows by their error, but states no threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from study import published
from study.anomaly.detectors import AUTOENCODERS
from study.runs import Record, of

PARTS = ("train", "middle", "last")
PART_NAMES = {"train": "training", "last": "validation (last 15%)", "middle": "testing (middle 15%)"}
"""The parts in figures and heads of tables: what the original calls them, by its losses."""
WORDS = {"train": "training part", "middle": "middle 15%", "last": "last 15%"}

STATISTICS = {
    "mean + 2 sd": lambda errors: errors.mean() + 2 * errors.std(),
    "mean + 3 sd": lambda errors: errors.mean() + 3 * errors.std(),
    "maximum": lambda errors: errors.max(),
    "99th percentile": lambda errors: np.quantile(errors, 0.99),
    "95th percentile": lambda errors: np.quantile(errors, 0.95),
}

Errors = Mapping[str, np.ndarray]
"""Reconstruction error of every window, by part of the split: (windows,) float32 each."""


def errors_of(record: Record) -> dict[str, np.ndarray]:
    """The errors of a model trained as published; see `Errors`."""
    return {part: record.arrays[f"errors_{part}"] for part in PARTS}


@dataclass(frozen=True)
class Rule:
    """A threshold rule: a statistic of one part's errors, applied to the windows of a part."""

    statistic: str
    of_part: str
    applied_to: str

    def threshold(self, errors: Errors) -> float:
        return float(STATISTICS[self.statistic](errors[self.of_part]))

    def flagged(self, errors: Errors) -> np.ndarray:
        """Which windows of the judged part lie above the threshold: (windows,) bool."""
        return errors[self.applied_to] > self.threshold(errors)

    def count(self, errors: Errors) -> int:
        return int(self.flagged(errors).sum())

    def words(self) -> str:
        """As "mean + 3 sd of the errors of the last 15%, applied to the last 15%"."""
        return f"{self.statistic} of the errors of the {WORDS[self.of_part]}, applied to the {WORDS[self.applied_to]}"


RULES = tuple(Rule(s, of_part, to) for to in ("middle", "last") for of_part in PARTS for s in STATISTICS)


def rule_table(records: Sequence[Record]) -> pd.DataFrame:
    """Every rule with its median number of flagged windows over seeds, the nearest to Base's published number first.

    Base's number alone orders the rules, so that the others can be judged by the first. Columns: `rule`, one a model
    (`base` …), `from_base`, the distance from Base's number, and `distance`, the sum of the distances of Base,
    Version 1 and Version 2 (Version 3's published number repeats Version 2's).
    """
    counted = {m: [_counts(errors_of(r)) for r in of(records, "part2-published", m)] for m in AUTOENCODERS}
    medians = {m: np.median(found, axis=0) for m, found in counted.items()}
    rows = []
    for i, rule in enumerate(RULES):
        counts = {m: float(found[i]) for m, found in medians.items()}
        apart = {m: abs(counts[m] - published.value(f"part2.{m}.anomalies")) for m in AUTOENCODERS if m != "version-3"}
        rows.append({"rule": rule, **counts, "from_base": apart["base"], "distance": sum(apart.values())})
    return pd.DataFrame(rows).sort_values("from_base", kind="stable", ignore_index=True)


def _counts(errors: Errors) -> list[int]:
    """How many windows each of RULES flags; a threshold serves two rules."""
    limits = {(s, part): float(statistic(errors[part])) for s, statistic in STATISTICS.items() for part in PARTS}
    return [int((errors[rule.applied_to] > limits[rule.statistic, rule.of_part]).sum()) for rule in RULES]
