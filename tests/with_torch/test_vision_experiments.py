"""The runs of the Bonus part: each kind is made small on synthetic images, and the test split is kept for the end.

Its lab is used as a reader would.
"""

import chapter
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from study import parts, paths, profile
from study.attention import SelfAttention
from study.catalog import DataError
from study.evaluation import probabilities
from study.runs import Record, Store
from study.vision import experiments, lab, speed, trainings
from study.vision.augment import Augmentation
from study.vision.images import load

QUICK = profile.load("quick")
JUDGED = ("bonus-models",)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Of each task one run, of the judged models all."""
    place = tmp_path_factory.mktemp("bonus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "BUILD", place / "build")
        chosen = {
            spec["model"] if spec["task"] in JUDGED else spec["task"]: spec for spec in experiments.ALL.specs(QUICK)
        }
        made = Store(QUICK.records).get_all(list(chosen.values()), experiments.ALL.train)
        yield {(r.spec["task"], r.spec["model"]): r for r in made}


def test_specs_name_their_data():
    for name in profile.PROFILES:
        found = experiments.ALL.specs(profile.load(name))
        expected = "synthetic/dogs_food_vehicles" if name == "quick" else "vision/dogs_food_vehicles.zip"
        assert all(spec["data"] == [expected] for spec in found)


@pytest.mark.parametrize(
    ("whole", "less", "differ"),
    [("vit-c", "without-attention", {"arguments"}), ("vit", "bag-of-patches", {"arguments", "network"})],
)
def test_the_ablation_takes_attention_away_and_keeps_the_number_of_parameters(whole, less, differ):
    quick = {s["model"]: s["settings"] for s in experiments.ALL.specs(QUICK) if s["task"] != "bonus-dataset"}
    improved, without = quick[whole], quick[less]
    assert {k for k in improved if improved[k] != without[k]} == differ
    with_it, ablated = (trainings.network(settings) for settings in (improved, without))
    counts = [sum(p.numel() for p in network.parameters()) for network in (with_it, ablated)]
    assert counts[1] == pytest.approx(counts[0], rel=0.03)
    assert not any(isinstance(module, SelfAttention) for module in ablated.modules())
    assert any(isinstance(module, SelfAttention) for module in with_it.modules())


@pytest.mark.slow
def test_the_test_split_is_touched_by_the_judged_models_alone(records):
    for (task, _), record in records.items():
        judged = task == "bonus-models"
        assert ("test" in record.metrics) == judged and ("test_logits" in record.arrays) == judged


@pytest.mark.slow
def test_a_judged_record_holds_what_the_report_needs(records):
    splits = load(["synthetic/dogs_food_vehicles"], QUICK.bonus.synthetic_rows)
    for model in (*experiments.MODELS, experiments.IMPROVED):
        record = records["bonus-models", model]
        m, arrays = record.metrics, record.arrays
        assert {"accuracy", "loss", "precision", "recall", "f1", "confusion"} <= set(m["test"]) & set(m["train"])
        assert m["parameters"] > 0 and m["multiply_adds"] > 0
        assert arrays["test_logits"].shape == (len(splits.test), 3) and arrays["test_logits"].dtype == np.float16
        assert np.array_equal(arrays["test_classes"], splits.images.classes[splits.test])
        assert len(arrays["history_loss"]) == m["epochs"] and np.isfinite(arrays["history_loss"]).all()
        assert len(m["mistakes"]) == len(arrays["mistakes_pixels"]) <= 15
        wrong = (arrays["test_logits"].argmax(1) != arrays["test_classes"]).sum()
        assert len(m["mistakes"]) == min(15, wrong)
        assert all(told["true"] != told["predicted"] for told in m["mistakes"])
        assert len(experiments.ALL.compared(record)) == 2
    vit = records["bonus-models", "vit"]
    maps = vit.arrays["attention_maps"]
    assert maps.shape[1:] == (8, 8) and len(maps) == len(vit.metrics["attention"]) >= 3
    np.testing.assert_allclose(maps.sum((1, 2)), 1, rtol=1e-5)


@pytest.mark.slow
def test_the_dataset_record_joins_the_test_rows(records):
    record = records["bonus-dataset", "images"]
    judged = records["bonus-models", "vgg"]
    assert record.arrays["test_resized"].shape == judged.arrays["test_classes"].shape
    assert record.metrics["images"] == {"train": 42, "validation": 12, "test": 6}
    assert experiments.ALL.smoke_run(QUICK) == record.spec


@pytest.mark.slow
def test_the_plain_way_sees_the_same_images(records):
    splits = load(["synthetic/dogs_food_vehicles"], 60)
    mean, deviation = np.full(3, 0.5), np.full(3, 0.25)
    plain = speed.PlainImages(splits.images.pixels, splits.images.classes, mean, deviation, Augmentation())
    image, kind = plain[3]
    assert image.shape == (3, 64, 64) and image.dtype == torch.float32 and kind == splits.images.classes[3]
    # JPEG loses most of the noise, whose deviation is 24.
    back = (image.permute(1, 2, 0) * 0.25 + 0.5) * 255
    assert float((back - torch.from_numpy(splits.images.pixels[3]).float()).abs().mean()) < 24
    moved = speed.PlainImages(
        splits.images.pixels, splits.images.classes, mean, deviation, Augmentation(crop=4, flip=True, jitter=0.2)
    )
    assert moved[3][0].shape == (3, 64, 64)
    found = records["bonus-speed", "throughput"].metrics
    assert all(len(found[way]) == 1 and found[way][0] > 0 for way in ("plain", "ours", "progressive"))


@pytest.mark.slow
def test_kept_weights_classify_as_the_training_did(records, tmp_path, capsys):
    vision = lab.Vision("quick")
    run = vision.train(parts.find("bonus").models().VisionTransformer)
    assert run.kept() == "Its record keeps them." and len(run.history) == run.record.metrics["epochs"]
    splits = load(["synthetic/dogs_food_vehicles"], QUICK.bonus.synthetic_rows)
    for row, expected in zip(splits.test, probabilities(run.record.arrays["test_logits"]), strict=True):
        found = vision.classify(run, splits.images.pixels[row])
        np.testing.assert_allclose(list(found.probability.values()), expected, atol=0.01)
        assert found.attended.sum() == pytest.approx(1, abs=1e-5)
    big = np.zeros((300, 500, 3), dtype=np.uint8)
    big[:, 100:400] = splits.images.pixels[0].repeat(5, 0)[:300].repeat(5, 1)[:, :300]
    Image.fromarray(big).save(tmp_path / "mine.png")
    assert vision.classify(run, tmp_path / "mine.png").pixels.shape == (64, 64, 3)
    with pytest.raises(DataError, match="gone.png is no file. Put the picture there"):
        vision.classify(run, tmp_path / "gone.png")
    weightless = {name: a for name, a in run.record.arrays.items() if not name.startswith(experiments.WEIGHT)}
    without = lab.Run(run.make, type(run.record)(run.record.spec, run.record.metrics, weightless, {}))
    assert vision.classify(without, big) is None and "make sweep PART=bonus" in capsys.readouterr().out
    with pytest.raises(ValueError, match="does not keep them yet"):
        _ = without.network
    with pytest.raises(ValueError, match="another network"):
        _ = lab.Run(lambda n, **sizes: nn.Linear(3, n), run.record).network


class Mine(nn.Sequential):
    """A reader's own network."""

    def __init__(self, classes):
        super().__init__(nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(3 * 8 * 8, classes))


@pytest.mark.slow
def test_images_are_drawn_for_a_training_in_plain_form(records):
    vision = lab.Vision("quick")
    images, classes = vision.load(16)
    assert images.shape == (16, 3, 64, 64) and images.dtype == torch.float32 and classes.shape == (16,)
    assert abs(float(images.mean())) < 0.5 and set(classes.tolist()) <= {0, 1, 2}
    assert vision.build(parts.find("bonus").models().VGG)(images).shape == (16, 3)


def test_the_plain_loop_reports_images_that_it_was_not_trained_on(capsys):
    (source,) = (cell.source for cell in chapter.cells("bonus") if "def train_plainly" in cell.source)
    names = {"torch": torch, "functional": nn.functional}
    exec(source, names)
    torch.manual_seed(0)
    classes = torch.arange(96) % 3
    images = nn.functional.one_hot(classes)[:, :, None, None].float().expand(-1, -1, 8, 8)  # a colour a class
    network = nn.Sequential(Mine(3), nn.Dropout(0.9))  # dropped units would show in what is reported
    names["train_plainly"](network, images, classes, (images, classes), epochs=8, batch=8)
    names["train_plainly"](network, images, classes, (images, (classes + 1) % 3), epochs=1, batch=8)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("epoch 1: loss ") and told[7].endswith("held out 100.0% right")
    assert told[-1].endswith("held out 0.0% right")


def test_a_history_can_be_that_of_full_size_images():
    arrays = {
        f"history_{name}": np.arange(6.0) for name in ("loss", "accuracy", "validation_loss", "validation_accuracy")
    }
    record = Record({"settings": {"sizes": [32, 48, 64], "epochs": 6}}, {}, arrays, {})
    assert list(lab.history(record).index) == [1, 2, 3, 4, 5, 6]
    assert list(lab.history(record, full_size=True).index) == [4, 5, 6]  # the last one before, and those


@pytest.mark.slow
def test_a_reader_s_own_network_is_trained_by_hand_and_refused_in_a_build(records, monkeypatch):
    vision = lab.Vision("quick")
    with pytest.raises(ValueError, match="mine, seed 0 is not trained yet: `make sweep"):
        vision.train(Mine, epochs=1)
    monkeypatch.setattr(profile, "run_by_hand", lambda: True)
    run = vision.train(Mine, epochs=1)
    assert run.record.metrics["epochs"] == 1 and run.record.metrics["parameters"] == 3 * 8 * 8 * 3 + 3
    assert vision.train(Mine, epochs=1).record.provenance == run.record.provenance  # kept, not made again
    assert not list(QUICK.records.rglob("mine-*")) and list(QUICK.drafts.rglob("mine-*"))
