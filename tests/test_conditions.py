"""Which conditions the original could have had: readings of trajectories, their distance, the choice, by hand."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from study import profile, prose, published
from study.news import conditions, experiments, tables
from study.news.conditions import Reading, Setting
from study.news.variants import Variants
from study.runs import Record

EXAMPLE = Setting()
LOSSES = [3.0, 2.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("epochs", "patience", "ends"),
    [(6, 1, 4), (6, 2, 5), (6, 3, 6), (4, 2, 4), (6, 5, 6), (9, 2, 5), (9, 3, 6), (9, 4, None), (7, 5, None)],
)
def test_a_trajectory_tells_when_patience_ends_or_that_it_is_too_short(epochs, patience, ends):
    assert conditions.stop(LOSSES, epochs, patience) == ends


def trajectory(shift=0.0, epochs=6, **changed):
    """Numbers that rise by 1 an epoch, but for the validation loss, which is lowest after the third."""
    rising = 1.0 + shift + np.arange(epochs)
    names = ("train_accuracy", "train_loss", "validation_accuracy", "test_accuracy", "test_loss")
    return {name: rising for name in names} | {"validation_loss": np.array(LOSSES[:epochs])} | changed


@pytest.mark.parametrize(
    ("reading", "found"),
    [
        (Reading(6, 2, best=False), [6, 6, 5, 5]),
        (Reading(6, 2, best=True), [6, 6, 3, 3]),
        (Reading(4, 1, best=False), [4, 4, 4, 4]),
        (Reading(2, 1, best=True), [2, 2, 2, 2]),
    ],
)
def test_the_variants_stand_at_their_epochs(reading, found):
    three = {"plain": trajectory(), "dropout": trajectory(0.25), "penalty": trajectory(0.5)}
    at = conditions.ends(three, reading)
    assert list(at.values()) == found and list(at) == ["base", "dropout", "early-stopping", "regularised"]
    told = conditions.numbers(three, at)
    assert len(told) == 16
    # The first variant reads the training without dropout, the next two the one with, the last the penalised one.
    shifts = [0.0, 0.25, 0.25, 0.5]
    assert [told[f"part4.{v}.train_loss"] for v in at] == [n + s for n, s in zip(found, shifts, strict=True)]
    assert told["part4.early-stopping.validation_loss"] == LOSSES[found[2] - 1]


def test_a_reading_that_one_trajectory_is_too_short_for_is_none():
    three = {"plain": trajectory(), "dropout": trajectory(), "penalty": trajectory(epochs=4)}
    assert conditions.ends(three, Reading(6, 1, best=False))["regularised"] == 4
    assert conditions.ends(three, Reading(6, 2, best=False)) is None
    assert {r for r, _ in conditions.readings(three) if r.patience > 1 and r.epochs > 4} == set()


def test_a_point_of_accuracy_weighs_as_much_as_a_tenth_of_a_loss():
    loss, share = "part4.base.validation_loss", "part4.base.validation_accuracy"
    values = [(loss, 1.1 * 0.733), (loss, 0.733 / 1.1), (share, 0.8897 + 0.01), (share, 0.8897 - 0.01)]
    assert [conditions.off(*one) for one in values] == pytest.approx([1.0] * 4)
    assert conditions.distance({loss: 0.733, share: 0.8897 + 0.03}) == pytest.approx(1.5)  # the mean, not the largest


def record(training, setting=EXAMPLE, seed=0, task="part4-conditions", epochs=6, l2=1e-4, **series):
    settings = conditions.trainings(setting, l2)[training] | {"epochs": epochs, "patience": None}
    settings |= {"tested": True} if seed else {}
    told = trajectory(epochs=epochs) | series
    names = {"train_loss": "loss", "train_accuracy": "accuracy"}
    arrays = {f"history_{names.get(name, name)}": np.asarray(a, dtype=np.float32) for name, a in told.items()}
    if seed == 0:
        arrays = {name: a for name, a in arrays.items() if "test" not in name}
    return Record({"task": task, "model": training, "seed": seed, "settings": settings}, {}, arrays, {})


def as_published(setting=EXAMPLE, seed=0, shift=0.0, **tested):
    """Records of a setting whose reading `epochs=6, patience=2, best=False` gives the published numbers, plus a shift
    of the accuracies: the base and dropout variants at epoch 6, the others at epoch 5."""
    found = []
    for training, told in (
        ("plain", {6: "base"}),
        ("dropout", {5: "early-stopping", 6: "dropout"}),
        ("penalty", {5: "regularised"}),
    ):
        series = {q: np.full(6, 0.5) for q in conditions.QUANTITIES} | tested
        series["validation_loss"] = np.array([0.3, 0.3, 0.1, 0.2, 0.3, 0.4])  # stops at epoch 5
        for epoch, variant in told.items():
            for quantity in conditions.QUANTITIES:
                value = published.value(f"part4.{variant}.{quantity}")
                series[quantity][epoch - 1] = value + (shift if "accuracy" in quantity else 0.0)
        found.append(record(training, setting, seed, **series))
    return found


def test_the_setting_and_the_reading_that_come_nearest_are_chosen():
    settings = {"far": Setting(width=16), "near": EXAMPLE, "farther": Setting(width=64)}
    shifts = {"far": 0.02, "near": 0.0, "farther": 0.04}
    records = [r for name, setting in settings.items() for r in as_published(setting, shift=shifts[name])]
    table = conditions.nearest(records, settings)
    assert list(table.index) == ["near", "far", "farther"]
    assert table.distance.tolist() == pytest.approx([0.0, 1.0, 2.0], abs=1e-3)  # half of the numbers are shifted
    assert table.close.tolist() == [16, 8, 8] and table.setting.iloc[0] == EXAMPLE
    near = table.iloc[0]
    assert Reading(near.epochs, near.patience, near.best) == Reading(6, 2, best=False)
    assert near.numbers == pytest.approx({key: published.value(key) for key in near.numbers})


def test_all_four_variants_count_and_the_test_split_does_not():
    settings = {"near": EXAMPLE, "other": Setting(width=16)}
    records = [*as_published(), *as_published(settings["other"], shift=0.001)]
    for training in range(3):  # each of the three trainings of the nearest one spoilt
        spoilt = list(records)
        arrays = records[training].arrays
        spoilt[training] = Record(
            records[training].spec, {}, arrays | {"history_accuracy": arrays["history_accuracy"] - 0.2}, {}
        )
        assert conditions.nearest(spoilt, settings).index[0] == "other"
    tests = [Record(r.spec, {}, r.arrays | {"history_test_loss": np.zeros(6)}, {}) for r in records]
    assert conditions.nearest(tests, settings).equals(conditions.nearest(records, settings))


def test_numbers_that_no_setting_gives_are_named():
    settings = {"near": EXAMPLE, "other": Setting(width=16)}
    assert conditions.unreached(as_published(), {"near": EXAMPLE}) == {}
    spoilt = [*as_published(), *as_published(settings["other"])]
    for i in (1, 4):  # what the dropout trainings of both settings say of training accuracy
        spoilt[i] = Record(spoilt[i].spec, {}, spoilt[i].arrays | {"history_accuracy": np.full(6, 0.9)}, {})
    least = conditions.unreached(spoilt, settings)
    assert set(least) == {"part4.dropout.train_accuracy", "part4.early-stopping.train_accuracy"}
    assert least["part4.dropout.train_accuracy"] == pytest.approx(8.79, abs=1e-3)
    assert set(conditions.unreached([*as_published(), *spoilt[3:]], settings)) == set()  # one setting is enough


def test_the_table_shows_each_setting_with_its_reading():
    settings = {"other": Setting(width=16), "near": EXAMPLE}
    table = tables.conditions(
        conditions.nearest([*as_published(), *as_published(settings["other"], shift=0.02)], settings)
    )
    assert table.iloc[0].tolist() == ["near", "0.00", 16, 6, "0.4"]  # 90.29% and 89.84% as published
    assert table.Setting.tolist() == ["near", "other"] and table.Within.tolist() == [16, 8]


def test_the_table_has_a_column_of_patience_where_it_differs():
    nearest = conditions.nearest(as_published(), {"near": EXAMPLE})
    other = nearest.assign(patience=3).set_axis(["other"])
    table = tables.conditions(pd.concat([nearest, other]))
    assert table.Patience.tolist() == [2, 3] and "Patience" not in tables.conditions(nearest)


def test_published_numbers_are_named_by_quantity():
    keys = ["part4.base.train_loss", "part4.dropout.validation_loss", "part4.early-stopping.train_loss"]
    assert tables.by_quantity(keys) == "training loss (Base and + early stopping) and validation loss (Dropout)"
    assert tables.by_quantity([]) == "none"


def test_the_reports_own_trainings_are_read_and_the_longest_of_several():
    own = Setting(dropout=0.2)
    stopped, whole = (record("dropout", own, task="part4-variants", epochs=n) for n in (4, 6))
    others = [record("dropout", own, seed=1), record("penalty", own), record("dropout"), record("plain", own)]
    assert conditions.found([*others, stopped, whole], own, "dropout") is whole
    assert conditions.found([*others, stopped, whole], own, "penalty") is others[1]
    with pytest.raises(KeyError, match="no record of the training dropout-w32-.*seed 2"):
        conditions.found(others, own, "dropout", seed=2)


def test_tested_seeds_are_read_as_the_one_that_chose_the_setting():
    tests = {"test_accuracy": np.arange(6) / 10, "test_loss": np.arange(6)}
    records = [*as_published(), *as_published(seed=2, shift=0.01, **tests), *as_published(seed=1, **tests)]
    (found,) = conditions.tested([*records, *as_published(Setting(width=16))]).values()
    assert list(found) == list(experiments.VARIANTS)
    assert [[r.spec["seed"] for r in runs] for runs in found.values()] == [[1, 2]] * 4
    assert [runs[0].metrics["test"]["loss"] for runs in found.values()] == [5, 5, 4, 4]
    assert found["base"][1].metrics["test"]["accuracy"] == pytest.approx(0.5)
    stopped = published.value("part4.early-stopping.train_accuracy")
    assert [r.metrics["train"]["accuracy"] for r in found["early-stopping"]] == pytest.approx([stopped, stopped + 0.01])
    assert [len(runs[0].arrays["history_loss"]) for runs in found.values()] == [6, 6, 5, 5]
    table = tables.by_setting({"guess": Variants(found), "again": Variants(found)})
    assert [*table] == ["Technique", "guess", "again"] and table.Technique.tolist() == [*tables.TECHNIQUES]
    told = [value.replace(prose.NO_BREAK_SPACE, " ").split()[0] for value in table.guess]
    assert told == ["0.00", "−10.00", "0.00"]
    with pytest.raises(KeyError, match="test split"):
        conditions.tested(as_published())


def test_a_tested_training_that_is_too_short_for_the_reading_is_named():
    short = record("plain", seed=1, epochs=4)
    with pytest.raises(ValueError, match="seed 1 is too short for Reading"):
        conditions.tested([*as_published(), short, *as_published(seed=1)[1:]])


def test_a_variant_of_ours_in_the_same_setting_does_not_take_the_place_of_a_tested_training():
    tests = {"test_accuracy": np.arange(6) / 10, "test_loss": np.arange(6)}
    ours = record("plain", task="part4-variants")
    ours = replace(ours, spec=ours.spec | {"seed": 1})
    records = [ours, *as_published(), *(r for seed in (1, 2) for r in as_published(seed=seed, **tests))]
    (found,) = conditions.tested(records).values()
    assert [r.metrics["test"]["loss"] for r in found["base"]] == [5, 5]


def test_of_several_tested_settings_the_nearest_by_seed_0_comes_first():
    tests = {"test_accuracy": np.arange(6) / 10, "test_loss": np.arange(6)}
    far, near = Setting(dropout=0.02), Setting(learning_rate=3e-3, dropout=0.05)
    records = [r for s, shift in ((far, 0.03), (near, 0.0)) for r in as_published(s, shift=shift)]
    records += [r for s in (far, near) for seed in (1, 2) for r in as_published(s, seed=seed, **tests)]
    assert list(conditions.tested(records)) == [near, far]


def on_test(**off):
    """Three seeds of each variant at the published test scores, some of which are off in accuracy."""
    found = {}
    for key in conditions.VARIANTS:
        accuracy, loss = (published.value(f"part4.{key}.test_{score}") for score in ("accuracy", "loss"))
        tests = [{"accuracy": accuracy + off.get(key, 0.0) + seed / 1000, "loss": loss} for seed in range(3)]
        found[key] = [Record({}, {"test": test}, {}, {}) for test in tests]
    return Variants(found)


def test_published_test_scores_are_close_by_the_median_over_seeds():
    close = {*tables.close_on_test(on_test(base=0.008))}
    assert len(close) == 8 and close - {*tables.close_on_test(on_test(base=0.02))} == {"part4.base.test_accuracy"}


def test_settings_share_trainings_and_only_seeds_that_chose_nothing_are_tested():
    full = profile.load("full")
    changes = {"grid": tuple(conditions.GRID), "tested": ("example",), "tested_seeds": (1, 2)}
    specs = experiments.ALL.specs(replace(full, part4=replace(full.part4, **changes)))
    specs = [s for s in specs if s["task"] == "part4-conditions"]
    assert max(Counter((s["model"], s["seed"]) for s in specs).values()) == 1
    plain = [s for s in specs if s["model"].startswith("plain") and s["seed"] == 0]
    dropouts = {s["settings"]["dropout"] for s in specs if s["model"].startswith("dropout")}
    assert len(plain) < len(conditions.GRID) and len(dropouts) == 3
    assert {s["seed"] for s in specs if "tested" in s["settings"]} == {1, 2}
    assert {s["settings"]["dropout"] for s in specs if "tested" in s["settings"]} == {0.0, 0.1}
    assert {s["seed"] for s in specs if "tested" not in s["settings"]} == {0}


@pytest.mark.parametrize("name", ["quick", "full"])
def test_a_profile_tests_settings_of_its_grid_with_seeds_that_did_not_choose_them(name):
    sizes = profile.load(name).part4
    assert set(sizes.tested) <= set(sizes.grid) and 0 not in sizes.tested_seeds
    assert list(conditions.grid(sizes)) == list(sizes.grid)


def test_the_reports_own_setting_stands_beside_the_grid():
    settings = conditions.with_own(profile.load("full").part4)
    assert list(settings)[-1] == conditions.OWN
    own = conditions.trainings(settings[conditions.OWN], 1e-4)
    specs = [s["settings"] for s in experiments.ALL.specs(profile.load("full")) if s["task"] == "part4-variants"]
    for training in own.values():
        assert any(training.items() <= settings.items() for settings in specs), training
    small = conditions.with_own(profile.load("quick").part4)
    assert {s.width for s in small.values()} == {16} and small["example"].dropout == 0.1
