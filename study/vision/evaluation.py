"""From the records of the Bonus part to numbers: who is ahead, gaps between splits, recalls, what trials found."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from study import comparison, paths, published
from study.comparison import mean, mean_confusion, measured, right
from study.evaluation import Interval, share_interval
from study.runs import Record, of
from study.verdicts import CONFIRMED, CONTRADICTED, NEAR, UNCLEAR, Kind
from study.vision.dataset import side_of
from study.vision.experiments import BAG, IMPROVED, MODELS
from study.vision.images import of_the_original
from study.vision.sources import NATIVE, RESIZED

NAMES = {"vgg": "VGG-13", "resnet": "ResNet-18", "vit": "ViT", "efficientnet": "EfficientNet", IMPROVED: "ViT-C"}
ORIGINALS = tuple(NAMES[model] for model in NAMES if model in MODELS)
"""The original's networks by name."""
SCORES = ("precision", "recall", "f1")
OTHER_IMAGES = "measured on other images: the original's are not available"
WITHOUT_ATTENTION = {"vit": BAG, IMPROVED: "without-attention"}
"""What is left of a transformer without attention, by the transformer."""
LEVEL = 1 - 0.05 / math.comb(len(NAMES), 2)
"""Of intervals of differences: all pairs of networks together leave 5% (Bonferroni)."""
ONE_TRAINING = NEAR[Kind.SHARE]
"""How far another seed may move the accuracy of a network that was trained once: differences that may be smaller are
unclear."""


def networks(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The five networks by name, each with its seeds, in the order of NAMES."""
    return {name: of(records, "bonus-models", model) for model, name in NAMES.items()}


def obstacle(records: Sequence[Record]) -> str | None:
    """Why the original's numbers can't be compared with those of these records; None where the images are its own."""
    data = of(records, "bonus-dataset")[0].spec["data"]
    return None if of_the_original(data) else OTHER_IMAGES


def reported(name: str, quantity: str = "test_accuracy") -> float:
    """A number that the original reports of a network, by its name. Raises KeyError for one that it does not."""
    model = next(model for model, title in NAMES.items() if title == name)
    return published.value(f"bonus.{model}.{quantity}")


def trials() -> pd.DataFrame:
    """The trainings before the recorded ones, by their names, in the order they were made.

    `test_accuracy` is NaN where the test split was never looked at.
    """
    return pd.read_csv(paths.VISION_TRIALS, index_col="trial")


def compare(a: Sequence[Record], b: Sequence[Record], split: str = "test") -> Interval:
    """a against b (see `comparison.compare`), with an interval that allows for all pairs of networks."""
    return comparison.compare(a, b, split, LEVEL)


def attention_gain(records: Sequence[Record], network: str) -> Interval:
    """A transformer against itself without attention, on validation."""
    without = of(records, "bonus-ablation", WITHOUT_ATTENTION[network])
    return compare(of(records, "bonus-models", network), without, "validation")


def clear(effect: Interval, trainings: int) -> str:
    """The verdict on a claim that an effect is positive, from networks that were trained so many times.

    Its interval, over images, leaves zero out; with one training each, all that lies within ±ONE_TRAINING.
    """
    bound = ONE_TRAINING if trainings < 2 else 0
    return CONFIRMED if effect.low > bound else CONTRADICTED if effect.high < -bound else UNCLEAR


def ahead(a: Sequence[Record], b: Sequence[Record], split: str = "test") -> str:
    """The verdict on a claim that a network is ahead of another on a split."""
    return clear(compare(a, b, split), min(len(a), len(b)))


def similar(effect: Interval, bound: float) -> str:
    """The verdict on a claim that a difference is small: its interval lies within ±bound, outside, or neither."""
    if max(abs(effect.low), abs(effect.high)) <= bound:
        return CONFIRMED
    return CONTRADICTED if effect.low > bound or effect.high < -bound else UNCLEAR


def train_test_gap(records: Sequence[Record]) -> Interval:
    """Training minus test accuracy, by which generalisation is measured, with the 95% interval of the test sample."""
    train = float(np.mean([measured(r, "train_accuracy") for r in records]))
    test = np.mean([right(r) for r in records], axis=0)
    found = share_interval(round(float(test.sum())), len(test))
    return Interval(train - found.mean, train - found.high, train - found.low)


def gap_difference(a: Sequence[Record], b: Sequence[Record]) -> Interval:
    """By how much the gap of a exceeds that of b, with the paired interval of their test accuracies."""
    train = mean(a, "train_accuracy") - mean(b, "train_accuracy")
    test = compare(a, b)
    return Interval(train - test.mean, train - test.high, train - test.low)


def spread_of_scores(records: Sequence[Record]) -> float:
    """Largest minus smallest of precision, recall and F1 on the test split, means over seeds."""
    return float(np.ptp([np.mean([measured(r, score) for r in records]) for score in SCORES]))


def recalls(records: Sequence[Record]) -> list[tuple[float, int]]:
    """For each class the share of its test images that are classified correctly, and their number."""
    counts = mean_confusion(records)
    return [(float(counts[k, k] / counts[k].sum()), round(float(counts[k].sum()))) for k in range(len(counts))]


def share_difference(a: float, n_a: int, b: float, n_b: int) -> Interval:
    """Share a minus share b of independent examples, with its 95% interval (Newcombe 1998)."""
    low, high = confint_proportions_2indep(round(a * n_a), n_a, round(b * n_b), n_b, method="newcomb")
    return Interval(a - b, float(low), float(high))


def trial_difference(a: str, b: str, images: int) -> Interval:
    """Validation accuracy of trial a minus that of trial b, both on so many images, with its 95% interval."""
    accuracy = trials().validation_accuracy
    return share_difference(accuracy[a], images, accuracy[b], images)


def decline(records: Sequence[Record]) -> Interval:
    """By how much validation accuracy falls from the best epoch on full-size images to the last, 95% interval."""
    n = len(records[0].arrays["validation_classes"])
    history = [r.arrays["history_validation_accuracy"][first_whole(r) :] for r in records]
    best, last = float(np.mean([np.max(h) for h in history])), float(np.mean([h[-1] for h in history]))
    return share_difference(best, n, last, n)


def first_whole(record: Record) -> int:
    """The first epoch (from 0) that trains on images of full size."""
    sizes, epochs = record.spec["settings"]["sizes"], record.spec["settings"]["epochs"]
    return next(e for e in range(epochs) if side_of(e, epochs, sizes) == max(sizes))


def epochs_by_side(record: Record) -> Counter[int]:
    """How many of a training's epochs saw images of each side."""
    settings, epochs = record.spec["settings"], record.metrics["epochs"]
    return Counter(side_of(e, settings["epochs"], settings["sizes"]) for e in range(epochs))


def concentration(record: Record) -> dict[bool, float]:
    """Mean share of attention roll-out on the quarter of the patches that has most of it; right examples, and wrong."""
    maps = np.sort(record.arrays["attention_maps"].reshape(len(record.metrics["attention"]), -1), axis=1)
    shares = maps[:, -(maps.shape[1] // 4) :].sum(axis=1) / maps.sum(axis=1)
    correct = np.array([one["true"] == one["predicted"] for one in record.metrics["attention"]])
    return {is_right: float(shares[correct == is_right].mean()) for is_right in (True, False) if is_right in correct}


def origins(found: Mapping[str, Sequence[Record]], dataset: Record) -> pd.DataFrame:
    """Do networks lean on how an image was made? A row a network, first seeds; NaN where no such image is known.

    `native_dogs` and `resized_dogs` are the shares of the other classes' images that are called dogs, of those that
    came with 64×64 pixels and of those that were resized to them.
    """
    origin, rows = dataset.arrays["test_resized"], {}
    for name, records in found.items():
        classes = records[0].arrays["test_classes"]
        called_dogs = records[0].arrays["test_logits"].argmax(axis=1) == 0
        rows[name] = {
            "native_dogs": _share(called_dogs, (origin == NATIVE) & (classes > 0)),
            "resized_dogs": _share(called_dogs, (origin == RESIZED) & (classes > 0)),
        }
    return pd.DataFrame(rows).T


def _share(what: np.ndarray, among: np.ndarray) -> float:
    return float(what[among].mean()) if among.any() else float("nan")
