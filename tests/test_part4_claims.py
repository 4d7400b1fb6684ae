"""Part IV's verdicts turn with the records: copies of the committed ones, altered, and small ones made by hand."""

from dataclasses import replace
from functools import partial

import chapter
import numpy as np
import pytest
from news_records import right_on, with_score

from study import profile, published, runs
from study.comparison import compare
from study.news import analysis, claims, experiments
from study.news.variants import Variants
from study.prose import NO_BREAK_SPACE
from study.runs import Record
from study.verdicts import CLOSE, CONFIRMED, CONTRADICTED, NOT_REPRODUCED, PARTLY, REPRODUCED, UNCLEAR

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


def with_guess(records, changed):
    """The verdicts where some variants have other records in the guess that was tested."""
    after = Statuses(records)
    vars(after.evidence)["guess"] = Variants(after.evidence.guess | changed)
    return after


def scored(before, variant, split, **scores):
    """A variant of the tested guess with other scores on a split, by seed a little apart."""
    apart = lambda r: {name: score + 1e-4 * r.spec["seed"] for name, score in scores.items()}  # noqa: E731
    return {variant: [with_score(r, split, **apart(r)) for r in before.evidence.guess[variant]]}


# The table


def test_every_claim_of_the_part_is_a_row_of_the_table_and_stands_in_the_original():
    said = {name for name, claim in published.everything()["claims"].items() if claim["where"].startswith("Part IV, ")}
    assert set(claims.CLAIMS) == said


def test_reasons_are_sentences(records):
    for name, verdict in analysis.claims(records).items():
        assert verdict.reason[0].isupper() and verdict.reason.endswith("."), name
        assert "nan" not in verdict.reason and ".." not in verdict.reason and "  " not in verdict.reason, name


def test_every_published_number_of_the_part_is_judged(records):
    assert sorted(j.key for j in analysis.judged(records)) == sorted(published.numbers("part4"))


# Altered records


def test_base_and_early_stopping_swapped(records, before):
    after = Statuses(swapped(records, "base", STOPPED))
    number = "part4.base.train_accuracy"
    assert (before[number], after[number]) == (REPRODUCED, NOT_REPRODUCED)
    assert (before["base_huge_gap"], after["base_huge_gap"]) == (CONFIRMED, CONTRADICTED)
    assert after["gap_closes"] == before["gap_closes"]  # what a technique changes is judged in the guess
    guess = before.evidence.guess
    after = with_guess(records, {"base": guess[STOPPED], STOPPED: guess["base"]})
    turned = {"dropout_helps", "all_better_than_base", "gap_closes", "early_stopping_gap"}
    assert {before[name] for name in turned} == {CONFIRMED} and CONFIRMED not in {after[name] for name in turned}
    assert after["gap_closes"] == CONTRADICTED


def test_early_stopping_that_helps_and_leads(records, before):
    after = with_guess(records, scored(before, STOPPED, "test", accuracy=0.93, loss=0.2))
    assert (before["early_stopping_helps"], after["early_stopping_helps"]) == (PARTLY, CONFIRMED)
    assert (before["early_stopping_best"], after["early_stopping_best"]) == (UNCLEAR, CONFIRMED)
    assert (before["early_stopping_highest"], after["early_stopping_highest"]) == (UNCLEAR, CONFIRMED)
    assert (before["early_stopping_effective"], after["early_stopping_effective"]) == (PARTLY, CONFIRMED)
    assert after["regularisation_too_strong"] == PARTLY  # the penalty now lowers the accuracy
    assert after["regularisation_no_gain"] == CONFIRMED
    behind = with_guess(records, scored(before, STOPPED, "test", accuracy=0.89, loss=0.4))
    assert behind["early_stopping_best"] == behind["early_stopping_highest"] == CONTRADICTED


def test_the_reason_says_in_which_setting_and_which_half_of_a_claim_holds(records, before):
    found = analysis.claims(records)
    assert found["early_stopping_best"].reason.endswith(f"that was tested, by 3{NO_BREAK_SPACE}seeds.")
    assert "tested" not in found["base_overfits"].reason
    assert " The claim holds for the test loss only." in found["early_stopping_helps"].reason
    assert "Clearly better is the test loss." in found["regularisation_no_gain"].reason
    better = with_guess(records, scored(before, STOPPED, "test", accuracy=0.93, loss=0.2))
    assert "only" not in claims.early_stopping_helps(better.evidence).reason


def test_dropout_that_does_nothing(records, before):
    after = with_guess(records, {"dropout": before.evidence.guess["base"]})
    assert after["dropout_helps"] == after["dropout_drops_units"] == UNCLEAR
    assert before["dropout_helps"] == before["dropout_drops_units"] == CONFIRMED
    assert after["all_better_than_base"] == PARTLY


def test_a_penalty_that_narrows_the_gap_and_its_training(records, before):
    trained = [with_guess(records, scored(before, "regularised", "train", accuracy=share)) for share in (0.94, 0.99)]
    narrow, wide = trained
    names = ("regularisation_reduces_gap", "regularisation_training", "regularised_little_gap")
    assert [before[name] for name in names] == [UNCLEAR, CONFIRMED, UNCLEAR]
    assert {narrow[name] for name in names} == {CONFIRMED} and {wide[name] for name in names} == {CONTRADICTED}


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
    assert (before["optimal_strength"], crucial["optimal_strength"]) == (CONTRADICTED, CONFIRMED)
    lower = with_guess(weaker, scored(before, "regularised", "test", accuracy=0.88))
    assert lower["bias_variance"] == lower["regularisation_too_strong"] == CONFIRMED


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

    after = with_guess(records, {"dropout": [falling(r) for r in before.evidence.guess["dropout"]]})
    assert (before["dropout_overfits"], after["dropout_overfits"]) == (CONFIRMED, PARTLY)


def test_training_below_unseen_texts(records, before):
    low = altered(records, ["base"], lambda r: with_score(r, "train", accuracy=0.5 + 1e-4 * r.spec["seed"]))
    after = with_guess(low, scored(before, STOPPED, "train", accuracy=0.5))
    assert (before["training_learnt"], after["training_learnt"]) == (CONFIRMED, CONTRADICTED)
    assert (before["base_overfits"], after["base_overfits"]) == (CONFIRMED, CONTRADICTED)
    assert (before["early_stopping_as_well"], after["early_stopping_as_well"]) == (UNCLEAR, CONFIRMED)
    nearly, far = (with_guess(records, scored(before, STOPPED, "train", accuracy=share)) for share in (0.92, 0.99))
    assert (nearly["early_stopping_as_well"], far["early_stopping_as_well"]) == (PARTLY, CONTRADICTED)


def test_an_effect_of_one_seed_alone_confirms_no_claim(records, before):
    """Early stopping helps a single seed, by much."""
    first, *others = before.evidence.guess[STOPPED]
    after = with_guess(records, {STOPPED: [with_score(first, "test", accuracy=0.97), *others]})
    assert after.evidence.guess.steps[1].test.direction == "not clearly different"
    assert after["early_stopping_best"] == UNCLEAR


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

    def stopping_leads(record):
        """A training with dropout, tested, that is best until early stopping ends it."""
        tests = np.where(np.arange(10) < 8, 0.97, 0.9)
        return replace(record, arrays=record.arrays | {"history_test_accuracy": tests})

    models = {r.spec["model"] for r in records if "tested" in r.spec["settings"] and r.spec["model"].startswith("drop")}
    better = altered(records, [STOPPED], lambda r: right_on(r, 0.97))
    better = analysis.finding(altered(better, models, stopping_leads, task="conditions"))
    assert "Dropout + early stopping has the highest test accuracy, 97.0%. It is better than" in better
    assert better.endswith("finds early stopping best; so do our runs.")


def test_two_seeds_give_verdicts_too(records):
    few = [r for r in records if r.spec["seed"] < (3 if "tested" in r.spec["settings"] else 2)]
    found = {name: verdict.status for name, verdict in analysis.claims(few).items()}
    assert set(found) == set(claims.CLAIMS) and found["training_learnt"] == UNCLEAR
    assert REPRODUCED not in {j.verdict.status for j in analysis.judged(few)}
    assert analysis.finding(few) and analysis.highlights(few)


# A comparison, by hand


def test_without_predictions_a_comparison_is_by_seed():
    apart = [(0.90, 0.88), (0.91, 0.88), (0.89, 0.88)]
    high, low = ([Record({}, {"test": {"accuracy": pair[i]}}, {}, {}) for pair in apart] for i in (0, 1))
    found = compare(high, low)
    assert found.difference.mean == pytest.approx(0.02) and found.p_values == ()
    assert found.difference.high - 0.02 == pytest.approx(4.303 * 0.01 / 3**0.5, rel=1e-3)  # Student's, n = 3
    assert found.direction == "not clearly different" and compare(high, high).direction == "not clearly different"
