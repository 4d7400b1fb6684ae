"""From the records of Part IV to its verdicts, and to what the front page says of it. Nothing here reads raw data."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from study import published
from study.comparison import QUANTITIES, measured
from study.news.corpus import CLASSES
from study.news.experiments import VARIANTS
from study.news.variants import NAMES
from study.prose import Highlight, mean_sd, number, percent
from study.runs import Record, can_be_judged, of
from study.verdicts import CLOSE, NOT_REPRODUCED, REPRODUCED, Judged, Kind

UNSTATED = "the original states no training rows, sizes or epochs"
"""What is known of a number that is not reproduced."""

SHARE, LOSS = partial(percent, digits=2), partial(number, digits=3)
"""How shares, and losses and AUROCs, are put into words, with the digits that the original prints."""


def judged(records: Sequence[Record]) -> list[Judged]:
    """Every number of the original; an AUROC, given for all models at once, by the model that bears it out least."""
    variants = {model: of(records, "part4-variants", model) for model in VARIANTS}
    other = None if can_be_judged(variants["base"][0].spec) else "measured on other texts"
    first, stopped = variants["base"][0], [r.metrics["epochs"] for r in variants["regularised"]]
    # The benchmark's files show the number of classes alone.
    obstacle = "the benchmark's files name no sources and hold a selection of the collection"
    found = [
        published.judge("part4.sources", "", "news sources, more than", [], Kind.FACT, number, obstacle),
        published.judge("part4.articles", "", "articles collected, more than", [], Kind.FACT, number, obstacle),
        published.judge(
            "part4.classes", "", "categories", [float(len(first.metrics["test"]["confusion"]))], Kind.FACT, number
        ),
    ]
    for key in published.numbers("part4"):
        section, quantity = key.rsplit(".", 1)
        if quantity in QUANTITIES:
            model = section.removeprefix("part4.")
            values = [measured(r, quantity) for r in variants[model]]
            kind, show = (Kind.LOSS, LOSS) if "loss" in quantity else (Kind.SHARE, SHARE)
            found.append(published.judge(key, NAMES[model], QUANTITIES[quantity], values, kind, show, other, UNSTATED))
    for kind, label in enumerate(() if other else CLASSES):
        by_model = [
            published.judge(
                f"part4.auc.class-{kind}", "", f"AUROC of {label} ({NAMES[model]}, the lowest)",
                [r.metrics["test"]["auc"][kind] for r in runs], Kind.SHARE, LOSS, cause=UNSTATED,
            )
            for model, runs in variants.items()
        ]  # fmt: skip
        found.append(max(by_model, key=_distance))
    key, name = "part4.regularised.epochs", "epochs until the stop"
    cause = "the original states neither its patience nor its learning rate"
    return [*found, published.judge(key, NAMES["regularised"], name, stopped, Kind.COUNT, number, other, cause)]


def _distance(judged: Judged) -> tuple[int, float]:
    """How far a number is from being reproduced: by its verdict, then by its difference from the median."""
    order = (REPRODUCED, CLOSE, NOT_REPRODUCED)
    return order.index(judged.verdict.status), abs(judged.regenerated - judged.published)


def highlights(records: Sequence[Record]) -> list[Highlight]:
    """The part on the front page: the variant of the highest published test accuracy, and the best model."""
    reported = {name: published.value(f"part4.{name}.test_accuracy") for name in VARIANTS}
    leader = max(reported, key=reported.get)
    accuracies: dict[str, list[float]] = {}
    for r in (r for task in ("variants", "baselines", "own") for r in of(records, f"part4-{task}")):
        accuracies.setdefault(r.spec["model"], []).append(measured(r, "test_accuracy"))
    best = max(accuracies, key=lambda m: np.mean(accuracies[m]))
    return [
        Highlight(
            f"test accuracy of {NAMES[leader]}",
            SHARE(reported[leader]),
            mean_sd(accuracies[leader]),
            f"{NAMES[best]} {mean_sd(accuracies[best])}",
        )
    ]
