"""Augmentation does what it says, is drawn from seed and epoch alone, and a killed training ends the same."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from study import parts
from study.training import Recipe, fit
from study.vision import description, experiments, images, trainings
from study.vision.augment import Augmentation, ImageBatches, boxes, jittered, moved
from study.vision.sources import CLASSES

ALL = Augmentation(crop=4, flip=True, jitter=0.2, erase=0.5)


@pytest.fixture(scope="module")
def splits():
    return images.load(["synthetic/dogs_food_vehicles"], 60)


def batches(splits, augmentation=None, rows=None, batch=8, seed=0, **more):
    mean, deviation = description.statistics(splits.images.pixels, splits.train)
    pixels = torch.from_numpy(splits.images.pixels)
    rows = splits.train if rows is None else rows
    return ImageBatches(pixels, splits.images.classes, rows, mean, deviation, batch, seed, augmentation, **more)


def epoch_of(made, epoch=0):
    found = list(made.training(epoch))
    return torch.cat([images for (images,), _ in found]), torch.cat([targets for _, targets in found])


def test_shapes_types_and_memory(splits):
    plain, changing = batches(splits), batches(splits, ALL)
    assert plain.steps() == 6 and len(plain) == 42 and sum(1 for _ in plain.training(0)) == 6
    (found,), targets = next(plain.training(0))
    assert found.shape == (8, 3, 64, 64) and found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert targets.shape == (8,) and targets.dtype == torch.int64
    (found,), targets = next(changing.training(0))
    assert found.shape == (8, 3, 64, 64) and found.dtype == torch.float32 and found.isfinite().all()
    assert targets.shape == (8,) and targets.dtype == torch.int64


def test_without_augmentation_every_image_comes_once_and_normalised(splits):
    plain = batches(splits)
    shuffled, targets = epoch_of(plain)
    kept = torch.cat([found for (found,), _, _ in plain.in_order()])
    order = torch.cat([classes for _, classes, _ in plain.in_order()])
    torch.testing.assert_close(kept.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(kept.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-4, rtol=0)
    keys = {round(float(x), 3): int(y) for x, y in zip(kept.double().sum((1, 2, 3)), order, strict=True)}
    assert {round(float(x), 3): int(y) for x, y in zip(shuffled.double().sum((1, 2, 3)), targets, strict=True)} == keys
    assert np.array_equal(order.numpy(), splits.images.classes[splits.train])


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 100), epoch=st.integers(0, 5))
def test_seed_and_epoch_alone_decide(splits, seed, epoch):
    one, other = batches(splits, ALL, seed=seed), batches(splits, ALL, seed=seed)
    torch.rand(3)  # PyTorch's own generator has no say
    list(other.training(epoch + 1))
    for a, b in zip(epoch_of(one, epoch), epoch_of(other, epoch), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(epoch_of(one, epoch)[0], epoch_of(one, epoch + 1)[0])
    assert not torch.equal(epoch_of(one, epoch)[0], epoch_of(batches(splits, ALL, seed=seed + 1), epoch)[0])


def test_a_flip_is_a_flip_and_a_shift_a_shift():
    pixels = torch.randint(0, 255, (5, 16, 16, 3), dtype=torch.uint8)
    rows, still = torch.tensor([4, 1]), torch.zeros(2, 2, dtype=torch.int64)
    found = moved(pixels, rows, still, torch.tensor([True, False]))
    assert torch.equal(found[0], pixels[4].flip(1)) and torch.equal(found[1], pixels[1])
    found = moved(pixels, rows, torch.tensor([[3, 0], [0, -2]]), torch.tensor([False, False]))
    assert torch.equal(found[0, 3:], pixels[4, :-3]) and torch.equal(found[0, :3], pixels[4, 1:4].flip(0))
    assert torch.equal(found[1, :, :-2], pixels[1, :, 2:]) and torch.equal(
        found[1, :, -2:], pixels[1, :, -3:-1].flip(1)
    )


def test_jitter_by_hand():
    image = torch.rand(2, 3, 4, 4) * 0.5 + 0.2
    torch.testing.assert_close(jittered(image, torch.ones(2, 3)), image)
    torch.testing.assert_close(jittered(image, torch.tensor([[1.2, 1, 1], [1, 1, 0]]))[0], image[0] * 1.2)
    grey = jittered(image, torch.tensor([[1.2, 1, 1], [1, 1, 0]]))[1]
    torch.testing.assert_close(grey, image[1].mean(0).expand(3, 4, 4))
    assert float(jittered(image, torch.tensor([[1.0, 0.0, 1.0]] * 2))[0].std()) < 1e-6


def test_erased_rectangles_have_the_mean_colour(splits):
    found, _ = epoch_of(batches(splits, Augmentation(erase=1.0)))
    shares = (found == 0).all(1).float().mean((1, 2))
    assert 0 < shares.mean() <= 0.25 and shares.max() <= 0.3
    random = np.random.default_rng(0)
    box = boxes(random, np.full(500, 0.25), np.ones(500), 32)
    assert max((box.bottom - box.top).max(), (box.right - box.left).max()) == 16


def test_sizes_grow_over_the_epochs_and_measuring_keeps_the_side(splits):
    made = batches(splits, ALL, sizes=(32, 48, 64), epochs=6)
    assert [made.size(epoch) for epoch in range(7)] == [32, 32, 48, 48, 64, 64, 64]
    assert [next(made.training(e))[0][0].shape[-1] for e in (0, 2, 4)] == [32, 48, 64]
    assert next(made.in_order())[0][0].shape[-1] == 64
    assert batches(splits).size(3) == 64


def test_augmentation_and_vit_c_have_not_changed_under_the_version(splits, tmp_path):
    augmented, _ = epoch_of(batches(splits, ALL, sizes=(48,)))
    sizes = {"width": 24, "depth": 2, "heads": 2, "hidden": 48}
    torch.manual_seed(0)
    model = trainings.network({"network": "vit-c", "arguments": sizes})
    recipe = Recipe(1, 1e-3, weight_decay=0.05, decoupled=True, schedule="one-cycle", label_smoothing=0.1, clip=1.0)
    made = batches(splits, Augmentation(**experiments.ERASED), sizes=(32,))
    history = fit(model, made, batches(splits, rows=splits.validation[:4]), recipe, 0, tmp_path)
    found = float(augmented.abs().mean()), history["loss"][0]
    golden = (pytest.approx(value, rel=1e-3) for value in (0.747571, 1.106532))
    assert (experiments.ALL["bonus-models"].version, *found) == (2, *golden), "raise its version"


def test_early_epochs_are_validated_on_a_fixed_few(splits):
    validation = batches(splits, rows=splits.validation, sizes=(32, 64), epochs=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainings, "GLIMPSED", 5)
        held_out = trainings._held_out(validation)
    assert [len(held_out(epoch)) for epoch in range(4)] == [5, 5, 12, 12] and held_out(0) is held_out(1)
    assert set(held_out(0).rows) < set(validation.rows)
    (few,), _, _ = next(held_out(0).in_order())
    assert few.shape == (5, 3, 64, 64)  # on full-size images throughout


def test_judged_images_have_the_side_that_training_ends_with(splits):
    growing = batches(splits, ALL, rows=splits.validation, sizes=(16, 32, 48), epochs=6)
    (judged,), _, rows = next(growing.in_order())
    assert judged.shape == (len(rows), 3, 48, 48)
    assert [growing.size(epoch) for epoch in range(6)] == [16, 16, 32, 32, 48, 48]
    (whole,), _, _ = next(batches(splits, rows=splits.validation).in_order())
    smaller = torch.nn.functional.interpolate(whole, 48, mode="bilinear", antialias=True)
    torch.testing.assert_close(judged, smaller, atol=1e-5, rtol=0)


def test_channels_last_changes_nothing(splits):
    torch.manual_seed(0)
    model = parts.find("bonus").models().ResNet18(3).eval()
    (found,), _, _ = next(batches(splits).in_order())
    with torch.no_grad():
        expected = model(found[:4].contiguous())
        torch.testing.assert_close(
            model.to(memory_format=torch.channels_last)(found[:4]), expected, atol=1e-4, rtol=1e-4
        )


def test_wrong_arrays_and_settings_are_refused(splits):
    pixels = torch.from_numpy(splits.images.pixels)
    with pytest.raises(ValueError, match=r"expected \(n, S, S, 3\) uint8"):
        ImageBatches(pixels.float(), splits.images.classes, splits.train, np.zeros(3), np.ones(3), 8, 0)
    for wrong in ({"jitter": 1.0}, {"erase": 2.0}, {"crop": -1}):
        with pytest.raises(ValueError, match="jitter is a share"):
            Augmentation(**wrong)


def test_description_by_hand(splits):
    metrics, arrays = description.describe(splits, CLASSES)
    assert metrics["images"] == {"train": 42, "validation": 12, "test": 6}
    assert metrics["classes"]["test"] == [2, 2, 2]
    pixels = splits.images.pixels[splits.train].astype(np.float64) / 255
    np.testing.assert_allclose(metrics["pixels"]["mean"], pixels.mean((0, 1, 2)))
    np.testing.assert_allclose(metrics["pixels"]["deviation"], pixels.std((0, 1, 2)))
    assert arrays["sheet_pixels"].shape == (36, 64, 64, 3)
    assert sum(metrics["origin"]["dogs"].values()) == 20
