"""Looks inside a classifier: where its attention goes, and what it gets wrong with confidence."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from study.evaluation import probabilities
from study.news.corpus import Corpus

MISTAKES = 40
_LONGEST_TEXT = 400  # characters


def mistakes(split: Corpus, names: Sequence[str], logits: np.ndarray) -> list[dict]:
    """The most confident mistakes: row in the split, text, true and predicted class by `names`, confidence."""
    found = probabilities(logits)
    predicted, confidence = logits.argmax(axis=1), found.max(axis=1)
    wrong = np.flatnonzero(predicted != split.classes)
    return [
        {
            "row": int(i),
            "text": split.texts[i][:_LONGEST_TEXT],
            "true": names[split.classes[i]],
            "predicted": names[predicted[i]],
            "confidence": float(confidence[i]),
        }
        for i in wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    ]


def received(model: nn.Module, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The attention (B, heads, N) that each token receives: the mean over all queries of the weight on it.

    Over the tokens it sums to one.
    """
    present = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
    return model.block.attention(model.embedding(ids), present, return_weights=True)[1].mean(dim=2)
