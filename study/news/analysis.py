"""From the records of Part IV to the tables and verdicts that its notebook shows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.metrics import roc_curve

from study import paths, published
from study.comparison import QUANTITIES, compare, leads, mean, measured, right
from study.evaluation import Calibration, Interval, best_temperature, calibration, paired_difference, probabilities
from study.news.claims import claims as claims
from study.news.claims import lead_of_early_stopping
from study.news.corpus import CLASSES, TEST
from study.news.recipes import VARIANTS
from study.news.variants import NAMES
from study.prose import Glance, Judged, mean_sd, number, percent
from study.runs import Record, of

SHARE_TOLERANCE = 0.01
"""Of accuracies and the like: ±0.6 points are the interval of 7,600 examples; the rest is for other training rows."""
LOSS_TOLERANCE = 0.15
"""Of losses, relative."""


UNSTATED = "the original states no training rows, sizes or epochs"
"""What is known of a number that does not come out again."""


SHARE, LOSS = partial(percent, digits=2), partial(number, digits=3)
"""How shares, and losses and AUCs, are put into words, with the digits that the original prints."""


def judged(records: Sequence[Record]) -> list[Judged]:
    """Every number of the original, judged by the mean over seeds; an AUC, given for all models, by the farthest."""
    variants = {model: of(records, "part4-variants", model) for model in VARIANTS}
    found = _judged_corpus(variants["base"][0])
    for model, runs in variants.items():
        for quantity, name in QUANTITIES.items():
            key, values = f"part4.{model}.{quantity}", [measured(r, quantity) for r in runs]
            show = LOSS if "loss" in quantity else SHARE
            found.append(
                published.judge(
                    key, NAMES[model], name, values, _tolerance(key, values), show=show, cause=UNSTATED
                )
            )  # fmt: skip
    for kind, label in enumerate(CLASSES):
        key = f"part4.auc.class-{kind}"
        by_model = {NAMES[m]: [r.metrics["test"]["auc"][kind] for r in runs] for m, runs in variants.items()}
        farthest = max(by_model, key=lambda name: abs(np.mean(by_model[name]) - published.value(key)))
        values = by_model[farthest]
        model, name = f"{farthest}, the farthest", f"AUC, {label}"
        found.append(
            published.judge(key, model, name, values, _tolerance(key, values), show=LOSS, cause=UNSTATED)
        )
    stopped = [r.metrics["epochs"] for r in variants["regularised"]]
    within = max(1.0, (max(stopped) - min(stopped)) / 2)
    key, name = "part4.regularised.epochs", "epochs until the stop"
    cause = "the original states neither its patience nor its learning rate"
    return [*found, published.judge(key, NAMES["regularised"], name, stopped, within, show=number, cause=cause)]


def _judged_corpus(record: Record) -> list[Judged]:
    """What the original says of the corpus; the benchmark's files tell the number of classes alone."""
    obstacle = "the benchmark's files name no sources and hold a selection of the collection"
    classes = [float(len(record.metrics["test"]["confusion"]))]
    return [
        published.judge("part4.sources", "", "news sources, more than", [], 0, show=number, obstacle=obstacle),
        published.judge("part4.articles", "", "articles collected, more than", [], 0, show=number, obstacle=obstacle),
        published.judge("part4.classes", "", "categories", classes, 0, show=number),
    ]


def _tolerance(key: str, values: Sequence[float]) -> float:
    own = LOSS_TOLERANCE * published.value(key) if "loss" in key else SHARE_TOLERANCE
    return published.tolerance(own, values)


def finding(records: Sequence[Record]) -> str:
    """The part in one sentence."""
    variants = {name: of(records, "part4-variants", name) for name in VARIANTS}
    best = max(variants, key=lambda name: mean(variants[name], "test_accuracy"))
    own, linear = of(records, "part4-own"), of(records, "part4-baselines", "tfidf")
    right_by = {name: percent(mean(runs, "test_accuracy")) for name, runs in (("own", own), ("linear", linear))}
    transformer, ours = (compare(runs, linear).than for runs in (variants[best], own))
    return (
        f"Of the original's transformers for news texts, trained again, {NAMES[best]} is the best with "
        f"{percent(mean(variants[best], 'test_accuracy'))} of the test texts right, {transformer} a linear model on "
        f"word pairs ({right_by['linear']}); our own classifier reaches {right_by['own']}, {ours} the linear one, and "
        f"the claim that early stopping does best is {leads(*lead_of_early_stopping(records).values())}."
    )


def glance(records: Sequence[Record]) -> list[Glance]:
    """The part on the front page: the variant of the highest published test accuracy, and the best model."""
    said = {name: published.value(f"part4.{name}.test_accuracy") for name in VARIANTS}
    leader = max(said, key=said.get)
    runs = of(records, "part4-variants") + of(records, "part4-baselines") + of(records, "part4-own")
    models = list(dict.fromkeys(r.spec["model"] for r in runs))
    accuracies = {m: [measured(r, "test_accuracy") for r in runs if r.spec["model"] == m] for m in models}
    best = max(accuracies, key=lambda m: np.mean(accuracies[m]))
    return [
        Glance(
            f"test accuracy of {NAMES[leader]}",
            SHARE(said[leader]),
            mean_sd(accuracies[leader], 2, as_percent=True),
            f"{NAMES[best]} {spread(accuracies[best])}",
        )
    ]


def spread(shares: Sequence[float]) -> str:
    """Mean and standard deviation over seeds, or the one share that there is."""
    return SHARE(shares[0]) if len(shares) == 1 else mean_sd(shares, 2, as_percent=True)


READINGS = {
    "label": "the label is wrong, the prediction fits",
    "both": "both classes fit",
    "model": "the label is right",
}
"""What a person can find who reads a mistake (report/mistakes_read.csv)."""


def extrapolated(rows: Sequence[int], accuracies: Sequence[float], to: int) -> float:
    """The accuracy expected of `to` training texts, if the error is a power of their number (Hestness et al. 2017).

    The power law is fitted by least squares to the logarithms. Raises ValueError for fewer than two sizes.
    """
    if len(rows) < 2:
        raise ValueError(f"a power law needs two sizes or more, got {len(rows)}")
    slope, level = np.polyfit(np.log(rows), np.log1p(-np.asarray(accuracies)), 1)
    return float(1 - np.exp(level + slope * np.log(to)))


def pooled(runs: Sequence[Record], single: Sequence[Record], split: str = "validation") -> tuple[float, Interval]:
    """Accuracy of the mean of the runs' probabilities, and by how much it exceeds that of the single runs."""
    mean_probabilities = np.mean([probabilities(r.arrays[f"{split}_logits"]) for r in runs], axis=0)
    together = mean_probabilities.argmax(axis=1) == runs[0].arrays[f"{split}_classes"]
    alone = np.array([right(r, split) for r in single])
    return float(together.mean()), paired_difference(np.broadcast_to(together, alone.shape), alone)


def shared_mistakes(records: Sequence[Record]) -> pd.DataFrame:
    """Test texts that every run, with and without a network, gives the same wrong class; the most certain first.

    Columns: `row`, `text`, `true`, `predicted`, `confidence`, the variants' mean, and `reading`, what a person found
    (see READINGS; empty for texts that were not read). Only texts that a run kept among its own most confident
    mistakes are listed; `attrs["pairs"]` counts all that are shared, by true and predicted class.
    """
    runs = of(records, "part4-variants")
    others = [*of(records, "part4-baselines", "tfidf"), *of(records, "part4-own")]
    predicted = np.array([r.arrays["test_logits"].argmax(axis=1) for r in (*runs, *others)])
    shared = (predicted == predicted[0]).all(axis=0) & ~right(runs[0])
    found = {m["row"]: m for r in runs for m in r.metrics["mistakes"] if shared[m["row"]]}
    certain = np.mean([probabilities(r.arrays["test_logits"]).max(axis=1) for r in runs], axis=0)
    rows = [one | {"confidence": float(certain[row])} for row, one in found.items()]
    table = pd.DataFrame(rows, columns=["row", "text", "true", "predicted", "confidence"])
    table = table.sort_values("confidence", ascending=False, ignore_index=True)
    read = pd.read_csv(paths.MISTAKES_READ).set_index("row").reading
    if TEST not in runs[0].spec["data"]:  # what was read are rows of the real test split
        read = read[:0]
    table["reading"] = [read.get(row, "") for row in table.row]
    classes = zip(runs[0].arrays["test_classes"][shared], predicted[0][shared], strict=True)
    table.attrs["pairs"] = Counter((CLASSES[true], CLASSES[called]) for true, called in classes)
    return table


def attention_on_content(example: Mapping) -> tuple[float, float]:
    """The attention that content words of a text receive, and that stop words and punctuation do.

    Means over tokens, queries and heads, in multiples of an even share.
    """
    tokens = example["tokens"]
    received = np.mean(example["received"], axis=0) * len(tokens)
    content = np.array([any(map(str.isalnum, t)) and t not in ENGLISH_STOP_WORDS for t in tokens])
    return float(received[content].mean()), float(received[~content].mean())


def roc(record: Record, kind: int, points: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates of one class against the rest on the test split, thinned to `points` at most."""
    logits = record.arrays["test_logits"].astype(np.float64)
    x, y, _ = roc_curve(record.arrays["test_classes"] == kind, probabilities(logits)[:, kind])
    kept = np.unique(np.linspace(0, len(x) - 1, points).astype(int))
    return x[kept], y[kept]


@dataclass(frozen=True)
class Calibrated:
    """Calibration on test before and after temperature scaling; the temperature comes from the validation split."""

    temperature: float
    before: Calibration
    after: Calibration
    loss_before: float
    loss_after: float


def calibrated(record: Record) -> Calibrated:
    a = record.arrays
    logits, classes = a["test_logits"].astype(np.float64), a["test_classes"].astype(np.int64)
    temperature = best_temperature(a["validation_classes"], a["validation_logits"].astype(np.float64))
    found = {t: probabilities(logits, t) for t in (1.0, temperature)}
    loss = {t: float(-np.log(p[np.arange(len(p)), classes]).mean()) for t, p in found.items()}
    before, after = (calibration(classes, found[t]) for t in (1.0, temperature))
    return Calibrated(temperature, before, after, loss[1.0], loss[temperature])


def near_accuracy(record: Record, near: np.ndarray) -> tuple[float, float]:
    """Test accuracy among examples with a near-duplicate in the training split (by mask), and among the others."""
    found = right(record)
    return float(found[near].mean()), float(found[~near].mean())
