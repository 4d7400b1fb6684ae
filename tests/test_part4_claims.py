"""Part IV's verdicts turn with the records: copies of the committed ones, altered, and small ones made by hand."""

from dataclasses import replace
from functools import partial

import chapter
import committed
import pytest
from news_records import right_on, with_score

from study import parts
from study.comparison import compare, is_positive
from study.news import analysis, claims, experiments
from study.news.variants import Variants
from study.runs import Record
from study.verdicts import CLOSE, CONFIRMED, CONTRADICTED, NOT_REPRODUCED, PARTLY, REPRODUCED, UNCLEAR

Statuses = partial(chapter.Statuses, "part4", analysis, claims)
STOPPED = "early-stopping"


@pytest.fixture(scope="module")
def records():
    return committed.records("part4")


@pytest.fixture(scope="module")
def before(records):
    return Statuses(records)


def altered(records, models, change, task="variants"):
    """The records, those of some models of a task changed."""
    return [change(r) if r.spec["task"] == f"part4-{task}" and r.spec["model"] in models else r for r in records]


def ours(models, change, task="variants"):
    """The verdicts with some models' records of a task changed."""
    return lambda records: Statuses(altered(records, models, change, task))


def guess(change, tested=2):
    """The verdicts with the variants that `change` gives in the place of some, in the nearest of the tested guesses."""

    def turned(records):
        after = Statuses(records)
        changed = {setting: Variants(v | change(v)) for setting, v in list(after.evidence.guesses.items())[:tested]}
        vars(after.evidence)["guesses"] = after.evidence.guesses | changed
        vars(after.evidence)["guess"] = next(iter(after.evidence.guesses.values()))
        return after

    return turned


def scored(split, **scores):
    """Other scores on one split, by seed a little apart."""
    return lambda r: with_score(r, split, **{name: value + 1e-4 * r.spec["seed"] for name, value in scores.items()})


def guessed(variant, split, **scores):
    return guess(lambda found: {variant: [scored(split, **scores)(r) for r in found[variant]]})


def falling(record):
    """A training whose validation loss falls more than its training loss."""
    return replace(record, arrays=record.arrays | {"history_validation_loss": record.arrays["history_loss"] * 2})


def lucky(found):
    """Early stopping that helps a single seed, by much."""
    first, *others = found[STOPPED]
    return {STOPPED: [with_score(first, "test", accuracy=0.97), *others]}


# Altered records, and the verdicts before and after

ALL = tuple(experiments.VARIANTS)
WEAKER = ours(["strength-1e-05"], scored("validation", accuracy=0.93, loss=0.2), "l2")
TURNED = {
    "Base is not learnt": (ours(["base"], scored("train", accuracy=0.5)), {
        "training_learnt": (CONFIRMED, CONTRADICTED), "base_overfits": (CONFIRMED, CONTRADICTED),
    }),
    "Base tests as it trains": (
        ours(["base"], lambda r: with_score(r, "test", accuracy=r.metrics["train"]["accuracy"])),
        {"base_overfits": (CONFIRMED, PARTLY), "base_huge_gap": (CONFIRMED, CONFIRMED)},  # as it did in validation
    ),
    "Base trained a little less": (
        ours(["base"], lambda r: with_score(r, "train", accuracy=r.metrics["train"]["accuracy"] - 0.008)),
        {"part4.base.train_accuracy": (REPRODUCED, CLOSE)},
    ),
    "Base without a gap": (ours(["base"], scored("train", accuracy=0.9)), {
        "part4.base.train_accuracy": (REPRODUCED, NOT_REPRODUCED), "base_huge_gap": (CONFIRMED, CONTRADICTED),
        "gap_closes": (CONFIRMED, CONFIRMED),  # what a technique changes is judged in the guess
    }),
    "Base and early stopping swapped": (guess(lambda found: {"base": found[STOPPED], STOPPED: found["base"]}), {
        "dropout_helps": (CONFIRMED, UNCLEAR), "all_better_than_base": (CONFIRMED, UNCLEAR),
        "gap_closes": (CONFIRMED, CONTRADICTED), "early_stopping_gap": (CONFIRMED, CONTRADICTED),
    }),
    "early stopping helps and leads": (guessed(STOPPED, "test", accuracy=0.93, loss=0.2), {
        "early_stopping_best": (UNCLEAR, CONFIRMED), "early_stopping_highest": (UNCLEAR, CONFIRMED),
        "early_stopping_helps": (PARTLY, CONFIRMED), "early_stopping_effective": (PARTLY, CONFIRMED),
        "regularisation_too_strong": (UNCLEAR, PARTLY),  # the penalty now lowers the accuracy
    }),
    "early stopping leads in the nearest guess alone": (
        guess(lambda found: {STOPPED: [scored("test", accuracy=0.93, loss=0.2)(r) for r in found[STOPPED]]}, tested=1),
        {"early_stopping_best": (UNCLEAR, PARTLY), "early_stopping_helps": (PARTLY, PARTLY)},
    ),
    "early stopping behind": (guessed(STOPPED, "test", accuracy=0.89, loss=0.4), {
        "early_stopping_best": (UNCLEAR, CONTRADICTED), "early_stopping_highest": (UNCLEAR, CONTRADICTED),
        "regularisation_no_gain": (PARTLY, CONTRADICTED),
    }),
    "one lucky seed": (guess(lucky), {"early_stopping_best": (UNCLEAR, UNCLEAR)}),
    "early stopping trained as it tests": (
        guessed(STOPPED, "train", accuracy=0.5), {"early_stopping_as_well": (UNCLEAR, CONFIRMED)},
    ),
    "nearly so": (guessed(STOPPED, "train", accuracy=0.92), {"early_stopping_as_well": (UNCLEAR, PARTLY)}),
    "far from it": (guessed(STOPPED, "train", accuracy=0.99), {"early_stopping_as_well": (UNCLEAR, CONTRADICTED)}),
    "nearly so, but other seeds may be far": (
        guess(lambda found: {STOPPED: [
            with_score(r, "train", accuracy=r.metrics["test"]["accuracy"] + gap)
            for r, gap in zip(found[STOPPED], (0.03, 0.04, 0.06), strict=True)
        ]}),
        {"early_stopping_as_well": (UNCLEAR, UNCLEAR)},
    ),
    "dropout does nothing": (guess(lambda found: {"dropout": found["base"]}), {
        "dropout_helps": (CONFIRMED, UNCLEAR), "dropout_drops_units": (CONFIRMED, UNCLEAR),
        "all_better_than_base": (CONFIRMED, PARTLY),
    }),
    "no technique does anything": (
        guess(lambda found: dict.fromkeys(found, found["base"])), {"metrics_improve": (PARTLY, UNCLEAR)},
    ),
    "the validation loss falls faster": (
        guess(lambda found: {"dropout": [falling(r) for r in found["dropout"]]}),
        {"dropout_overfits": (CONFIRMED, PARTLY)},
    ),
    "the penalty narrows the gap": (guessed("regularised", "train", accuracy=0.94), {
        "regularisation_reduces_gap": (UNCLEAR, CONFIRMED), "regularised_little_gap": (UNCLEAR, CONFIRMED),
    }),
    "the penalty widens the gap": (guessed("regularised", "train", accuracy=0.99), {
        "regularisation_reduces_gap": (UNCLEAR, CONTRADICTED), "regularised_little_gap": (UNCLEAR, CONTRADICTED),
        "regularisation_training": (PARTLY, CONTRADICTED),
    }),
    "a weaker penalty is better": (
        WEAKER, {"regularisation_too_strong": (UNCLEAR, PARTLY), "bias_variance": (UNCLEAR, PARTLY)},
    ),
    "and the penalty harms": (
        lambda records: guessed("regularised", "test", accuracy=0.88)(WEAKER(records).records),
        {"regularisation_too_strong": (UNCLEAR, CONFIRMED), "bias_variance": (UNCLEAR, CONFIRMED)},
    ),
    "the strength is crucial": (
        ours(["strength-1e-05"], scored("validation", accuracy=0.95, loss=0.2), "l2"),
        {"optimal_strength": (UNCLEAR, CONFIRMED)},
    ),
    "all right": (
        ours(ALL, lambda r: right_on(r, 1.0)), {"diagonal": (PARTLY, CONFIRMED), "balanced": (PARTLY, CONFIRMED)},
    ),
    "few right": (ours(ALL, lambda r: right_on(r, 0.4)), {
        "diagonal": (PARTLY, CONTRADICTED), "roc_corner": (CONFIRMED, CONTRADICTED),
    }),
    "a low AUC": (
        ours(["base"], lambda r: with_score(r, "test", auc=[0.8, 0.9, 0.8, 0.8])),
        {"auc_high": (CONFIRMED, CONTRADICTED)},
    ),
    "AUCs as printed": (
        ours(ALL, lambda r: with_score(r, "test", auc=[0.98, 0.996, 0.98, 0.98])), {"auc_perfect": (PARTLY, CONFIRMED)},
    ),
    "no AUC as printed": (
        ours(ALL, lambda r: with_score(r, "test", auc=[0.9] * 4)), {"auc_perfect": (PARTLY, CONTRADICTED)},
    ),
    "our classifier below dropout": (
        ours(["own"], lambda r: right_on(r, 0.9), "own"), {"dropout_room": (CONFIRMED, CONTRADICTED)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TURNED)
def test_verdicts_turn_with_the_records(records, before, case):
    alter, turned = TURNED[case]
    after = alter(records)
    assert {name: (before[name], after[name]) for name in turned} == turned


def test_every_claim_turns_in_some_case():
    assert {name for _, turned in TURNED.values() for name, (a, b) in turned.items() if a != b} > set(claims.CLAIMS)


def test_the_reason_says_in_which_setting_and_which_half_of_a_claim_holds(records):
    behind = TURNED["early stopping behind"][0](records).evidence
    assert " The claim holds for the test loss only." in claims.CLAIMS["early_stopping_helps"](behind).reason
    assert (
        "Clearly better is the test accuracy and test loss." in claims.CLAIMS["regularisation_no_gain"](behind).reason
    )
    better = TURNED["early stopping helps and leads"][0](records)
    assert "only" not in claims.CLAIMS["early_stopping_helps"](better.evidence).reason


def test_the_front_page_names_the_best_model(records):
    assert "Towers" in analysis.highlights(records)[0].best


def test_two_seeds_give_verdicts_too(records):
    few = [r for r in records if r.spec["seed"] < (3 if "tested" in r.spec["settings"] else 2)]
    found = {name: verdict.status for name, verdict in parts.find("part4").claims(few).items()}
    assert set(found) == set(claims.CLAIMS) and found["training_learnt"] == UNCLEAR
    assert REPRODUCED not in {j.verdict.status for j in analysis.judged(few)}
    assert analysis.highlights(few)


# A comparison, by hand


def test_without_predictions_a_comparison_is_by_seed():
    apart = [(0.90, 0.88), (0.91, 0.88), (0.89, 0.88)]
    high, low = ([Record({}, {"test": {"accuracy": pair[i]}}, {}, {}) for pair in apart] for i in (0, 1))
    found = compare(high, low)
    assert found.mean == pytest.approx(0.02)
    assert found.high - 0.02 == pytest.approx(4.303 * 0.01 / 3**0.5, rel=1e-3)  # Student's, n = 3
    assert is_positive(found) == is_positive(compare(high, high)) == UNCLEAR
