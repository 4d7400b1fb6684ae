"""Part I's verdicts turn with the records: copies of the committed records, altered."""

from functools import partial, reduce

import committed
import pytest
from chapter import altered

from study.comparison import with_interval
from study.manufacturing import analysis, charts, claims, tables
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, OR_CHECK, PCA_NAME, SINGLE
from study.manufacturing.evaluation import Evidence, shown
from study.manufacturing.experiments import BROKEN_GAUGES, NOISE
from study.verdicts import CONFIRMED, CONTRADICTED, EXACT, NOT_EXACT, PARTLY, UNCLEAR


@pytest.fixture(scope="module")
def records():
    return committed.records("part1")


def as_ever(metrics):
    return metrics["scores"][AUTOENCODER]["detection"]


def subtle_as_ever(metrics):
    return metrics["severities"][1]["scores"][AUTOENCODER]["detection"]


AE = AUTOENCODER
reference, contamination = partial(altered, "part1-reference"), partial(altered, "part1-contamination")
NOT_LEARNT = contamination("recurring", AE, detection=0.99)
FEWER, MORE = (partial(reference, "conditions", f"broken-{share:g}", AE) for share in BROKEN_GAUGES)
CHECKED, SUBTLE = (
    partial(reference, *place, OR_CHECK.format(AE)) for place in (("scores",), ("severities", 1, "scores"))
)
TEN, THIRTY = (partial(reference, "labels", AE, "all", count) for count in ("10", "30"))
CASES = [
    ("errors_learnt", [contamination("scores", AE, detection=0.3)], PARTLY, CONFIRMED),
    ("errors_learnt", [NOT_LEARNT], PARTLY, PARTLY),  # by the threshold
    ("errors_learnt", [NOT_LEARNT, contamination("own_threshold", AE, detection=as_ever)], PARTLY, CONTRADICTED),
    ("subtle_missed", [reference("severities", 1, "scores", AE, detection=0.9)], CONFIRMED, CONTRADICTED),
    ("input_decides", [FEWER(detection=1.0)], CONFIRMED, CONTRADICTED),
    ("messy_sensors", [MORE(detection=0.99)], CONFIRMED, PARTLY),
    (
        "messy_sensors",
        [MORE(detection=0.99), reference("conditions", f"noise-{NOISE[-1]:g}", AE, detection=1.0)],
        CONFIRMED, CONTRADICTED,
    ),
    (
        "conditions_change",
        [
            reference("months", 12, "fixed", AE, false_alarms=0.0),
            reference("months", 12, "fixed", AE, auroc=lambda m: m["months"][0]["fixed"][AE]["auroc"]),
        ],
        CONFIRMED, UNCLEAR,
    ),
    ("conditions_change", [reference("months", 12, "fixed", AE, false_alarms=0.0)], CONFIRMED, CONFIRMED),  # by AUROC
    ("expert_knowledge", [CHECKED(detection=1.0)], PARTLY, CONFIRMED),
    ("expert_knowledge", [SUBTLE(detection=subtle_as_ever)], PARTLY, UNCLEAR),
    ("expert_knowledge", [CHECKED(detection=0.0), SUBTLE(detection=0.0)], PARTLY, CONTRADICTED),
    ("few_labels", [TEN(detection=1.0)], PARTLY, CONFIRMED),
    ("few_labels", [THIRTY(detection=as_ever)], PARTLY, UNCLEAR),
    ("few_labels", [TEN(detection=0.0), THIRTY(detection=0.0)], PARTLY, CONTRADICTED),
    ("combined_methods", [reference("scores", ENSEMBLE, detection=1.0)], PARTLY, CONFIRMED),
    ("combined_methods", [reference("scores", ENSEMBLE, detection=0.0)], PARTLY, CONTRADICTED),
    ("keep_teaching", [reference("months", 12, "retrained", AE, auroc=0.5, false_alarms=0.9)], CONFIRMED, CONTRADICTED),
]  # fmt: skip


@pytest.mark.parametrize(("name", "alterations", "before", "after"), CASES)
def test_a_verdict_turns_with_the_records(records, name, alterations, before, after):
    judge = claims.CLAIMS[name]
    assert judge(Evidence(records)).status == before
    changed = [reduce(lambda record, alter: alter(record), alterations, record) for record in records]
    assert judge(Evidence(changed)).status == after


def test_counts_turn_with_the_trained_model(records):
    fewer = altered("part1-latency", parameters=1_057_824)
    before, after = (
        {j.key: j.verdict.status for j in analysis.judged(found)} for found in (records, [fewer(r) for r in records])
    )
    assert (before["part1.total"], after["part1.total"]) == (NOT_EXACT, EXACT)


def test_the_best_detector_follows_the_records(records):
    best, worst = reference("scores", AUTOENCODER, detection=1.0), reference("scores", PCA_NAME, detection=0.1)
    swapped = [best(worst(record)) for record in records]
    assert "PCA" in analysis.highlights(records)[1].best and AUTOENCODER in analysis.highlights(swapped)[1].best


def test_the_ensemble_takes_the_time_of_its_members(records):
    times = Evidence(records).typical_milliseconds
    assert times[ENSEMBLE] == pytest.approx(sum(times[name] for name in SINGLE))


def test_what_a_short_training_changes_is_the_difference_to_the_whole(records):
    e = Evidence(records)
    short, whole = e.shortened(AE, absolute=True), e.rate(AE, "detection")
    assert e.shortened(AE).mean == pytest.approx(short.mean - whole.mean)


def test_bars_end_where_the_intervals_do(records):
    e = Evidence(records)
    fig = charts.improvements(e)
    first, *_ = fig.axes[0].containers[0].lines[2][0].get_segments()
    assert first[:, 0] == pytest.approx(e.gains(AE)["check"][1:])


def test_the_table_ends_with_detection_and_ranking_over_all_kinds(records):
    e = Evidence(records)
    last = tables.detection(e).set_index("Fault")[PCA_NAME].tail(2)
    assert last.to_dict() == {
        "all kinds": shown(e.rate(PCA_NAME, "detection")),
        "AUROC, all kinds": with_interval(e.rate(PCA_NAME, "auroc"), 2),
    }  # fmt: skip
