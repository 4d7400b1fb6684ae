"""Dropout by sixteen random bits an element."""

import pytest
import torch

from study.dropout import Dropout, drop


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_each_element_is_dropped_with_probability_p(p):
    torch.manual_seed(0)
    x = torch.ones(1_000_003)
    found = drop(x, p)
    assert set(found.unique().tolist()) == {0.0, torch.tensor(1 / (1 - p)).item()}
    spread = (p * (1 - p) / len(x)) ** 0.5
    assert abs(float((found == 0).float().mean()) - p) < 4 * spread
    # No place in the draw of 64 bits, which serves four elements, is worse than another.
    for place in range(4):
        assert abs(float((found[place::4] == 0).float().mean()) - p) < 8 * spread
    both = float(((found[:-1] == 0) & (found[1:] == 0)).float().mean())
    assert abs(both - p * p) < 8 * spread


def test_probabilities_are_rounded_to_a_sixteen_bit_step():
    torch.manual_seed(0)
    assert drop(torch.ones(1_000_000), 1e-6).all()


def test_any_shape_and_type_keeps_both():
    for shape in ((), (1,), (3, 5), (2, 3, 0), (7, 1, 3)):
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            found = drop(torch.ones(shape, dtype=dtype), 0.5)
            assert found.shape == shape and found.dtype == dtype
    turned = torch.ones(6, 4).t()
    assert drop(turned, 0.5).shape == (4, 6)


def test_the_gradient_passes_where_the_value_did():
    torch.manual_seed(1)
    x = torch.randn(50, 7, requires_grad=True)
    found = drop(x, 0.25)
    found.sum().backward()
    torch.testing.assert_close(x.grad, (found != 0).float() / 0.75)
    torch.testing.assert_close(found, x * x.grad)


def test_a_seed_gives_the_same_again_and_the_next_call_another():
    x = torch.ones(1_000)
    torch.manual_seed(2)
    first, second = drop(x, 0.5), drop(x, 0.5)
    torch.manual_seed(2)
    assert torch.equal(drop(x, 0.5), first) and not torch.equal(first, second)


def test_the_layer_acts_in_training_only():
    layer, x = Dropout(0.5), torch.randn(100)
    assert not torch.equal(layer(x), x)
    assert torch.equal(layer.eval()(x), x)
    assert "p=0.5" in repr(layer)


def test_nothing_is_dropped_or_drawn_at_zero():
    torch.manual_seed(3)
    x = torch.randn(10)
    assert drop(x, 0.0) is x
    torch.manual_seed(3)
    assert torch.equal(x, torch.randn(10))


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_another_probability_is_refused(p):
    with pytest.raises(ValueError, match="expected at least 0 and below 1"):
        drop(torch.ones(2), p)
