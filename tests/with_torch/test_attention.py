"""Our self-attention equals PyTorch's, forward and gradient, and refuses what has no answer."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from study.attention import SelfAttention, as_pytorch, scaled_dot_product

SHAPES = {
    "batch": st.integers(1, 3),
    "tokens": st.integers(1, 7),
    "heads": st.integers(1, 4),
    "head_width": st.integers(1, 6),
    "seed": st.integers(0, 10_000),
}
exact = settings(max_examples=40, deadline=None)


def causal(tokens: int) -> torch.Tensor:
    """Token i may look at tokens 1 to i."""
    return torch.ones(tokens, tokens, dtype=torch.bool).tril()


def padded(batch: int, tokens: int) -> torch.Tensor:
    """(batch, tokens) bool: True where a token is; every sequence has one at least."""
    lengths = torch.randint(1, tokens + 1, (batch,))
    return torch.arange(tokens) < lengths[:, None]


@exact
@given(**SHAPES, masked=st.booleans())
def test_dot_product_equals_torch_forward_and_gradient(batch, tokens, heads, head_width, seed, masked):
    torch.manual_seed(seed)
    inputs = [torch.randn(batch, heads, tokens, head_width, requires_grad=True) for _ in range(3)]
    mask = padded(batch, tokens)[:, None, None, :] if masked else None
    ours, weights = scaled_dot_product(*inputs, mask)
    theirs = functional.scaled_dot_product_attention(*inputs, attn_mask=mask)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(batch, heads, tokens))
    upstream = torch.randn_like(ours)
    for mine, torchs in zip(
        torch.autograd.grad(ours, inputs, upstream), torch.autograd.grad(theirs, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(mine, torchs, atol=1e-5, rtol=1e-4)


@exact
@given(**SHAPES, masked=st.booleans(), bias=st.booleans(), weights=st.booleans())
def test_module_equals_multihead_attention(batch, tokens, heads, head_width, seed, masked, bias, weights):
    torch.manual_seed(seed)
    width = heads * head_width
    ours = SelfAttention(width, heads, bias=bias)
    for p in (ours.query, ours.key, ours.value, ours.output) if bias else ():
        nn.init.normal_(p.bias)
    theirs = as_pytorch(ours)
    x = torch.randn(batch, tokens, width, requires_grad=True)
    present = padded(batch, tokens) if masked else torch.ones(batch, tokens, dtype=torch.bool)
    mine = ours(x, present, return_weights=weights)
    expected, expected_weights = theirs(x, x, x, key_padding_mask=~present, average_attn_weights=False)
    if weights:
        mine, got = mine
        torch.testing.assert_close(got, expected_weights, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mine, expected, atol=1e-5, rtol=1e-5)
    upstream = torch.randn_like(mine)
    (a,), (b,) = torch.autograd.grad(mine, x, upstream), torch.autograd.grad(expected, x, upstream)
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_weights_by_hand():
    q = torch.tensor([[1.0, 0.0]])
    k = torch.tensor([[2.0, 0.0], [0.0, 5.0]])
    v = torch.tensor([[1.0], [3.0]])
    out, weights = scaled_dot_product(q, k, v)
    first = torch.tensor(2 / 2**0.5).sigmoid()
    torch.testing.assert_close(weights, torch.stack([first, 1 - first])[None])
    torch.testing.assert_close(out, (first + 3 * (1 - first))[None, None])
    unscaled = scaled_dot_product(q, k, v, scaled=False)[1]
    assert unscaled[0, 0] > weights[0, 0]


def test_padding_and_the_future_change_nothing():
    torch.manual_seed(0)
    attention = SelfAttention(8, 2).eval()
    x = torch.randn(1, 6, 8)
    present = torch.tensor([[True] * 4 + [False] * 2])
    other = x.clone()
    other[:, 4:] = 100.0
    torch.testing.assert_close(attention(x, present)[:, :4], attention(other, present)[:, :4])
    torch.testing.assert_close(attention(x, present)[:, :4], attention(x[:, :4]))
    torch.testing.assert_close(attention(x, mask=causal(6))[:, :4], attention(other, mask=causal(6))[:, :4])


def test_each_sequence_may_have_a_mask_of_its_own():
    torch.manual_seed(2)
    attention, x = SelfAttention(6, 2), torch.randn(2, 4, 6)
    masks = torch.stack([causal(4), torch.eye(4, dtype=torch.bool)])
    present = torch.tensor([[True] * 4, [True] * 4])
    apart = [attention(x[i : i + 1], mask=masks[i]) for i in range(2)]
    torch.testing.assert_close(attention(x, present, masks), torch.cat(apart), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("weights", [True, False])
def test_dropout_acts_in_training_only(weights):
    torch.manual_seed(3)
    attention, x = SelfAttention(8, 2, dropout=0.5), torch.randn(2, 5, 8)

    def output():
        found = attention(x, return_weights=weights)
        return found[0] if weights else found

    assert not torch.allclose(output(), output())
    attention.eval()
    torch.testing.assert_close(output(), output(), atol=0, rtol=0)


def test_values_are_not_looked_at_without_validate():
    x = torch.full((1, 2, 4), torch.nan)
    assert SelfAttention(4, 2, validate=False)(x).isnan().all()
    with pytest.raises(ValueError, match="x is"):
        SelfAttention(4, 2, validate=False)(x[..., :3])


def test_fresh_projections_keep_the_variance():
    torch.manual_seed(4)
    attention = SelfAttention(256, 4)
    assert attention.query.weight.var().item() == pytest.approx(1 / 256, rel=0.05)
    assert not any(p.bias.any() for p in (attention.query, attention.key, attention.value, attention.output))
    assert isinstance(SelfAttention(4, 2, output=False).output, nn.Identity)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: SelfAttention(10, 3), "3 heads do not divide a width of 10"),
        (lambda: SelfAttention(4, 2)(torch.zeros(2, 3, 5)), r"expected floating point of shape \(B, N, 4\)"),
        (lambda: SelfAttention(4, 2)(torch.full((1, 2, 4), torch.nan)), "x holds NaN"),
        (lambda: SelfAttention(4, 2)(torch.zeros(1, 2, 4), torch.tensor([[False, False]])), "hides every key"),
        (lambda: SelfAttention(4, 2)(torch.zeros(1, 2, 4), torch.ones(1, 3, dtype=torch.bool)), "present is"),
        (lambda: SelfAttention(4, 2)(torch.zeros(1, 2, 4), mask=torch.ones(3, 3, dtype=torch.bool)), "mask is"),
        (lambda: scaled_dot_product(torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(2, 4)), "expected"),
        (lambda: scaled_dot_product(torch.zeros(2, 3, 4), torch.zeros(3, 3, 4), torch.zeros(3, 4)), "leading axes"),
        (
            lambda: scaled_dot_product(*torch.zeros(3, 2, 4), torch.ones(3, 2, dtype=torch.bool)),
            r"broadcasts to \(2, 2\)",
        ),
        (lambda: scaled_dot_product(*torch.zeros(3, 2, 4), torch.ones(2, 2)), "expected torch.bool"),
        (lambda: scaled_dot_product(*torch.full((3, 2, 4), torch.nan)), "q holds NaN"),
        (lambda: SelfAttention(4, 2)(torch.zeros(1, 2, 4, dtype=torch.int64)), "expected floating point"),
        (lambda: SelfAttention(4, 2, dropout=1.0), "dropout is 1.0"),
    ],
)
def test_bad_input_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
