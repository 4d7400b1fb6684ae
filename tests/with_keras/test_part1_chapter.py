"""Part I's sentences follow the records: altered copies of these break the checks that rest on them.

The notebook's cells are run without drawing, on the committed records of the full profile.
"""

from dataclasses import replace

import pytest
from chapter import assert_broken, assert_sound, cells, run

from study import runs
from study.manufacturing.detectors import AUTOENCODER, FOREST, PCA_NAME
from study.manufacturing.experiments import OR_CHECK
from study.publish import inline

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chapter():
    """The notebook's names after all its cells, and its inline expressions in their order."""
    names, texts = {"__name__": "__main__"}, []
    for position, cell in enumerate(cells("part1")):
        if cell.cell_type == "code":
            run(cell, names, f"<part1, cell {position}>")
        else:
            texts += inline.expressions(cell.source)
    return names, texts


def evaluated(chapter, alter=lambda record: record):
    """The value of each inline expression with the evidence of altered records; the cells' code runs again."""
    names, texts = chapter
    plants = type(names["plants"])("full")
    altered = [alter(record) for record in names["plants"].evidence.records]
    plants.__dict__["evidence"] = type(names["e"])(altered)
    again = names | {"plants": plants}
    for cell in cells("part1"):
        if cell.cell_type == "code" and "hide-input" in cell.metadata.get("tags", []):
            exec(cell.source, again)
    return {text: eval(text, again) for text in texts}


def test_every_value_is_one_that_the_documents_take_and_every_check_holds(chapter):
    assert_sound(evaluated(chapter), more_than=25)


def _changed(found, path, rates):
    if not path:
        return found | rates
    if isinstance(found, list):
        return [_changed(one, path[1:], rates) if i in (path[0], path[0] % len(found)) else one
                for i, one in enumerate(found)]  # fmt: skip
    return found | {path[0]: _changed(found[path[0]], path[1:], rates)}


def with_rates(task, *path, **rates):
    """Changes rates in every record of a task, such as those at ("scores", "PCA")."""

    def alter(record: runs.Record) -> runs.Record:
        if record.spec["task"] != f"part1-{task}":
            return record
        return replace(record, metrics=_changed(record.metrics, path, rates))

    return alter


def swapped(record):
    """Autoencoder and PCA under each other's name."""
    if record.spec["task"] != "part1-reference":
        return record
    scores = record.metrics["scores"]
    other = {AUTOENCODER: scores[PCA_NAME], PCA_NAME: scores[AUTOENCODER]}
    return replace(record, metrics=record.metrics | {"scores": scores | other})


CASES = {
    "swapped": (swapped, ["lead.low", "max(change.high"]),
    "a longer training overtakes PCA": (with_rates("length", "scores", AUTOENCODER, detection=0.99), ["found_pca"]),
    "recurring faults are not learnt": (
        with_rates("contamination", "recurring", AUTOENCODER, detection=0.99),
        ["e.recurring(ae).high"],
    ),
    "scattered faults are learnt best": (
        with_rates("contamination", "scores", AUTOENCODER, detection=0.0),
        ["e.scattered(ae).mean"],
    ),
    "scattered faults do no harm": (
        with_rates("contamination", "scores", AUTOENCODER, detection=0.99),
        ["e.scattered(ae).high"],
    ),
    "PCA rebuilds no better": (with_rates("reference", pca_loss=1e-3), ['error["ae"]', 'holds(error["pca"]']),
    "the forest sees the faults": (
        with_rates("reference", "scores", FOREST, auroc=0.9),
        ["lab.FOREST"],
    ),
    "labels of other kinds are enough": (
        with_rates("reference", "labels", AUTOENCODER, "unseen", "broken correlation", detection=0.99),
        ["blind[0].mean"],
    ),
    "the threshold does not suffer": (
        with_rates("contamination", "own_threshold", AUTOENCODER, detection=0.99),
        ["e.own_threshold(ae).high"],
    ),
    "subtle faults are found": (
        with_rates("reference", "severities", 1, "scores", AUTOENCODER, detection=0.8),
        ["subtle[ae].high", "subtle[pca].low"],
    ),
    "context reveals subtle faults": (
        with_rates("reference", "severities", 1, "scores", OR_CHECK.format(AUTOENCODER), detection=0.8),
        ["in_context.high"],
    ),
    "PCA's threshold stands as high above its mean error": (
        with_rates("reference", "thresholds", PCA=1e-3),
        ["headroom[pca]"],
    ),
    "PCA misses the joint shift, too": (
        with_rates("reference", "scores", PCA_NAME, "kinds", "joint shift", detection=0.01),
        ['"joint shift").low'],
    ),
    "noise is harmless": (
        with_rates("reference", "conditions", "noise-4", AUTOENCODER, detection=0.99),
        ['worsened("noise"'],
    ),
    "broken gauges are harmless": (
        with_rates("reference", "conditions", "broken-0.02", AUTOENCODER, detection=0.99),
        ["one_broken.high"],
    ),
    "no wear": (
        with_rates("reference", "months", -1, "fixed", AUTOENCODER, false_alarms=0.01),
        ["year[ae].low"],
    ),
    "a short training is enough": (
        with_rates("short", "scores", AUTOENCODER, detection=0.99),
        ["e.shortened(ae).high"],
    ),
    "labels do not help": (
        with_rates("reference", "labels", AUTOENCODER, "all", "10", detection=0.0),
        ['gain["labels"].low'],
    ),
    "the ensemble beats PCA": (with_rates("reference", "scores", "Ensemble", detection=1.0), ['gain_pca["ensemble"]']),
    "the worst gauge is no better": (
        with_rates("reference", "scores", "Autoencoder, worst gauge", detection=0.1),
        ['gain["worst"].low', 'gain["worst"].mean'],
    ),
    "retraining does not help": (
        with_rates("reference", "months", -1, "retrained", AUTOENCODER, auroc=0.5, false_alarms=0.9),
        ["ranking.low", "retrained.high"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_altered_record_breaks_what_rests_on_it(chapter, case):
    alter, checks = CASES[case]
    assert_broken(evaluated(chapter, alter), checks)
