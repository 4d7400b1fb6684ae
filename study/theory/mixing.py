"""What the output transformation is for: a task that one positive-weighted sum cannot solve, and two can, if mixed.

Token i is to become the difference of its neighbours on a ring, y_i = x_{i−1} − x_{i+1}. A head's weights are not
negative. While they depend on places alone, a component that one head fills can follow one neighbour at best and
explains half of the variance; two heads, one per neighbour, whose values W_o adds with signs, explain all of it, as far
as d_k components carry it. Weights that depend on contents can do more, `tests/with_torch/test_part3.py` shows how.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from study.attention import SelfAttention

LEARNING_RATE = 1e-2
BATCH = 256
TEST = 4096


class Neighbours(nn.Module):
    """Self-attention on (B, N, content) with the token's place, one-hot, appended to its content."""

    def __init__(self, tokens: int, content: int, heads: int, output: bool) -> None:
        super().__init__()
        self.content = content
        # Twice a unit vector, so that places weigh as much as contents at the start.
        self.register_buffer("places", 2 * torch.eye(tokens))
        self.attention = SelfAttention(content + tokens, heads, output=output)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(self._placed(x))[..., : self.content]

    def followed(self, x: Tensor) -> list[int]:
        """How many places ahead on the ring each head looks, by the weights' mean over x (B, N, content)."""
        weights = self.attention(self._placed(x), return_weights=True)[1].mean(dim=0)
        tokens = weights.shape[-1]
        ahead = torch.stack([weights.roll(-step, dims=-1).diagonal(dim1=-2, dim2=-1).sum(-1) for step in range(tokens)])
        return ahead.argmax(dim=0).tolist()

    def _placed(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.places.expand(len(x), -1, -1)], dim=-1)


def target(x: Tensor) -> Tensor:
    """x (B, N, content) -> the difference of the two neighbours on the ring, same shape."""
    return x.roll(1, dims=1) - x.roll(-1, dims=1)


def train(heads: int, output: bool, tokens: int, content: int, steps: int, seed: int) -> dict:
    """Train a layer with these heads, with or without W_o, with Adam on fresh standard normal tokens in every step.

    Returns R² on unseen tokens, how many different places the heads look at, and the number of parameters. Raises
    ValueError for heads that do not divide the width, content + tokens.
    """
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = Neighbours(tokens, content, heads, output)
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    for _ in range(steps):
        x = torch.randn(BATCH, tokens, content, generator=random)
        loss = functional.mse_loss(model(x), target(x))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        x = torch.randn(TEST, tokens, content, generator=random)
        explained = 1 - (functional.mse_loss(model(x), target(x)) / target(x).var()).item()
        followed = model.followed(x)
    return {
        "explained": explained,
        "places": len(set(followed)),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
