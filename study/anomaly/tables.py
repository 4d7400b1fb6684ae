"""The tables of Part II: evidence in, a data frame of texts out, in the order of its columns in print."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from study import published
from study.anomaly.analysis import LOSSES
from study.anomaly.detectors import AUTOENCODERS, NAMES
from study.anomaly.lab import Run
from study.anomaly.thresholds import PART_NAMES, Rule, errors_of
from study.prose import number, significant


def medians(fitted: Mapping[str, Sequence[Run]]) -> dict[str, SimpleNamespace]:
    """Median over each model's runs of every loss, `last_loss_first` (after one epoch) among them."""
    found = {}
    for name, runs in fitted.items():
        losses = {key: float(np.median([run.metrics[key] for run in runs])) for key in LOSSES}
        first = float(np.median([run.history["last"].iloc[0] for run in runs]))
        found[name] = SimpleNamespace(**losses, last_loss_first=first)
    return found


def settings() -> pd.DataFrame:
    """How all four autoencoders are trained, and where each setting is from."""
    rows = [
        ("windows", "30 counts; one starting at every row", "stated; assumed"),
        ("training, testing, validation", "first 70%, next 15%, last 15% of the series", "inferred from the losses"),
        ("scaling", "training part's minimum and maximum to 0 and 1", "assumed"),
        ("loss, optimiser", "mean squared error; Adam, step size 0.001", "stated; Keras' default"),
        ("epochs, batch", "10 epochs, batches of 32 windows", "stated; Keras' default"),
    ]
    return pd.DataFrame(rows, columns=["Setting", "Value", "Source"])


def r2(fitted: Mapping[str, Sequence[Run]]) -> pd.DataFrame:
    """R² after the training on each part of the split, median and range over seeds."""
    two = partial(number, digits=2)
    columns = {
        title.capitalize(): [span([run.metrics["r2"][part] for run in runs], two) for runs in fitted.values()]
        for part, title in PART_NAMES.items()
    }
    return pd.DataFrame({"Model": list(fitted), **columns})


def losses(fitted: Mapping[str, Sequence[Run]]) -> pd.DataFrame:
    """Median loss of each model on each part in 10⁻³, and in brackets what the original reports of its own models."""
    keys = {NAMES[key]: key for key in AUTOENCODERS}

    def shown(name: str, quantity: str) -> str:
        ours = _thousandths(float(np.median([run.metrics[quantity] for run in fitted[name]])))
        if name not in keys:
            return ours
        return f"{ours} ({1e3 * published.value(f'part2.{keys[name]}.{quantity}'):.6g})"

    columns = {
        title.capitalize(): [shown(name, f"{part}_loss") for name in fitted] for part, title in PART_NAMES.items()
    }
    return pd.DataFrame({"Model": list(fitted), **columns})


def parameters_differing(built: Mapping[str, Any]) -> int:
    """How many of the original's models, by name, have another number of parameters than it reports."""
    reported = {NAMES[key]: published.value(f"part2.{key}.parameters") for key in AUTOENCODERS}
    return sum(built[name].count_params() != count for name, count in reported.items())


METRICS = {  # column of a leaderboard, digits
    "Precision": ("unpaused_point_precision", 3),
    "Recall": ("unpaused_point_recall", 3),
    "F1": ("unpaused_point_f1", 3),
    "AUROC": ("roc_auc", 3),
    "PR-AUC": ("pr_auc", 3),
    "VUS-PR": ("vus_pr", 3),
    "Affiliation F1": ("unpaused_affiliation", 3),
    "Event F1": ("unpaused_event_f1", 2),
}


def metrics(board: pd.DataFrame) -> pd.DataFrame:
    """Row-wise, range-based and window-wise scores of the detectors in a leaderboard, without a pause."""
    shown = {title: [number(v, digits) for v in board[column]] for title, (column, digits) in METRICS.items()}
    return pd.DataFrame({"Detector": board.index, **shown})


def test_set(fitted: Mapping[str, Sequence[Run]], rules: Sequence[Rule]) -> pd.DataFrame:
    """Windows by prediction, median and range over seeds: a model a row, two columns for the part that a rule is of."""
    columns = {}
    for rule in rules:
        flags = {name: [rule.flagged(errors_of(run.record)) for run in runs] for name, runs in fitted.items()}
        for title, predicted in (("Normal", False), ("Anomaly", True)):
            counted = [span([(one == predicted).sum() for one in found], number) for found in flags.values()]
            columns[f"{title}, by {PART_NAMES[rule.of_part]}"] = counted
    return pd.DataFrame({"Model": list(fitted), **columns})


NAB_SCORES = {
    "Without a pause": "unpaused_nab",
    "With a pause": "paused_nab",
    "Nine others, without": "unpaused_left_out",
    "Nine others, with": "paused_left_out",
}
"""Title and column of a leaderboard."""


def nab_scores(board: pd.DataFrame) -> pd.DataFrame:
    """NAB's score without and with a pause, median and range over seeds, and its mean on the nine other series."""
    two = partial(number, digits=2)

    def shown(row: pd.Series, column: str) -> str:
        ends = [row[f"{column}{end}"] for end in ("_low", "", "_high") if f"{column}{end}" in row]
        return span(ends, two)

    names = [f"NAB: {name}" if kind == "published" else name for name, kind in board.kind.items()]
    columns = {title: [shown(row, column) for _, row in board.iterrows()] for title, column in NAB_SCORES.items()}
    return pd.DataFrame({"Detector": names, **columns})


def left_out(elsewhere: pd.DataFrame) -> pd.DataFrame:
    """Labelled windows found, false events and NAB score on 0 to 100; a series a column."""
    rows = {
        "Windows found": [f"{one.found} of {one.windows}" for one in elsewhere.itertuples()],
        "False events": map(str, elsewhere.false),
        "NAB score, 0 to 100": elsewhere.nab_100.map(number),
    }
    return pd.DataFrame([[name, *values] for name, values in rows.items()], columns=["", *elsewhere.index])


def span(values: Sequence[float], show: Callable[[float], str]) -> str:
    """Median and range over seeds."""
    if not len(values):
        return "–"
    low, middle, high = (show(v) for v in (min(values), float(np.median(values)), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def _thousandths(value: float) -> str:
    return significant(1e3 * value)
