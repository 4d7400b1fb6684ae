"""The Bonus part's verdicts follow its records."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from study import prose, published
from study.evaluation import kept
from study.runs import Record
from study.vision import analysis, recipes
from study.vision.sources import NATIVE, RESIZED

N = 3_000
CLASSES = np.arange(N) % 3


def logits(share, weak):
    """This share of all images right; the wrong ones belong to the `weak` classes and are taken for the next class."""
    found = np.eye(3)[CLASSES] * 4
    wrong = N - round(share * N)
    mistaken = np.flatnonzero(np.isin(CLASSES, weak))[:wrong]
    found[mistaken] = np.roll(found[mistaken], 1, axis=1)
    return found


def made(task, model, test, train=0.95, validation=None, weak=(0, 1), history=(0.5, 0.8, 0.9)):
    guessed = {"test": logits(test, weak), "validation": logits(test if validation is None else validation, weak)}
    metrics = {
        split: {
            "accuracy": float((found.argmax(1) == CLASSES).mean()), "loss": 0.3, "precision": test, "recall": test,
            "f1": test, "confusion": np.histogram2d(CLASSES, found.argmax(1), bins=3)[0].tolist(),
        }
        for split, found in guessed.items()
    }  # fmt: skip
    metrics["train"] = {"accuracy": train, "loss": 0.2}
    arrays = {"history_validation_accuracy": np.array(history, dtype=np.float32)}
    for split, found in guessed.items():
        arrays |= kept(split, found, CLASSES)
    spec = {"task": task, "model": model, "seed": 0}
    return Record(spec, metrics, arrays, {})


@pytest.fixture(autouse=True)
def short_vit(monkeypatch):
    """The trial of few epochs, as that of these records would be."""
    told = pd.DataFrame({"validation_accuracy": {analysis.SHORT_VIT: 0.7}})
    monkeypatch.setattr(analysis, "trials", lambda: told)
    return told


@pytest.fixture(scope="module")
def records():
    """As the original has it: VGG before ResNet, EfficientNet and the ViT, which declines."""
    shares = {"vgg": 0.93, "resnet": 0.92, "efficientnet": 0.85, "vit": 0.80}
    trained = {"vgg": 0.94, "resnet": 0.99, "efficientnet": 0.9, "vit": 0.8}
    histories = {m: np.full(12, share) for m, share in shares.items()} | {"vit": np.array([0.7, 0.9, 0.8])}
    found = [made("bonus-models", m, shares[m], trained[m], history=histories[m]) for m in shares]
    found.append(made("bonus-improved", recipes.IMPROVED, 0.94))
    found += [made("bonus-stride", name, 0.8) for name in recipes.STRIDES]
    return found


def test_claims_are_confirmed_when_the_records_say_so(records):
    said = {name: found.status for name, found in analysis.claims(records).items()}
    assert set(said) <= set(published.everything()["claims"])
    assert said.pop("efficientnet_pretraining") == prose.OPEN
    assert set(said.values()) == {prose.CONFIRMED}


def test_claims_turn_round_when_the_records_do(records):
    """VGG and the ViT change places, and ResNet and EfficientNet."""
    places = {"vgg": "vit", "vit": "vgg", "resnet": "efficientnet", "efficientnet": "resnet"}
    swapped = [replace(r, spec=r.spec | {"model": places.get(r.spec["model"], r.spec["model"])}) for r in records]
    said = {name: found.status for name, found in analysis.claims(swapped).items()}
    for name in ("vit_lower", "resnet_like_vgg"):
        assert said[name] == prose.REFUTED, name
    assert said["vit_declines"] == prose.OPEN  # its best epoch is its last
    for name in ("efficientnet_lower", "vgg_resnet_robust", "vgg_resnet_best"):  # ResNet is behind, VGG further
        assert said[name] == prose.REFUTED, name


def test_every_published_number_of_the_part_is_judged(records):
    found = analysis.judged(records)
    assert [j.key for j in found] == published.numbers("bonus") and len(found) == 25
    by_name = {(j.model, j.quantity): j for j in found}
    assert by_name["VGG-13", "test accuracy"].verdict.status == "reproduced"
    assert by_name["ViT", "training loss"].verdict.status == "not reproduced"
    assert by_name["EfficientNet", "training accuracy"].verdict.status == "not reproduced"


def test_the_recall_that_contradicts_its_accuracy_is_vggs():
    assert analysis.inconsistent() == ["VGG-13"]


def test_gaps_have_the_interval_of_the_test_sample(records):
    vgg, resnet, *_ = analysis.models(records).values()
    gap = analysis.train_test_gap(vgg)
    assert gap.mean == pytest.approx(0.01) and gap.low < gap.mean < gap.high and gap.high - gap.low < 0.02
    # ResNet's gap is .99 - .92 = .07, VGG's .94 - .93 = .01.
    assert analysis.gap_difference(resnet, vgg).mean == pytest.approx(0.06)


def test_origin_is_told_by_class(records):
    origin = np.where(np.arange(N) < N // 2, NATIVE, RESIZED)
    dataset = Record({}, {}, {"test_resized": origin}, {})
    vgg = made("bonus-models", "vgg", 0.9, weak=(0,))
    table = analysis.origins({"VGG-13": [vgg]}, dataset)
    # The 300 wrong images are the first dogs; of 500 native and 500 resized dogs 200 and 500 are right.
    assert [round(row.native.mean, 3) for row in table.itertuples()] == [0.4, 1, 1]
    assert [round(row.resized.mean, 3) for row in table.itertuples()] == [1, 1, 1]
    assert table.native_dogs.tolist() == pytest.approx([0.4, 0, 0])
    assert analysis.native_accuracy(vgg, dataset) == pytest.approx((0.4 + 1 + 1) / 3)
    unknown = Record({}, {}, {"test_resized": np.full(N, -1)}, {})
    assert analysis.origins({"VGG-13": [vgg]}, unknown).empty


def test_tuning_needs_more_than_another_network(records, short_vit):
    short_vit.loc[analysis.SHORT_VIT, "validation_accuracy"] = 0.85
    assert analysis.claims(records)["vit_tuning"].status == prose.HALF


def test_the_first_epoch_of_whole_images():
    made_of = lambda *sizes: Record({"settings": {"sizes": list(sizes), "epochs": 24}}, {}, {}, {})  # noqa: E731
    assert [analysis.first_whole(made_of(*s)) for s in ((48, 64), (32, 48, 64, 64), (64,))] == [12, 12, 0]


def test_epochs_are_counted_by_the_side_of_their_images():
    stopped = Record({"settings": {"sizes": [32, 32, 48, 64], "epochs": 16}}, {"epochs": 14}, {}, {})
    assert analysis.epochs_by_side(stopped) == {32: 8, 48: 4, 64: 2}


def test_concentration_by_hand():
    maps = np.array([[[0.7, 0.1], [0.1, 0.1]], [[0.25, 0.25], [0.25, 0.25]]])
    told = [{"true": "dogs", "predicted": "dogs"}, {"true": "dogs", "predicted": "food"}]
    found = analysis.concentration(Record({}, {"attention": told}, {"attention_maps": maps}, {}))
    assert found == {True: pytest.approx(0.7), False: pytest.approx(0.25)}


def test_the_front_page_follows_the_records(records):
    assert "VGG-13 classifies 93.0%" in analysis.finding(records) and "reaches 94.0%, better than VGG-13" in (
        analysis.finding(records)
    )
    (line,) = analysis.glance(records)
    assert (line.published, line.regenerated, line.best) == ("91.83%", "93.00%", "ViT, improved 94.00%")
