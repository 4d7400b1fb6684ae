"""The front page: findings, results at a glance, and where each question of the assignment is answered.

For one part alone it tells of that part.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence

import pandas as pd

from study import paths
from study.page import Page
from study.parts import Part
from study.publish.chapters import PublishError
from study.publish.scorecard import Verdicts, claims_in_words, numbers_in_words
from study.runs import Record


def abstract(records: Mapping[Part, Sequence[Record]], verdicts: Sequence[Verdicts], synthetic: bool) -> str:
    """The findings, a sentence a part, and the verdicts counted; pandoc Markdown."""
    warning = ["**All data are SYNTHETIC: nothing here is a finding.**"] if synthetic else []
    findings = [part.analysis().finding(found) for part, found in records.items()]
    counted = f"[@sec:scorecard] judges {numbers_in_words(verdicts)}; and {claims_in_words(verdicts)}."
    return "\n\n".join([*warning, *findings, counted]) + "\n"  # a last newline makes paragraphs of metadata


def write(page: Page, records: Mapping[Part, Sequence[Record]]) -> None:
    """Show results at a glance and the map of the questions. Raises PublishError as `questions` does."""
    page.say("# At a glance {.unnumbered}\n\n## Results {#sec:results}")
    rows = [(part.short_title, *line) for part, found in records.items() for line in part.analysis().glance(found)]
    page.table(
        pd.DataFrame(rows, columns=["Part", "Measure", "Published", "Regenerated", "Best of this report"]),
        "glance",
        "The original's best models, published and regenerated (over seeds: mean ± standard deviation, or median and "
        "range), beside the best of this report by the same measure.",
        align="lllll",
    )
    page.say("## Where each question is answered\n\n" + "\n".join(line for part in records for line in questions(part)))


def questions(part: Part) -> list[str]:
    """The part's questions with links to their answers, as a Markdown list.

    Raises PublishError for a question that no heading of the part's notebook repeats.
    """
    asked = tomllib.loads(paths.ASSIGNMENT.read_text(encoding="utf-8")).get(part.key)
    headings = set(re.findall(r"^# #+ (.+)$", part.source.read_text(encoding="utf-8"), flags=re.M))
    if asked is None:
        return [f"- {_answer(part.title)}: **{part.title}**"]
    missing = [question for question in asked["questions"] if question not in headings]
    if missing:
        raise PublishError(
            f"{part.source} has no heading “{missing[0]}”: repeat the question there, or correct {paths.ASSIGNMENT}"
        )
    whole = f"- {_answer(part.title)}: **{asked['title']}** [{asked['points']} points]"
    return [whole, *(f"    - {_answer(question)}: {question}" for question in asked["questions"])]


def _answer(heading: str) -> str:
    """A link to a heading by its words, which the report's filter turns into its number."""
    return f"[§][{heading}]"
