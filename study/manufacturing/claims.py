"""What the original claims about Part I, each with its verdict: one table, a claim a row.

A row is the function of a claim's name in data/published.toml, which judges it by what was measured with the
assignment's autoencoder on the simulated line. Detection is the rate at 1% false alarms, a change is paired by plant.
"""

from collections.abc import Callable, Sequence

from study.comparison import is_positive as rises
from study.comparison import minus
from study.evaluation import Interval
from study.manufacturing.detectors import AUTOENCODER, PCA_NAME
from study.manufacturing.evaluation import FALSE_ALARMS, Evidence, shown
from study.manufacturing.experiments import BROKEN_GAUGES, LABELS, MONTHS, NOISE, SEVERITIES
from study.prose import percent
from study.runs import Record
from study.verdicts import CONFIRMED, CONTRADICTED, NOT_TESTED, PARTLY, UNCLEAR, Verdict, all_of

SUBTLE = SEVERITIES[1]
"""Severity of "minor" problems."""
MISSED = 0.5
"""The share of faults below which a detector "might not catch" them."""


def falls(change: Interval) -> str:
    """The verdict on a claim that a rate falls: by whether the interval of its change excludes 0."""
    return rises(minus(change))


def claims(records: Sequence[Record]) -> dict[str, Verdict]:
    """The verdict on each of the original's claims about Part I, by name in data/published.toml."""
    evidence = Evidence(records)
    return {name: judge(evidence) for name, judge in CLAIMS.items()}


def errors_learnt(e: Evidence) -> Verdict:
    learnt, limit = e.recurring(AUTOENCODER), e.own_threshold(AUTOENCODER)
    statuses = falls(learnt), falls(limit)
    return Verdict(
        CONFIRMED if statuses[0] == CONFIRMED else PARTLY if CONFIRMED in statuses else UNCLEAR,
        f"With {percent(e.shares[-1], 0)} faulty training cycles the detection of faults that recur among them changes "
        f"by {shown(learnt)}. A threshold set on such data changes detection by {shown(limit)}.",
    )


def clean_data_hard(e: Evidence) -> Verdict:
    return Verdict(NOT_TESTED, "It concerns real factories. On the simulated line clean production is given.")


def subtle_missed(e: Evidence) -> Verdict:
    found = e.subtle(AUTOENCODER)
    return Verdict(
        CONFIRMED if found.high < MISSED else CONTRADICTED if found.low > MISSED else UNCLEAR,
        f"Of the faults of severity {SUBTLE:g} it finds {shown(found)}.",
    )


def input_decides(e: Evidence) -> Verdict:
    share = BROKEN_GAUGES[0]
    change = e.worsened("broken", share, AUTOENCODER)
    return Verdict(
        falls(change),
        f"Where {percent(share, 0)} of the gauges no longer describe the line, the detection of faults at the others "
        f"changes by {shown(change)}.",
    )


def messy_sensors(e: Evidence) -> Verdict:
    factor, share = NOISE[-1], BROKEN_GAUGES[-1]
    noise, broken = e.worsened("noise", factor, AUTOENCODER), e.worsened("broken", share, AUTOENCODER)
    return Verdict(
        all_of(falls(noise), falls(broken)),
        f"Detection changes by {shown(noise)} with {factor:g}-fold noise and by {shown(broken)} where "
        f"{percent(share, 0)} of the gauges read noise alone.",
    )


def conditions_change(e: Evidence) -> Verdict:
    alarms = e.service(MONTHS, "fixed", AUTOENCODER, "false_alarms")
    change = e.over_the_year(AUTOENCODER, "auroc")
    happens = alarms.low > FALSE_ALARMS or change.high < 0  # the claim says "or"
    return Verdict(
        CONFIRMED if happens else UNCLEAR,
        f"After a year of wear {shown(alarms)} of the normal cycles raise an alarm, and the AUROC has changed by "
        f"{shown(change)}.",
    )


def expert_knowledge(e: Evidence) -> Verdict:
    change = e.gains(AUTOENCODER)["check"]
    return Verdict(
        rises(change), f"The heat balance as a check beside the network changes detection by {shown(change)}."
    )


def few_labels(e: Evidence) -> Verdict:
    change = e.gains(AUTOENCODER)["labels"]
    return Verdict(rises(change), f"With {LABELS[0]} labelled faults detection changes by {shown(change)}.")


def combined_methods(e: Evidence) -> Verdict:
    own, best = e.gains(AUTOENCODER)["ensemble"], e.gains(PCA_NAME)["ensemble"]
    return Verdict(
        all_of(rises(own), rises(best)),
        f"The ensemble changes detection by {shown(own)} against the autoencoder and by {shown(best)} against PCA, "
        "one of its members.",
    )


def keep_teaching(e: Evidence) -> Verdict:
    alarms, ranking = (e.retraining(AUTOENCODER, quantity) for quantity in ("false_alarms", "auroc"))
    return Verdict(
        all_of(falls(alarms), rises(ranking)),
        f"After a year, retraining every quarter changes the false-alarm rate by {shown(alarms)} and the AUROC by "
        f"{shown(ranking)}, against a new threshold alone.",
    )


CLAIMS: dict[str, Callable[[Evidence], Verdict]] = {
    judge.__name__: judge
    for judge in (
        errors_learnt, clean_data_hard, subtle_missed, input_decides, messy_sensors, conditions_change,
        expert_knowledge, few_labels, combined_methods, keep_teaching,
    )
}  # fmt: skip
"""The table, in the order of the original's text."""
