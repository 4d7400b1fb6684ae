"""The Bonus part's sentences follow the records: altered copies of these turn verdicts and break the checks.

The notebook's cells are run without drawing, on the committed records of the full profile.
"""

from dataclasses import replace

import chapter
import numpy as np
import pytest
from chapter import assert_broken, assert_sound, composed

from study import profile, runs
from study.vision import evaluation, experiments
from study.vision.sources import RESIZED, UNKNOWN

pytestmark = pytest.mark.slow


def evaluated(monkeypatch, alter=None):
    """The value of each inline expression, and the verdicts, when every record is read as `alter` returns it."""
    found, names = chapter.evaluated(monkeypatch, "bonus", alter)
    return found | names["vision"].verdicts()


@pytest.fixture(scope="module", autouse=True)
def records_are_read_once():
    with pytest.MonkeyPatch.context() as patch:
        chapter.read_once(patch)
        chapter.compare_once(patch)
        yield


@pytest.fixture(scope="module")
def as_committed():
    with pytest.MonkeyPatch.context() as patch:
        return evaluated(patch)


def test_every_value_is_one_that_the_documents_take_and_every_check_holds(as_committed):
    assert_sound(as_committed, more_than=25)


FULL = profile.load("full")


def stored(model, task="bonus-models", seed=0):
    """A committed record, read past the alteration."""
    wanted = (task, model, seed)
    (spec,) = [s for s in experiments.ALL.specs(FULL) if (s["task"], s["model"], s["seed"]) == wanted]
    return runs.Store(FULL.records)._load(spec)


def is_run(record, task, *models):
    return record.spec["task"] == f"bonus-{task}" and record.spec["model"] in models


def as_if(record, other):
    """A record with what came out of another one."""
    return replace(record, metrics=record.metrics | other.metrics, arrays=record.arrays | other.arrays)


def predicting_as(record, model):
    """Another network's run under this one's name; the history stays, which belongs to its own number of epochs."""
    history = {name: array for name, array in record.arrays.items() if name.startswith("history")}
    taken = as_if(record, stored(model, seed=record.spec["seed"]))
    return replace(taken, arrays=taken.arrays | history)


def vgg_and_vit_swapped(record):
    names = {"vgg": "vit", "vit": "vgg"}
    return predicting_as(record, names[record.spec["model"]]) if is_run(record, "models", *names) else record


def efficientnet_as_vgg(record):
    return predicting_as(record, "vgg") if is_run(record, "models", "efficientnet") else record


def vit_overfits(record):
    if not is_run(record, "models", "vit"):
        return record
    return replace(record, metrics=record.metrics | {"train": record.metrics["train"] | {"accuracy": 0.99}})


def resnet_learns_by_heart(record):
    if not is_run(record, "models", "resnet"):
        return record
    return replace(record, metrics=record.metrics | {"train": record.metrics["train"] | {"accuracy": 0.99}})


def vgg_learns_by_heart(record):
    if not is_run(record, "models", "vgg"):
        return record
    return replace(record, metrics=record.metrics | {"train": record.metrics["train"] | {"accuracy": 1.0}})


def efficientnet_diverges(record):
    """Training accuracy runs away from validation accuracy, whose loss rises."""
    if not is_run(record, "models", "efficientnet"):
        return record
    epochs = record.metrics["epochs"]
    history = {
        "history_accuracy": np.linspace(0.4, 1.0, epochs),
        "history_validation_accuracy": np.full(epochs, 0.8),
        "history_validation_loss": np.linspace(0.3, 0.9, epochs),
    }
    return replace(record, arrays=record.arrays | history)


def vgg_falls_in_its_second_training(record):
    if not is_run(record, "models", "vgg") or record.spec["seed"] != 1:
        return record
    falling = np.linspace(0.9, 0.8, record.metrics["epochs"])
    return replace(record, arrays=record.arrays | {"history_validation_accuracy": falling})


def vit_stops_early(record):
    return replace(record, metrics=record.metrics | {"epochs": 3}) if is_run(record, "models", "vit") else record


def efficientnet_is_level(record):
    if not is_run(record, "models", "efficientnet"):
        return record
    level = {"history_validation_loss": np.full(record.metrics["epochs"], 0.3)}
    return replace(record, arrays=record.arrays | level)


def efficientnet_overfits_in_its_second_training(record):
    if not is_run(record, "models", "efficientnet") or record.spec["seed"] != 1:
        return record
    rising = {"history_validation_loss": np.linspace(0.3, 0.9, record.metrics["epochs"])}
    return replace(record, arrays=record.arrays | rising)


def vit_stares(record):
    if not is_run(record, "models", "vit"):
        return record
    maps = np.zeros_like(record.arrays["attention_maps"])
    maps[:, 0, 0] = 1
    return replace(record, arrays=record.arrays | {"attention_maps": maps})


def all_right(record):
    found = np.eye(3)[record.arrays["test_classes"]].astype(np.float16)
    return replace(record, arrays=record.arrays | {"test_logits": found})


def vit_c_all_right(record):
    return all_right(record) if is_run(record, "models", "vit-c") else record


def vit_c_as_vit(record):
    return as_if(record, stored("vit", seed=record.spec["seed"])) if is_run(record, "models", "vit-c") else record


def attention_matters(record):
    """Without it every validation image is taken for one of the next class."""
    if not is_run(record, "ablation", "without-attention", "bag-of-patches"):
        return record
    wrong = np.roll(np.eye(3), 1, axis=1)[record.arrays["validation_classes"]].astype(np.float16)
    return replace(record, arrays=record.arrays | {"validation_logits": wrong})


def images_of_the_original(record):
    if record.spec["task"] != "bonus-dataset":
        return record
    return replace(record, spec=record.spec | {"data": ["own/course:images.zip@0123456789ab"]})


def images_of_ones_own(record):
    spec = record.spec | {"data": ["own/images.zip@0123456789ab"]}
    if record.spec["task"] != "bonus-dataset":
        return replace(record, spec=spec)
    metrics = record.metrics | {"origin": {"cats": {"unknown": 9, "resized": 0}}}
    unknown = np.full_like(record.arrays["test_resized"], UNKNOWN)
    return replace(record, spec=spec, metrics=metrics, arrays=record.arrays | {"test_resized": unknown})


def uneven_classes(record):
    if record.spec["task"] != "bonus-dataset":
        return record
    return replace(record, metrics=record.metrics | {"classes": {"train": [9_000, 6_000, 6_000]}})


def vgg_leans_on_shrinking(record):
    if not is_run(record, "models", "vgg"):
        return record
    shrunk = stored("images", "bonus-dataset").arrays["test_resized"] == RESIZED
    called = record.arrays["test_logits"].copy()
    called[np.flatnonzero(shrunk)[::5]] = [9, 0, 0]
    return replace(record, arrays=record.arrays | {"test_logits": called})


def vehicles_taken_for_food(record):
    if not is_run(record, "models", "resnet"):
        return record
    confusion = [[934, 43, 23], [46, 943, 11], [15, 211, 774]]
    return replace(record, metrics=record.metrics | {"test": record.metrics["test"] | {"confusion": confusion}})


CASES = [
    (vgg_and_vit_swapped, ['ahead["VGG-13"].low', "train_lag", "epochs", "least"], {"vit_lower": "contradicted"}),
    (efficientnet_as_vgg, ['lead["VGG-13"].low', "behind_vit"], {"efficientnet_lower": "unclear"}),
    (vit_overfits, ["train_lag", "vit_gap.low"], {}),
    (resnet_learns_by_heart, ['train_accuracy["ResNet-18"]', "resnet_gap.low"], {"resnet_overfits": "confirmed"}),
    (vit_stops_early, ['epochs["ViT"]'], {}),
    (vgg_learns_by_heart, ["vgg_gap.high"], {"vgg_generalises": "contradicted"}),
    (efficientnet_diverges, ["closing", 'rises["EfficientNet"]'], {"efficientnet_converges": "unclear"}),
    (vgg_falls_in_its_second_training, ["min, rises.values()"], {}),
    (efficientnet_is_level, ["max(levels)"], {"efficientnet_converges": "unclear"}),  # in two trainings of two
    (efficientnet_overfits_in_its_second_training, ['max(levels), "about"'], {}),
    (vit_stares, ["focus[True]"], {}),
    (vit_c_all_right, ["behind_vgg.low"], {}),
    (vit_c_as_vit, ["gain.low"], {}),
    (attention_matters, ['added["ViT"].high', 'added["ViT-C"].low', "max(one.low"], {}),
    (images_of_the_original, ["vision.comparable"], {}),
    (images_of_ones_own, ["vision.stand_in", "towards_dogs"], {"vit_lower": "not judged here"}),
    (chapter.altered("bonus-speed", ours=[40.0] * 3), ['full_size_speed, ">", 1'], {}),
    (chapter.altered("bonus-speed", progressive=[60.0] * 3), ["(speed"], {}),
    (chapter.altered("bonus-models", model="vit-c", multiply_adds=10**6), ["dearer"], {}),
    (uneven_classes, ['facts["classes"]'], {}),
    (vgg_leans_on_shrinking, ["towards_dogs"], {}),
    (vehicles_taken_for_food, ["mixed"], {}),
]


BY_NAME = {case[0].__name__: case for case in CASES}
ALONE = (
    "vgg_and_vit_swapped", "efficientnet_overfits_in_its_second_training", "images_of_ones_own",
    "vgg_leans_on_shrinking",
)  # fmt: skip


@pytest.mark.parametrize("group", chapter.together(BY_NAME, 3, ALONE), ids=", ".join)
def test_altered_records_break_what_rests_on_them(monkeypatch, as_committed, group):
    cases = [BY_NAME[name] for name in group]
    found = evaluated(monkeypatch, composed(alter for alter, _, _ in cases))
    assert_broken(found, {name: checks for name, (_, checks, _) in zip(group, cases, strict=True)})
    for name, (_, _, verdicts) in zip(group, cases, strict=True):
        for key, status in verdicts.items():
            assert found[key] == status != as_committed[key], name


def test_altered_trials_break_what_rests_on_them(monkeypatch):
    table = evaluation.trials()
    table.loc["efficientnet-late", "validation_accuracy"] = 0.9
    table.loc["efficientnet-statistics", "validation_accuracy"] = 0.8
    table.loc["hybrid-without-mean", "validation_accuracy"] = 0.9
    monkeypatch.setattr(evaluation, "trials", lambda: table)
    assert_broken(evaluated(monkeypatch), {"trials": ["finer.low", "momentum_cost", "readout.high"]})
