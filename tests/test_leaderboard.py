"""The leaderboard: medians and ranges over seeds, from the records alone."""

import pytest

from study.anomaly import baselines, detectors, leaderboard
from study.runs import Record


def record(model, seed, nab, task="part2-stream", **changes):
    """A record of the streaming protocol whose score without a pause is one lower than with it."""

    def column(score):
        return {
            "rules": {name: {"threshold": 1.0, "refractory_rows": 288} for name in ("nab", "events")},
            "nab": {"standard": score, "reward_low_FP_rate": score - 1, "reward_low_FN_rate": score - 2},
            "nab_100": 50 + 10 * score, "found_windows": 3, "false_events": 2,
            "events": {"f1": 0.1 * score, "precision": 0.3, "recall": 0.4}, "affiliation": {"f1": 0.8},
            "points": {"precision": 0.5, "recall": 0.6, "f1": 0.7, "tp": 1, "fp": 2, "fn": 3, "tn": 4},
            "left_out": {"FB": score, "KO": score + 1},
        }  # fmt: skip

    metrics = {"paused": column(nab), "unpaused": column(nab - 1), "vus_pr": nab / 10, "roc_auc": 0.5, "pr_auc": 0.2}
    return Record({"task": task, "model": model, "seed": seed}, metrics | changes, {}, {})


@pytest.fixture
def records():
    return [
        *[record("base", seed, nab) for seed, nab in enumerate((1.0, 4.0, 2.0))],
        record("value", 0, 3.0),
        record("ARTime", 0, 2.5, "part2-published-detectors"),
        record("my_model", 0, 0.5),
        Record({"task": "part2-published", "model": "base", "seed": 0}, {}, {}, {}),
    ]


def test_a_row_has_medians_and_ranges_over_seeds(records):
    board = leaderboard.leaderboard(records).set_index("key")
    base = board.loc["base"]
    assert (base.model, base.kind, base.seeds) == ("Base", "original", 3)
    assert (base.paused_nab, base.paused_nab_low, base.paused_nab_high) == (2.0, 1.0, 4.0)
    assert (base.unpaused_nab, base.unpaused_nab_low, base.unpaused_nab_high) == (1.0, 0.0, 3.0)
    assert base.vus_pr == pytest.approx(0.2) and base.paused_event_f1 == pytest.approx(0.2)
    assert (base.paused_left_out, base.unpaused_left_out) == (2.5, 1.5)
    assert [base[f"paused_{name}"] for name in ("tp", "fp", "fn", "tn", "point_f1", "affiliation")] == [
        1, 2, 3, 4, 0.7, 0.8,
    ]  # fmt: skip


def test_detectors_are_named_placed_and_sorted(records):
    board = leaderboard.leaderboard(records)
    assert board.model.tolist() == ["Value threshold", "ARTime", "Base", "my_model"]
    assert board.kind.tolist() == ["baseline", "published", "original", "yours"]
    low_first = leaderboard.leaderboard([*records, record("poly", 0, 9.0, vus_pr=0.01)], by="vus_pr")
    assert low_first.model.tolist()[-1] == "POLY"
    assert not board.isna().any(axis=None)


def test_every_detector_has_a_name_and_a_kind():
    every = [key for keys in detectors.KINDS.values() for key in keys]
    assert len(set(every)) == len(every) and detectors.OURS in detectors.KINDS["ours"]
    assert {detectors.kind_of(key) for key in every} == set(detectors.KINDS)
    assert set(every) == set(detectors.NAMES) and len(set(detectors.NAMES.values())) == len(every)
    assert set(detectors.BASELINES) == set(baselines.BASELINES)
