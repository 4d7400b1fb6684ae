"""What the original claims about Part I, each with its verdict: one table, a claim a row.

A row is a claim's name in data/published.toml and what judges it by the measurements with the assignment's autoencoder
on the simulated line. Detection is the rate at 1% false alarms, a change is paired by plant.
"""

from collections.abc import Callable
from functools import partial

from study.comparison import by_effects, with_interval
from study.comparison import is_negative as falls
from study.comparison import is_positive as rises
from study.evaluation import Interval
from study.manufacturing.detectors import AUTOENCODER, PCA_NAME
from study.manufacturing.evaluation import FALSE_ALARMS, Evidence, points, shown
from study.manufacturing.experiments import BROKEN_GAUGES, LABELS, MONTHS, NOISE, SEVERITIES, STANDARD_SEVERITY
from study.prose import number, percent
from study.verdicts import CONFIRMED, CONTRADICTED, NOT_TESTED, UNCLEAR, Verdict, all_of

SUBTLE = SEVERITIES[1]
"""Severity of "minor" problems."""
MISSED = 0.5
"""The share of faults below which a detector "might not catch" them."""
LITTLE = 0.05
"""The loss of detection up to which a model does not treat a fault as normal."""

gather = Evidence
"""The evidence from the records of Part I."""


def errors_learnt(e: Evidence) -> Verdict:
    effects = [change(AUTOENCODER) for change in (e.recurring, e.scattered, e.own_threshold)]
    recurring, scattered, limit = map(points, effects)
    return Verdict(
        all_of(*map(falls_much, effects)),
        f"On {len(e.contaminated(e.shares[-1]))} plants with {percent(e.shares[-1], 0)} faulty training cycles the "
        f"detection of faults that recur in one place changes by {recurring}, of scattered ones by {scattered}, where "
        f"a fall of up to {number(100 * LITTLE)} points is called little. A threshold set on such data, too, changes "
        f"the latter by another {limit}.",
    )


def falls_much(effect: Interval) -> str:
    """The verdict on a claim that detection falls by more than is LITTLE."""
    return CONFIRMED if effect.high < -LITTLE else CONTRADICTED if effect.low > -LITTLE else UNCLEAR


def subtle_missed(e: Evidence) -> Verdict:
    found = e.subtle(AUTOENCODER)
    return Verdict(
        CONFIRMED if found.high < MISSED else CONTRADICTED if found.low > MISSED else UNCLEAR,
        f"Of the faults of severity {SUBTLE:g} it finds {shown(found)}.",
    )


def conditions_change(e: Evidence) -> Verdict:
    alarms = e.service(MONTHS, "fixed", AUTOENCODER, "false_alarms")
    change = e.over_the_year(AUTOENCODER, "auroc")
    happens = alarms.low > FALSE_ALARMS or change.high < 0  # the claim says "or"
    return Verdict(
        CONFIRMED if happens else UNCLEAR,
        f"After a year of wear {shown(alarms)} of the normal cycles raise an alarm, and the AUROC has changed by "
        f"{with_interval(change, 2)}.",
    )


def keep_teaching(e: Evidence) -> Verdict:
    alarms, ranking = (e.retraining(AUTOENCODER, quantity) for quantity in ("false_alarms", "auroc"))
    return Verdict(
        all_of(falls(alarms), rises(ranking)),
        f"After a year, retraining every quarter changes the false-alarm rate by {points(alarms)} and the AUROC by "
        f"{with_interval(ranking, 2)}, against a new threshold alone.",
    )


changes = partial(by_effects, show=points)

CLAIMS: dict[str, Callable[[Evidence], Verdict]] = {
    "errors_learnt": errors_learnt,
    "clean_data_hard": lambda e: Verdict(
        NOT_TESTED, "It concerns real factories. On the simulated line clean production is given."
    ),
    "subtle_missed": subtle_missed,
    "input_decides": changes(
        lambda e: [e.worsened("broken", BROKEN_GAUGES[0], AUTOENCODER)],
        falls,
        words=f"Where {percent(BROKEN_GAUGES[0], 0)} of the gauges no longer describe the line, the detection of "
        "faults at the others changes by {}.",
    ),
    "messy_sensors": changes(
        lambda e: [e.worsened("noise", NOISE[-1], AUTOENCODER), e.worsened("broken", BROKEN_GAUGES[-1], AUTOENCODER)],
        falls, falls,
        words=f"Detection changes by {{}} with {NOISE[-1]:g}-fold noise and by {{}} where "
        f"{percent(BROKEN_GAUGES[-1], 0)} of the gauges read noise alone.",
    ),
    "conditions_change": conditions_change,
    "expert_knowledge": changes(
        lambda e: [e.subtle_gain(AUTOENCODER), e.gains(AUTOENCODER)["check"]],
        rises, rises,
        words=f"The heat balance as a check beside the network changes the detection of faults of severity {SUBTLE:g} "
        f"by {{}}, of those of severity {STANDARD_SEVERITY:g} by {{}}.",
    ),
    "few_labels": changes(
        lambda e: [e.gains(AUTOENCODER)[name] for name in ("labels", "more labels")],
        rises, rises,
        words=f"Detection changes by {{}} with {LABELS[0]} labelled faults and by {{}} with {LABELS[1]}.",
    ),
    "combined_methods": changes(
        lambda e: [e.gains(name)["ensemble"] for name in (AUTOENCODER, PCA_NAME)],
        rises, rises,
        words="The ensemble changes detection by {} against the autoencoder and by {} against PCA, one of its members.",
    ),
    "keep_teaching": keep_teaching,
}  # fmt: skip
"""The table, in the order of the original's text."""
