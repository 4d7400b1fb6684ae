"""Looks inside a classifier: where its attention goes, and what it gets wrong with confidence."""

from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from study.evaluation import probabilities
from study.news.corpus import Corpus
from study.news.tokens import Encoded, TextBatches

MISTAKES = 40
_LONGEST_SHOWN = 26  # tokens; longer texts do not fit a line of the figure
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


@torch.no_grad()
def attention(
    model: nn.Module,
    tokenizer: Tokenizer,
    encoded: Encoded,
    split: Corpus,
    names: Sequence[str],
    logits: np.ndarray,
) -> list[dict]:
    """Short examples, each with its tokens and the attention (heads, N) that these receive.

    They are, for each class, the first that is classified right, and the two most confident mistakes.
    """
    model.eval()
    predicted, confidence = logits.argmax(axis=1), probabilities(logits).max(axis=1)
    short = encoded.lengths <= _LONGEST_SHOWN
    right = [np.flatnonzero(short & (predicted == kind) & (split.classes == kind))[:1] for kind in range(len(names))]
    wrong = np.flatnonzero(short & (predicted != split.classes))
    chosen = np.concatenate([*right, wrong[np.argsort(-confidence[wrong], kind="stable")][:2]])
    found = []
    for i in chosen:
        one = Encoded(encoded.ids[i : i + 1], encoded.lengths[i : i + 1])
        (inputs, _, _) = next(TextBatches(one, split.classes[i : i + 1], 1, 0).in_order())
        found.append(
            {
                "tokens": [tokenizer.id_to_token(int(t)) for t in one.ids[0, : one.lengths[0]]],
                "received": received(model, *inputs)[0].tolist(),
                "true": names[split.classes[i]],
                "predicted": names[predicted[i]],
                "confidence": float(confidence[i]),
            }
        )
    return found


def received(model: nn.Module, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The attention (B, heads, N) that each token receives: the mean over all queries of the weight on it.

    Over the tokens it sums to one.
    """
    present = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
    return model.block.attention(model.embedding(ids), present, return_weights=True)[1].mean(dim=2)
