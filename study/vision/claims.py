"""What the original claims about the Bonus part, each with its verdict: one table, a claim a row.

"Generalise" is judged as a claim means it. Where it is read off validation and test accuracy, the accuracy on images
that a network was not trained on decides; where a claim speaks of balance or overfitting, training minus test accuracy
does. The reason gives the other one, too, where they differ.
A row is a claim's name in data/published.toml and the function that judges it by the evidence. Nothing else judges a
claim: notebook, scorecard and README take the verdicts from `claims`. The claims are about the order of networks and
the shape of curves, which can be judged on other images, too; numbers are judged by `analysis.judged`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from study.comparison import mean, minus, points
from study.evaluation import Interval
from study.prose import join_list, number, percent
from study.runs import Record
from study.verdicts import CONFIRMED, NOT_TESTED, UNCLEAR, Verdict, all_of, by_seed, fact
from study.vision.evaluation import (
    ahead,
    clear,
    compare,
    decline,
    first_whole,
    gap_difference,
    networks,
    obstacle,
    recalls,
    share_difference,
    similar,
    spread_of_scores,
    train_test_gap,
    trial_difference,
    trials,
)
from study.vision.sources import classes_of

BALANCED = 0.03
"""Training minus test accuracy at most, if a performance is "well-balanced"."""
SIMILAR = 0.02
"""Difference of two scores at most, if they are "very similar" or "quite close"."""
STEADY = 1.1
"""The factor between highest and lowest value at most, if a curve has "flattened out"."""
SHORT_VIT, FAST_VIT = "vit-5e-4", "vit-fast"
"""Trials of the ViT with fewer epochs, and of the same with twice the learning rate."""
LONG_EFFICIENTNET, SHORT_EFFICIENTNET = "efficientnet-longer-whole", "efficientnet-16"
"""Trials of EfficientNet that differ in their epochs alone."""


@dataclass(frozen=True)
class Evidence:
    """What the verdicts rest on: the trained networks, each a record a seed."""

    vgg: Sequence[Record]
    resnet: Sequence[Record]
    vit: Sequence[Record]
    efficientnet: Sequence[Record]
    other_images: bool
    """Whether the images are not the original's."""

    @property
    def convolutional(self) -> Mapping[str, Sequence[Record]]:
        """VGG and ResNet, with which the others are compared."""
        return {"VGG": self.vgg, "ResNet": self.resnet}

    @property
    def trainings(self) -> int:
        """How many seeds each network was trained with, at least."""
        return min(map(len, (self.vgg, self.resnet, self.vit, self.efficientnet)))

    @property
    def validated(self) -> int:
        """Images of the validation split."""
        return len(self.vgg[0].arrays["validation_classes"])


def gather(records: Sequence[Record]) -> Evidence:
    """The evidence from the records of the part. Raises KeyError if some are missing."""
    vgg, resnet, vit, efficientnet, _ = networks(records).values()
    return Evidence(vgg, resnet, vit, efficientnet, obstacle(records) is not None)


# VGG and ResNet


def vgg_generalises(e: Evidence) -> Verdict:
    gap = train_test_gap(e.vgg)
    return Verdict(similar(gap, BALANCED), _gap_words(gap))


def vgg_scores_close(e: Evidence) -> Verdict:
    others = (e.resnet, e.vit, e.efficientnet)
    generalises = similar(train_test_gap(e.vgg), BALANCED)
    tells = fact(max(map(spread_of_scores, others)) > SIMILAR)
    return Verdict(
        all_of(fact(spread_of_scores(e.vgg) <= SIMILAR), generalises, tells),
        f"Precision, recall and F1 of VGG differ by {_points(spread_of_scores(e.vgg))}. "
        f"{_gap_words(train_test_gap(e.vgg), 'Its training')} But over classes of equal size the three are close for "
        f"any network: they differ by at most {_points(max(map(spread_of_scores, others)))} for the "
        "others.",
    )


def resnet_overfits(e: Evidence) -> Verdict:
    apart = gap_difference(e.resnet, e.vgg)
    training = [mean(runs, "train_accuracy") for runs in (e.resnet, e.vgg)]
    return Verdict(
        all_of(fact(training[0] > training[1]), clear(apart, e.trainings)),
        f"Training accuracy is {percent(training[0])}, VGG's {percent(training[1])}. It is "
        f"{_signed(train_test_gap(e.resnet), 'above test accuracy', 'below test accuracy')}; this gap is "
        f"{_signed(apart, 'wider', 'narrower')} than VGG's.",
    )


def resnet_like_vgg(e: Evidence) -> Verdict:
    alike = compare(e.resnet, e.vgg)
    return Verdict(
        similar(alike, SIMILAR),
        f"Their recalls differ by {points(alike)}. We call them very similar up to {number(100 * SIMILAR)} points.",
    )


# The Vision Transformer


def vit_lower(e: Evidence) -> Verdict:
    return Verdict(all_of(*_ahead(e, e.vit)), _behind_words(e, "the ViT", e.vit))


def vit_scores_lower(e: Evidence) -> Verdict:
    training = [percent(mean(runs, "train_accuracy")) for runs in (e.vit, e.vgg)]
    return Verdict(
        all_of(*_ahead(e, e.vit)),
        f"{_behind_words(e, 'the ViT', e.vit)} But the ViT's training accuracy is {training[0]}, VGG's {training[1]}, "
        f"so the lag may begin in training. {_gaps_words(e, 'the ViT', e.vit)}",
    )


def vit_declines(e: Evidence) -> Verdict:
    falls = decline(e.vit)
    return Verdict(
        clear(falls, e.trainings), f"From its best epoch to its last, validation accuracy falls by {points(falls)}."
    )


def vit_tuning(e: Evidence) -> Verdict:
    short = trials().validation_accuracy[SHORT_VIT]
    epochs = share_difference(mean(e.vit, "validation_accuracy"), e.validated, short, e.validated)
    rate = trial_difference(SHORT_VIT, FAST_VIT, e.validated)
    closed = fact(not all(status == CONFIRMED for status in _ahead(e, e.vit)))
    return Verdict(
        all_of(clear(epochs, e.trainings), clear(rate, 1), closed),
        f"On validation, {_epochs(e.vit)} epochs instead of {trials().epochs[SHORT_VIT]} gain {points(epochs)}, half "
        f"the learning rate {points(rate)} (trials, of other image sides, too). "
        f"{_behind_words(e, 'the ViT', e.vit)}",
    )


# EfficientNet


def efficientnet_lower(e: Evidence) -> Verdict:
    return Verdict(all_of(*_ahead(e, e.efficientnet)), _behind_words(e, "EfficientNet", e.efficientnet))


def vgg_resnet_robust(e: Evidence) -> Verdict:
    return Verdict(
        all_of(*_ahead(e, e.efficientnet), *_ahead(e, e.efficientnet, "validation")),
        f"{_behind_words(e, 'EfficientNet', e.efficientnet)} {_behind_words(e, 'it', e.efficientnet, 'validation')} "
        f"{_gaps_words(e, 'EfficientNet', e.efficientnet)}",
    )


def efficientnet_epoch_10(e: Evidence) -> Verdict:
    epoch = min(10, *(len(record.arrays["history_validation_accuracy"]) for record in e.efficientnet))
    then = float(np.mean([record.arrays["history_validation_accuracy"][epoch - 1] for record in e.efficientnet]))
    return Verdict(
        all_of(*_ahead(e, e.efficientnet, "validation")),
        "Epoch 10 ended the original's training, so the whole of ours is compared, which has "
        f"{_epochs(e.efficientnet)} epochs. {_behind_words(e, 'EfficientNet', e.efficientnet, 'validation')} "
        f"After epoch {epoch}, the first ones being on smaller images, it was at {percent(then)}.",
    )


def efficientnet_class_2(e: Evidence) -> Verdict:
    found, names = [recalls(runs) for runs in (e.efficientnet, e.vgg)], classes_of(e.vgg[0].spec)
    if len(names) < 3:
        return Verdict(NOT_TESTED, "These images have no class 2.")
    apart = [share_difference(*one[2], *one[other]) for one in found for other in (0, 1)]
    return Verdict(
        all_of(*(clear(effect, e.trainings) for effect in apart)),
        f"Recall of class 2, {names[2]}, minus that of {join_list(names[:2])}: EfficientNet {points(apart[0])} and "
        f"{points(apart[1])}, VGG {points(apart[2])} and {points(apart[3])}.",
    )


def efficientnet_converges(e: Evidence) -> Verdict:
    ends = [_gaps(record) for record in e.efficientnet]
    first, last = np.mean(ends, axis=0)
    level = [_flat(record) for record in e.efficientnet]
    return Verdict(
        all_of(by_seed_or_fact([abs(b) < abs(a) for a, b in ends]), by_seed_or_fact(level)),
        "Over the epochs on full-size images the gap between training and validation accuracy goes from "
        f"{_points(abs(first))} to {_points(abs(last))}, and the highest validation loss is "
        f"{_level(e.efficientnet)} times the lowest.",
    )


def efficientnet_longer(e: Evidence) -> Verdict:
    gain = trial_difference(LONG_EFFICIENTNET, SHORT_EFFICIENTNET, e.validated)
    return Verdict(
        all_of(by_seed_or_fact([_flat(record) for record in e.efficientnet]), clear(gain, 1)),
        f"Over the epochs on full-size images the highest validation loss is {_level(e.efficientnet)} times the "
        f"lowest. {_longer_words(gain)}",
    )


def efficientnet_more_epochs(e: Evidence) -> Verdict:
    gain = trial_difference(LONG_EFFICIENTNET, SHORT_EFFICIENTNET, e.validated)
    return Verdict(clear(gain, 1), f"{_longer_words(gain)} Pre-trained weights are not tested.")


def efficientnet_pretraining(e: Evidence) -> Verdict:
    return Verdict(NOT_TESTED, "All networks here start from random weights.")


def vgg_resnet_best(e: Evidence) -> Verdict:
    asked = [UNCLEAR] if e.other_images else []
    elsewhere = " Whether it holds on the assignment's images, which the claim is about, stays open." if asked else ""
    return Verdict(
        all_of(*_ahead(e, e.vit), *_ahead(e, e.efficientnet), *asked),
        f"{_behind_words(e, 'the ViT', e.vit)} {_behind_words(e, 'EfficientNet', e.efficientnet)} "
        f"{_gaps_words(e, 'the ViT', e.vit)} {_gaps_words(e, 'EfficientNet', e.efficientnet)} "
        f"The networks are compared as set up here; EfficientNet is not adapted to small images.{elsewhere}",
    )


def by_seed_or_fact(holds: Sequence[bool]) -> str:
    """The verdict on a claim about a network, from its trainings; of a single one what it shows."""
    return by_seed(holds) if len(holds) > 1 else fact(holds[0])


def _ahead(e: Evidence, behind: Sequence[Record], split: str = "test") -> list[str]:
    return [ahead(runs, behind, split) for runs in e.convolutional.values()]


def _behind_words(e: Evidence, name: str, behind: Sequence[Record], split: str = "test") -> str:
    found = [
        _signed(compare(runs, behind, split), f"behind {other}", f"ahead of {other}")
        for other, runs in e.convolutional.items()
    ]
    return f"On the {split} split {name} is {join_list(found)}."


def _gap_words(gap: Interval, whose: str = "Training") -> str:
    return f"{whose} accuracy is {_signed(gap, 'above test accuracy', 'below test accuracy')}."


def _gaps_words(e: Evidence, name: str, other: Sequence[Record]) -> str:
    found = [
        _signed(gap_difference(other, runs), f"more than {one}'s", f"less than {one}'s")
        for one, runs in e.convolutional.items()
    ]
    return f"Training minus test accuracy of {name} is {join_list(found)}."


def _signed(effect: Interval, above: str, below: str) -> str:
    """A difference in points without a sign of its own: "0.19 points [−0.78 to 1.16] more than VGG's"."""
    if effect.mean < 0:
        return f"{points(minus(effect))} {below}"
    return f"{points(effect)} {above}"


def _longer_words(gain: Interval) -> str:
    epochs = trials().epochs
    return (
        f"In two trials that differ in nothing else, {epochs[LONG_EFFICIENTNET]} epochs instead of "
        f"{epochs[SHORT_EFFICIENTNET]} gain {points(gain)} on validation."
    )


def _points(share: float) -> str:
    return f"{number(100 * share, 2)} points"


def _epochs(records: Sequence[Record]) -> str:
    return number(float(np.mean([record.metrics["epochs"] for record in records])))


def _gaps(record: Record) -> tuple[float, float]:
    """Validation minus training accuracy of the first and the last epoch on whole images."""
    training, validation = (record.arrays[f"history_{name}"] for name in ("accuracy", "validation_accuracy"))
    apart = (validation - training)[first_whole(record) :]
    return float(apart[0]), float(apart[-1])


def _ratio(record: Record) -> float:
    """Highest over lowest validation loss of the epochs on whole images."""
    losses = record.arrays["history_validation_loss"][first_whole(record) :]
    return float(losses.max() / losses.min())


def _level(records: Sequence[Record]) -> str:
    return number(float(np.mean([_ratio(record) for record in records])), 2)


def _flat(record: Record) -> bool:
    return _ratio(record) <= STEADY


CLAIMS = {
    judge.__name__: judge
    for judge in (
        vgg_generalises,
        vgg_scores_close,
        resnet_overfits,
        resnet_like_vgg,
        vit_lower,
        vit_scores_lower,
        vit_declines,
        vit_tuning,
        efficientnet_lower,
        vgg_resnet_robust,
        efficientnet_epoch_10,
        efficientnet_class_2,
        efficientnet_converges,
        efficientnet_longer,
        efficientnet_more_epochs,
        efficientnet_pretraining,
        vgg_resnet_best,
    )
}
"""The table of claims, in the order of the original's text."""
