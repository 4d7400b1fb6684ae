"""Part IV's verdicts turn with the records: copies of the committed ones, altered, and small ones made by hand."""

from dataclasses import replace
from functools import partial

import chapter
import numpy as np
import pytest

from study import profile, published, runs
from study.comparison import compare
from study.news import analysis, claims, experiments, variants
from study.news.corpus import TEST
from study.runs import Record
from study.verdicts import (
    CLOSE,
    CONFIRMED,
    CONTRADICTED,
    NOT_REPRODUCED,
    PARTLY,
    REPRODUCED,
    UNCLEAR,
)

FULL = profile.load("full")
Statuses = partial(chapter.Statuses, "part4", analysis, claims)
STOPPED = "early-stopping"


@pytest.fixture(scope="module")
def records():
    store = runs.Store(FULL.records)
    return [store.load(spec) for spec in experiments.ALL.specs(FULL)]


@pytest.fixture(scope="module")
def before(records):
    return Statuses(records)


def altered(records, models, change, task="variants"):
    """The records, those of some models of a task changed."""
    return [change(r) if r.spec["task"] == f"part4-{task}" and r.spec["model"] in models else r for r in records]


def swapped(records, one, other):
    """The records of two variants under each other's name."""
    names = {one: other, other: one}
    return [
        replace(r, spec=r.spec | {"model": names.get(r.spec["model"], r.spec["model"])})
        if r.spec["task"] == "part4-variants"
        else r
        for r in records
    ]


def with_metrics(record, **metrics):
    return replace(record, metrics=record.metrics | metrics)


def with_score(record, split, **scores):
    """A record with other scores on one split."""
    return with_metrics(record, **{split: record.metrics[split] | scores})


def right_on(record, share):
    """A record that is right on this share of the test texts, the first ones."""
    classes = record.arrays["test_classes"].astype(int)
    right = np.arange(len(classes)) < share * len(classes)
    logits = 4 * np.eye(4)[np.where(right, classes, (classes + 1) % 4)]
    counts = np.zeros((4, 4))
    np.add.at(counts, (classes, logits.argmax(axis=1)), 1)
    changed = with_score(record, "test", accuracy=float(right.mean()), confusion=counts.tolist())
    return replace(changed, arrays=changed.arrays | {"test_logits": logits})


# The table


def test_every_claim_of_the_part_is_a_row_of_the_table_and_stands_in_the_original():
    said = {name for name, claim in published.everything()["claims"].items() if claim["where"].startswith("Part IV, ")}
    assert set(claims.CLAIMS) == said


def test_reasons_are_sentences(records):
    for name, verdict in analysis.claims(records).items():
        assert verdict.reason[0].isupper() and verdict.reason.endswith("."), name
        assert "nan" not in verdict.reason and ".." not in verdict.reason and "  " not in verdict.reason, name


def test_the_bounds_are_those_that_are_documented():
    found = (claims.ALMOST_ALL, claims.MOST, claims.LITTLE, claims.CRUCIAL, claims.CORNER)
    assert found == (0.95, 0.5, 0.05, 0.01, 0.1)


def test_every_published_number_of_the_part_is_judged(records):
    assert sorted(j.key for j in analysis.judged(records)) == sorted(published.numbers("part4"))


# Altered records


def test_base_and_early_stopping_swapped(records, before):
    after = Statuses(swapped(records, "base", STOPPED))
    turned = {
        "part4.base.train_accuracy": (REPRODUCED, NOT_REPRODUCED),
        "base_huge_gap": (CONFIRMED, CONTRADICTED),
        "dropout_helps": (CONFIRMED, UNCLEAR),
        "all_better_than_base": (CONFIRMED, UNCLEAR),
        "gap_closes": (CONFIRMED, CONTRADICTED),
        "early_stopping_gap": (CONFIRMED, UNCLEAR),
    }
    found = {name: (before[name], after[name]) for name in turned}
    assert found["gap_closes"] == turned["gap_closes"] and found["base_huge_gap"] == turned["base_huge_gap"]
    assert found["early_stopping_gap"] == turned["early_stopping_gap"]
    assert all(b == t[0] and a != b for (b, a), t in zip(found.values(), turned.values(), strict=True)), found


def test_early_stopping_that_helps_and_leads(records, before):
    better = altered(records, [STOPPED], lambda r: with_score(right_on(r, 0.93), "test", loss=0.2))
    after = Statuses(better)
    assert (before["early_stopping_helps"], after["early_stopping_helps"]) == (PARTLY, CONFIRMED)
    assert (before["early_stopping_best"], after["early_stopping_best"]) == (UNCLEAR, CONFIRMED)
    assert (before["early_stopping_highest"], after["early_stopping_highest"]) == (UNCLEAR, CONFIRMED)
    assert (before["early_stopping_effective"], after["early_stopping_effective"]) == (PARTLY, CONFIRMED)
    assert after["regularisation_too_strong"] == PARTLY  # the penalty now lowers the accuracy
    assert after["regularisation_no_gain"] == CONFIRMED


def overfitting(record):
    """A model with dropout that overfits as the original's."""
    loss = published.value("part4.dropout.validation_loss") + 0.01 * record.spec["seed"]
    return with_score(record, "validation", loss=loss)


def test_what_fails_under_other_conditions_is_unclear_and_under_theirs_contradicted(records, before):
    assert not before.evidence.as_overfitted
    theirs = Statuses(altered(records, ["dropout"], overfitting))
    assert theirs.evidence.as_overfitted
    assert (before["early_stopping_best"], theirs["early_stopping_best"]) == (UNCLEAR, CONTRADICTED)
    assert (before["early_stopping_highest"], theirs["early_stopping_highest"]) == (UNCLEAR, CONTRADICTED)
    assert (before["optimal_strength"], theirs["optimal_strength"]) == (UNCLEAR, CONTRADICTED)
    reasons = [claims.early_stopping_best(one.evidence).reason for one in (before, theirs)]
    assert "leaves less to repair" in reasons[0] and "leaves less to repair" not in reasons[1]


def test_the_reason_says_which_half_of_a_claim_holds(records, before):
    half = " The claim holds for the test loss only."
    assert half in claims.early_stopping_helps(before.evidence).reason
    better = Statuses(altered(records, [STOPPED], lambda r: with_score(right_on(r, 0.93), "test", loss=0.2)))
    assert "only" not in claims.early_stopping_helps(better.evidence).reason
    assert "Clearly better is the test loss." in claims.regularisation_no_gain(before.evidence).reason


def test_dropout_that_does_nothing(records, before):
    """Dropout's records are those of Base, seed by seed, but for a breath."""
    base = {r.spec["seed"]: r for r in runs.of(records, "part4-variants", "base")}
    same = altered(records, ["dropout"], lambda r: replace(base[r.spec["seed"]], spec=r.spec))
    after = Statuses(same)
    assert after["dropout_helps"] == after["dropout_drops_units"] == UNCLEAR
    assert before["dropout_helps"] == before["dropout_drops_units"] == CONFIRMED
    assert after["all_better_than_base"] == PARTLY


def test_a_penalty_that_narrows_the_gap_and_its_training(records, before):
    fitted = altered(records, ["regularised"], lambda r: with_score(r, "train", accuracy=0.91 + 1e-4 * r.spec["seed"]))
    after = Statuses(fitted)
    assert (before["regularisation_reduces_gap"], after["regularisation_reduces_gap"]) == (UNCLEAR, CONFIRMED)
    assert (before["regularisation_training"], after["regularisation_training"]) == (UNCLEAR, CONFIRMED)
    wide = altered(records, ["regularised"], lambda r: with_score(r, "train", accuracy=0.99 + 1e-4 * r.spec["seed"]))
    assert (before["regularised_little_gap"], Statuses(wide)["regularised_little_gap"]) == (CONFIRMED, UNCLEAR)
    as_theirs = Statuses(altered(wide, ["dropout"], overfitting))
    assert as_theirs["regularised_little_gap"] == CONTRADICTED


def validating(accuracy, loss=None):
    def change(record):
        scores = {"accuracy": accuracy + 1e-4 * record.spec["seed"]} | ({} if loss is None else {"loss": loss})
        return with_score(record, "validation", **scores)

    return change


def test_strengths_of_the_penalty(records, before):
    weaker = altered(records, ["strength-1e-05"], validating(0.93, loss=0.2), task="l2")
    after = Statuses(weaker)
    assert (before["regularisation_too_strong"], after["regularisation_too_strong"]) == (UNCLEAR, PARTLY)
    assert (before["bias_variance"], after["bias_variance"]) == (UNCLEAR, PARTLY)
    crucial = Statuses(altered(records, ["strength-1e-05"], validating(0.95, loss=0.2), task="l2"))
    assert (before["optimal_strength"], crucial["optimal_strength"]) == (UNCLEAR, CONFIRMED)
    lower = altered(weaker, ["regularised"], lambda r: right_on(r, 0.88))
    assert Statuses(lower)["bias_variance"] == Statuses(lower)["regularisation_too_strong"] == CONFIRMED


def test_classes_and_their_curves(records, before):
    names = list(experiments.VARIANTS)
    perfect = altered(records, names, lambda r: right_on(r, 1.0))
    after = Statuses(perfect)
    assert (before["diagonal"], after["diagonal"]) == (PARTLY, CONFIRMED)
    assert (before["balanced"], after["balanced"]) == (PARTLY, CONFIRMED)
    poor = Statuses(altered(records, names, lambda r: right_on(r, 0.4)))
    assert poor["diagonal"] == CONTRADICTED
    assert (before["roc_corner"], poor["roc_corner"]) == (CONFIRMED, CONTRADICTED)
    low = Statuses(altered(records, ["base"], lambda r: with_score(r, "test", auc=[0.8, 0.9, 0.8, 0.8])))
    assert (before["auc_high"], low["auc_high"]) == (CONFIRMED, CONTRADICTED)
    as_printed = altered(records, names, lambda r: with_score(r, "test", auc=[0.98, 0.996, 0.98, 0.98]))
    assert (before["auc_perfect"], Statuses(as_printed)["auc_perfect"]) == (PARTLY, CONFIRMED)
    none = altered(records, names, lambda r: with_score(r, "test", auc=[0.9, 0.9, 0.9, 0.9]))
    assert Statuses(none)["auc_perfect"] == CONTRADICTED


def test_our_classifier_below_dropout_leaves_no_room(records, before):
    worse = [right_on(r, 0.9) if r.spec["task"] == "part4-own" else r for r in records]
    assert (before["dropout_room"], Statuses(worse)["dropout_room"]) == (CONFIRMED, CONTRADICTED)


def test_a_validation_loss_that_falls_faster(records, before):
    def falling(record):
        return replace(record, arrays=record.arrays | {"history_validation_loss": record.arrays["history_loss"] * 2})

    after = Statuses(altered(records, ["dropout"], falling))
    assert (before["dropout_overfits"], after["dropout_overfits"]) == (CONFIRMED, PARTLY)


def test_training_below_unseen_texts(records, before):
    low = altered(records, ["base", STOPPED], lambda r: with_score(r, "train", accuracy=0.5 + 1e-4 * r.spec["seed"]))
    after = Statuses(low)
    assert (before["training_learnt"], after["training_learnt"]) == (CONFIRMED, CONTRADICTED)
    assert (before["base_overfits"], after["base_overfits"]) == (CONFIRMED, CONTRADICTED)
    assert (before["early_stopping_as_well"], after["early_stopping_as_well"]) == (PARTLY, CONFIRMED)


def test_an_effect_of_one_seed_alone_confirms_no_claim(records):
    """Early stopping helps a single seed, by much."""
    lucky = altered(records, [STOPPED], lambda r: right_on(r, 0.97) if r.spec["seed"] == 0 else r)
    assert variants.steps(lucky)[1].test.direction == "not clearly different"
    assert Statuses(lucky)["early_stopping_best"] == UNCLEAR


def test_numbers_turn(records, before):
    less = lambda r: with_score(r, "train", accuracy=r.metrics["train"]["accuracy"] - 0.008)  # noqa: E731
    after = Statuses(altered(records, ["base"], less))
    assert (before["part4.base.train_accuracy"], after["part4.base.train_accuracy"]) == (REPRODUCED, CLOSE)


def test_what_the_front_page_says_turns_with_the_classifiers(records):
    found = analysis.finding(records)
    assert "Dropout has the highest test accuracy, 91.1%. It is worse than a linear model" in found
    assert (
        found.endswith("finds early stopping best; our runs do not decide this.")
        and "Towers" in analysis.highlights(records)[0].best
    )
    better = analysis.finding(altered(records, [STOPPED], lambda r: right_on(r, 0.97)))
    assert "Dropout + early stopping has the highest test accuracy, 97.0%. It is better than" in better
    assert better.endswith("finds early stopping best; so do our runs.")


def test_two_seeds_give_verdicts_too(records):
    few = [r for r in records if r.spec["seed"] < 2]
    found = {name: verdict.status for name, verdict in analysis.claims(few).items()}
    assert set(found) == set(claims.CLAIMS) and found["training_learnt"] == UNCLEAR
    assert REPRODUCED not in {j.verdict.status for j in analysis.judged(few)}
    assert analysis.finding(few) and analysis.highlights(few)


# A comparison, by hand


def made(model, seed, share, n=2000):
    classes = np.arange(n) % 4
    logits = np.eye(4)[np.where(np.arange(n) < share * n, classes, (classes + 1) % 4)]
    spec = {"task": "part4-variants", "model": model, "seed": seed, "data": [TEST], "settings": {}}
    return Record(spec, {}, {"test_logits": logits, "test_classes": classes}, {})


def test_a_comparison_meets_every_seed_and_knows_its_direction():
    low, high = ([made("base", seed, share) for seed in range(3)] for share in (0.88, 0.92))
    found = compare(high, low)
    assert found.direction == "higher" and found.difference.mean == pytest.approx(0.04) and len(found.p_values) == 3
    assert compare(low, high).direction == "lower"
    assert compare(low, low).direction == "not clearly different"
    assert len(compare(high, low[:1]).p_values) == 3
