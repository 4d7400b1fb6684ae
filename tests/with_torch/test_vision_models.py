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
from study.vision.vit import Architecture, Convolutions, EncoderBlock, ShiftedPatches, VisionTransformer

models = parts.find("bonus").models()
VGG, VGG_13, ResNet18, EfficientNetB0 = models.VGG, models.VGG_13, models.ResNet18, models.EfficientNetB0
PaperTransformer = models.VisionTransformer
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


def test_without_its_changes_the_improved_vit_is_the_paper_s():
    ours, plain = [], lambda: VisionTransformer(Architecture(**SMALL, classes=5))
    for make in (plain, lambda: PaperTransformer(5, **SMALL)):
        torch.manual_seed(0)
        network = make()
        images = torch.randn(2, 3, 48, 48)
        logits = network(images)
        logits.square().sum().backward()
        gradients = [p.grad for p in network.parameters()]
        ours.append([*network.state_dict().values(), logits, *gradients, *network.attention(images)])
    assert all(torch.equal(a, b) for a, b in zip(*ours, strict=True))


@pytest.mark.parametrize("make", [PaperTransformer, lambda n, **s: VisionTransformer(Architecture(**s, classes=n))])
@pytest.mark.parametrize("side", [32, 48])
def test_the_vit_equals_that_of_transformers(side, make):
    torch.manual_seed(0)
    ours = make(5, **SMALL).eval()
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
        vit = PaperTransformer(1000, 768, 12, 12, 3072, 224, 16)
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
        lambda: VGG(3), lambda: ResNet18(3), lambda: ResNet18(3, "standard"),
        lambda: EfficientNetB0(3), lambda: EfficientNetB0(3, "late"), lambda: PaperTransformer(3, 24, 2, 3, 48),
        *(lambda t=t: VisionTransformer(Architecture(width=24, depth=2, hidden=48, tokens=t, local=True))
          for t in ("patches", "shifted", "convolutions")),
        lambda: VisionTransformer(Architecture(width=24, depth=2, hidden=48, pooling="mean")),
        lambda: VisionTransformer(Architecture(width=24, depth=0, tokens="convolutions", pooling="mean")),
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


@pytest.mark.parametrize(("strides", "side"), [("paper", 2), ("late", 4)])
def test_output_strides_of_efficientnet(strides, side):
    with torch.device("meta"):
        network = EfficientNetB0(3, strides).eval()
        last = network.network.efficientnet(torch.zeros(1, 3, 64, 64)).last_hidden_state
    assert last.shape[-2:] == (side, side)
    assert sum(p.numel() for p in network.parameters()) == 4_011_391


def test_strides_leave_the_sides_that_the_stems_promise():
    with torch.device("meta"):
        for stem, side in {"standard": 2, "halving": 4}.items():
            assert nn.Sequential(*list(ResNet18(3, stem))[:-3])(torch.zeros(1, 3, 64, 64)).shape == (1, 512, side, side)


def test_shifted_patches_by_hand():
    layer = ShiftedPatches(Architecture(image=8, patch=4, width=5))
    images = torch.arange(3 * 64.0).reshape(1, 3, 8, 8)
    up_left = layer.shifted(images)[0]
    assert up_left[0, 0, 2, 2] == images[0, 0, 0, 0] and (up_left[..., :2, :] == 0).all()
    down_right = layer.shifted(images)[3]
    assert down_right[0, 0, 0, 0] == images[0, 0, 2, 2] and (down_right[..., 6:, :] == 0).all()
    assert layer(images).shape == (1, 4, 5)
    # A patch sees beyond its border: a change in the next patch changes its token.
    changed = images.clone()
    changed[..., 4] += 10
    assert not torch.allclose(layer(images)[0, 0], layer(changed)[0, 0])


def test_local_attention_hides_a_token_from_itself_and_learns_its_temperature():
    torch.manual_seed(0)
    block = EncoderBlock(Architecture(**SMALL, local=True)).eval()
    x = torch.randn(2, 6, 24)
    out, weights = block(x, return_weights=True)
    assert (weights.diagonal(dim1=-2, dim2=-1) == 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 6))
    torch.testing.assert_close(out, block(x))
    assert block.attention.temperature.flatten().tolist() == pytest.approx([8**0.5] * 3)
    out.square().sum().backward()
    assert (block.attention.temperature.grad != 0).all()


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


@pytest.mark.parametrize(("patch", "channels"), [(4, 256), (8, 512)])
def test_convolutional_tokens_are_the_beginning_of_vgg(patch, channels):
    torch.manual_seed(0)
    tokens = Convolutions(Architecture(patch=patch, width=24, tokens="convolutions")).eval()
    vgg = VGG(3).eval()
    last = [i for i, layer in enumerate(vgg) if isinstance(layer, nn.MaxPool2d)][patch.bit_length() - 1]
    stem, project = nn.Sequential(*list(vgg)[:last]), tokens[-1]
    assert len(stem) == len(tokens) - 1 and project.in_channels == channels
    stem.load_state_dict({k: v for k, v in tokens.state_dict().items() if not k.startswith(f"{last}.")})
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = project(stem(images)).flatten(2).transpose(1, 2)
        torch.testing.assert_close(tokens(images), expected)
    assert expected.shape == (2, (64 // patch) ** 2, 24) and VGG_13.count("pool") == 5


def test_the_mean_of_tokens_and_an_early_head_by_hand():
    torch.manual_seed(0)
    model = VisionTransformer(Architecture(**SMALL, pooling="mean", early_head=True))
    for p in model.parameters():
        nn.init.normal_(p, std=0.2)
    images = torch.randn(2, 3, 32, 32)
    tokens = model.tokens(images)
    x = tokens + model.positions
    for block in model.blocks:
        x = block(x)
    late = model.head(model.norm(x).mean(1))
    early = model.early_head(model.early_norm(tokens).mean(1))
    trained = model.train()(images)  # a loss for each head
    torch.testing.assert_close(trained, torch.stack([early, late], 1))
    torch.testing.assert_close(model.eval()(images), (early + late) / 2)
    assert "class_token" not in model.state_dict() and model.positions.shape == (1, 16, 24)


def test_rollout_by_hand_and_its_sums():
    uniform, first = torch.full((1, 1, 2, 2), 0.5), torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    expected = torch.tensor([[[1.0, 0.0], [0.5, 0.5]]]) @ torch.tensor([[[0.75, 0.25], [0.25, 0.75]]])
    torch.testing.assert_close(rollout.rollout([uniform, first]), expected)
    torch.manual_seed(0)
    model = VisionTransformer(Architecture(**SMALL, local=True)).eval()
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
    for wrong in ({"patch": 7}, {"tokens": "words"}, {"pooling": "max"}):
        with pytest.raises(ValueError, match="do not tile|unknown"):
            Architecture(**wrong)
    with pytest.raises(ValueError, match="a patch of 2, 4, 8"):
        VisionTransformer(Architecture(image=60, patch=6, width=24, tokens="convolutions"))
    with pytest.raises(ValueError, match="stem 'tiny' is unknown"):
        ResNet18(3, "tiny")
    with pytest.raises(ValueError, match="strides 'none' are unknown"):
        EfficientNetB0(3, "none")
