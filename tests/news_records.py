"""Records of Part IV, altered."""

from dataclasses import replace

import numpy as np

from study.runs import Record


def with_score(record: Record, split: str, **scores) -> Record:
    """A record with other scores on one split."""
    return replace(record, metrics=record.metrics | {split: record.metrics[split] | scores})


def right_on(record: Record, share: float) -> Record:
    """A record that is right on this share of the texts of each split that it keeps predictions of, the first ones."""
    for split in ("test", "validation"):
        if f"{split}_classes" in record.arrays:
            classes = record.arrays[f"{split}_classes"].astype(int)
            right = np.arange(len(classes)) < share * len(classes)
            logits = 4 * np.eye(4)[np.where(right, classes, (classes + 1) % 4)]
            counts = np.zeros((4, 4))
            np.add.at(counts, (classes, logits.argmax(axis=1)), 1)
            record = with_score(record, split, accuracy=float(right.mean()), confusion=counts.tolist())
            record = replace(record, arrays=record.arrays | {f"{split}_logits": logits})
    return record
