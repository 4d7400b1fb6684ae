"""What the original claims about Part IV, each with its verdict. A claim has its name in data/published.toml."""

from collections.abc import Sequence

import numpy as np

from study import published
from study.comparison import all_positive, compare, gap, is_positive, leads, mean, measured, minus, points
from study.evaluation import Interval
from study.news.corpus import CLASSES
from study.news.recipes import VARIANTS
from study.news.variants import NAMES, change, difference, over_seeds, regularised_strength, steps, strengths
from study.prose import CONFIRMED, HALF, OPEN, OVERSTATED, REFUTED, Verdict, interval, number, percent
from study.runs import Record, of

ALMOST_ALL = 0.95
"""What "almost every prediction" is taken to mean, and an AUC "close to 1"."""
LITTLE = 0.05
"""What "little difference" between training and validation accuracy, or between classes, is taken to mean at most."""


def lead_of_early_stopping(records: Sequence[Record]) -> dict[str, Interval]:
    """By how much early stopping, the published best, is ahead of each other variant in test accuracy."""
    best = of(records, "part4-variants", "early-stopping")
    others = {NAMES[name]: of(records, "part4-variants", name) for name in VARIANTS if name != "early-stopping"}
    return {name: compare(best, found).difference for name, found in others.items()}


def claims(records: Sequence[Record]) -> dict[str, Verdict]:
    """The verdict on each of the original's claims about Part IV, by name in data/published.toml.

    A difference counts if its 95% interval leaves zero out; a claim that names two effects is half confirmed by one.
    """
    variants = {name: of(records, "part4-variants", name) for name in VARIANTS}
    base, best = variants["base"], variants["early-stopping"]
    dropout, stopped, regularised = steps(records)
    gaps = {name: over_seeds(runs, gap) for name, runs in variants.items()}
    test, loss = ({n: mean(runs, f"test_{what}") for n, runs in variants.items()} for what in ("accuracy", "loss"))
    used = regularised_strength(records)
    weaker = [
        is_positive(change(records, "validation_accuracy", strength, used))
        for strength in strengths(records)
        if strength < used
    ]
    against_base = {NAMES[n]: compare(runs, base).difference for n, runs in variants.items() if runs is not base}
    against_best = lead_of_early_stopping(records)
    others = [runs for runs in variants.values() if runs is not best]
    losses = [difference(runs, best, lambda r: measured(r, "test_loss")) for runs in others]
    iterations = {NAMES[step.after]: step.test.difference for step in (dropout, stopped, regularised)}
    closer = difference(best, base, gap)
    areas = {name: np.array([r.metrics["test"]["auc"] for r in runs]) for name, runs in variants.items()}
    printed_areas = [published.value(f"part4.auc.class-{kind}") for kind in range(len(CLASSES))]
    as_printed = {
        NAMES[name]: int((np.mean(found, axis=0).round(2) == printed_areas).sum()) for name, found in areas.items()
    }
    lowest = min(float(found.min()) for found in areas.values())
    recalls = np.mean(
        [np.diag(c) / c.sum(axis=1) for c in (np.array(r.metrics["test"]["confusion"]) for r in best)], axis=0
    )
    hardest, easiest = (CLASSES[int(f(recalls))] for f in (np.argmin, np.argmax))
    printed = {n: published.value(f"part4.{n}.train_accuracy") for n in ("early-stopping", "regularised")}
    printed_gap = printed["regularised"] - published.value("part4.regularised.validation_accuracy")
    no_gain = [regularised.test.direction != "higher", regularised.test_loss.high >= 0]
    too_strong = [CONFIRMED in weaker, regularised.test.direction == "lower"]
    by_model = "; ".join(f"{name} {points(change)}" for name, change in iterations.items())
    test_gap = over_seeds(best, lambda r: measured(r, "train_accuracy") - measured(r, "test_accuracy"))
    return {
        "training_learnt": Verdict(
            CONFIRMED if mean(base, "train_accuracy") >= ALMOST_ALL else OPEN,
            f"training accuracy {percent(mean(base, 'train_accuracy'))}, loss {number(mean(base, 'train_loss'), 3)}",
        ),
        "base_overfits": Verdict(is_positive(gaps["base"]), f"the gap is {points(gaps['base'])}"),
        "dropout_helps": Verdict(
            all_positive(minus(dropout.train), dropout.validation.difference, dropout.test.difference),
            f"training accuracy {points(dropout.train)}, validation {points(dropout.validation.difference)}, "
            f"test {points(dropout.test.difference)}",
        ),
        "early_stopping_gap": Verdict(is_positive(minus(stopped.gap)), f"the gap changes by {points(stopped.gap)}"),
        "early_stopping_helps": Verdict(
            all_positive(stopped.test.difference, minus(stopped.test_loss)),
            f"test accuracy {points(stopped.test.difference)}, test loss {_nats(stopped.test_loss)}",
        ),
        "regularisation_reduces_gap": Verdict(
            is_positive(minus(regularised.gap)), f"the gap changes by {points(regularised.gap)}"
        ),
        "regularisation_too_strong": Verdict(
            CONFIRMED if all(too_strong) else HALF if any(too_strong) else OPEN,
            f"test accuracy {points(regularised.test.difference)}; {weaker.count(CONFIRMED)} of {len(weaker)} weaker "
            "strengths are clearly better on validation",
        ),
        "all_better_than_base": Verdict(
            all_positive(*against_base.values()), "; ".join(f"{name} {points(d)}" for name, d in against_base.items())
        ),
        "early_stopping_best": Verdict(
            leads(*against_best.values()),
            "it is ahead of " + "; ".join(f"{name} by {points(d)}" for name, d in against_best.items()),
        ),
        "gap_closes": Verdict(is_positive(minus(closer)), f"from Base on, the gap changes by {points(closer)}"),
        "early_stopping_highest": Verdict(
            _both(leads(*against_best.values()), leads(*losses)),
            f"highest accuracy: {NAMES[max(test, key=test.get)]}; lowest loss: {NAMES[min(loss, key=loss.get)]}",
        ),
        "regularisation_no_gain": Verdict(
            CONFIRMED if all(no_gain) else HALF if any(no_gain) else REFUTED,
            f"test accuracy {points(regularised.test.difference)}, test loss {_nats(regularised.test_loss)}",
        ),
        "regularisation_training": Verdict(
            is_positive(minus(regularised.train)),
            f"training accuracy {points(regularised.train)}; in the original's own table it goes from "
            f"{percent(printed['early-stopping'], 2)} to {percent(printed['regularised'], 2)}",
        ),
        "base_huge_gap": Verdict(
            CONFIRMED if gaps["base"].low > LITTLE else OPEN if gaps["base"].high > LITTLE else REFUTED,
            f"the gap is {points(gaps['base'])}",
        ),
        "dropout_overfits": Verdict(is_positive(gaps["dropout"]), f"the gap is {points(gaps['dropout'])}"),
        "early_stopping_as_well": Verdict(
            REFUTED if test_gap.low > 0 else CONFIRMED,
            f"training accuracy lies above test accuracy by {points(test_gap)}",
        ),
        "regularised_little_gap": Verdict(
            CONFIRMED if gaps["regularised"].high < LITTLE else OPEN if gaps["regularised"].low < LITTLE else REFUTED,
            f"the gap is {points(gaps['regularised'])}; the original's own is {number(100 * printed_gap, 2)} points",
        ),
        "diagonal": Verdict(
            CONFIRMED if min(test.values()) >= ALMOST_ALL else OVERSTATED,
            f"{percent(min(test.values()))} to {percent(max(test.values()))} are, by model",
        ),
        "metrics_improve": Verdict(
            all_positive(*iterations.values(), *against_best.values()),
            f"changes of test accuracy: {by_model}; the highest is that of {NAMES[max(test, key=test.get)]}",
        ),
        "balanced": Verdict(
            CONFIRMED if recalls.max() - recalls.min() <= LITTLE else OVERSTATED,
            f"recall of {NAMES['early-stopping']}: {percent(recalls.min())} for {hardest}, "
            f"{percent(recalls.max())} for {easiest}",
        ),
        "auc_perfect": Verdict(
            CONFIRMED if set(as_printed.values()) == {len(CLASSES)} else HALF if any(as_printed.values()) else OPEN,
            f"AUCs whose mean over seeds prints as published, of {len(CLASSES)}: "
            + ", ".join(f"{found} ({name})" for name, found in as_printed.items()),
        ),
        "auc_high": Verdict(
            CONFIRMED if lowest >= ALMOST_ALL else OVERSTATED, f"the lowest of all is {number(lowest, 3)}"
        ),
    }


def _nats(change: Interval) -> str:
    return f"{number(change.mean, 3)} nats [{interval(change.low, change.high, 3)}]"


def _both(one: str, other: str) -> str:
    """The verdict on a claim of two parts, from those on the parts."""
    if one == other:
        return one
    return HALF if CONFIRMED in (one, other) else OPEN
