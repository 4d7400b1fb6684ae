"""From the records of Part II to its verdicts, and to what the front page says of it. Nothing here reads raw data."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from study import published
from study.anomaly.detectors import AUTOENCODERS, NAMES, OURS
from study.anomaly.leaderboard import leaderboard
from study.anomaly.thresholds import Rule, errors_of, rule_table
from study.prose import NOTHING, Highlight, number, significant
from study.runs import Record, of
from study.verdicts import NOT_COMPARABLE, Judged, Kind, prediction_interval

# The original's words for the parts of its split: what it calls validation is the last part, testing the middle one.
LOSSES = {
    "train_loss_first": "training loss, first epoch",
    "train_loss": "training loss",
    "last_loss": "validation loss",
    "middle_loss": "testing loss",
}
QUANTITIES = LOSSES | {"last_loss_first": "validation loss, first epoch", "anomalies": "anomalies detected"}

STATISTICS = {
    "rows": "entries",
    "columns": "variables",
    "mean": "mean",
    "sd": "standard deviation",
    "min": "minimum",
    "q25": "first quartile",
    "median": "median",
    "q75": "third quartile",
    "max": "maximum",
    "missing": "missing values",
}
"""The statistics of the series that the original gives, by their names in the dataset's record."""

REPEATED = "the original repeats Version 2's numbers here"
CHOOSES = "this number chooses the threshold rule, which the original does not state"
UNKNOWN = "the original states neither seed nor batch size"
ALIKE = "by the rule that gives Base's number, all networks flag nearly the same windows"


def judged(records: Sequence[Record]) -> list[Judged]:
    """Every number that the original gives of the series and of its four autoencoders."""
    dataset = of(records, "part2-dataset", "aapl")[0].metrics
    return [*judged_dataset(dataset), *judged_sizes(records), *judged_losses(records)]


def judged_dataset(metrics: dict) -> list[Judged]:
    """The published statistics of the series; `metrics` are those of its record."""
    found = []
    for name, title in STATISTICS.items():
        key = "part2.variables" if name == "columns" else f"part2.{name}"
        show = partial(number, digits=3) if name in ("mean", "sd") else number
        found.append(published.judge(key, "", title, [metrics[name]], Kind.FACT, show))
    return found


def judged_sizes(records: Sequence[Record]) -> list[Judged]:
    counted = {m: of(records, "part2-published", m)[0].metrics["parameters"] for m in AUTOENCODERS}
    return [
        published.judge(f"part2.{m}.parameters", NAMES[m], "parameters", [n], Kind.FACT, number)
        for m, n in counted.items()
    ]


def judged_losses(records: Sequence[Record]) -> list[Judged]:
    """Every published loss and number of anomalies of the four autoencoders.

    The original states no threshold. Base's number of anomalies chooses the rule (`thresholds.rule_table`), so it is
    not judged itself; the others are counted by that rule.
    """
    rule = rule_table(records).loc[0, "rule"]
    keys = [key for key in published.numbers("part2") if key.rpartition(".")[2] in QUANTITIES]
    return [_judged_of_training(key, records, rule) for key in keys]


def _judged_of_training(key: str, records: Sequence[Record], rule: Rule) -> Judged:
    """One of QUANTITIES of a model, by its key such as `part2.base.train_loss`."""
    _, model, quantity = key.split(".")
    runs, repeated = of(records, "part2-published", model), REPEATED if model == "version-3" else None
    judge = partial(published.judge, key, NAMES[model], QUANTITIES[quantity])
    if quantity == "anomalies":
        counts = [float(rule.count(errors_of(r))) for r in runs]
        return judge(counts, Kind.COUNT, number, CHOOSES if model == "base" else repeated, ALIKE)
    first_validation = [float(r.arrays["history_last"][0]) for r in runs]
    values = first_validation if quantity == "last_loss_first" else [r.metrics[quantity] for r in runs]
    cause = _mislabelled(published.value(key), first_validation) if quantity == "train_loss_first" else UNKNOWN
    # The original prints losses with up to five figures.
    return judge(values, Kind.LOSS, partial(significant, digits=4), repeated, cause)


def _mislabelled(reported: float, first_validation: Sequence[float]) -> str:
    """Why a first training loss may differ: because the original printed the first validation loss in its place."""
    interval = prediction_interval(first_validation, Kind.LOSS)
    if interval is None or not interval[0] <= reported <= interval[1]:
        return "the first epoch depends on the start, and the original states no seed"
    low, high = (significant(v) for v in (min(first_validation), max(first_validation)))
    return f"it is probably the first validation loss, which is {low} to {high} here"


def _rows_of(board: pd.DataFrame, who: str) -> pd.DataFrame:
    """A leaderboard's rows of a kind of detectors, or of one by its key, the best on the nine other series first.

    To choose a detector by its score on the judged series would flatter it. Of synthetic series NAB publishes none.
    """
    found = board[(board.kind == who) | (board.key == who)]
    return found.sort_values("unpaused_left_out", ascending=False, kind="stable")


def highlights(records: Sequence[Record]) -> list[Highlight]:
    """The part on the front page: the original's lowest validation loss, and the scores under NAB's protocol."""
    losses = [j for j in judged_losses(records) if j.quantity == LOSSES["last_loss"]]
    lowest = min((j for j in losses if j.verdict.status != NOT_COMPARABLE), key=lambda j: j.published)
    low, middle, high = (significant(v) for v in np.quantile(lowest.values, (0, 0.5, 1)))
    windows = len(of(records, "part2-dataset")[0].metrics["windows"])
    board = leaderboard(records, by="unpaused_nab")
    best = (_rows_of(board, who).head(1) for who in ("original", "value", OURS, "published"))
    original, *beside = (
        f"{row.model} {number(row.unpaused_nab, 2)} / {number(row.paused_nab, 2)}"
        for one in best
        for row in one.itertuples()
    )
    rules = f"NAB score without / with a pause after an alarm, maximum {windows}"
    loss = Highlight(f"validation loss of {lowest.model}", lowest.printed, f"{middle} ({low} to {high})", NOTHING)
    return [loss, Highlight(rules, NOTHING, original, "; ".join(beside))]
