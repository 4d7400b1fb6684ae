"""Examples of the test split: confident mistakes, and attention roll-out of a transformer."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from study.evaluation import probabilities
from study.vision.augment import ImageBatches
from study.vision.dataset import Images
from study.vision.rollout import seen

MISTAKES = 15
ATTENDED = 4  # right and wrong examples with attention, of each class


def mistakes(
    images: Images, names: Sequence[str], rows: np.ndarray, logits: np.ndarray
) -> tuple[list[dict], np.ndarray]:
    """The most confident mistakes among `rows`, and their pixels (m, S, S, 3) uint8; `logits` (len(rows), classes).

    `names` are the classes'.
    """
    predicted, confidence = logits.argmax(axis=1), probabilities(logits).max(axis=1)
    wrong = np.flatnonzero(predicted != images.classes[rows])
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    return [_described(images, names, rows[i], predicted[i], confidence[i]) for i in chosen], images.pixels[
        rows[chosen]
    ]


@torch.no_grad()
def attention(
    model: nn.Module, batches: ImageBatches, images: Images, names: Sequence[str], logits: np.ndarray
) -> tuple[list[dict], dict[str, np.ndarray]]:
    """Examples of a split with the maps of attention roll-out (m, grid, grid) float32, each summing to 1.

    They are, for each class, the first that are classified right and the most confident mistakes, up to ATTENDED of
    both. `logits` (n, classes) are the split's.
    """
    model.eval()
    rows, predicted, confidence = batches.rows, logits.argmax(axis=1), probabilities(logits).max(axis=1)
    chosen = []
    for kind in range(len(names)):
        mine = images.classes[rows] == kind
        wrong = np.flatnonzero(mine & (predicted != kind))
        chosen += [np.flatnonzero(mine & (predicted == kind))[:ATTENDED]]
        chosen += [wrong[np.argsort(-confidence[wrong], kind="stable")][:ATTENDED]]
    chosen = np.concatenate(chosen)
    weights = model.attention(batches.inputs(rows[chosen]))
    maps = seen(weights, hasattr(model, "class_token")).float().cpu().numpy()
    shown = [_described(images, names, rows[i], predicted[i], confidence[i]) for i in chosen]
    return shown, {"attention_maps": maps, "attention_pixels": images.pixels[rows[chosen]]}


def _described(images: Images, names: Sequence[str], row: int, predicted: int, confidence: float) -> dict:
    return {
        "name": str(images.names[row]),
        "label": str(images.labels[row]),
        "true": names[images.classes[row]],
        "predicted": names[predicted],
        "confidence": float(confidence),
    }
