"""Training on a GPU, which tests see by `GPU_TESTS=1 .venv/bin/python -m pytest tests/with_torch/test_gpu.py` alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from study import training
from study.vision.augment import Augmentation, ImageBatches, on_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA, and GPU_TESTS=1")

RECIPE = training.Recipe(
    epochs=4, learning_rate=1e-2, decoupled=True, weight_decay=0.05, schedule="one-cycle", label_smoothing=0.1, clip=1.0
)  # fmt: skip


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()]
    return nn.Sequential(*layers, nn.Dropout(0.5), nn.Linear(128, 3)).to(memory_format=torch.channels_last)


def batches(kind: type[ImageBatches] = ImageBatches) -> ImageBatches:
    """Images of a colour for each class, in batches of 16, 16 and 8, of two sizes."""
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, 40)
    pixels = random.integers(0, 100, (40, 16, 16, 3), dtype=np.uint8)
    pixels[np.arange(40), :, :, classes] += 100
    changes = Augmentation(crop=2, flip=True, jitter=0.2, erase=0.25)
    return kind(
        on_device(pixels), classes, np.arange(40), np.full(3, 0.5), np.full(3, 0.25), 16, 0, changes, (8, 16), 4
    )


@pytest.mark.parametrize("bf16", [False, True])
def test_replayed_steps_train_as_others_do(tmp_path, bf16):
    histories = {}
    for replayed in (False, True):
        model, recipe = network(), replace(RECIPE, replayed=replayed, bf16=bf16)
        histories[replayed] = training.fit(model, batches(), batches(), recipe, 0, tmp_path / str(replayed))
        assert int(model[1].num_batches_tracked) == 12, "recording counts as no batch"
    for name in ("loss", "accuracy", "validation_loss"):
        np.testing.assert_allclose(histories[True][name], histories[False][name], rtol=0.02 if bf16 else 1e-4)
    assert histories[True]["loss"][-1] < histories[True]["loss"][0]


def test_a_killed_replayed_training_goes_on(tmp_path):
    recipe = replace(RECIPE, replayed=True)
    whole = training.fit(network(), batches(), batches(), recipe, 0, tmp_path / "whole")

    class Killed(ImageBatches):
        def training(self, epoch):
            if epoch == 2:
                raise KeyboardInterrupt
            return super().training(epoch)

    with pytest.raises(KeyboardInterrupt):
        training.fit(network(), batches(Killed), batches(), recipe, 0, tmp_path / "killed")
    again = training.fit(network(), batches(), batches(), recipe, 0, tmp_path / "killed")
    np.testing.assert_allclose(again["loss"], whole["loss"], rtol=1e-4)
