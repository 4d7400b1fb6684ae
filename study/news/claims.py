"""What the original claims about Part IV, each with its verdict: one table, a claim a row.

A row is a claim's name in data/published.toml and what judges it by the evidence. Nothing else judges a claim: the
notebook, scorecard and README take the verdicts from `claims`. A difference counts if its 95% interval leaves zero out.
What a technique changes is judged in the guesses of the original's setting that were tested, by seeds that did not
choose them (`in_guesses`); claims on Base, and what needs predictions, strengths of the penalty or our own classifier,
in our setting. Not judged are sentences that only name a number (those are judged as numbers) or describe a procedure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from study import published
from study.comparison import (
    all_positive,
    by_effects,
    compare,
    is_negative,
    is_positive,
    leads,
    mean,
    measured,
    minus,
    points,
)  # fmt: skip
from study.evaluation import Interval, t_interval
from study.news import conditions
from study.news.corpus import CLASSES, classes_of
from study.news.experiments import VARIANTS
from study.news.measures import corner_distance, per_class
from study.news.variants import NAMES, Step, Variants, change, difference, over_seeds, regularised_strength, strengths
from study.prose import count, interval, join_list, number, percent
from study.runs import Record, of
from study.verdicts import CONFIRMED, CONTRADICTED, NOT_TESTED, PARTLY, UNCLEAR, Verdict, all_of, by_seed, with_point

ALMOST_ALL = 0.95
"""What "almost every prediction" is taken to mean, and an AUROC "close to 1"."""
MOST = 0.5
"""The share of predictions on the diagonal below which a claim on "almost every" one is contradicted."""
LITTLE = 0.05
"""What "little difference" between training and validation accuracy, or between classes, is taken to mean at most."""
CRUCIAL = 0.01
"""The difference in accuracy between the best and the worst strength of a penalty from which on the choice matters."""
CORNER = 0.1
"""The distance from the corner of a ROC plot within which a curve "hugs" it; along either axis."""

STOPPED = "early-stopping"
GAP_CHANGES = "The gap changes by {}."
WHERE = "Judged in the nearest guess of the original's setting, by {}"


@dataclass(frozen=True)
class Evidence:
    """What the verdicts rest on: the records of Part IV, and the four variants in our setting."""

    records: Sequence[Record]
    ours: Variants

    @cached_property
    def guesses(self) -> dict[conditions.Setting, Variants]:
        """The four variants in each guessed setting that was tested, the nearest first."""
        return {setting: Variants(found) for setting, found in conditions.tested(self.records).items()}

    @cached_property
    def guess(self) -> Variants:
        """The four variants in the nearest of them. Raises KeyError if there is none."""
        return next(iter(self.guesses.values()))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the texts' classes."""
        return classes_of(self.ours["base"][0].spec)


Judge = Callable[[Evidence], Verdict]


def gather(records: Sequence[Record]) -> Evidence:
    """The evidence from the records of Part IV. Raises KeyError if some are missing."""
    return Evidence(records, Variants({name: of(records, "part4-variants", name) for name in VARIANTS}))


def exceeds(effect: Interval, bound: float) -> str:
    """The verdict on a claim that an effect is above a bound."""
    return is_positive(Interval(*(end - bound for end in effect)))


def below(effect: Interval, bound: float) -> str:
    return exceeds(minus(effect), -bound)


# The techniques, one after the other, in one guess of the original's setting


def dropout_overfits(v: Variants) -> Verdict:
    wide = over_seeds(v["dropout"], "gap")
    histories = [[r.arrays[f"history_{name}"] for r in v["dropout"]] for name in ("loss", "validation_loss")]
    train, validation = np.array([[losses[0] - losses.min() for losses in one] for one in histories])
    return Verdict(
        all_positive(wide, t_interval(train - validation)),
        f"The gap is {points(wide)}. From its first epoch on, the training loss falls by {number(train.mean(), 2)} "
        f"nats, the validation loss by {number(validation.mean(), 2)}.",
    )


def early_stopping_highest(v: Variants) -> Verdict:
    losses = [difference(runs, v[STOPPED], "test_loss") for name, runs in v.items() if name != STOPPED]
    accuracy, loss = v.means("test_accuracy"), v.means("test_loss")
    highest, lowest = NAMES[max(accuracy, key=accuracy.get)], NAMES[min(loss, key=loss.get)]
    by = "" if lowest == highest else f"{lowest} "
    return Verdict(
        all_of(leads(*v.leads(STOPPED).values()), leads(*losses)),
        f"{highest} has the highest test accuracy and {by}the lowest test loss. The lead of early stopping in "
        f"accuracy is {_leads_by(v)}.",
    )


def early_stopping_as_well(v: Variants) -> Verdict:
    found = over_seeds(v[STOPPED], "test_gap")
    little = PARTLY if found.high < LITTLE else below(found, LITTLE)
    return Verdict(
        CONFIRMED if found.low <= 0 else little, f"Training accuracy is higher than test accuracy by {points(found)}."
    )


def regularised_little_gap(v: Variants) -> Verdict:
    found = over_seeds(v["regularised"], "gap")
    published_gap = _reported("regularised", "train") - _reported("regularised", "validation")
    return Verdict(
        below(found, LITTLE),
        f"The gap is {points(found)}; by the original's own table it is {number(100 * published_gap, 2)} points.",
    )


def regularisation_no_gain(v: Variants) -> Verdict:
    step = v.steps[2]
    gained = {"test accuracy": step.test.low > 0, "test loss": step.test_loss.high < 0}
    gains = [name for name, clear in gained.items() if clear]
    status = [CONFIRMED, PARTLY, CONTRADICTED][len(gains)]
    return Verdict(status, _on_test(step) + (f" Clearly better is the {join_list(gains)}." if gains else ""))


def too_strong(e: Evidence, others: str, harm_alone: str) -> Verdict:
    """By which `weaker` or `other` strengths do better on validation, and whether the penalty harms on test."""
    used = regularised_strength(e.records)
    tried = [one for one in strengths(e.records) if (one < used if others == "weaker" else one != used)]
    better = [is_positive(change(e.records, "validation_accuracy", one, used)) for one in tried].count(CONFIRMED)
    on_test = e.guess.steps[2].test
    both, one = (CONFIRMED, harm_alone) if on_test.high < 0 else (PARTLY, UNCLEAR)
    return Verdict(
        both if better else one,
        f"In the nearest guess, the penalty changes test accuracy by {points(on_test)}. In ours, {better} "
        f"of {len(tried)} {others} strengths are clearly better on validation.",
    )


def optimal_strength(e: Evidence) -> Verdict:
    means = {one: mean(runs, "validation_accuracy") for one, runs in strengths(e.records).items()}
    best, worst = max((one for one in means if one), key=means.get), min(means, key=means.get)
    accuracy, loss = (change(e.records, f"validation_{what}", best, 0.0) for what in ("accuracy", "loss"))
    spread = change(e.records, "validation_accuracy", best, worst)
    here = with_point(exceeds(spread, CRUCIAL), all_positive(accuracy, minus(loss)))
    return Verdict(
        UNCLEAR if here == CONTRADICTED else here,  # in a setting that overfits more it may matter
        f"In our setting, the only one with several strengths, the best of them ({best:g}) changes validation accuracy "
        f"by {points(accuracy)} and validation loss by {_nats(loss)} against none; best and worst choice differ by "
        f"{points(spread)}, where a choice is called crucial from {number(100 * CRUCIAL)} point on.",
    )


# The results on the test split


def diagonal(e: Evidence) -> Verdict:
    test = [mean(runs, "test_accuracy") for runs in e.ours.values()]
    low, high = min(test), max(test)
    return Verdict(
        CONFIRMED if low >= ALMOST_ALL else PARTLY if low > MOST else CONTRADICTED,
        f"By model, {interval(low, high, 1, as_percent=True)} of the predictions are on the diagonal (mean over "
        "seeds).",
    )


def metrics_improve(v: Variants) -> Verdict:
    iterations = {NAMES[step.after]: step.test for step in v.steps}
    test = v.means("test_accuracy")
    return Verdict(
        all_positive(*iterations.values(), *v.leads(STOPPED).values()),
        f"Test accuracy changes by {join_list([f'{points(found)} ({name})' for name, found in iterations.items()])}; "
        f"{NAMES[max(test, key=test.get)]} has the highest.",
    )


def balanced(e: Evidence) -> Verdict:
    found, of_base = (per_class(e.ours[name])[1] for name in (STOPPED, "base"))
    return Verdict(
        CONFIRMED if np.ptp(found) <= LITTLE else PARTLY if np.ptp(found) < np.ptp(of_base) else CONTRADICTED,
        f"The recall of {NAMES[STOPPED]} lies between {percent(found.min())} ({e.classes[found.argmin()]}) and "
        f"{percent(found.max())} ({e.classes[found.argmax()]}).",
    )


def auc_perfect(e: Evidence) -> Verdict:
    if e.classes != CLASSES:
        return Verdict(NOT_TESTED, "These texts have other classes.")
    printed = [published.value(f"part4.auc.class-{kind}") for kind in range(len(CLASSES))]
    as_printed = {name: int((found.mean(axis=0).round(2) == printed).sum()) for name, found in _areas(e).items()}
    whole = set(as_printed.values()) == {len(CLASSES)}
    return Verdict(
        CONFIRMED if whole else PARTLY if any(as_printed.values()) else CONTRADICTED,
        f"Of {len(CLASSES)} AUROCs the mean over seeds rounds to the published one in "
        f"{join_list([f'{count} ({NAMES[name]})' for name, count in as_printed.items()])}.",
    )


def roc_corner(e: Evidence) -> Verdict:
    far = [corner_distance(r, kind) for runs in e.ours.values() for r in runs for kind in range(len(e.classes))]
    near = sum(distance <= CORNER for distance in far)
    return Verdict(
        CONFIRMED if near == len(far) else PARTLY if near > MOST * len(far) else CONTRADICTED,
        f"Of {len(far)} curves, {near} reach a true positive rate of {percent(1 - CORNER, 0)} at a false positive rate "
        f"of {percent(CORNER, 0)} or less.",
    )


def auc_high(e: Evidence) -> Verdict:
    lowest = min(float(found.min()) for found in _areas(e).values())
    return Verdict(
        CONFIRMED if lowest >= ALMOST_ALL else CONTRADICTED, f"The lowest AUROC of all is {number(lowest, 3)}."
    )


def _areas(e: Evidence) -> dict[str, np.ndarray]:
    """One-vs-rest AUROC (seeds, classes) of each variant."""
    return {name: np.array([r.metrics["test"]["auc"] for r in runs]) for name, runs in e.ours.items()}


def _on_test(step: Step) -> str:
    return f"Test accuracy changes by {points(step.test)}, test loss by {_nats(step.test_loss)}."


def _leads_by(v: Variants) -> str:
    """How far early stopping is ahead of the others in test accuracy."""
    return join_list([f"{points(found)} over {NAMES[name]}" for name, found in v.leads(STOPPED).items()])


def _reported(model: str, split: str) -> float:
    """An accuracy in the original's own table."""
    return published.value(f"part4.{model}.{split}_accuracy")


def _nats(change: Interval) -> str:
    return f"{number(change.mean, 3)} nats [{interval(change.low, change.high, 3)}]"


# Rows: what the techniques change is judged in the tested guesses, all else in our setting


def in_guesses(judge: Callable[[Variants], Verdict]) -> Judge:
    """A judge by the variants in every guessed setting that was tested; the reason is that of the nearest.

    Where the guesses disagree, the claim rests on what the original does not state, so it holds in part at most.
    """

    def judged(e: Evidence) -> Verdict:
        nearest, *others = map(judge, e.guesses.values())
        where = WHERE.format(count(len(e.guess["base"]), "seed"))
        apart = [other.status for other in others if other.status != nearest.status]
        also = f"; there {nearest.status}, in the other guess that was tested {join_list(apart)}" if apart else ""
        return Verdict(all_of(nearest.status, *apart), f"{nearest.reason} {where}{also}.")

    return judged


def closes_gap(step: int) -> Judge:
    """Judges a claim that a technique, by its place among the steps, makes the gap smaller."""
    return in_guesses(by_effects(lambda v: [v.steps[step].gap], is_negative, words=GAP_CHANGES))


def stops_better(words: str, *quantities: str) -> Judge:
    """Judges a claim on several effects of early stopping; the reason names those that hold, where others do not."""

    def judge(v: Variants) -> Verdict:
        step = v.steps[1]
        effects = {"gap": minus(step.gap), "test accuracy": step.test, "test loss": minus(step.test_loss)}
        parts = {name: effects[name] for name in quantities}
        held = [f"the {name}" for name, effect in parts.items() if is_positive(effect) == CONFIRMED]
        only = f" The claim holds for {join_list(held)} only." if 0 < len(held) < len(parts) else ""
        return Verdict(all_positive(*parts.values()), words.format(points(step.gap)) + _on_test(step) + only)

    return in_guesses(judge)


CLAIMS: dict[str, Judge] = {
    "training_learnt": lambda e: Verdict(
        by_seed([measured(record, "train_accuracy") >= ALMOST_ALL for record in e.ours["base"]]),
        f"Training accuracy is {percent(mean(e.ours['base'], 'train_accuracy'))}, training loss "
        f"{number(mean(e.ours['base'], 'train_loss'), 3)}.",
    ),
    "base_overfits": by_effects(
        lambda e: [over_seeds(e.ours["base"], name) for name in ("gap", "test_gap")],
        is_positive, is_positive,
        words="Training accuracy is higher than validation accuracy by {} and higher than test accuracy by {}.",
    ),
    "dropout_helps": in_guesses(by_effects(
        lambda v: [v.steps[0].train, v.steps[0].validation, v.steps[0].test],
        is_negative, is_positive, is_positive,
        words="Dropout changes training accuracy by {}, validation accuracy by {} and test accuracy by {}.",
    )),
    "dropout_drops_units": in_guesses(by_effects(
        lambda v: [v.steps[0].gap],
        is_negative,
        words="The two models differ in nothing but units that are dropped at random, with the same initial weights "
        "and batches for each seed; the gap changes by {}.",
    )),
    "early_stopping_gap": closes_gap(1),
    "early_stopping_helps": stops_better("", "test accuracy", "test loss"),
    "regularisation_reduces_gap": closes_gap(2),
    "regularisation_too_strong": lambda e: too_strong(e, "weaker", harm_alone=PARTLY),
    "all_better_than_base": in_guesses(lambda v: Verdict(
        all_positive(*map(minus, v.leads("base").values())),
        "Their lead over Base in test accuracy: "
        f"{join_list([f'{NAMES[name]} {points(minus(found))}' for name, found in v.leads('base').items()])}.",
    )),
    "early_stopping_best": in_guesses(lambda v: Verdict(
        leads(*v.leads(STOPPED).values()), f"Its lead in test accuracy is {_leads_by(v)}."
    )),
    "optimal_strength": optimal_strength,
    "gap_closes": in_guesses(by_effects(
        lambda v: [difference(v[STOPPED], v["base"], "gap")],
        is_negative,
        words="From Base on, both together change the gap by {}.",
    )),
    "early_stopping_highest": in_guesses(early_stopping_highest),
    "early_stopping_effective": stops_better(f"{GAP_CHANGES} ", "gap", "test accuracy", "test loss"),
    "regularisation_no_gain": in_guesses(regularisation_no_gain),
    "regularisation_training": in_guesses(lambda v: Verdict(
        is_negative(v.steps[2].train),
        f"Training accuracy changes by {points(v.steps[2].train)}. In the original's own table it rises from "
        f"{percent(_reported(STOPPED, 'train'), 2)} to {percent(_reported('regularised', 'train'), 2)}.",
    )),
    "bias_variance": lambda e: too_strong(e, "other", harm_alone=UNCLEAR),
    "base_huge_gap": by_effects(
        lambda e: [over_seeds(e.ours["base"], "gap")], lambda gap: exceeds(gap, LITTLE), words="The gap is {}."
    ),
    "dropout_overfits": in_guesses(dropout_overfits),
    "dropout_room": by_effects(
        lambda e: [compare(of(e.records, "part4-own"), e.ours["dropout"])],
        is_positive,
        words="Our own classifier, trained on the same texts, classifies {} more of the test texts correctly.",
    ),
    "early_stopping_as_well": in_guesses(early_stopping_as_well),
    "regularised_little_gap": in_guesses(regularised_little_gap),
    "diagonal": diagonal,
    "metrics_improve": in_guesses(metrics_improve),
    "balanced": balanced,
    "auc_perfect": auc_perfect,
    "auc_high": auc_high,
    "roc_corner": roc_corner,
}  # fmt: skip
"""The table, in the order of the original's text."""
