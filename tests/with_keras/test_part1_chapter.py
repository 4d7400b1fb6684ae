"""Part I's sentences follow the records: altered copies of these break the checks that rest on them.

The notebook's cells are run without drawing, on the committed records of the full profile.
"""

from copy import copy
from dataclasses import replace
from functools import partial

import chapter
import pytest
from chapter import altered, assert_broken, assert_sound, composed

from study.manufacturing.detectors import AUTOENCODER, FOREST, OR_CHECK, PCA_NAME

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def names():
    """The notebook's names after all its cells."""
    with pytest.MonkeyPatch.context() as patch:
        return chapter.evaluated(patch, "part1")[1]


def evaluated(names, alter=lambda record: record):
    """The value of each inline expression with the evidence of altered records."""
    plants = copy(names["plants"])
    plants.evidence = replace(names["e"], records=[alter(record) for record in names["e"].records])
    return chapter.again("part1", names, plants=plants)


def test_every_value_is_one_that_the_documents_take_and_every_check_holds(names):
    assert_sound(evaluated(names), more_than=25)


def swapped(record):
    """Autoencoder and PCA under each other's name."""
    names = (AUTOENCODER, PCA_NAME), (PCA_NAME, AUTOENCODER)
    other = {name: lambda metrics, now=now: metrics["scores"][now] for name, now in names}
    return altered("part1-reference", "scores", **other)(record)


AE, HELPED = AUTOENCODER, OR_CHECK.format(AUTOENCODER)
reference, contamination = partial(altered, "part1-reference"), partial(altered, "part1-contamination")
length = partial(altered, "part1-length")
CASES = {
    "swapped": (swapped, ["lead.low", "max(change.high"]),
    "detection rises with a longer training": (
        length("scores", AE, model="epochs-240", detection=0.9), ["after_twice"],
    ),
    "half the training detects as much": (
        length("scores", AE, model="epochs-60", detection=0.68), ["holds(found,"],
    ),
    "the loss tells when to stop": (length(model="epochs-60", validation_loss=3e-4), ["falls[1]"]),
    "the check beside the network helps": (reference("scores", HELPED, detection=0.9), ['gain["check"].low']),
    "the check finds no subtle faults": (
        reference("severities", 1, "scores", HELPED, detection=0.0), ["e.subtle_gain(ae).low"],
    ),
    "the check finds no broken correlations": (
        reference("scores", HELPED, "kinds", "broken correlation", detection=0.1), ['checked["broken correlation"]'],
    ),
    "the check costs no drifts": (
        reference("scores", HELPED, "kinds", "drift", detection=0.99), ['checked["drift"]'],
    ),
    "recurring faults are not learnt": (contamination("recurring", AE, detection=0.99), ["e.recurring(ae).high"]),
    "scattered faults are learnt best": (contamination("scores", AE, detection=0.0), ["e.scattered(ae).mean"]),
    "scattered faults do no harm": (contamination("scores", AE, detection=0.99), ["e.scattered(ae).high"]),
    "PCA rebuilds no better": (reference(pca_loss=1e-3), ['error["ae"]', 'holds(error["pca"]']),
    "the forest sees the faults": (reference("scores", FOREST, auroc=0.9), ["lab.FOREST"]),
    "labels of other kinds are enough": (
        reference("labels", AE, "unseen", "broken correlation", detection=0.99), ["blind[0].mean"],
    ),
    "the threshold does not suffer": (
        contamination("own_threshold", AE, detection=0.99), ["e.own_threshold(ae).high"],
    ),
    "subtle faults are found": (
        reference("severities", 1, "scores", AE, detection=0.8), ["subtle[ae].high", "subtle[pca].low"],
    ),
    "context reveals subtle faults": (
        reference("severities", 1, "scores", HELPED, detection=0.8), ["holds(in_context.high", "in_context.high)"],
    ),
    "PCA's threshold stands as high above its mean error": (reference("thresholds", PCA=1e-3), ["headroom[pca]"]),
    "PCA misses the joint shift, too": (
        reference("scores", PCA_NAME, "kinds", "joint shift", detection=0.01), ['joint[pca].low'],
    ),
    "noise is harmless": (reference("conditions", "noise-4", AE, detection=0.99), ['worsened("noise"']),
    "broken gauges are harmless": (reference("conditions", "broken-0.02", AE, detection=0.99), ["one_broken.high"]),
    "no wear": (reference("months", -1, "fixed", AE, false_alarms=0.01), ["year[ae].low"]),
    "a short training is enough": (altered("part1-short", "scores", AE, detection=0.99), ["e.shortened(ae).high"]),
    "ten labels help": (reference("labels", AE, "all", "10", detection=0.99), ['gain["labels"].low']),
    "ten labels do harm": (reference("labels", AE, "all", "10", detection=0.0), ['gain["labels"].high']),
    "thirty labels do not help": (reference("labels", AE, "all", "30", detection=0.0), ['gain["more labels"].low']),
    "the ensemble beats PCA": (reference("scores", "Ensemble", detection=1.0), ['gain_pca["ensemble"]']),
    "a short training is not enough for the worst gauge": (
        altered("part1-short", "scores", "Autoencoder, worst gauge", detection=0.3),
        ["short_worst.mean"],
    ),
    "the ensemble misses more drifts": (
        reference("scores", "Ensemble", "kinds", "drift", detection=0.5),
        ["by_kind"],
    ),
    "PCA is not refitted": (reference("months", -1, "retrained", PCA_NAME, auroc=0.7), ["holds(refitted,"]),
    "PCA misses the joint shift as often": (
        reference("scores", PCA_NAME, "kinds", "joint shift", detection=0.1),
        ["joint[pca].mean - joint"],
    ),
    "the worst gauge is no better": (
        reference("scores", f"{AE}, worst gauge", detection=0.1), ['gain["worst"].low', 'gain["worst"].mean'],
    ),
    "retraining does not help": (
        reference("months", -1, "retrained", AE, auroc=0.5, false_alarms=0.9), ["ranking.low", "retrained.high"],
    ),
}  # fmt: skip


ALONE = "swapped", "a short training is not enough for the worst gauge"


@pytest.mark.parametrize("group", chapter.together(CASES, 4, ALONE), ids=", ".join)
def test_altered_records_break_what_rests_on_them(names, group):
    found = evaluated(names, composed(CASES[case][0] for case in group))
    assert_broken(found, {case: CASES[case][1] for case in group})
