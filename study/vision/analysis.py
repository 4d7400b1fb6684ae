"""From the records of the Bonus part to its verdicts, and to what the front page says of it."""

from collections.abc import Sequence
from functools import partial
from statistics import fmean

from study import published
from study.comparison import QUANTITIES, measured
from study.prose import Highlight, count, mean_sd, number, percent
from study.runs import Record, of
from study.verdicts import LEAST, Judged, Kind
from study.vision.evaluation import NAMES, networks, obstacle
from study.vision.experiments import MODELS


def judged(records: Sequence[Record]) -> list[Judged]:
    """Every number that the original prints of its four networks; comparable on its own images alone."""
    found, other = [], obstacle(records)
    for key in published.numbers("bonus"):
        _, model, quantity = key.split(".")
        values = [measured(r, quantity) for r in of(records, "bonus-models", model)]
        loss = "loss" in quantity
        kind, show = Kind.LOSS if loss else Kind.SHARE, partial(number if loss else percent, digits=2)
        found.append(published.judge(key, NAMES[model], QUANTITIES[quantity], values, kind, show, other))
    return found


def highlights(records: Sequence[Record]) -> list[Highlight]:
    """The part on the front page: the network of the highest published test accuracy, and the best of the others."""
    reported = {model: published.value(f"bonus.{model}.test_accuracy") for model in MODELS}
    leader = NAMES[max(reported, key=reported.get)]
    found = {name: [measured(r, "test_accuracy") for r in runs] for name, runs in networks(records).items()}
    best = max((name for name in found if name != leader), key=lambda name: fmean(found[name]))
    elsewhere = " (other images)" if obstacle(records) else ""
    few = f" ({count(len(found[leader]), 'training')})" if len(found[leader]) < LEAST else ""
    return [
        Highlight(
            f"test accuracy of {leader}",
            f"{percent(max(reported.values()), 2)}{elsewhere}",
            f"{_over_seeds(found[leader])}{few}",
            f"{best} {_over_seeds(found[best])}",
        )
    ]


def _over_seeds(shares: Sequence[float]) -> str:
    """The mean, with the spread where there are enough trainings to speak of one."""
    return mean_sd(shares) if len(shares) >= LEAST else percent(fmean(shares), 2)
