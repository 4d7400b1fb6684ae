"""The text classifier of the original: token and position embedding, one transformer block, pooling, dense head."""

import torch
from torch import Tensor, nn

from study.attention import SelfAttention
from study.dropout import Dropout
from study.news.tokens import PADDING


class TokenAndPosition(nn.Module):
    """Token numbers (B, N) -> the sums of their token's and their place's vectors (B, N, width)."""

    def __init__(self, vocabulary: int, longest: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        self.positions = nn.Embedding(longest, width)

    def forward(self, ids: Tensor) -> Tensor:
        if ids.shape[1] > self.positions.num_embeddings:
            raise ValueError(
                f"{ids.shape[1]} tokens: expected {self.positions.num_embeddings} at most"
            )
        places = torch.arange(ids.shape[1], device=ids.device)
        return self.tokens(ids) + self.positions(places)


class TransformerBlock(nn.Module):
    """An encoder block as in Vaswani et al. (2017): attention and feed-forward network, each
    with dropout, a residual connection and layer normalisation after it.

    Tokens x (B, N, width) and `present` (B, N) boolean -> (B, N, width).
    """

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(width, heads, dropout=dropout, validate=False)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), Dropout(dropout), nn.Linear(hidden, width)
        )
        self.feed_forward_norm = nn.LayerNorm(width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x, present)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class TextClassifier(nn.Module):
    """Token numbers (B, N) and lengths (B,) -> logits (B, classes).

    The mean over a text's own tokens, not the padding, goes through a dense head.
    """

    def __init__(
        self,
        vocabulary: int,
        longest: int,
        width: int,
        heads: int,
        hidden: int,
        classes: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = TokenAndPosition(vocabulary, longest, width)
        self.block = TransformerBlock(width, heads, hidden, dropout)
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(width, classes)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        present = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
        x = self.block(self.dropout(self.embedding(ids)), present)
        return self.head(self.dropout(mean_of(x, present)))


def mean_of(x: Tensor, present: Tensor) -> Tensor:
    """The mean of the tokens x (B, N, width) that are there by `present` (B, N): (B, width)."""
    weights = present.unsqueeze(-1).to(x.dtype)
    return (x * weights).sum(dim=1) / weights.sum(dim=1)
