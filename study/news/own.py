"""The report's own classifier of news: three unlike towers in one model, trained from scratch on the training texts.

Two wide towers know n-grams by heart (words and pairs; characters in their case), each a linear model; a deep tower
reads the words in order, by a convolution and then by self-attention. Each tower learns from a loss of its own
(Lee et al. 2015), and the model's logits are the mean of theirs. The ablation leaves out one element at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.extmath import randomized_svd
from torch import Tensor, nn
from torch.nn import functional

from study.attention import SelfAttention
from study.definitions import notebook
from study.news import tokens
from study.news.corpus import CLASSES
from study.news.design import GRAMS, TRAINING, Design
from study.training import Recipe, device

mean_of = notebook("part4_ag_news_transformer").mean_of

_GAIN = 8.0  # Adam's steps have one size for all weights; this one lets the many weights of n-grams move enough
_SPREAD = 0.3  # standard deviation of the initial embeddings
_NEIGHBOURS = 10  # words on each side that count as seen together


def chosen(settings: Mapping) -> tuple[Design, Recipe]:
    """Design and recipe of `study.news.design.settings`; other names in the mapping are left aside."""
    values = {f.name: settings[f.name] for f in fields(Design)}
    recipe = Recipe(**{name: settings[name] for name in TRAINING})
    return Design(**values | {"grams": tuple(values["grams"])}), recipe


class Reader:
    """How texts become numbers, learnt from training texts alone: the words' numbers, and the n-grams' weights.

    `features` are the numbers of n-grams of each kind in `study.news.design.GRAMS`, `learnt` is what the training texts
    themselves become.
    """

    def __init__(self, texts: Sequence[str], vocabulary: int, longest: int) -> None:
        self.longest = longest
        self.tokenizer = tokens.learn(texts, vocabulary)
        self.counters = {
            name: TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **how) for name, how in GRAMS.items()
        }
        # Finding the n-grams of a text is what takes long: the training texts are gone through once.
        self.learnt = self._reading(texts, {name: one.fit_transform(texts) for name, one in self.counters.items()})
        self.features = {name: len(counter.vocabulary_) for name, counter in self.counters.items()}

    def read(self, texts: Sequence[str]) -> "Reading":
        return self._reading(texts, {name: counter.transform(texts) for name, counter in self.counters.items()})

    def _reading(self, texts: Sequence[str], grams: dict[str, sparse.csr_matrix]) -> "Reading":
        for matrix in grams.values():
            matrix.sort_indices()
        return Reading(tokens.encode(self.tokenizer, texts, self.longest), grams)


@dataclass(frozen=True)
class Reading:
    """Texts as numbers: words, and for each kind of n-gram a CSR matrix (n, features) float32 of TF-IDF weights."""

    words: tokens.Encoded
    grams: dict[str, sparse.csr_matrix]


class Batches(tokens.TextBatches):
    """A split that gives the model ids (B, N) and lengths (B,), int64, and for each wide tower three tensors more.

    These are the n-grams (T,) int64 of all texts of the batch, text by text, their weights (T,) float32, and where each
    text's begin (B + 1,) int64. The order is that of `TextBatches`.
    """

    def __init__(self, reading: Reading, classes: np.ndarray, design: Design, seed: int) -> None:
        super().__init__(reading.words, classes, design.batch, seed)
        self.grams = [reading.grams[name] for name in design.grams]

    def _inputs(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        parts = [matrix[rows] for matrix in self.grams]
        bags = [
            torch.from_numpy(array).to(device())
            for part in parts
            for array in (part.indices.astype(np.int64), part.data, part.indptr.astype(np.int64))
        ]
        return *super()._inputs(rows), *bags


class WideTower(nn.Module):
    """N-grams by TF-IDF -> logits (B, classes), linearly (Cheng et al. 2016, wide part)."""

    def __init__(self, features: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.weights = nn.EmbeddingBag(features, classes, mode="sum", include_last_offset=True)
        nn.init.zeros_(self.weights.weight)
        self.dropout = dropout

    def forward(self, grams: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        values = functional.dropout(values, self.dropout, self.training)
        return _GAIN * self.weights(grams, starts, per_sample_weights=values)


class DeepTower(nn.Module):
    """Word numbers (B, N) and lengths (B,) -> logits (B, classes).

    The words' vectors are convolved, three by three, and halved in number by a maximum, as the
    tokens of Hassani et al. (2021); this also tells attention the order of words, so that there
    are no positions. A pre-norm transformer block (Xiong et al. 2020) follows, then max and mean
    pooling over the tokens and a dense head. Words are dropped whole (Iyyer et al. 2015), and
    features with one mask for all words of a text (Gal & Ghahramani 2016).
    """

    def __init__(self, design: Design, classes: int, start: np.ndarray | None) -> None:
        super().__init__()
        width = design.width
        self.word_dropout = design.word_dropout
        self.embedding = nn.Embedding(design.vocabulary, width, padding_idx=tokens.PADDING)
        nn.init.normal_(self.embedding.weight, std=_SPREAD)
        if start is not None:
            self.embedding.weight.data[: len(start)] = torch.from_numpy(start)
        self.embedding.weight.data[tokens.PADDING] = 0.0
        self.convolution = nn.Conv1d(width, width, 3, padding=1) if design.convolution else None
        self.attention_norm = nn.LayerNorm(width) if design.attention else None
        self.attention = (
            SelfAttention(width, design.heads, validate=False) if design.attention else None
        )
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.norm = nn.LayerNorm(width)
        self.dropout = SharedDropout(design.dropout)
        self.head = nn.Sequential(nn.Dropout(design.head_dropout), nn.Linear(2 * width, classes))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        present = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
        if self.training and self.word_dropout:
            dropped = torch.rand(ids.shape, device=ids.device) < self.word_dropout
            ids = ids.masked_fill(dropped & present, tokens.UNKNOWN)
        x = self.dropout(self.embedding(ids))
        if self.convolution is not None:
            x = x + functional.gelu(self.convolution(x.transpose(1, 2)).transpose(1, 2))
            x = functional.max_pool1d(
                _hide(x, present).transpose(1, 2), 2, ceil_mode=True
            ).transpose(1, 2)
            present = present[:, ::2]
            x = x.masked_fill(~present.unsqueeze(-1), 0.0)
        if self.attention is not None:
            x = x + self.dropout(self.attention(self.attention_norm(x), present))
        x = self.norm(x + self.dropout(self.feed_forward(x)))
        return self.head(torch.cat([_hide(x, present).amax(dim=1), mean_of(x, present)], dim=1))


def _hide(x: Tensor, present: Tensor) -> Tensor:
    """Tokens x (B, N, width), those that are not present below every maximum."""
    return x.masked_fill(~present.unsqueeze(-1), -torch.inf)


class SharedDropout(nn.Module):
    """Drops features of x (B, N, width), the same ones for all tokens of a text."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        return x * functional.dropout(
            x.new_ones(len(x), 1, x.shape[2]), self.probability, self.training
        )


class OwnClassifier(nn.Module):
    """The inputs of `Batches` -> logits: each tower's (B, towers, classes) in training, else their
    mean (B, classes).

    `features` are the numbers of n-grams of each kind, `start` (words, width) float32 the initial
    embeddings of words. Raises ValueError for embeddings or inputs that do not fit.
    """

    def __init__(
        self, design: Design, features: Mapping[str, int], start: np.ndarray | None = None
    ) -> None:
        super().__init__()
        if start is not None and (start.shape[1] != design.width or len(start) > design.vocabulary):
            raise ValueError(
                f"initial embeddings are {start.shape}: expected {design.vocabulary} words "
                f"at most, of {design.width} numbers each"
            )
        self.deep = DeepTower(design, len(CLASSES), start)
        self.wide = nn.ModuleList(
            WideTower(features[name], len(CLASSES), design.gram_dropout) for name in design.grams
        )

    def forward(self, ids: Tensor, lengths: Tensor, *bags: Tensor) -> Tensor:
        if len(bags) != 3 * len(self.wide):
            raise ValueError(
                f"{len(bags)} tensors of n-grams for {len(self.wide)} towers: expected three each"
            )
        wide = [tower(*bags[3 * i : 3 * i + 3]) for i, tower in enumerate(self.wide)]
        towers = torch.stack([self.deep(ids, lengths), *wide], dim=1)
        return towers if self.training else towers.mean(dim=1)


def first_vectors(words: tokens.Encoded, vocabulary: int, width: int) -> np.ndarray:
    """Initial embeddings of words (vocabulary, width) float32, from the words beside them in the training texts.

    Positive pointwise mutual information of neighbours, nearer ones counted more, is factorised by a truncated
    singular-value decomposition (Levy & Goldberg 2014; context distribution smoothed as in Levy et al. 2015).
    """
    ids, present = words.ids.astype(np.int64), words.ids != tokens.PADDING
    counts = sparse.csr_matrix((vocabulary, vocabulary), dtype=np.float32)
    for distance in range(1, min(_NEIGHBOURS, ids.shape[1] - 1) + 1):
        both = present[:, distance:]
        pairs = ids[:, :-distance][both], ids[:, distance:][both]
        weights = np.full(len(pairs[0]), distance**-0.5, dtype=np.float32)
        counts = counts + sparse.csr_matrix((weights, pairs), shape=counts.shape)
    counts = (counts + counts.T).tocoo()
    of_word = np.asarray(counts.sum(axis=1)).ravel()
    of_context = of_word**0.75 / (of_word**0.75).sum()
    information = np.log(counts.data / (of_word[counts.row] * of_context[counts.col]))
    positive = information > 0
    places = counts.row[positive], counts.col[positive]
    matrix = sparse.csr_matrix(
        (information[positive].astype(np.float32), places), shape=counts.shape
    )
    left, strengths, _ = randomized_svd(matrix, width, n_iter=3, random_state=0)
    vectors = left * np.sqrt(strengths)
    return (_SPREAD * vectors / vectors.std()).astype(np.float32)
