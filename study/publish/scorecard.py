"""The replication scorecard: every published number and claim with its verdict, collected from the parts' analyses.

For one part alone it holds that part, without the summary figure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from study import figures, published
from study.page import Page
from study.parts import Part
from study.prose import (
    CONFIRMED,
    HALF,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOTHING,
    OPEN,
    OVERSTATED,
    REFUTED,
    REPRODUCED,
    Judged,
    Verdict,
    apart,
    count,
    join_list,
)
from study.runs import Record

NUMBER_COLOURS = {REPRODUCED: "green", NOT_REPRODUCED: "vermillion", NOT_COMPARABLE: "grey"}
CLAIM_COLOURS = {CONFIRMED: "green", HALF: "sky", OVERSTATED: "orange", OPEN: "grey", REFUTED: "vermillion"}
"""Verdicts in the order of the figure and of sentences, with their colours in `figures.PALETTE`."""


@dataclass(frozen=True)
class Verdicts:
    """What became of one part of the original; claims by their names in data/published.toml."""

    part: Part
    numbers: list[Judged]
    claims: dict[str, Verdict]


def collect(records: Mapping[Part, Sequence[Record]]) -> list[Verdicts]:
    """The verdicts of every part, from its records."""
    return [Verdicts(p, p.analysis().judged(found), p.analysis().claims(found)) for p, found in records.items()]


def numbers_in_words(verdicts: Sequence[Verdicts]) -> str:
    """As "123 published numbers: 80 reproduced, 30 not reproduced, 13 not comparable"."""
    found = [j.verdict for v in verdicts for j in v.numbers]
    return (
        f"{count(len(found), 'published number')}: {_told(found, NUMBER_COLOURS)}" if found else "no published number"
    )


def claims_in_words(verdicts: Sequence[Verdicts]) -> str:
    """The same for claims."""
    found = [verdict for v in verdicts for verdict in v.claims.values()]
    return f"{count(len(found), 'claim')}: {_told(found, CLAIM_COLOURS)}" if found else "no claim"


def _told(found: Sequence[Verdict], words: Mapping[str, str]) -> str:
    counted = Counter(verdict.status for verdict in found)
    return join_list([f"{counted[word]} {word}" for word in words if counted[word]])


def write(page: Page, verdicts: Sequence[Verdicts]) -> None:
    """Show the scorecard on a page."""
    page.say("# Replication scorecard {#sec:scorecard}")
    page.say(f"""
    The original report gives {numbers_in_words(verdicts)}. It makes {claims_in_words(verdicts)}.
    A number is reproduced if what the seeds give lies within its tolerance, which follows from the digits printed, the size of a sample or the spread over seeds, as its chapter says.
    A claim is judged by the test that stands beside it: half confirmed, if it holds in part or with at least half of the seeds; overstated, if less than it says holds; not confirmed here, if the data do not decide or fewer seeds bear it out.
    What the original took from the assignment or chose itself, such as layer widths and numbers of epochs, is taken over and not judged.
    {"**All data are SYNTHETIC: no verdict below is a finding.**" if page.synthetic else ""}
    """)  # noqa: E501
    if len(verdicts) > 1:
        page.figure(
            summary(verdicts),
            "scorecard",
            f"Verdicts by part. The original gives {numbers_in_words(verdicts)}; it makes {claims_in_words(verdicts)}.",
            "Two panels of stacked horizontal bars, one bar a part: on the left the published numbers by verdict, on "
            "the right the claims.",
        )
    for one in verdicts:
        page.say(f"## {one.part.short_title}: published numbers and claims")
        if one.numbers:
            cause = _shared_cause(one.numbers)
            page.table(
                numbers_table(one.numbers, cause),
                f"scorecard-numbers-{one.part.key}",
                f"{one.part.short_title}: {numbers_in_words([one])}. Regenerated: the value that is judged, and the "
                "range over seeds where it differs."
                + (f" Where a number that is not reproduced has no cause beside it: {cause}." if cause else ""),
                align="lrllll",
            )
        if one.claims:
            page.table(
                claims_table(one.claims),
                f"scorecard-claims-{one.part.key}",
                f"{one.part.short_title}: {claims_in_words([one])}.",
                align="lll",
            )


def _shared_cause(numbers: Sequence[Judged]) -> str:
    """The cause that three or more differences share; none where a difference without a cause would seem to have it."""
    causes = [j.verdict.reason.partition(": ")[2] for j in numbers if j.verdict.status == NOT_REPRODUCED]
    if not all(causes):
        return ""
    return next((cause for cause, times in Counter(causes).most_common(1) if times >= 3), "")


def numbers_table(numbers: Sequence[Judged], told: str) -> pd.DataFrame:
    """One row a published number; `told` is a cause of differences that the caption tells."""
    return pd.DataFrame(
        {
            "Number": [f"{j.model}: {j.quantity}" if j.model else j.quantity for j in numbers],
            "Published": [j.show(j.published) for j in numbers],
            "Regenerated": [_regenerated(j) for j in numbers],
            "Tolerance": [
                NOTHING if j.verdict.status == NOT_COMPARABLE else f"±{apart(j.tolerance, j.show)}" for j in numbers
            ],
            "Verdict": [j.verdict.status for j in numbers],
            "Reason": [j.verdict.reason.removesuffix(f": {told}") for j in numbers],
        }
    )


def _regenerated(judged: Judged) -> str:
    if judged.regenerated is None:
        return NOTHING
    low, middle, high = (judged.show(v) for v in (min(judged.values), judged.regenerated, max(judged.values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def claims_table(claims: Mapping[str, Verdict]) -> pd.DataFrame:
    """One row a claim."""
    said = {name: published.everything()["claims"][name] for name in claims}
    return pd.DataFrame(
        {
            "Claim": [f"“{one['text']}” ({one['where'].partition(', ')[2]})" for one in said.values()],
            "Verdict": [verdict.status for verdict in claims.values()],
            "Measured": [verdict.reason for verdict in claims.values()],
        }
    )


def summary(verdicts: Sequence[Verdicts]) -> Figure:
    """Counts by part and verdict: numbers on the left, claims on the right."""
    fig, axes = figures.new(height_cm=2.6 + 0.9 * len(verdicts), cols=2, sharey=True)
    panels = {
        "Published numbers": ([[j.verdict for j in v.numbers] for v in verdicts], NUMBER_COLOURS),
        "Claims": ([list(v.claims.values()) for v in verdicts], CLAIM_COLOURS),
    }
    for ax, (title, (found, colours)) in zip(axes, panels.items(), strict=True):
        left = [0] * len(verdicts)
        for word, colour in colours.items():
            widths = [sum(verdict.status == word for verdict in one) for one in found]
            bars = ax.barh(range(len(verdicts)), widths, left=left, label=word, color=figures.PALETTE[colour])
            labels = [str(width) if width else "" for width in widths]
            ax.bar_label(bars, labels, label_type="center", fontsize=7, color="black" if colour != "grey" else "white")
            left = [a + b for a, b in zip(left, widths, strict=True)]
        ax.set(title=title, xlabel="number", xlim=(0, max(max(left), 1)))
        ax.grid(axis="y", visible=False)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=3, handlelength=1, columnspacing=1)
    axes[0].set_yticks(range(len(verdicts)), [v.part.short_title for v in verdicts])
    axes[0].invert_yaxis()
    return fig
