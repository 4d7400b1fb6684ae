"""Part II's verdicts turn with the records: curves made by hand, and copies of the committed records, altered."""

from dataclasses import replace
from functools import partial

import chapter
import committed
import numpy as np
import pandas as pd
import pytest

from study import parts
from study.anomaly import analysis, claims, detectors, leaderboard, series, thresholds
from study.anomaly.series import WINDOW
from study.prose import NOTHING, number, significant
from study.runs import Record, of
from study.verdicts import (
    CONFIRMED,
    CONTRADICTED,
    EXACT,
    NOT_EXACT,
    NOT_REPRODUCED,
    PARTLY,
    REPRODUCED,
    UNCLEAR,
)

Statuses = partial(chapter.Statuses, "part2", analysis, claims)
WIDER = ("version-1", "version-2")
DENSE = ("base", *WIDER)


@pytest.fixture(scope="module")
def records():
    return committed.records("part2")


@pytest.fixture(scope="module")
def before(records):
    return Statuses(records)


def altered(records, task, models, change):
    """The records, those of a task and of some models changed."""
    return [change(r) if r.spec["task"] == f"part2-{task}" and r.spec["model"] in models else r for r in records]


def swapped(records, one, other):
    """The records of two models under each other's name."""
    names = {one: other, other: one}
    return [replace(r, spec=r.spec | {"model": names.get(r.spec["model"], r.spec["model"])}) for r in records]


def with_metrics(record, **metrics):
    return replace(record, metrics=record.metrics | metrics)


def with_arrays(record, **arrays):
    return replace(record, arrays=record.arrays | arrays)


# Curves made by hand


@pytest.mark.parametrize(
    ("curve", "falls", "steady", "level"),
    [
        ([4.0, 2.0, 2.0, 2.0], 2.0, False, True),
        ([2.0, 4.0, 1.2, 1.0], 2.0, False, True),
        ([9.0, 9.0, 1.21, 1.0], 9.0, False, False),
        ([1.0, 1.2, 1.0, 1.1], 1 / 1.1, True, True),
        ([1.0, 1.21, 1.0, 1.1], 1 / 1.1, False, True),
        # Of five epochs the last three are the second half.
        ([5.0, 5.0, 1.3, 1.0, 1.0], 5.0, False, False),
        ([5.0, 1.3, 1.2, 1.0, 1.0], 5.0, False, True),
    ],
)
def test_how_a_curve_runs(curve, falls, steady, level):
    curve = np.array(curve)
    assert claims.falls(curve) == pytest.approx(falls)
    assert (claims.steady(curve), claims.level(curve)) == (steady, level)


def test_where_a_claim_holds_its_reason_names_no_part_that_does_not(records):
    tenths = parts.find("part2").claims(altered(records, "published", DENSE, tenth))
    assert "of these" not in tenths["version_2_plateau"].reason
    more = parts.find("part2").claims(altered(records, "published", WIDER, partial(explaining, r2=0.4, loss=0.001)))
    assert more["larger_dense"].reason.endswith("explain more is confirmed.")


# Threshold rules


def test_a_rule_counts_windows_above_its_threshold():
    errors = {"train": np.ones(10), "middle": np.array([1.0, 2, 3, 4]), "last": np.array([0.0, 0, 0, 10])}
    assert thresholds.Rule("maximum", "middle", "last").count(errors) == 1
    assert thresholds.Rule("maximum", "last", "middle").count(errors) == 0
    rule = thresholds.Rule("mean + 2 sd", "train", "middle")
    assert rule.count(errors) == 3 and rule.flagged(errors).tolist() == [False, True, True, True]
    rule = thresholds.Rule("mean + 3 sd", "last", "last")
    assert rule.threshold(errors) == pytest.approx(2.5 + 3 * np.std([0, 0, 0, 10]))
    assert rule.words() == "mean + 3 sd of the errors of the last 15%, applied to the last 15%"


def flagging(model, seed, counts):
    """A training as published that flags so many windows of the middle and the last part by `mean + 3 sd`."""
    errors = {f"errors_{part}": np.zeros(2000) for part in thresholds.PARTS}
    for part, flagged in counts.items():
        errors[f"errors_{part}"][:flagged] = 1.0
    return Record({"task": "part2-published", "model": model, "seed": seed}, {}, errors, {})


def test_the_rule_is_chosen_by_base_alone():
    # By the last part Base has its 32, though the middle part would suit Versions 1 and 2 better.
    made = [flagging("base", seed, {"middle": 40, "last": 32}) for seed in range(3)]
    made += [flagging("version-1", seed, {"middle": 31, "last": 9}) for seed in range(3)]
    made += [flagging("version-2", seed, {"middle": 69, "last": 9}) for seed in range(3)]
    made += [flagging("version-3", seed, {"middle": 0, "last": 0}) for seed in range(3)]
    table = thresholds.rule_table(made)
    assert len(table) == len(thresholds.RULES) == 30 and table.from_base.is_monotonic_increasing
    first = table.loc[0]
    assert (first.rule.applied_to, first.base, first["version-1"]) == ("last", 32, 9)
    assert (first.from_base, first.distance) == (0, 22 + 60)
    nearest_of_all = table.loc[table.distance.idxmin()]
    assert nearest_of_all.rule.applied_to == "middle" and nearest_of_all.distance == 8


# Numbers


def test_statistics_are_judged_to_the_published_digits(records):
    sound = of(records, "part2-dataset")[0].metrics
    assert {j.verdict.status for j in analysis.judged_dataset(sound)} == {EXACT}
    wrong = {j.quantity: j.verdict.status for j in analysis.judged_dataset({**sound, "mean": 85.5551, "rows": 15901})}
    assert wrong["mean"] == wrong["entries"] == NOT_EXACT and wrong["standard deviation"] == EXACT


def test_version_2s_first_loss_is_probably_mislabelled(records):
    # Without a first validation loss near it, nothing says so.
    lower = altered(records, "published", ["version-2"], curve("last", lambda c: c / 10))
    reason = {j.key: j.verdict.reason for j in analysis.judged_losses(lower)}["part2.version-2.train_loss_first"]
    assert "validation" not in reason and "states no seed" in reason


# Altered records: of a task and some models, or the task alone, a change, and the verdicts that turn with it


def tenth(record):
    """A training whose losses are a tenth of what they are; R² follows."""
    m = record.metrics
    losses = {name: 0.1 * m[name] for name in ("train_loss_first", "train_loss", "last_loss", "middle_loss")}
    r2 = {part: 1 - 0.1 * (1 - share) for part, share in m["r2"].items()}
    curves = {name: 0.1 * record.arrays[name] for name in ("history_loss", "history_last", "history_middle")}
    return with_arrays(with_metrics(record, **losses, r2=r2), **curves)


def curve(part, make):
    """A change of a training's curve of `loss` or `last`, made anew from the old one."""
    return lambda r: with_arrays(r, **{f"history_{part}": make(r.arrays[f"history_{part}"])})


def scoring(record, score):
    """A detector with one and the same value of every measure."""
    column = record.metrics["unpaused"]
    measures = {
        "nab": column["nab"] | {"standard": score},
        "events": column["events"] | {"f1": score},
        "points": column["points"] | {"f1": score},
    }
    return with_metrics(record, unpaused=column | measures, roc_auc=score, pr_auc=score, vus_pr=score)


def erring(record, **flags):
    """A training whose windows of a part have an error of 1 where flagged, and of 0 elsewhere."""
    return with_arrays(record, **{f"errors_{part}": np.asarray(one, np.float32) for part, one in flags.items()})


def explaining(record, r2, loss):
    """A training with this R² on every part, and nearly this validation loss."""
    shares = {part: r2 for part in record.metrics["r2"]}
    return with_metrics(record, r2=shares, last_loss=loss + 1e-6 * record.spec["seed"])


def flat(c):
    return np.full_like(c, c[-1])


def as_loss(record):
    return explaining(record, record.metrics["last_loss"], record.metrics["last_loss"])


def descending(c):
    return np.array([5.0, 1.5, *np.ones(len(c) - 2)])


def late(c):
    return np.array([1.0, 1.3, 1.2, *np.full(len(c) - 3, 1.1)])


TRAININGS = {
    "losses of a tenth": (DENSE, tenth, {
        "part2.base.train_loss": NOT_REPRODUCED, "part2.base.last_loss": NOT_REPRODUCED,
        "part2.version-1.middle_loss": NOT_REPRODUCED, "part2.version-2.train_loss": NOT_REPRODUCED,
        "base_good_fit": CONFIRMED, "version_1_good_fit": CONFIRMED, "base_generalises": CONFIRMED,
        "version_2_plateau": CONFIRMED, "lstm_highest": CONFIRMED,
    }, ("validation_decreases", "version_2_constant")),  # the shapes of the curves are the same
    "a steep curve": (WIDER[:1], curve("last", lambda c: np.concatenate([[5 * c[0]], c[1:]])), {
        "version_1_steep": PARTLY,  # steep now, but its plateau depends on the seed
        "version_1_stable": CONTRADICTED, "version_1_converges": PARTLY,
        "part2.version-1.last_loss_first": NOT_REPRODUCED,
    }, ("version_2_stable", "validation_decreases")),
    "flat curves": (("version-2", "version-3"), curve("last", flat), {
        "version_2_constant": CONFIRMED,
        "version_2_stable": CONTRADICTED,  # nothing descends any more
        "version_2_plateau": CONTRADICTED, "version_3_constant": CONFIRMED, "version_3_no_overfitting": CONFIRMED,
    }, ()),
    "curves that descend for two epochs": (("version-2", "version-3"), curve("last", descending), {
        "version_3_constant": CONTRADICTED,
    }, ("version_2_stable",)),
    "learning for two epochs": (("version-3",), curve("loss", descending), {
        "version_3_plateau": CONTRADICTED, "version_3_training": CONTRADICTED,
    }, ()),
    "a curve that does not descend at first": (("version-2",), curve("last", late), {
        "version_2_stable": CONTRADICTED,
    }, ()),
    "trainings that overfit": (("base", "version-3"), curve("last", lambda c: np.linspace(c[0], 3 * c[0], len(c))), {
        "base_plateau": CONTRADICTED, "validation_decreases": CONTRADICTED, "version_3_no_overfitting": CONTRADICTED,
        "version_3_constant": CONTRADICTED,
    }, ()),
    "trainings that stand still": (("base", "version-3"), curve("loss", lambda c: np.full_like(c, c[0])), {
        "version_3_training": CONFIRMED, "base_reduced": CONTRADICTED, "version_3_simplicity": CONTRADICTED,
    }, ()),
    "wider models that explain more": (WIDER, partial(explaining, r2=0.4, loss=0.001), {
        "larger_dense": CONFIRMED, "v1_v2_lower": CONFIRMED,
    }, ()),
    # Better than Base, whose R² is below 0, but not than a constant.
    "wider models that explain hardly more": (WIDER, partial(explaining, r2=0.03, loss=0.001), {}, ("larger_dense",)),
    "wider models that are not alike": (
        WIDER, lambda r: explaining(r, 0.4, {"version-1": 0.001, "version-2": 0.0005}[r.spec["model"]]),
        {"larger_dense": CONFIRMED}, ("v1_v2_lower",),
    ),
    "R² upside down": (detectors.AUTOENCODERS, as_loss, {"lower_is_better": CONTRADICTED}, ()),
    "a wide gap": (("version-2",), lambda r: with_metrics(r, last_loss=10 * r.metrics["last_loss"]), {
        "version_2_gap": CONFIRMED,
    }, ()),
    "no gap": (("version-2",), lambda r: with_metrics(r, last_loss=r.metrics["train_loss"]), {
        "version_2_gap": CONTRADICTED,
    }, ()),
    "R² alike on all parts": (("version-3",), partial(explaining, r2=0.6, loss=0.001), {
        "version_3_similar": CONFIRMED,
    }, ("version_3_simplicity",)),
}  # fmt: skip
"""Models, change, the verdicts that turn, and some that don't."""


@pytest.mark.parametrize("case", TRAININGS)
def test_other_trainings_turn_the_verdicts_on_them(records, before, case):
    models, change, turned, same = TRAININGS[case]
    after = Statuses(altered(records, "published", models, change))
    assert {name: after[name] for name in turned} == turned
    assert not any(before[name] == after[name] for name in turned)
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_base_and_version_3_swapped(records, before):
    after = Statuses(swapped(records, "base", "version-3"))
    turned = {
        "part2.base.parameters": (EXACT, NOT_EXACT),
        "part2.base.train_loss": (REPRODUCED, NOT_REPRODUCED),
        "base_good_fit": (CONTRADICTED, PARTLY),
        "base_plateau": (CONFIRMED, PARTLY),
        "lstm_highest": (CONTRADICTED, UNCLEAR),
        "version_3_learnt": (PARTLY, CONTRADICTED),
        "version_3_below": (CONFIRMED, CONFIRMED),
    }
    assert {name: (before[name], after[name]) for name in turned} == turned


def test_one_window_missed(records):
    d = of(records, "part2-dataset")[0].metrics
    ends = [window[i % 2] for i, window in enumerate(d["windows"])]  # first and last rows in turn

    def after(missed):
        """The verdicts where every run finds all windows but these."""
        found = np.array([row for i, row in enumerate(ends) if i not in missed])
        change = partial(with_arrays, unpaused_alarm_rows=found)
        e = Statuses(altered(records, "stream", detectors.AUTOENCODERS, change))
        return e["reconstructed_anomalies"], e["local_anomalies"]

    assert after([]) == (UNCLEAR, UNCLEAR)  # nothing is missed
    assert after([np.argmin(d["window_maxima"])]) == (CONFIRMED, CONFIRMED)
    assert after([np.argmax(d["window_maxima"])]) == (PARTLY, CONTRADICTED)


def test_the_four_beside_a_threshold_on_the_value(records):
    def after(score, **measures):
        change = lambda r: with_metrics(scoring(r, score), **measures)  # noqa: E731
        return Statuses(altered(records, "stream", ["value"], change))["outliers_found"]

    assert (after(-9.0), after(9.0)) == (CONFIRMED, CONTRADICTED)
    assert after(9.0, vus_pr=-1.0) == PARTLY  # better by one measure alone


def test_an_lstm_that_detects_better_or_worse(records):
    for own, others, expected in ((2.0, 1.0, CONFIRMED), (1.0, 2.0, PARTLY)):
        after = altered(records, "stream", ["version-3"], partial(scoring, score=own))
        after = altered(after, "stream", DENSE, partial(scoring, score=others))
        assert Statuses(after)["lstm_suits"] == expected  # it reconstructs better in both
    assert Statuses(swapped(after, "version-3", "version-2"))["lstm_suits"] == UNCLEAR  # nor any more


@pytest.mark.parametrize(
    ("found", "false", "expected"),
    [(4, 0, CONFIRMED), (4, 5, CONTRADICTED), (2, 2, PARTLY), (1, 0, CONTRADICTED), (0, 0, CONTRADICTED)],
)
def test_a_threshold_without_labels(records, found, false, expected):
    d = of(records, "part2-dataset")[0].metrics
    flags = {part: np.zeros(rows.stop - rows.start - WINDOW + 1) for part, rows in series.parts(d["rows"]).items()}
    # The windows that end in the labelled windows' first rows, and some between them.
    flags["train"][[first - WINDOW + 1 for first, _ in d["windows"][:found]]] = 1
    flags["train"][5500 + 100 * np.arange(false)] = 1
    after = altered(records, "published", detectors.AUTOENCODERS, partial(erring, **flags))
    assert Statuses(after)["unsupervised"] == expected


ROUND = {"hour_max": np.full(24, 50.0), "hour_median": np.full(24, 30.0)}
SERIES = [  # a change of the series' facts, and the verdicts that turn
    (lambda d: {"season": d["season"] | {"hour_p": 1.0, "weekday_p": 1.0}}, {"no_season": CONFIRMED}),
    # The week's cycle is left, by which the status stays what it was.
    (lambda d: {"season": d["season"] | {"hour_p": 1.0}}, {"polar_daily": UNCLEAR, "no_season": PARTLY}),
    (lambda d: {"max": 80.0}, {"no_season": CONTRADICTED}),  # a cycle that one would see
    (lambda d: {"trend": d["trend"] | {"p": 0.01}}, {"steady_rise": CONFIRMED}),
    (lambda d: {"trend": d["trend"] | {"p": 0.01, "tau": -0.5}}, {"steady_rise": CONTRADICTED}),
    (lambda d: {"trend": d["trend"] | {"days": 900}}, {"monthly_pattern": CONFIRMED, "steady_rise": UNCLEAR}),
    (
        lambda d: {"months": d["months"][::-1], "trend": d["trend"] | {"days": 900, "p": 0.01}},
        {"monthly_pattern": CONTRADICTED, "steady_rise": UNCLEAR},
    ),
    (lambda d: {"months": [m | {"max": 2 * m["median"]} for m in d["months"]]}, {"no_spikes_by_month": CONFIRMED}),
    (lambda d: {"bursts": [burst | {"labelled": True} for burst in d["bursts"]]}, {"sporadic_spikes": CONFIRMED}),
    (
        lambda d: {"bursts": [burst | {"labelled": False} for burst in d["bursts"]]},
        {"sporadic_spikes": CONTRADICTED, "highest_is_anomaly": CONTRADICTED},
    ),
    (lambda d: {"dtype": "float64"}, {"integer_counts": CONTRADICTED}),
    (lambda d: {"sd": 80.0}, {"wide_variance": CONTRADICTED}),
    (lambda d: {"sd": 86.0}, {"wide_variance": CONFIRMED}),
    (lambda d: {"missing": 1}, {"complete": PARTLY}),
    (lambda d: {"missing": 1, "last": d["first"]}, {"complete": CONTRADICTED}),
    (lambda d: {"q75": 2000.0}, {"majority_low": CONTRADICTED}),
]


@pytest.mark.parametrize(("change", "expected"), SERIES)
def test_what_the_series_shows(records, change, expected):
    after = Statuses(altered(records, "dataset", ["aapl"], lambda r: with_metrics(r, **change(r.metrics))))
    assert {name: after[name] for name in expected} == expected


def test_a_round_clock(records, before):
    after = Statuses(altered(records, "dataset", ["aapl"], partial(with_arrays, **ROUND)))
    assert after["polar_uniform"] == after["polar_low"] == CONFIRMED
    assert (before["polar_uniform"], before["polar_low"]) == (CONTRADICTED, PARTLY)


def judged_by(rule, records, name):
    """The status of a claim by another threshold rule."""
    return claims.CLAIMS[name](replace(claims.gather(records), rule=rule)).status


def test_labels_in_the_judged_part(records, before):
    d = of(records, "part2-dataset")[0].metrics
    rows = series.parts(d["rows"])["last"]
    window = [rows.start + 500, rows.start + 599]
    labelled = altered(records, "dataset", ["aapl"], lambda r: with_metrics(r, windows=[*d["windows"][:3], window]))
    ends = np.arange(rows.start + WINDOW - 1, rows.stop)
    inside = (ends >= rows.start + 500) & (ends <= rows.start + 599)
    assert before["version_3_separates"] == UNCLEAR
    for flags, expected in ((inside, CONFIRMED), (np.roll(inside, 200), CONTRADICTED)):
        found = altered(labelled, "published", ["version-3"], partial(erring, last=flags))
        assert judged_by(thresholds.Rule("mean + 3 sd", "last", "last"), found, "version_3_separates") == expected


def test_a_threshold_that_half_of_the_windows_exceed(records, before):
    low = thresholds.Rule("95th percentile", "middle", "last")
    assert before["version_3_below"] == CONFIRMED
    assert judged_by(low, records, "version_3_below") == CONTRADICTED  # 11%


def test_spikes_are_where_the_bursts_are(records, before):
    assert before["version_1_spikes"] == CONFIRMED
    start = "2015-02-26 21:42:53"
    early = [burst | {"first": start, "last": start} for burst in of(records, "part2-dataset")[0].metrics["bursts"]]
    moved = altered(records, "dataset", ["aapl"], lambda r: with_metrics(r, bursts=early))
    assert Statuses(moved)["version_1_spikes"] == CONTRADICTED
    # And Version 1 alone decides.
    calm = altered(records, "published", ["version-1"], lambda r: erring(r, last=0 * r.arrays["errors_last"]))
    assert judged_by(before.evidence.rule, calm, "version_1_spikes") == CONTRADICTED


def test_hyperparameters_matter_by_scoring_and_by_shape_apart(before):
    def verdict(shape, scoring_alone):
        rows = {"('code2', 1)": 10.0, "('code8', 1)": 10.0, "('deep', 1)": shape, "('no network', 1)": 0.0}
        tried = pd.DataFrame({"network": list(rows), "nab_sum_nine": list(rows.values())})
        scorings = pd.DataFrame(
            {"network": ["a", "a", "running mean"], "unpaused_sum_nine": [scoring_alone, 10.0, 0.0]}
        )
        return claims.CLAIMS["hyperparameters"](replace(before.evidence, trials=tried, scorings=scorings))

    mixed = verdict(shape=9.0, scoring_alone=2.0)
    assert mixed.status == PARTLY and "(2 settings, without a pause)" in mixed.reason
    assert "is 2.0 to 10.0" in mixed.reason and "by 1.0 at most" in mixed.reason
    # The first sentence, which alone stands in the chapter, has the caveat; the last one both halves.
    assert "cannot be compared" in mixed.reason.partition(". ")[0]
    assert mixed.reason.endswith("by the scoring it is confirmed, by bottleneck and depth contradicted.")
    assert verdict(shape=2.0, scoring_alone=2.0).status == CONFIRMED
    assert verdict(shape=9.0, scoring_alone=9.0).status == CONTRADICTED


def test_curves_of_one_model_are_not_read_as_anothers(records, before):
    """A change of one model's trainings turns none of the verdicts that speak of the others."""
    prefixes = {"base": ("base_", "validation_decreases"), "version-1": ("version_1_",), "version-2": ("version_2_",)}
    for model, own in prefixes.items():
        after = Statuses(altered(records, "published", [model], curve("last", flat)))
        turned = {name for name, status in after.all().items() if status != before[name]}
        assert turned and all(name.startswith((*own, f"part2.{model}.")) for name in turned), turned


# The front page


def test_the_front_page_shows_the_lowest_loss_and_scores_without_and_with_a_pause(records):
    loss, nab = analysis.highlights(records)
    found = {j.key: j for j in analysis.judged_losses(records)}["part2.version-1.last_loss"]
    assert loss.measure == "validation loss of Version 1" and loss.published == found.printed == "0.0016788"
    assert loss.regenerated.startswith(f"{significant(found.regenerated)} ({significant(min(found.values))} to ")
    assert found.show(0.00170584) == "0.001706"  # as many digits as the original prints at most
    board = leaderboard.leaderboard(records, by="unpaused_nab")
    rows = [board[board.key == key].iloc[0] for key in ("version-1", "value", detectors.OURS, "ARTime")]
    both = [f"{r.model} {number(r.unpaused_nab, 2)} / {number(r.paused_nab, 2)}" for r in rows]
    assert nab.regenerated == both[0] and nab.best == "; ".join(both[1:]) and nab.published == NOTHING
    # Who stands for the four is chosen on the nine other series, whatever its score here.
    renamed = analysis.highlights(swapped(records, "version-1", "base"))[1]
    assert renamed.regenerated == both[0].replace("Version 1", "Base")


def test_two_seeds_give_verdicts_too(records):
    """As in a quick report: no interval, and what holds in both trainings is not yet what holds of the model."""
    few = [r for r in records if r.spec["seed"] < 2 and r.spec["task"] != "part2-published-detectors"]
    found = Statuses(few).all()
    assert set(found) == {j.key for j in analysis.judged(records)} | set(claims.CLAIMS)
    assert REPRODUCED not in found.values() and found["base_reduced"] == UNCLEAR
    assert analysis.highlights(few)
