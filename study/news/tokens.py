"""Texts as numbers: a tokeniser learnt from training texts alone, and batches that are cut by length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

from study.training import Batch, device

PADDING, UNKNOWN = 0, 1
UNKNOWN_WORD = "[UNK]"
_SPECIAL = ["[PAD]", UNKNOWN_WORD]
_POOL = 64  # batches that are filled together, so that examples of like length meet


def learn(texts: Sequence[str], size: int) -> Tokenizer:
    """A tokeniser with a vocabulary of `size` tokens at most, learnt from texts in lower case without accents.

    Tokens are the most frequent words, numbers and punctuation marks. Number 0 is padding, 1 an unknown token. Raises
    ValueError for a size below three, or no texts.
    """
    if size < 3 or not texts:
        raise ValueError(f"a vocabulary needs texts and room for one token beside {_SPECIAL}: size {size}")
    tokenizer = of_words(_SPECIAL)
    trainer = trainers.WordLevelTrainer(vocab_size=size, special_tokens=_SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    return tokenizer


def of_words(words: Sequence[str]) -> Tokenizer:
    """The tokeniser of a vocabulary, in the order of its numbers; it begins with padding and the unknown token."""
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN_WORD))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


@dataclass(frozen=True)
class Encoded:
    """Texts as numbers: `ids` (n, longest) uint16, padded with 0 at the end, and `lengths` (n,) int64, at least 1."""

    ids: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, chosen: np.ndarray) -> "Encoded":
        return Encoded(self.ids[chosen], self.lengths[chosen])


def encode(tokenizer: Tokenizer, texts: Sequence[str], longest: int) -> Encoded:
    """Numbers of each text's first `longest` tokens. A text without any token becomes one unknown token.

    Raises ValueError for a vocabulary that uint16 cannot number.
    """
    if tokenizer.get_vocab_size() > 2**16:
        raise ValueError(f"a vocabulary of {tokenizer.get_vocab_size()} tokens does not fit uint16")
    found = [encoding.ids[:longest] or [UNKNOWN] for encoding in tokenizer.encode_batch_fast(list(texts))]
    lengths = np.array([len(ids) for ids in found])
    padded = np.zeros((len(found), int(lengths.max())), dtype=np.uint16)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = np.concatenate(found)
    return Encoded(padded, lengths)


def coverage(encoded: Encoded) -> dict[str, float]:
    """What a vocabulary makes of texts: tokens in all, and the share of those that are unknown."""
    tokens = int(encoded.lengths.sum())
    return {"tokens": tokens, "unknown": float((encoded.ids == UNKNOWN).sum() / tokens)}


class TextBatches:
    """A split of encoded texts, held in memory as integers; see `study.training.Batches`.

    Each batch gives a model `ids` (B, N) int64 and `lengths` (B,) int64, N being the longest text of this batch. Texts
    of like length are batched together, from a shuffled pool, so that little padding is computed.
    """

    def __init__(self, encoded: Encoded, classes: np.ndarray, batch: int, seed: int) -> None:
        if len(encoded) != len(classes):
            raise ValueError(f"{len(encoded)} texts and {len(classes)} classes: expected as many")
        self.encoded, self.classes, self.batch, self.seed = encoded, classes, batch, seed

    def __len__(self) -> int:
        return len(self.encoded)

    def steps(self) -> int:
        return -(-len(self) // self.batch)

    def training(self, epoch: int) -> Iterator[Batch]:
        random = np.random.default_rng([self.seed, epoch])
        order = random.permutation(len(self))
        pool = _POOL * self.batch
        pools = [order[start : start + pool] for start in range(0, len(order), pool)]
        ordered = np.concatenate([p[np.argsort(self.encoded.lengths[p], kind="stable")] for p in pools])
        for i in random.permutation(self.steps()):
            rows = ordered[i * self.batch : (i + 1) * self.batch]
            yield self._inputs(rows), self._classes(rows)

    def in_order(self) -> Iterator[tuple[tuple[Tensor, ...], Tensor, np.ndarray]]:
        order = np.argsort(self.encoded.lengths, kind="stable")
        for start in range(0, len(self), 4 * self.batch):
            rows = order[start : start + 4 * self.batch]
            yield self._inputs(rows), self._classes(rows), rows

    def _inputs(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        lengths = self.encoded.lengths[rows]
        ids = self.encoded.ids[rows, : lengths.max()].astype(np.int64)
        return torch.from_numpy(ids).to(device()), torch.from_numpy(lengths).to(device())

    def _classes(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(self.classes[rows]).to(device())
