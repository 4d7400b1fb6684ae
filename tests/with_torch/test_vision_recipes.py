"""The runs of the Bonus part: every one is made small on synthetic images, and the test split is kept for the end."""

import json

import numpy as np
import pytest
import torch

from study import paths, profile
from study.runs import Store, canonical
from study.vision import recipes, speed
from study.vision.augment import Augmentation
from study.vision.images import load

QUICK = profile.load("quick")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    place = tmp_path_factory.mktemp("bonus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "BUILD", place / "build")
        made = Store(place / "runs").get_all(recipes.specs(QUICK), recipes.train)
    return {(r.spec["task"], r.spec["model"]): r for r in made}


def test_specs_are_plain_distinct_and_name_their_data():
    for name in profile.PROFILES:
        found = recipes.specs(profile.load(name))
        assert len({canonical(spec) for spec in found}) == len(found)
        assert {spec["task"] for spec in found} == set(recipes.VERSIONS)
        expected = "synthetic/dogs_food_vehicles" if name == "quick" else "vision/dogs_food_vehicles.zip"
        assert all(spec["data"] == [expected] for spec in found)


def test_each_row_of_the_ablation_takes_one_change_back():
    rows = {s["model"]: s["settings"] for s in recipes.specs(QUICK) if s["task"] == "bonus-ablation"}
    (improved,) = [s["settings"] for s in recipes.specs(QUICK) if s["task"] == "bonus-improved"]
    (plain,) = [s["settings"] for s in recipes.specs(QUICK) if s["model"] == "vit"]

    def decided(settings):
        flat = settings | {f"arguments.{k}": v for k, v in settings["arguments"].items()}
        return {k: json.dumps(v) for k, v in flat.items() if k not in ("arguments", "epochs", "sizes", "patience")}

    assert decided(rows["all"]) == decided(improved)
    for name, settings in rows.items():
        differing = {k for k, v in decided(settings).items() if v != decided(rows["all"])[k]}
        if name == "stem-alone":
            assert differing == {"arguments.depth", "arguments.early_head"}
        elif name == "shifted":
            assert differing == {"arguments.tokens", "arguments.local"}
        elif name not in ("all", "none"):
            assert len(differing) == 1, name
    assert rows["none"]["augmentation"] == plain["augmentation"]
    assert (rows["none"]["arguments"]["pooling"], rows["none"]["arguments"]["early_head"]) == ("class token", False)
    assert rows["none"]["arguments"].items() >= plain["arguments"].items()


def test_the_test_split_is_touched_by_the_judged_models_alone(records):
    for (task, _), record in records.items():
        judged = task in ("bonus-models", "bonus-improved")
        assert ("test" in record.metrics) == judged and ("test_logits" in record.arrays) == judged


def test_a_judged_record_holds_what_the_report_needs(records):
    splits = load(["synthetic/dogs_food_vehicles"], QUICK.bonus.synthetic_rows)
    for model in (*recipes.MODELS, recipes.IMPROVED):
        record = records["bonus-improved" if model == recipes.IMPROVED else "bonus-models", model]
        m, arrays = record.metrics, record.arrays
        assert {"accuracy", "loss", "precision", "recall", "f1", "confusion"} <= set(m["test"]) & set(m["train"])
        assert m["parameters"] > 0 and m["multiply_adds"] > 0 and m["images_per_second"] > 0
        assert arrays["test_logits"].shape == (len(splits.test), 3) and arrays["test_logits"].dtype == np.float16
        assert np.array_equal(arrays["test_classes"], splits.images.classes[splits.test])
        assert len(arrays["history_loss"]) == m["epochs"] and np.isfinite(arrays["history_loss"]).all()
        assert len(m["mistakes"]) == len(arrays["mistakes_pixels"]) <= 15
        wrong = (arrays["test_logits"].argmax(1) != arrays["test_classes"]).sum()
        assert len(m["mistakes"]) == min(15, wrong)
        assert all(told["true"] != told["predicted"] for told in m["mistakes"])
        assert len(recipes.compared(record)) == 2
    for kind in ("bonus-models", "vit"), ("bonus-improved", recipes.IMPROVED):
        maps = records[kind].arrays["attention_maps"]
        assert maps.shape[1:] == (8, 8) and len(maps) == len(records[kind].metrics["attention"]) >= 3
        np.testing.assert_allclose(maps.sum((1, 2)), 1, rtol=1e-5)


def test_the_dataset_record_joins_the_test_rows(records):
    record = records["bonus-dataset", "images"]
    judged = records["bonus-models", "vgg"]
    assert record.arrays["test_resized"].shape == judged.arrays["test_classes"].shape
    assert record.metrics["images"] == {"train": 42, "validation": 12, "test": 6}
    assert recipes.sentinel(QUICK) == record.spec


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
