"""From the records of the Bonus part to the tables, comparisons and verdicts that its notebook shows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from study import paths, published
from study.comparison import (
    QUANTITIES,
    Comparison,
    all_positive,
    compare,
    is_positive,
    mean,
    mean_confusion,
    measured,
    points,
    right,
)
from study.evaluation import Interval, share_interval
from study.prose import CONFIRMED, OPEN, REFUTED, Glance, Judged, Verdict, join_list, number, percent
from study.runs import Record, of
from study.vision.images import side_of
from study.vision.recipes import IMPROVED, MODELS, STRIDES
from study.vision.sources import CLASSES, NATIVE, RESIZED

NAMES = {
    "vgg": "VGG-13",
    "resnet": "ResNet-18",
    "vit": "ViT",
    "efficientnet": "EfficientNet",
    IMPROVED: "ViT, improved",
}
SHARE_TOLERANCE = 0.02
"""Of accuracies and the like: ±1 point is the interval of 3,000 examples, here and there."""
LOSS_TOLERANCE = 0.15
"""Of losses, relative."""
BALANCED = 0.03
"""Training minus test accuracy below which a performance is taken to be well-balanced."""
SHORT_VIT = "vit-5e-4"
"""The trial that trained the plain ViT for a few epochs."""
SIMILAR = 0.02
"""Difference of two scores up to which they are taken to be very similar."""
OTHER_IMAGES = "other images, and another training"
"""What is known of a number that does not come out again."""


def models(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The five judged networks by name, each with its seeds, in the order of NAMES."""
    return {
        name: of(records, "bonus-improved" if model == IMPROVED else "bonus-models", model)
        for model, name in NAMES.items()
    }


def judged(records: Sequence[Record]) -> list[Judged]:
    """Every number that the original prints of its four networks, judged by the mean over seeds."""
    found = []
    for key in published.numbers("bonus"):
        _, model, quantity = key.split(".")
        values = [measured(r, quantity) for r in of(records, "bonus-models", model)]
        loss = "loss" in quantity
        own = LOSS_TOLERANCE * published.value(key) if loss else SHARE_TOLERANCE
        show = partial(number if loss else percent, digits=2)
        found.append(
            published.judge(
                key, NAMES[model], QUANTITIES[quantity], values, published.tolerance(own, values),
                show=show, cause=OTHER_IMAGES,
            )
        )  # fmt: skip
    return found


def inconsistent() -> list[str]:
    """Networks whose published recall is not their published accuracy.

    Over classes of equal size the mean recall is the accuracy, whatever the predictions.
    """
    said = {m: [published.value(f"bonus.{m}.{q}") for q in ("recall", "test_accuracy")] for m in MODELS}
    return [NAMES[m] for m, (recall, accuracy) in said.items() if abs(recall - accuracy) > 0.001]


def train_test_gap(records: Sequence[Record]) -> Interval:
    """Training minus test accuracy, with the 95% interval of the test accuracy's sample."""
    train = float(np.mean([measured(r, "train_accuracy") for r in records]))
    test = np.mean([right(r) for r in records], axis=0)
    found = share_interval(round(float(test.sum())), len(test))
    return Interval(train - found.mean, train - found.high, train - found.low)


def gap_difference(a: Sequence[Record], b: Sequence[Record]) -> Interval:
    """By how much the gap of a exceeds that of b, with the paired interval of their test accuracies."""
    train = np.mean([measured(x, "train_accuracy") - measured(y, "train_accuracy") for x, y in zip(a, b, strict=True)])
    test = compare(a, b).difference
    return Interval(float(train) - test.mean, float(train) - test.high, float(train) - test.low)


def trials() -> pd.DataFrame:
    """The trainings that chose recipes on validation, by their names, in the order they were made."""
    return pd.read_csv(paths.VISION_TRIALS, index_col="trial")


def first_whole(record: Record) -> int:
    """The first epoch (from 0) that trains on images of full size."""
    sizes, epochs = record.spec["settings"]["sizes"], record.spec["settings"]["epochs"]
    return next(e for e in range(epochs) if side_of(e, epochs, sizes) == max(sizes))


def epochs_by_side(record: Record) -> dict[int, int]:
    """How many of a training's epochs saw images of each side."""
    settings, epochs = record.spec["settings"], record.metrics["epochs"]
    return dict(Counter(side_of(e, settings["epochs"], settings["sizes"]) for e in range(epochs)))


def concentration(record: Record) -> dict[bool, float]:
    """Mean share of attention roll-out on the quarter of the patches that has most of it; right examples, and wrong."""
    maps = np.sort(record.arrays["attention_maps"].reshape(len(record.metrics["attention"]), -1), axis=1)
    shares = maps[:, -(maps.shape[1] // 4) :].sum(axis=1) / maps.sum(axis=1)
    correct = np.array([one["true"] == one["predicted"] for one in record.metrics["attention"]])
    return {is_right: float(shares[correct == is_right].mean()) for is_right in (True, False) if is_right in correct}


def recalls(records: Sequence[Record]) -> list[tuple[float, int]]:
    """For each class the share of its test images that are classified correctly, and their number."""
    counts = mean_confusion(records)
    return [(float(counts[k, k] / counts[k].sum()), round(float(counts[k].sum()))) for k in range(len(CLASSES))]


def share_difference(a: float, n_a: int, b: float, n_b: int) -> Interval:
    """Share a minus share b of independent examples, with its 95% interval (Newcombe 1998)."""
    low, high = confint_proportions_2indep(round(a * n_a), n_a, round(b * n_b), n_b, method="newcomb")
    return Interval(a - b, float(low), float(high))


def claims(records: Sequence[Record]) -> dict[str, Verdict]:
    """The verdict on each of the original's claims about the Bonus part, by name in data/published.toml.

    A difference counts when its 95% interval, over the images, leaves zero out.
    """
    vgg, resnet, vit, efficientnet, improved = models(records).values()
    short = of(records, "bonus-stride", next(iter(STRIDES)))
    vit_behind = [compare(other, vit).difference for other in (vgg, resnet)]
    behind = [compare(other, efficientnet).difference for other in (vgg, resnet)]
    behind_validated = [compare(other, efficientnet, "validation").difference for other in (vgg, resnet)]
    validated, short_vit = len(vit[0].arrays["validation_classes"]), trials().validation_accuracy[SHORT_VIT]
    schooled = share_difference(mean(vit, "validation_accuracy"), validated, short_vit, validated)
    found_recalls = [recalls(runs) for runs in (efficientnet, vgg)]
    class_2 = [share_difference(*found[2], *found[other]) for found in found_recalls for other in (0, 1)]
    vgg_gap, gaps_apart = train_test_gap(vgg), gap_difference(resnet, vgg)
    alike, tuned = compare(resnet, vgg).difference, compare(improved, vit).difference
    longer_helps, declines = longer(efficientnet, short).difference, decline(vit)
    ahead = "VGG and ResNet are ahead by"
    return {
        "vgg_generalises": Verdict(_within(vgg_gap, BALANCED), f"training minus test accuracy: {points(vgg_gap)}"),
        "resnet_overfits": Verdict(is_positive(gaps_apart), f"its gap exceeds VGG's by {points(gaps_apart)}"),
        "resnet_like_vgg": Verdict(_within(alike, SIMILAR), f"their recalls differ by {points(alike)}"),
        "vit_lower": Verdict(all_positive(*vit_behind), f"{ahead} {join_list([points(d) for d in vit_behind])}"),
        "vit_declines": Verdict(
            is_positive(declines),
            f"from its best epoch to its last, validation accuracy falls by {points(declines)}",
        ),
        "vit_tuning": Verdict(
            all_positive(schooled, tuned),
            f"more epochs gain {points(schooled)} on validation; with convolutions in front it gains {points(tuned)}",
        ),
        "efficientnet_lower": Verdict(all_positive(*behind), f"{ahead} {join_list([points(d) for d in behind])}"),
        "vgg_resnet_robust": Verdict(
            all_positive(*behind, *behind_validated),
            f"on validation {ahead} {join_list([points(d) for d in behind_validated])}",
        ),
        "efficientnet_epoch_10": Verdict(
            all_positive(*behind_validated),
            f"at the end of the trainings, as epoch 10 was of the original's, {ahead} "
            f"{join_list([points(d) for d in behind_validated])} on validation",
        ),
        "efficientnet_class_2": Verdict(
            all_positive(*class_2),
            f"recall of {CLASSES[2]} minus those of {join_list(CLASSES[:2])}, EfficientNet, then VGG: "
            f"{join_list([points(d) for d in class_2])}",
        ),
        "efficientnet_longer": Verdict(
            is_positive(longer_helps), f"the whole training gains {points(longer_helps)} over a short one on validation"
        ),
        "efficientnet_pretraining": Verdict(OPEN, "not tested: everything here starts from random weights"),
        "vgg_resnet_best": Verdict(
            all_positive(*vit_behind, *behind),
            f"ViT and EfficientNet are behind VGG by {points(vit_behind[0])} and {points(behind[0])}",
        ),
    }


def finding(records: Sequence[Record]) -> str:
    """The part in one sentence."""
    found = models(records)
    shares = {name: mean(runs, "test_accuracy") for name, runs in found.items()}
    improved, vgg = NAMES[IMPROVED], NAMES["vgg"]
    versus = compare(found[improved], found[vgg]).than
    first, *rest = sorted((name for name in shares if name != improved), key=shares.get, reverse=True)
    by_network = [f"{first} classifies {percent(shares[first])}", *(f"{name} {percent(shares[name])}" for name in rest)]
    return (
        f"On an equivalent of the original's images, trained from random weights, {join_list(by_network)} of the "
        f"test images correctly; a Vision Transformer made for few images reaches {percent(shares[improved])}, "
        f"{versus} {vgg}."
    )


def glance(records: Sequence[Record]) -> list[Glance]:
    """The part on the front page: the network of the highest published test accuracy, and the best one."""
    said = {model: published.value(f"bonus.{model}.test_accuracy") for model in MODELS}
    leader, found = max(said, key=said.get), models(records)
    shares = {name: mean(runs, "test_accuracy") for name, runs in found.items()}
    best = max(shares, key=shares.get)
    name, ours = NAMES[leader], f"{best} {percent(shares[best], 2)}"
    return [Glance(f"test accuracy of {name}", percent(said[leader], 2), percent(shares[name], 2), ours)]


def longer(full: Sequence[Record], short: Sequence[Record]) -> Comparison:
    """A whole training against a short one of the same network, on validation."""
    return compare(full[:1], short, "validation")


def _within(effect: Interval, bound: float) -> str:
    """The verdict on a claim that a difference is small: its interval lies within ±bound, outside, or neither."""
    if max(abs(effect.low), abs(effect.high)) <= bound:
        return CONFIRMED
    return REFUTED if effect.low > bound or effect.high < -bound else OPEN


def decline(records: Sequence[Record]) -> Interval:
    """By how much validation accuracy falls from its best epoch to the last, with its 95% interval."""
    n = len(records[0].arrays["validation_classes"])
    history = [r.arrays["history_validation_accuracy"] for r in records]
    best, last = float(np.mean([np.max(h) for h in history])), float(np.mean([h[-1] for h in history]))
    return share_difference(best, n, last, n)


def changes(records: Sequence[Record], task: str, against: str) -> dict[str, Comparison]:
    """Every run of a task against one of them, on validation."""
    reference = of(records, task, against)
    names = dict.fromkeys(r.spec["model"] for r in of(records, task))
    return {name: compare(of(records, task, name), reference, "validation") for name in names if name != against}


def origins(runs: Mapping[str, Sequence[Record]], dataset: Record) -> pd.DataFrame:
    """Do networks lean on how an image was made? A row a network and a class.

    Columns: `model`, `class`; for images of native size and for resized ones `native`, `resized` (test accuracy as
    Interval), `native_dogs`, `resized_dogs` (share called dogs). Empty where the origin of the images is unknown.
    """
    origin, rows = dataset.arrays["test_resized"], []
    for name, records in runs.items():
        classes = records[0].arrays["test_classes"]
        predicted = records[0].arrays["test_logits"].argmax(axis=1)
        for kind, label in enumerate(CLASSES):
            row = {"model": name, "class": label}
            for what, code in (("native", NATIVE), ("resized", RESIZED)):
                mine = (classes == kind) & (origin == code)
                if not mine.any():
                    return pd.DataFrame()
                row[what] = share_interval(int((predicted[mine] == kind).sum()), int(mine.sum()))
                row[f"{what}_dogs"] = float((predicted[mine] == 0).mean())
            rows.append(row)
    return pd.DataFrame(rows)


def native_accuracy(record: Record, dataset: Record) -> float:
    """Test accuracy on images of native size alone, the mean over the classes (which have different shares of them)."""
    native = dataset.arrays["test_resized"] == NATIVE
    classes, found = record.arrays["test_classes"], right(record)
    return float(np.mean([found[native & (classes == kind)].mean() for kind in range(len(CLASSES))]))
