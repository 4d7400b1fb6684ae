"""The tables of Part IV: evidence in, a data frame of texts out, in the order of its columns in print."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace

import numpy as np
import pandas as pd

from study import published
from study.comparison import QUANTITIES, in_points, mean, measured, with_interval
from study.evaluation import Interval
from study.news import measures
from study.news.conditions import off
from study.news.corpus import CLASSES, classes_of
from study.news.experiments import VARIANTS
from study.news.variants import NAMES, Step, Variants, added
from study.prose import NOTHING, join_list, number, percent
from study.runs import Record
from study.verdicts import NOT_COMPARABLE, NOT_REPRODUCED, Judged, Kind

SCORES = {
    "train_accuracy": "Training accuracy", "train_loss": "Training loss", "validation_accuracy": "Validation accuracy",
    "validation_loss": "Validation loss", "test_accuracy": "Testing accuracy", "test_loss": "Testing loss",
}  # fmt: skip
MACRO = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
TECHNIQUES = ("Dropout", "Early stopping", "L2 penalty")

Runs = Mapping[str, Sequence[Record]]


def splits(dataset: Record) -> pd.DataFrame:
    """Texts by split and class, their lengths in words, tokens outside the vocabulary."""
    d = dataset.metrics
    return pd.DataFrame(
        {
            "Split": [{"train": "training"}.get(split, split) for split in d["rows"]],
            "Texts": [number(rows) for rows in d["rows"].values()],
            **{
                name: [number(d["classes"][split][i]) for split in d["rows"]]
                for i, name in enumerate(classes_of(dataset.spec))
            },
            "Words, median": [number(d["lengths"][split]["q50"]) for split in d["rows"]],
            "Words, 99% at most": [number(d["lengths"][split]["q99"]) for split in d["rows"]],
            "Unknown tokens": [percent(d["coverage"][split]["unknown"]) for split in d["rows"]],
        }
    )


def hyperparameters(variants: Runs) -> pd.DataFrame:
    """Every setting of the four variants; one that they share stands once."""
    settings = {name: records[0].spec["settings"] for name, records in variants.items()}
    words = {
        "vocabulary": "Tokens of the vocabulary", "longest": "Tokens of a text at most",
        "width": "Width of a token's vector", "heads": "Heads of the attention",
        "hidden": "Units of the feed-forward network", "batch": "Texts in a batch",
        "learning_rate": "Learning rate of Adam", "epochs": "Epochs at most", "dropout": "Dropout p",
        "patience": "Patience of early stopping, epochs", "l2": "Strength λ of the L2 penalty",
    }  # fmt: skip
    rows = [
        (title, "; ".join(_by_value({name: one[key] for name, one in settings.items()})))
        for key, title in words.items()
    ]
    return pd.DataFrame(rows, columns=["Setting", "Value"])


def _by_value(found: Mapping[str, float | None]) -> list[str]:
    """Each value once, the first one alone; a later one with the names from which on, or where, it holds."""
    names, parts = list(found), []
    for value in dict.fromkeys(v or None for v in found.values()):
        where = [name for name in names if (found[name] or None) == value]
        shown = "none" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:g}"
        following = len(where) > 1 and where == names[names.index(where[0]) :]
        place = f" from {where[0]} on" if following else f" for {join_list(where)}"
        parts.append(shown + (place if parts else ""))
    return parts


def techniques(steps: Sequence[Step]) -> pd.DataFrame:
    """What each technique changes against the variant before it, with 95% intervals."""
    return pd.DataFrame(
        {
            "Technique": list(TECHNIQUES),
            "Gap, points": [in_points(step.gap) for step in steps],
            "Validation accuracy, points": [in_points(step.validation) for step in steps],
            "Test accuracy, points": [in_points(step.test) for step in steps],
            "Test loss, nats": [with_interval(step.test_loss, 3) for step in steps],
        }
    )


def by_setting(settings: Mapping[str, Variants]) -> pd.DataFrame:
    """What each technique changes in test accuracy, in points with 95% intervals; a column a setting, by its name."""
    changes = {name: [in_points(step.test) for step in v.steps] for name, v in settings.items()}
    return pd.DataFrame({"Technique": list(TECHNIQUES), **changes})


def reported_beside(variants: Runs, scores: Mapping[str, str]) -> pd.DataFrame:
    """Two rows a variant, as reported and ours (means over seeds), a column each of these scores."""
    rows = []
    for key in VARIANTS:
        stated = [published.value(f"part4.{key}.{score}") for score in scores]
        ours = [mean(variants[NAMES[key]], score) for score in scores]
        for source, values in (("reported", stated), ("ours", ours)):
            shown = [
                number(value, 3) if "loss" in score else percent(value, 2)
                for score, value in zip(scores, values, strict=True)
            ]
            rows.append((added(NAMES[key]), source, *shown))
    return pd.DataFrame(rows, columns=["Model", "Source", *scores.values()])


def by_class(variants: Runs) -> pd.DataFrame:
    """Precision, recall and F1 of each class in per cent, means over seeds."""
    rows = [
        (name, *(" / ".join(number(100 * value, 1) for value in one) for one in measures.per_class(records).T))
        for name, records in variants.items()
    ]
    return pd.DataFrame(rows, columns=["Model", *measures.classes(variants)])


def areas(variants: Runs) -> pd.DataFrame:
    """AUROC of each class against the rest, as reported for all models and ours, means over seeds."""
    names, rows = measures.classes(variants), {}
    if names == CLASSES:
        rows["reported, all models"] = [number(published.value(f"part4.auc.class-{i}"), 2) for i in range(len(names))]
    for name, records in variants.items():
        rows[name] = [number(value, 3) for value in np.mean([r.metrics["test"]["auc"] for r in records], axis=0)]
    return pd.DataFrame([(name, *values) for name, values in rows.items()], columns=["Model", *names])


def ablation(whole: Sequence[Record], changes: Mapping[str, Interval], records: Runs) -> pd.DataFrame:
    """Our classifier, whole and without one of its parts at a time, by name: validation scores, change of accuracy."""
    rows = {"nothing: the whole": whole, **{name: records[name] for name in changes}}
    return pd.DataFrame(
        {
            "Without": list(rows),
            "Validation accuracy": [percent(mean(found, "validation_accuracy"), 2) for found in rows.values()],
            "Change, points": [NOTHING, *map(in_points, changes.values())],
            "Validation loss": [number(mean(found, "validation_loss"), 3) for found in rows.values()],
        }
    )


def conditions(tried: pd.DataFrame) -> pd.DataFrame:
    """Each setting as `study.news.conditions.nearest` gives them, with the reading that comes nearest.

    The patience is left out where it is the same for all.
    """
    table = pd.DataFrame(
        {
            "Setting": list(tried.index),
            "Distance": [number(value, 2) for value in tried.distance],
            "Within": list(tried.close),
            "Epochs": list(tried.epochs),
            "Patience": list(tried.patience),
            "Early stopping ahead, points": [number(100 * ahead(numbers), 1) for numbers in tried.numbers],
        }
    )
    return table.drop(columns="Patience") if tried.patience.nunique() == 1 else table


def readings(wrong: pd.DataFrame) -> pd.DataFrame:
    """How often a reader found what of the shared mistakes, with the most certain example."""
    rows = []
    for reading, words in measures.READINGS.items():
        found, example = wrong[wrong.reading == reading], "–"
        if len(found):
            one = found.iloc[0]
            cut = f"{one.text[:70].rstrip()}…" if len(one.text) > 70 else one.text
            example = f"{cut} ({one.true}, called {one.predicted})"
        rows.append((words.capitalize(), len(found), example))
    return pd.DataFrame(rows, columns=["Finding", "Texts", "Example (label, prediction)"])


# Numbers for sentences


def tally(judged: Sequence[Judged]) -> Counter:
    """How many published numbers from trainings have which verdict; `comparable` are all but the incomparable."""
    found = Counter(one.verdict.status for one in judged if one.kind is not Kind.FACT)
    found["comparable"] = found.total() - found[NOT_COMPARABLE]
    return found


def not_reproduced(judged: Sequence[Judged], *models: str) -> int:
    """How many numbers of these models are not reproduced."""
    return sum(one.verdict.status == NOT_REPRODUCED and one.model in models for one in judged)


def highest(records: Sequence[Record], score: str) -> float:
    """The highest of the seeds."""
    return max(measured(record, score) for record in records)


def by_quantity(keys: Iterable[str]) -> str:
    """Published numbers in words, such as "training loss (Base and Dropout)", from their keys; "none" for none."""
    found: dict[str, list[str]] = {}
    for key in keys:
        _, variant, quantity = key.split(".")
        found.setdefault(QUANTITIES[quantity], []).append(added(NAMES[variant]))
    return join_list([f"{quantity} ({join_list(names)})" for quantity, names in found.items()] or ["none"])


def close_on_test(variants: Variants) -> list[str]:
    """The keys of the published test accuracies and losses that the variants come close to, by their medians."""
    scores = ("test_accuracy", "test_loss")
    values = {
        f"part4.{key}.{score}": float(np.median([measured(r, score) for r in runs]))
        for score in scores
        for key, runs in variants.items()
    }
    return [key for key, value in values.items() if off(key, value) <= 1]


def ahead(numbers: Mapping[str, float]) -> float:
    """By how much early stopping has the higher validation accuracy than dropout alone, among a setting's numbers."""
    stopped, whole = (numbers[f"part4.{variant}.validation_accuracy"] for variant in ("early-stopping", "dropout"))
    return stopped - whole


def peaks(records: Sequence[Record]) -> SimpleNamespace:
    """How the curves of a variant run, medians over seeds.

    `epochs` until validation accuracy is highest, how much of it is `lost` after that, epochs to the `lowest_loss` on
    validation, the `loss_ratio` of its end to that; `first_train` and `first_validation` accuracy.
    """
    accuracy, loss, train = (
        [record.arrays[f"history_{name}"].astype(float) for record in records]
        for name in ("validation_accuracy", "validation_loss", "accuracy")
    )
    middle = lambda values: float(np.median(list(values)))  # noqa: E731
    return SimpleNamespace(
        epochs=round(middle(one.argmax() + 1 for one in accuracy)),
        lost=middle(one.max() - one[-1] for one in accuracy),
        lowest_loss=round(middle(one.argmin() + 1 for one in loss)),
        loss_ratio=middle(one[-1] / one.min() for one in loss),
        first_train=middle(one[0] for one in train),
        first_validation=middle(one[0] for one in accuracy),
    )


def f1_by_class(variants: Runs) -> pd.DataFrame:
    """F1 of each class (columns) for each variant (index), means over seeds."""
    found = {name: measures.per_class(records)[2] for name, records in variants.items()}
    return pd.DataFrame.from_dict(found, orient="index", columns=list(measures.classes(variants)))
