"""A trained classifier in its record, to classify texts of one's own: weights as float16, words as UTF-8.

Both are plain arrays of the record's `.npz`, which holds their digest; nothing that is loaded is executed.
"""

from collections.abc import Callable

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from study.definitions import notebook
from study.news import tokens
from study.news.corpus import classes_of
from study.runs import Record, label
from study.training import device

_WEIGHT, _WORDS = "weight_", "words"


def arrays(model: nn.Module, tokenizer: Tokenizer) -> dict[str, np.ndarray]:
    """What a record keeps: each weight under its name, float16, and the words by their numbers, (bytes,) uint8."""
    numbers = tokenizer.get_vocab()
    words = "\n".join(sorted(numbers, key=numbers.get)).encode()
    by_name = {f"{_WEIGHT}{name}": w.numpy(force=True).astype(np.float16) for name, w in model.state_dict().items()}
    return by_name | {_WORDS: np.frombuffer(words, dtype=np.uint8)}


def classifier(record: Record, make: Callable[..., nn.Module] | None = None) -> tuple[nn.Module, Tokenizer]:
    """The network of a record that keeps it, ready to predict, and its tokeniser.

    `make` is a live class of a notebook; without it the file's is taken. Raises ValueError for a record
    without weights, or with those of another network than the notebook defines.
    """
    if _WORDS not in record.arrays:
        raise ValueError(f"The record of {label(record.spec)} keeps no weights; the dropout variant's first seed does.")
    words, s = record.arrays[_WORDS].tobytes().decode().split("\n"), record.spec["settings"]
    classes = len(classes_of(record.spec))
    sizes = len(words), s["longest"], s["width"], s["heads"], s["hidden"], classes, s["dropout"]
    model = (make or notebook("part4_ag_news_transformer").TextClassifier)(*sizes)
    weights = {name: array for name, array in record.arrays.items() if name.startswith(_WEIGHT)}
    try:
        model.load_state_dict(
            {name.removeprefix(_WEIGHT): torch.from_numpy(w.astype(np.float32)) for name, w in weights.items()}
        )
    except RuntimeError as error:
        raise ValueError(
            f"The record of {label(record.spec)} keeps the weights of another network than the notebook defines; "
            "restore the definition that it was made with."
        ) from error
    return model.to(device()).eval(), tokens.of_words(words)
