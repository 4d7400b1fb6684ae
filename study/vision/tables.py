"""The tables of the Bonus part: records in, a data frame of texts out, in the order of its columns in print."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

import pandas as pd

from study import published
from study.comparison import in_points, mean, right
from study.prose import NOTHING, number
from study.runs import Record
from study.vision.evaluation import ORIGINALS, compare, epochs_by_side, reported

Found = Mapping[str, Sequence[Record]]
"""The records of networks, by name."""


def networks(found: Found) -> pd.DataFrame:
    """Sizes of networks, and what differs in their trainings."""
    in_papers = published.table("networks").set_index("network").parameters / 1e6
    first = {name: records[0] for name, records in found.items()}
    epochs = {name: epochs_by_side(record) for name, record in first.items()}
    sides = sorted(set().union(*epochs.values()))
    return pd.DataFrame(
        {
            "Network": list(found),
            "Parameters": [number(one.metrics["parameters"]) for one in first.values()],
            "In the paper": [f"{number(in_papers[n], 1)} M" if n in in_papers else NOTHING for n in found],
            "Multiply-adds": [f"{number(one.metrics['multiply_adds'] / 1e6)} M" for one in first.values()],
            f"Epochs at {_listed(sides)} pixels": [_listed(each[side] for side in sides) for each in epochs.values()],
            "Learning rate": [f"{one.spec['settings']['learning_rate']:g}" for one in first.values()],
            "Arithmetic": [_arithmetic(one) for one in first.values()],
            "Minutes": [number(one.metrics["seconds"] / 60) for one in first.values()],
        }
    )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _arithmetic(record: Record) -> str:
    in_bf16 = record.spec["settings"]["bf16"] and record.metrics.get("in_bf16", True)
    return "bf16" if in_bf16 else "float32"


def comparison(found: Found, subject: str) -> pd.DataFrame:
    """A network beside others: accuracy of each split and scores of the test split in per cent.

    `Lead, points` is the difference of test accuracy to the subject with its interval; beside it the
    test accuracy that the original reports, on other images, where the network is one of its four.
    """
    quantities = {
        "Training": "train_accuracy", "Validation": "validation_accuracy", "Test": "test_accuracy",
        "Precision": "precision", "Recall": "recall", "F1": "f1",
    }  # fmt: skip
    return pd.DataFrame(
        {
            "Network": list(found),
            **{
                title: [number(100 * mean(records, quantity), 2) for records in found.values()]
                for title, quantity in quantities.items()
            },
            "Lead, points": [
                NOTHING if name == subject else in_points(compare(found[name], found[subject]), 1) for name in found
            ],
            "Reported test, other images": [_reported(name) for name in found],
        }
    )


def overview(found: Found) -> pd.DataFrame:
    """Networks with their sizes and accuracies in per cent: the mean, in brackets each training's.

    Networks without a test accuracy were not judged on the test split.
    """

    def shown(records: Sequence[Record], split: str) -> str:
        if f"{split}_logits" not in records[0].arrays:
            return NOTHING
        shares = [100 * right(record, split).mean() for record in records]
        return f"{number(fmean(shares), 1)} ({', '.join(number(share, 1) for share in shares)})"

    first = {name: records[0].metrics for name, records in found.items()}
    return pd.DataFrame(
        {
            "Network": list(found),
            "Parameters": [f"{number(one['parameters'] / 1e6, 1)} M" for one in first.values()],
            "Multiply-adds": [f"{number(one['multiply_adds'] / 1e6)} M" for one in first.values()],
            "Validation": [shown(records, "validation") for records in found.values()],
            "Test": [shown(records, "test") for records in found.values()],
        }
    )


def _reported(name: str) -> str:
    return number(100 * reported(name), 2) if name in ORIGINALS else NOTHING
