"""The replication scorecard: every published number and claim with its verdict, collected from the parts' analyses.

For one part alone it holds that part, without the summary figure.
"""

import re
import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import groupby, pairwise

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from study import figures, paths, published
from study import verdicts as words
from study.page import Page
from study.parts import Part
from study.prose import NOTHING, count, join_list, number, percent, sentence
from study.runs import Record
from study.verdicts import Judged, Kind, Verdict

NUMBER_COLOURS = {
    words.REPRODUCED: "green", words.CLOSE: "sky", words.NOT_REPRODUCED: "vermillion", words.NOT_COMPARABLE: "grey",
}  # fmt: skip
FACT_WORDS = (words.EXACT, words.NOT_EXACT, words.NOT_COMPARABLE)
CLAIM_COLOURS = {
    words.CONFIRMED: "green", words.PARTLY: "sky", words.UNCLEAR: "yellow", words.CONTRADICTED: "vermillion",
    words.NOT_TESTED: "grey",
}  # fmt: skip
"""Verdicts in the order of the figure and of sentences, with their colours in `figures.PALETTE`."""
VERSION = "0.1.0"
"""The earlier version of this report whose verdicts are compared with today's (paths.CHANGED_VERDICTS)."""
QUOTED_LETTERS, NAMED = 90, 4
"""How much of a claim that comparison quotes, and how many numbers or claims of a row it names."""
NARROW_INTERVAL = 0.25
"""How far from the median, relative to it, an interval may reach on either side and still exclude much."""
MARK, REPEATED = "†", 3
"""The sign of a sentence that so many reasons of a table repeat."""
_SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z])")
NARROW, STEP_PT = 0.04, 4
"""The share of the figure's width on which two labels would collide, and how far they then stand from the middle."""


Records = Mapping[Part, Sequence[Record]]


@dataclass(frozen=True)
class Verdicts:
    """What became of one part of the original; claims by their names in data/published.toml."""

    part: Part
    numbers: list[Judged]
    claims: dict[str, Verdict]


def collect(records: Records) -> list[Verdicts]:
    """The verdicts of every part, from its records."""
    return [Verdicts(p, p.analysis().judged(found), p.claims(found)) for p, found in records.items()]


def facts(numbers: Sequence[Judged]) -> list[Judged]:
    """Those of the numbers that follow from data and definitions; they are tallied apart."""
    return [judged for judged in numbers if judged.kind is Kind.FACT]


def measured(numbers: Sequence[Judged]) -> list[Judged]:
    """Those that a training gave."""
    return [judged for judged in numbers if judged.kind is not Kind.FACT]


def excludes_much(judged: Judged) -> bool:
    """Whether the interval for one more seed ends within NARROW_INTERVAL of the median on both sides."""
    ends = judged.interval or (-np.inf, np.inf)
    return max(abs(end - judged.regenerated) for end in ends) <= NARROW_INTERVAL * judged.regenerated


def numbers_in_words(verdicts: Sequence[Verdicts]) -> str:
    """As "50 numbers from trainings (30 reproduced, 20 not comparable) and 12 facts (11 exact, 1 not exact)"."""
    numbers = [judged for one in verdicts for judged in one.numbers]
    kinds = (
        (measured(numbers), ("number from a training", "numbers from trainings"), NUMBER_COLOURS),
        (facts(numbers), ("fact",), FACT_WORDS),
    )
    tallies = [_tally([j.verdict for j in found], noun, known) for found, noun, known in kinds if found]
    return join_list(tallies) if tallies else "no published number"


def claims_in_words(verdicts: Sequence[Verdicts]) -> str:
    """As "10 claims (8 confirmed, 2 unclear)"."""
    found = [verdict for v in verdicts for verdict in v.claims.values()]
    return _tally(found, ("claim",), CLAIM_COLOURS) if found else "no claim"


def _tally(found: Sequence[Verdict], noun: tuple[str, ...], known: Iterable[str]) -> str:
    """How often each status was given, in the order of those known. Raises ValueError for one that is none of them."""
    counted = Counter(verdict.status for verdict in found)
    unknown = set(counted) - set(known)
    if unknown:
        raise ValueError(f"verdicts of an unknown status: {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    return f"{count(len(found), *noun)} ({', '.join(f'{counted[word]} {word}' for word in known if counted[word])})"


RULE = f"""
A published number comes from one training, so we ask whether it could be one more of ours. 0.0017 stands for any value from 0.00165 to 0.00175. It is *{words.REPRODUCED}* if it lies in the 95% prediction interval for one more seed (Student's; of losses and counts on a logarithmic scale), and *{words.CLOSE}* if it lies outside, but the median over seeds is within {percent(words.NEAR[Kind.LOSS], 0)} of it, a loss or count, or within {number(100 * words.NEAR[Kind.SHARE])} point, an accuracy. With fewer than {words.LEAST} seeds there is no interval, and a number is close at best; a training whose loss exceeds the median {words.COLLAPSED:g} times has collapsed and widens no interval. A number is *{words.NOT_COMPARABLE}* where the table names an obstacle. Facts, such as a statistic of the data or a number of parameters, do not depend on a seed; they are *{words.EXACT}* or not, and are counted apart. Numbers that repeat another one are judged once.

A claim is *{words.CONFIRMED}* or *{words.CONTRADICTED}* if the measurement beside it decides. It is *{words.PARTLY}* if a part of what it says holds, or if it depends on the seed; *{words.UNCLEAR}* if the measurement does not decide; *{words.NOT_TESTED}* if there is none. A claim about a model is confirmed if clearly more than half of its trainings show it and contradicted if clearly fewer do: the 95% interval of their share, Wilson's, leaves one half out. In between it holds in part. The reason says which part of a claim holds.

What the original took from the assignment or chose itself, such as layer widths and numbers of epochs, is not judged.
"""  # noqa: E501


def write(page: Page, verdicts: Sequence[Verdicts]) -> None:
    """Show the scorecard on a page."""
    page.say("# Replication scorecard {#sec:scorecard}")
    synthetic = "**All data are SYNTHETIC: no verdict below is a finding.**" if page.synthetic else ""
    found = [j for one in verdicts for j in measured(one.numbers) if j.verdict.status == words.REPRODUCED]
    drawn = " [@fig:scorecard] counts the verdicts by part; the tables below it give each." if len(verdicts) > 1 else ""
    page.say(
        f"The original report gives {numbers_in_words(verdicts)}. It makes {claims_in_words(verdicts)}.{drawn}"
        f"\n\n{RULE}\n\n"
        f"Where seeds differ much, an interval excludes little: of the {count(len(found), 'reproduced number')}, "
        f"{sum(map(excludes_much, found))} lie in one that reaches no farther than {percent(NARROW_INTERVAL, 0)} from "
        f"the median on either side.\n\n{synthetic}"
    )
    if len(verdicts) > 1:
        page.figure(
            summary(verdicts),
            "scorecard",
            "Verdicts by part: on the left on the numbers that trainings gave, facts left out, on the right on claims.",
            "Two panels of stacked horizontal bars, one bar a part: on the left the published numbers by verdict, on "
            "the right the claims.",
        )
    for one in verdicts:
        page.say(f"## {one.part.short_title}: published numbers and claims")
        if one.numbers:
            cause = _shared_cause(one.numbers)
            table, same = _without_constant(numbers_table(one.numbers, cause))
            page.table(
                table,
                f"scorecard-numbers-{one.part.key}",
                f"{one.part.short_title}: {numbers_in_words([one])}. Regenerated: median over seeds, and their range "
                "where it differs"
                + ("; one more seed: the interval that decides." if "One more seed" in table else ".")
                + (f" All of them: {'; '.join(same)}." if same else "")
                + (f" Where a number that is not reproduced has no cause beside it: {cause}." if cause else ""),
                align="".join("r" if column == "Published" else "l" for column in table),
            )
        if one.claims:
            page.table(
                without_repeated(claims_table(one.claims)),
                f"scorecard-claims-{one.part.key}",
                f"{one.part.short_title}: {claims_in_words([one])}.",
                align="lll",
            )
    turned = changed(verdicts)
    if len(turned):
        page.say("## Verdicts that changed")
        page.table(
            turned,
            "scorecard-changed",
            f"Verdicts that version {VERSION} of this report gave otherwise, in today's words, and why they changed. "
            "Claims that it did not judge are left out.",
            align="lllll",
        )


def _shared_cause(numbers: Sequence[Judged]) -> str:
    """The cause that three or more differences share; none where a difference without a cause would seem to have it."""
    causes = [j.cause for j in numbers if j.verdict.status in (words.NOT_REPRODUCED, words.NOT_EXACT)]
    if not all(causes):
        return ""
    return next((cause for cause, times in Counter(causes).most_common(1) if times >= 3), "")


def numbers_table(numbers: Sequence[Judged], cause: str = "") -> pd.DataFrame:
    """One row a published number, in their order; those of one model that cannot be compared for one reason share one.

    `cause` is one of differences that the caption states.
    """

    def shared(one: tuple[int, Judged]) -> object:
        place, judged = one
        return (judged.model, judged.verdict) if judged.verdict.status == words.NOT_COMPARABLE else place

    rows = []
    for _, found in groupby(enumerate(numbers), shared):
        some = [judged for _, judged in found]
        first, each = some[0], lambda say, some=some: "; ".join(dict.fromkeys(map(say, some)))
        reason = first.verdict.reason
        rows.append(
            {
                "Number": (f"{first.model}: " if first.model else "") + each(lambda j: j.quantity),
                "Published": "; ".join(j.printed for j in some),
                "Regenerated": "; ".join(map(regenerated_in_words, some)),
                "One more seed": each(interval_in_words),
                "Verdict": first.verdict.status,
                "Reason": reason.removesuffix(f": {cause}") if cause else reason,
            }
        )
    return pd.DataFrame(rows)


def _without_constant(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """A table without columns that say the same in each row, and what they say."""
    same = [column for column in table if len(table) > 1 and table[column].nunique() == 1]
    return table.drop(columns=same), [one for one in table[same].head(1).to_numpy().ravel() if one != NOTHING]


def changed(verdicts: Sequence[Verdicts]) -> pd.DataFrame:
    """What version VERSION gave otherwise: a row for the verdicts of a part that changed alike for one reason."""
    entries = tomllib.loads(paths.CHANGED_VERDICTS.read_text(encoding="utf-8"))["changed"]
    rows = []
    for one in verdicts:
        for entry in entries:
            now: dict[str, list[str]] = {}
            for judged in one.numbers:
                if any(fnmatch(judged.key, pattern) for pattern in entry.get("numbers", ())):
                    now.setdefault(judged.verdict.status, []).append(f"{judged.model}: {judged.quantity}".lstrip(": "))
            for name in (name for name in one.claims if name in entry.get("claims", ())):
                quoted = textwrap.shorten(published.claim(name), QUOTED_LETTERS, placeholder=" …")
                now.setdefault(one.claims[name].status, []).append(f"“{quoted}”")
            for status, found in now.items():
                if status != entry["before"]:
                    named = "; ".join(found) if len(found) <= NAMED else f"{len(found)} numbers, such as {found[0]}"
                    rows.append((one.part.short_title, named, entry["before"], status, entry["why"]))
    return pd.DataFrame(rows, columns=["Part", "Number or claim", f"In {VERSION}", "Now", "Why"])


def regenerated_in_words(judged: Judged) -> str:
    """The median over seeds, with their range where they differ."""
    if not judged.values:
        return NOTHING
    middle, ends = judged.show(judged.regenerated), _range(judged, min(judged.values), max(judged.values))
    return middle if middle == ends else f"{middle} ({ends})"


def interval_in_words(judged: Judged) -> str:
    """The interval for one more seed, where it decided."""
    if judged.interval is None or judged.verdict.status == words.NOT_COMPARABLE:
        return NOTHING
    if judged.kind is Kind.COUNT:  # whole ends could seem to hold what the interval leaves out
        return " to ".join(dict.fromkeys(number(end, 1) for end in judged.interval))
    return _range(judged, *judged.interval)


def _range(judged: Judged, *ends: float) -> str:
    """Two values in words, or the one that both are shown as."""
    return " to ".join(dict.fromkeys(map(judged.show, ends)))


def claims_table(claims: Mapping[str, Verdict]) -> pd.DataFrame:
    """One row a claim, in their order: its words and place, the verdict, the reason as sentences."""
    quoted = [published.everything()["claims"][name] for name in claims]
    rows = [
        (f"“{one['text']}” ({one['where'].partition(', ')[2]})", verdict.status, sentence(verdict.reason))
        for one, verdict in zip(quoted, claims.values(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["Claim", "Verdict", "Measured"])


def without_repeated(table: pd.DataFrame) -> pd.DataFrame:
    """A table of claims whose most repeated sentence of measurement stands once, with a MARK to which others refer.

    It must stand in as many rows as REPEATED, else the table stays.
    """
    counted = Counter(one for row in table.Measured for one in set(_SENTENCE_END.split(row)))
    repeated, times = counted.most_common(1)[0]
    if times < REPEATED:
        return table
    first, *_ = (i for i, row in enumerate(table.Measured) if repeated in _SENTENCE_END.split(row))
    marked = [f"{repeated[:-1]} ({MARK})." if i == first else f"See {MARK}." for i in range(len(table))]
    measured = [row.replace(repeated, mark) for row, mark in zip(table.Measured, marked, strict=True)]
    return table.assign(Measured=measured)


def summary(verdicts: Sequence[Verdicts]) -> Figure:
    """Counts by part and verdict: numbers from trainings on the left, claims on the right."""
    fig, axes = figures.new(height_cm=2.6 + 0.9 * len(verdicts), cols=2, sharey=True, width_ratios=(2, 3))
    panels = {
        "Numbers from trainings": ([[j.verdict for j in measured(v.numbers)] for v in verdicts], NUMBER_COLOURS),
        "Claims": ([list(v.claims.values()) for v in verdicts], CLAIM_COLOURS),
    }
    for ax, (title, (found, colours)) in zip(axes, panels.items(), strict=True):
        left, drawn = [0] * len(verdicts), []
        longest = max(max(map(len, found)), 1)
        for word, colour in colours.items():
            widths = [sum(verdict.status == word for verdict in one) for one in found]
            bars = ax.barh(range(len(verdicts)), widths, left=left, label=word, color=figures.PALETTE[colour])
            labels = [str(width) if width else "" for width in widths]
            ink = "black" if colour != "grey" else "white"
            drawn.append(ax.bar_label(bars, labels, label_type="center", fontsize=7, color=ink))
            left = [a + b for a, b in zip(left, widths, strict=True)]
        for one in zip(*drawn, strict=True):
            _part_labels([label for label in one if label.get_text()], NARROW * longest)
        ax.set(title=title, xlabel="number", xlim=(0, longest))
        ax.grid(axis="y", visible=False)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=3, handlelength=1, columnspacing=1)
    axes[0].set_yticks(range(len(verdicts)), [v.part.short_title for v in verdicts])
    axes[0].invert_yaxis()
    return fig


def _part_labels(labels: Sequence[Annotation], narrow: float) -> None:
    """Set the labels of one bar higher and lower in turn where neighbours are both of at most `narrow` counts."""
    for i, (label, after) in enumerate(pairwise(labels)):
        if max(int(label.get_text()), int(after.get_text())) <= narrow:
            up = STEP_PT if i % 2 else -STEP_PT
            label.xyann, after.xyann = (0, up), (0, -up)
