"""The networks are those of the papers: outputs beside `transformers`, parameter counts, multiply-adds by hand."""

import pytest
import torch
from torch import nn
from transformers import ViTConfig, ViTForImageClassification

from study import parts
from study.attention import SelfAttention, scaled_dot_product
from study.training import count_parameters
from study.vision import rollout
from study.vision.cost import multiply_adds

models = parts.find("bonus").models()
VGG, ResNet18, EfficientNetB0 = models.VGG, models.ResNet18, models.EfficientNetB0
VisionTransformer, ConvolutionalTransformer = models.VisionTransformer, models.ConvolutionalTransformer
SMALL = {"image": 32, "patch": 8, "width": 24, "depth": 3, "heads": 3, "hidden": 48}


def their_weights(ours: nn.Module, theirs: ViTForImageClassification) -> dict[str, torch.Tensor]:
    """The weights of ours under the names that `transformers` gives them."""
    state, found = ours.state_dict(), {}
    names = {
        "vit.embeddings.cls_token": "class_token", "vit.embeddings.position_embeddings": "positions",
        "vit.embeddings.patch_embeddings.projection": "tokens.project", "vit.layernorm": "norm", "classifier": "head",
    }  # fmt: skip
    for i in range(len(ours.blocks)):
        here, there = f"blocks.{i}", f"vit.layers.{i}"
        names |= {f"{there}.attention.{k}_proj": f"{here}.attention.{name}" for k, name in
                  {"q": "query", "k": "key", "v": "value", "o": "output"}.items()}  # fmt: skip
        names |= {f"{there}.mlp.fc1": f"{here}.perceptron.0", f"{there}.mlp.fc2": f"{here}.perceptron.2"}
        names |= {f"{there}.layernorm_before": f"{here}.attention_norm"}
        names |= {f"{there}.layernorm_after": f"{here}.perceptron_norm"}
    for key in theirs.state_dict():
        name, _, leaf = key.rpartition(".")
        found[key] = state[names[key]] if key in names else state[f"{names[name]}.{leaf}"]
    return found


@pytest.mark.parametrize("side", [32, 48])
def test_the_vit_equals_that_of_transformers(side):
    torch.manual_seed(0)
    ours = VisionTransformer(5, **SMALL).eval()
    for p in ours.parameters():
        nn.init.normal_(p, std=0.2)  # so that biases and norms matter too
    theirs = ViTForImageClassification(
        ViTConfig(
            hidden_size=24,
            num_hidden_layers=3,
            num_attention_heads=3,
            intermediate_size=48,
            image_size=32,
            patch_size=8,
            num_labels=5,
            layer_norm_eps=1e-6,
        )  # fmt: skip
    ).eval()
    theirs.load_state_dict(their_weights(ours, theirs))
    images = torch.randn(4, 3, side, side)
    with torch.no_grad():
        expected = theirs(images, interpolate_pos_encoding=side != 32).logits
        torch.testing.assert_close(ours(images), expected, atol=1e-5, rtol=1e-5)


def test_parameters_and_multiply_adds_are_those_of_the_papers():
    with torch.device("meta"):
        vit = VisionTransformer(1000, 768, 12, 12, 3072, 224, 16)
        vgg, resnet, efficient = VGG(1000, "original"), ResNet18(1000, "standard"), EfficientNetB0(1000)
        assert count_parameters(vit) == 86_567_656
        assert count_parameters(vgg) == 133_053_736
        assert count_parameters(resnet) == 11_689_512
        assert count_parameters(efficient) == 5_288_548
        assert multiply_adds(vgg, 224) == pytest.approx(11.3e9, rel=0.01)
        assert multiply_adds(resnet, 224) == pytest.approx(1.8e9, rel=0.02)
        assert multiply_adds(efficient, 224) == pytest.approx(0.39e9, rel=0.02)
        assert multiply_adds(vit, 224) == pytest.approx(17.6e9, rel=0.01)


def test_multiply_adds_by_hand():
    grouped = nn.Conv2d(4, 8, 3, padding=1, groups=2)
    network = nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), nn.ReLU(), grouped, nn.Flatten(), nn.Linear(8 * 9, 10))
    assert multiply_adds(network, 6) == 9 * 4 * (3 * 4) + 9 * 8 * (2 * 9) + 72 * 10

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = SelfAttention(3, 1)

        def forward(self, images):
            return self.attention(images.flatten(2).transpose(1, 2))

    assert multiply_adds(Tokens(), 2) == 4 * (4 * 3 * 3) + 2 * 4 * 4 * 3


@pytest.mark.parametrize(
    "network",
    [
        lambda: VGG(3), lambda: ResNet18(3), lambda: ResNet18(3, "standard"), lambda: EfficientNetB0(3),
        *(lambda m=m: m(3, 24, 2, 3, 48) for m in (VisionTransformer, ConvolutionalTransformer)),
        lambda: ConvolutionalTransformer(3, 24, 2, 3, 48, attention=False),
    ],
)  # fmt: skip
def test_every_network_gives_finite_logits_and_gradients_at_several_sizes(network):
    torch.manual_seed(0)
    model = network()
    for side in (32, 48):
        logits = model(torch.randn(2, 3, side, side))
        assert logits.shape == (2, 3) and logits.isfinite().all()
    logits.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_efficientnet_has_the_strides_and_size_of_the_paper():
    with torch.device("meta"):
        network = EfficientNetB0(3).eval()
        last = network.network.efficientnet(torch.zeros(1, 3, 64, 64)).last_hidden_state
    assert last.shape[-2:] == (2, 2)
    assert sum(p.numel() for p in network.parameters()) == 4_011_391


def test_strides_leave_the_sides_that_the_stems_promise():
    with torch.device("meta"):
        for stem, side in {"standard": 2, "halving": 4}.items():
            assert nn.Sequential(*list(ResNet18(3, stem))[:-3])(torch.zeros(1, 3, 64, 64)).shape == (1, 512, side, side)


@pytest.mark.parametrize("weights", [True, False])
def test_temperature_divides_the_logits(weights):
    torch.manual_seed(0)
    layer, plain = SelfAttention(8, 2, temperature=True), SelfAttention(8, 2)
    plain.load_state_dict({k: v for k, v in layer.state_dict().items() if k != "temperature"})
    x = torch.randn(1, 5, 8)

    def out(of):
        return of(x, return_weights=True)[0] if weights else of(x)

    torch.testing.assert_close(out(layer), out(plain))  # as it starts
    nn.init.constant_(layer.temperature, 0.5)
    q, k, v = (p(x).unflatten(-1, (2, 4)).transpose(1, 2) for p in (layer.query, layer.key, layer.value))
    context, _ = scaled_dot_product(q / 0.5, k, v, scaled=False)
    torch.testing.assert_close(out(layer), layer.output(context.transpose(1, 2).flatten(-2)))


def test_vit_c_reads_tokens_of_convolutions_off_their_mean():
    torch.manual_seed(0)
    model = ConvolutionalTransformer(5, 24, 2, 3, 48).eval()
    for p in model.parameters():
        nn.init.normal_(p, std=0.2)
    images = torch.randn(2, 3, 64, 64)
    maps = images
    for layer in list(model.tokens)[:-1]:
        maps = layer(maps)
    assert maps.shape == (2, 128, 8, 8)
    x = torch.cat([model.class_token.expand(2, -1, -1), model.tokens[-1](maps).flatten(2).transpose(1, 2)], dim=1)
    x = x + model.positions
    for block in model.blocks:
        x = block(x)
    torch.testing.assert_close(model(images), model.head(model.norm(x).mean(1)))
    # A token sees beyond the border of its 8×8 pixels.
    changed = images.clone()
    changed[..., 8] += 1
    assert not torch.allclose(model.tokens(images)[:, 0], model.tokens(changed)[:, 0])


def test_the_stem_of_vit_c_is_light_and_without_attention_no_token_reaches_another():
    with torch.device("meta"):
        model = ConvolutionalTransformer(3, 192, 6, 3, 384)
        stem, whole = (sum(p.numel() for p in part.parameters()) for part in (model.tokens, model))
        assert stem < 0.15 * whole
        beyond = multiply_adds(model, 64) - multiply_adds(VisionTransformer(3, 192, 6, 3, 384), 64)
        assert beyond + 64 * 192 * 192 < 0.15 * multiply_adds(model, 64)  # patches are a map of 192 numbers to 192
    for attention in (True, False):
        torch.manual_seed(0)
        model = ConvolutionalTransformer(3, 24, 2, 3, 48, attention=attention).eval()
        x = torch.randn(1, 65, 24)
        changed = x.clone()
        changed[:, 7] += 1
        a, b = (nn.Sequential(*model.blocks)(tokens) for tokens in (x, changed))
        assert torch.equal(a[:, 0], b[:, 0]) != attention


def test_rollout_by_hand_and_its_sums():
    uniform, first = torch.full((1, 1, 2, 2), 0.5), torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    expected = torch.tensor([[[1.0, 0.0], [0.5, 0.5]]]) @ torch.tensor([[[0.75, 0.25], [0.25, 0.75]]])
    torch.testing.assert_close(rollout.rollout([uniform, first]), expected)
    torch.manual_seed(0)
    model = VisionTransformer(3, **SMALL).eval()
    weights = model.attention(torch.randn(2, 3, 32, 32))
    assert [w.shape for w in weights] == [(2, 3, 17, 17)] * 3
    torch.testing.assert_close(rollout.rollout(weights).sum(-1), torch.ones(2, 17))
    seen = rollout.seen(weights, class_token=True)
    assert seen.shape == (2, 4, 4) and (seen >= 0).all()
    torch.testing.assert_close(seen.sum((1, 2)), torch.ones(2))
    # What the class token keeps of itself is left out of its map; a mean over patches has no such part.
    found = rollout.seen([torch.eye(4).reshape(1, 1, 4, 4)], class_token=False)
    torch.testing.assert_close(found, torch.full((1, 2, 2), 0.25))
    to_third = torch.tensor([0.0, 0, 1, 0]).expand(1, 1, 4, 4)
    found = rollout.seen([to_third], class_token=False).flatten()
    torch.testing.assert_close(found, torch.tensor([0.125, 0.125, 0.625, 0.125]))
    with pytest.raises(ValueError, match="one layer"):
        rollout.rollout([])


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="stem 'tiny' is unknown"):
        ResNet18(3, "tiny")
