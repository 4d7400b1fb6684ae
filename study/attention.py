"""Self-attention once, for every transformer of the report (Vaswani et al., Attention is all you need, 2017).

Shapes: B sequences, N tokens each, width d, h heads of width d_k = d / h. A token is a row, so that a projection is
x W + b and the logits are Q Kᵀ. Masks are boolean and say who may be seen: True keeps, False hides.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from study.dropout import checked, drop


def scaled_dot_product(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    scaled: bool = True,
    dropout: float = 0.0,
    validate: bool = True,
) -> tuple[Tensor, Tensor]:
    """Weighted sums of values and their weights: softmax(q kᵀ / √d_k) v, over the keys.

    q is (..., N, d_k), k (..., M, d_k) and v (..., M, d_v), floating point; `mask`, boolean
    and broadcastable to (..., N, M), is True where a query may look. Returns the sums
    (..., N, d_v) and the weights (..., N, M) before dropout. Without `scaled` the logits stay
    q kᵀ. Raises ValueError for shapes that do not fit and, with `validate`, for NaN and for a
    query from which every key is hidden.
    """
    shape = _shape_of_weights(q, k, v)
    if mask is not None:
        _check_mask(mask, shape)
    if validate and not torch.compiler.is_compiling():
        for name, tensor in (("q", q), ("k", k), ("v", v)):
            _check_numbers(tensor, name)
        _check_someone_is_seen(mask)
    logits = q @ k.transpose(-2, -1)  # Q Kᵀ, (..., N, M): how well each query fits each key
    if scaled:
        logits = logits / math.sqrt(q.shape[-1])  # / √d_k, for a variance of 1
    if mask is not None:  # −∞ where hidden: added, which costs nothing on the way back
        logits = logits + torch.where(mask, 0.0, -math.inf).to(logits.dtype)
    weights = logits.softmax(dim=-1)  # (..., N, M), each row sums to 1
    return drop(weights, dropout) @ v, weights  # the sums (..., N, d_v)


class SelfAttention(nn.Module):
    """Multi-head self-attention: three projections, attention in each head, output projection.

    `bias` gives every projection its b; without `output` the heads' results are joined and
    left as they are; `dropout` drops weights in training; with `temperature` each head learns
    what its logits are divided by, from √d_k on (Lee et al. 2021). Projections start from Xavier's
    uniform distribution (variance 1/d), biases from zero. `validate` looks at the values of
    each input (NaN, masks that hide everything), which makes the CPU wait for an accelerator;
    shapes are always checked. Raises ValueError for heads that do not divide the width.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        bias: bool = True,
        output: bool = True,
        dropout: float = 0.0,
        temperature: bool = False,
        validate: bool = True,
    ) -> None:
        super().__init__()
        if width < 1 or heads < 1 or width % heads:
            raise ValueError(
                f"{heads} heads do not divide a width of {width}: expected a multiple of the heads"
            )
        self.width, self.heads = width, heads
        self.dropout, self.validate = checked(dropout), validate
        # W_Q, W_K and W_V of all heads side by side, (d, d) each, and W_O.
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, width, bias=bias)
        self.value = nn.Linear(width, width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias) if output else nn.Identity()
        self.temperature = nn.Parameter(torch.empty(heads, 1, 1)) if temperature else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new starting weights."""
        for projection in (self.query, self.key, self.value, self.output):
            if isinstance(projection, nn.Linear):
                nn.init.xavier_uniform_(projection.weight)
                if projection.bias is not None:
                    nn.init.zeros_(projection.bias)
        if self.temperature is not None:
            nn.init.constant_(self.temperature, math.sqrt(self.width // self.heads))

    def forward(
        self,
        x: Tensor,
        present: Tensor | None = None,
        mask: Tensor | None = None,
        return_weights: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """x (B, N, d), floating point -> (B, N, d); with `return_weights` also (B, h, N, N).

        `present` (B, N), boolean, is True where a token is and False where there is padding,
        which then no token sees. `mask` (N, N) or (B, N, N), boolean, is True at [i, j] where
        token i may look at token j. With neither `return_weights` nor weights to drop PyTorch's
        fused kernel does the same and holds no weights. Raises ValueError for wrong shapes or
        types and, with `validate`, for NaN and for a token from which every token is hidden.
        """
        _check_tokens(x, self.width)
        visible = _visible(x, present, mask)
        if self.validate and not torch.compiler.is_compiling():
            _check_numbers(x, "x")
            _check_someone_is_seen(visible)
        # Q = x W_Q, K = x W_K, V = x W_V, cut into heads: (B, h, N, d_k) each.
        q, k, v = (self._split(project(x)) for project in (self.query, self.key, self.value))
        if self.temperature is not None:  # what follows divides by √d_k
            q = q * (math.sqrt(q.shape[-1]) / self.temperature)
        dropout = self.dropout if self.training else 0.0
        if not return_weights and not dropout:
            context = functional.scaled_dot_product_attention(q, k, v, attn_mask=visible)
            return self.output(self._join(context))
        context, weights = scaled_dot_product(
            q, k, v, visible, dropout=dropout, validate=self.validate
        )
        context = self.output(self._join(context))  # the heads joined, times W_O: (B, N, d)
        return (context, weights) if return_weights else context

    def _split(self, x: Tensor) -> Tensor:
        """(B, N, d) -> (B, h, N, d_k)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _join(self, context: Tensor) -> Tensor:
        """(B, h, N, d_k) -> (B, N, d)."""
        return context.transpose(1, 2).flatten(-2)


def _check_tokens(x: Tensor, width: int) -> None:
    if x.dim() != 3 or x.shape[-1] != width or not x.is_floating_point():
        raise ValueError(
            f"x is {tuple(x.shape)} {x.dtype}: expected floating point of shape (B, N, {width}), a row a token"
        )


def _visible(x: Tensor, present: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Both masks as one that fits (B, h, N, N), or None. Raises ValueError for a wrong shape or type."""
    batch, tokens, _ = x.shape
    visible = None
    if present is not None:
        if present.shape != (batch, tokens) or present.dtype != torch.bool:
            raise ValueError(
                f"present is {tuple(present.shape)} {present.dtype}: expected torch.bool of shape "
                f"({batch}, {tokens}), True where a token is"
            )
        visible = present[:, None, None, :]
    if mask is not None:
        if (
            mask.shape not in ((tokens, tokens), (batch, tokens, tokens))
            or mask.dtype != torch.bool
        ):
            raise ValueError(
                f"mask is {tuple(mask.shape)} {mask.dtype}: expected torch.bool of shape ({tokens}, {tokens}) or "
                f"({batch}, {tokens}, {tokens}), True where a token may look"
            )
        mask = mask if mask.dim() == 2 else mask[:, None]
        visible = mask if visible is None else visible & mask
    return visible


def as_pytorch(module: SelfAttention) -> nn.MultiheadAttention:
    """PyTorch's own multi-head attention with the same weights; `module` needs its output transformation."""
    projections, bias = (module.query, module.key, module.value), module.query.bias is not None
    theirs = nn.MultiheadAttention(module.width, module.heads, bias=bias, batch_first=True)
    with torch.no_grad():  # it keeps the three projections in one matrix
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
        if bias:
            theirs.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
    theirs.out_proj.load_state_dict(module.output.state_dict())
    return theirs


def _shape_of_weights(q: Tensor, k: Tensor, v: Tensor) -> torch.Size:
    """(..., N, M). Raises ValueError when the three do not fit together."""
    fits = (
        min(q.dim(), k.dim(), v.dim()) >= 2
        and q.shape[-1] == k.shape[-1]
        and k.shape[-2] == v.shape[-2]
    )
    try:
        batch = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"q is {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}: expected (..., N, d_k), (..., M, d_k) "
            "and (..., M, d_v), with leading axes that broadcast"
        )
    return batch + (q.shape[-2], k.shape[-2])


def _check_mask(mask: Tensor, weights: torch.Size) -> None:
    """Refuse a mask that is not boolean or does not broadcast to the shape of the weights."""
    try:
        fits = torch.broadcast_shapes(mask.shape, weights) == weights
    except RuntimeError:
        fits = False
    if not fits or mask.dtype != torch.bool:
        raise ValueError(
            f"mask is {tuple(mask.shape)} {mask.dtype}: expected torch.bool that broadcasts to {tuple(weights)}, True "
            "where a query may look"
        )


def _check_numbers(tensor: Tensor, name: str) -> None:
    if torch.isnan(tensor).any():
        where = tuple(torch.isnan(tensor).nonzero()[0].tolist())
        raise ValueError(
            f"{name} holds NaN, first at {where}: expected numbers; look at what made {name}"
        )


def _check_someone_is_seen(mask: Tensor | None) -> None:
    """Refuse a mask with a row of False only: the softmax over nothing is 0/0."""
    if mask is None:
        return
    blind = ~mask.any(dim=-1)
    if blind.any():
        where = tuple(blind.nonzero()[0].tolist())
        raise ValueError(
            f"the mask hides every key from the query at {where} of the mask: expected at least one True in each row; "
            "leave out empty sequences and put padding at the end"
        )
