"""Part I's verdicts turn with the records: copies of the committed records, altered."""

from dataclasses import replace

import pytest

from study import profile, published, runs
from study.manufacturing import analysis, claims, experiments
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, PCA_NAME, SINGLE
from study.manufacturing.evaluation import Evidence
from study.manufacturing.experiments import BROKEN_GAUGES, NOISE, OR_CHECK
from study.verdicts import CONFIRMED, CONTRADICTED, EXACT, NOT_EXACT, NOT_TESTED, PARTLY, UNCLEAR


@pytest.fixture(scope="module")
def records():
    full = profile.load("full")
    store = runs.Store(full.records)
    return [store.load(spec) for spec in experiments.ALL.specs(full)]


def test_every_claim_of_the_part_is_a_row_of_the_table_and_stands_in_the_original():
    said = {name for name, claim in published.everything()["claims"].items() if claim["where"].startswith("Part I, ")}
    assert set(claims.CLAIMS) == said and len(said) == 10


def test_reasons_are_sentences(records):
    for name, verdict in analysis.claims(records).items():
        assert verdict.reason[0].isupper() and verdict.reason.endswith("."), name
        assert "nan" not in verdict.reason and ".." not in verdict.reason and "  " not in verdict.reason, name


def test_a_change_is_judged_by_whether_its_interval_excludes_zero():
    down, level, up = (claims.Interval(m, m - 0.1, m + 0.1) for m in (-0.2, 0.0, 0.2))
    assert [claims.falls(c) for c in (down, level, up)] == [CONFIRMED, UNCLEAR, CONTRADICTED]
    assert [claims.rises(c) for c in (down, level, up)] == [CONTRADICTED, UNCLEAR, CONFIRMED]


def with_rates(record, path, **rates):
    """The record with other rates at a place of its metrics, such as ("scores", "PCA")."""

    def changed(found, steps):
        if not steps:
            return found | rates
        if isinstance(found, list):
            return [changed(one, steps[1:]) if i == steps[0] else one for i, one in enumerate(found)]
        return found | {steps[0]: changed(found[steps[0]], steps[1:])}

    return replace(record, metrics=changed(record.metrics, path))


def of_task(record, task):
    return record.spec["task"] == f"part1-{task}"


def reference(*path, **rates):
    """Changes a rate in every reference record."""
    return lambda record: with_rates(record, path, **rates) if of_task(record, "reference") else record


def not_learnt(record):
    if not of_task(record, "contamination"):
        return record
    return with_rates(record, ("recurring", AUTOENCODER), detection=0.99)


def sound_threshold(record):
    if not of_task(record, "contamination"):
        return record
    found = record.metrics["scores"][AUTOENCODER]["detection"]
    return with_rates(not_learnt(record), ("own_threshold", AUTOENCODER), detection=found)


def never_worn(record):
    last = ("months", 12, "fixed", AUTOENCODER)
    if not of_task(record, "reference"):
        return record
    return with_rates(record, last, false_alarms=0.0, auroc=record.metrics["months"][0]["fixed"][AUTOENCODER]["auroc"])


def noise_only(record):
    return reference("conditions", f"broken-{BROKEN_GAUGES[-1]:g}", AUTOENCODER, detection=0.99)(record)


def labels_idle(record):
    if not of_task(record, "reference"):
        return record
    found = record.metrics["scores"][AUTOENCODER]["detection"]
    return with_rates(record, ("labels", AUTOENCODER, "all", "10"), detection=found)


def retrained_worse(record):
    if not of_task(record, "reference"):
        return record
    return with_rates(record, ("months", 12, "retrained", AUTOENCODER), auroc=0.5, false_alarms=0.9)


CASES = [
    ("errors_learnt", not_learnt, CONFIRMED, PARTLY),
    ("errors_learnt", sound_threshold, CONFIRMED, UNCLEAR),
    (
        "subtle_missed",
        reference("severities", 1, "scores", AUTOENCODER, detection=0.9),
        CONFIRMED,
        CONTRADICTED,
    ),
    (
        "input_decides",
        reference("conditions", f"broken-{BROKEN_GAUGES[0]:g}", AUTOENCODER, detection=1.0),
        CONFIRMED,
        CONTRADICTED,
    ),
    ("messy_sensors", noise_only, CONFIRMED, PARTLY),
    (
        "messy_sensors",
        lambda r: noise_only(reference("conditions", f"noise-{NOISE[-1]:g}", AUTOENCODER, detection=1.0)(r)),
        CONFIRMED,
        CONTRADICTED,
    ),
    ("conditions_change", never_worn, CONFIRMED, UNCLEAR),
    (
        "expert_knowledge",
        reference("scores", OR_CHECK.format(AUTOENCODER), detection=0.0),
        CONFIRMED,
        CONTRADICTED,
    ),
    ("few_labels", labels_idle, CONFIRMED, UNCLEAR),
    ("combined_methods", reference("scores", ENSEMBLE, detection=1.0), PARTLY, CONFIRMED),
    ("combined_methods", reference("scores", ENSEMBLE, detection=0.0), PARTLY, CONTRADICTED),
    ("keep_teaching", retrained_worse, CONFIRMED, CONTRADICTED),
]


@pytest.mark.parametrize(("name", "alter", "before", "after"), CASES)
def test_a_verdict_turns_with_the_records(records, name, alter, before, after):
    assert analysis.claims(records)[name].status == before
    assert analysis.claims([alter(r) for r in records])[name].status == after


def test_what_cannot_be_measured_is_called_not_tested(records):
    assert analysis.claims(records)["clean_data_hard"].status == NOT_TESTED


def test_counts_turn_with_the_trained_model(records):
    before = {j.key: j.verdict.status for j in analysis.judged(records)}
    fewer = [replace(r, metrics=r.metrics | {"parameters": 1_057_824}) if of_task(r, "latency") else r for r in records]
    after = {j.key: j.verdict.status for j in analysis.judged(fewer)}
    assert (before["part1.total"], after["part1.total"]) == (NOT_EXACT, EXACT)


def test_the_finding_and_the_best_detector_follow_the_records(records):
    swapped = [
        with_rates(with_rates(r, ("scores", AUTOENCODER), detection=1.0), ("scores", PCA_NAME), detection=0.1)
        if of_task(r, "reference")
        else r
        for r in records
    ]
    assert "PCA" in analysis.highlights(records)[1].best and AUTOENCODER in analysis.highlights(swapped)[1].best
    assert analysis.finding(records) != analysis.finding(swapped)


def test_the_finding_reports_whether_longer_training_detects_more(records):
    longest = max(r.spec["settings"]["epochs"] for r in records if of_task(r, "length"))
    level = [
        with_rates(r, ("scores", AUTOENCODER), detection=0.0)
        if of_task(r, "length") and r.spec["settings"]["epochs"] == longest
        else r
        for r in records
    ]
    assert "is still rising: 53% on the plant for development, 66% after 240." in analysis.finding(records)
    assert "no longer rises" in analysis.finding(level)


def test_the_ensemble_takes_the_time_of_its_members(records):
    times = Evidence(records).typical_milliseconds
    assert times[ENSEMBLE] == pytest.approx(sum(times[name] for name in SINGLE))
