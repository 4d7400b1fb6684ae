"""Training throughput of the report's loop, beside the same model written the common way, in one run."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from study import training
from study.definitions import notebook
from study.news.corpus import classes_of
from study.news.tokens import PADDING, Encoded, TextBatches

models = notebook("part4_ag_news_transformer")


class CommonClassifier(nn.Module):
    """The same layers from `torch.nn`: embeddings, `nn.TransformerEncoder` of one layer, mean pooling, dense head."""

    def __init__(self, vocabulary: int, longest: int, width: int, heads: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        self.positions = nn.Embedding(longest, width)
        layer = nn.TransformerEncoderLayer(width, heads, hidden, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=1, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, ids: Tensor) -> Tensor:
        present = ids != PADDING
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        return self.head(models.mean_of(self.encoder(x, src_key_padding_mask=~present), present))


def throughput(encoded: Encoded, classes: np.ndarray, settings: dict, repeats: int, seed: int) -> dict:
    """Training examples a second over all rows: one value a repetition, the two ways in turn.

    The common way: every text padded to `longest`, int64, a `DataLoader` that shuffles and collates single examples,
    float32, Adam as it is by default. Ours: `study.training.fit` on `TextBatches`, without its validation.
    """
    found: dict[str, Any] = {"ours": [], "common": [], "parameters": {}}
    for repeat in range(repeats + 1):  # the first warms up
        for way in WAYS:
            model = network(way, settings, seed)
            found["parameters"][way] = training.count_parameters(model)
            seconds = WAYS[way](model, encoded, classes, settings)
            if repeat:
                found[way].append(len(encoded) / seconds)
    return found


def network(way: str, settings: dict, seed: int) -> nn.Module:
    """The classifier of one of the WAYS, with starting weights of a seed."""
    torch.manual_seed(seed)
    sizes = [settings[name] for name in ("vocabulary", "longest", "width", "heads", "hidden")]
    classes = len(classes_of({"settings": settings}))
    make = {"ours": models.TextClassifier, "common": CommonClassifier}[way]
    return make(*sizes, classes=classes).to(training.device())


def _ours(model: nn.Module, encoded: Encoded, classes: np.ndarray, settings: dict) -> float:
    batches = TextBatches(encoded, classes, settings["batch"], 0)
    nothing = TextBatches(Encoded(encoded.ids[:1], encoded.lengths[:1]), classes[:1], 1, 0)
    recipe = training.Recipe(1, settings["learning_rate"])
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        training.fit(model, batches, nothing, recipe, 0, Path(scratch))
        return time.perf_counter() - start


def _common(model: nn.Module, encoded: Encoded, classes: np.ndarray, settings: dict) -> float:
    ids = torch.zeros(len(encoded), settings["longest"], dtype=torch.int64)
    ids[:, : encoded.ids.shape[1]] = torch.from_numpy(encoded.ids.astype(np.int64))
    loader = DataLoader(TensorDataset(ids, torch.from_numpy(classes)), batch_size=settings["batch"], shuffle=True)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"])
    return training.plain_epoch(model, loader, optimiser)


WAYS = {"ours": _ours, "common": _common}
"""Each trains a model for one epoch and returns the seconds that it took."""
