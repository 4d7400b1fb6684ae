"""The results table of the README, from the committed records: `python -m study.results` writes it, a test holds it."""

import re
import sys

from study import paths, profile, published, runs
from study.anomaly import analysis, recipes
from study.prose import number
from study.runs import write_atomically

README = paths.ROOT / "README.md"
_PLACE = re.compile(r"(<!-- results: [^>]* -->\n).*(<!-- /results -->)", flags=re.S)


def part2() -> list[tuple[str, str, str, str]]:
    """Rows of Part II: result, ours, published (named as such), command."""
    chosen = profile.load("full")
    records = runs.Store(chosen.records).get_all(recipes.specs(chosen), _refuse)
    rules = analysis.rule_table(records)
    judged = analysis.judged_losses(records, rules.loc[0, "rule"])
    comparable = [j for j in judged if j.verdict.status != "not comparable"]
    reproduced = sum(j.verdict.status == "reproduced" for j in comparable)
    board = analysis.leaderboard(records).set_index("model")
    nab, events = published.nab_detectors(), published.table("nab_events").set_index("detector")
    command = "make report PART=part2"
    rows = [
        (
            "Part II: published losses and anomaly counts reproduced",
            f"{reproduced} of {len(comparable)}",
            "all",
            command,
        )
    ]
    for model in board.index:
        one = board.loc[model]
        best = (
            f"{nab.score.idxmax()} {number(nab.score.max(), 2)}; F1 {events.f1.idxmax()} {number(events.f1.max(), 2)}"
        )
        ours = f"{number(one.nab, 2)}; F1 {number(one.event_f1, 2)}"
        rows.append((f"Part II: {model}, NAB standard score on AAPL (of 4); event-wise F1", ours, best, command))
    return rows


def table() -> str:
    """The table as GitHub Markdown."""
    lines = ["| Result (median over seeds) | This report | Published | Command |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {a} | {b} | {c} | `{d}` |" for a, b, c, d in part2()]) + "\n"


def updated(readme: str) -> str:
    """The README's text with the table in its place. Raises ValueError if the place is gone."""
    if not _PLACE.search(readme):
        raise ValueError(f"{README} has no place for the results: keep its two 'results' comments")
    return _PLACE.sub(lambda m: m[1] + table() + m[2], readme)


def _refuse(spec: dict, scratch: object) -> None:
    raise ValueError(f"{runs.label(spec)} has no record; run `make report` first")


def main() -> int:
    write_atomically(README, updated(README.read_text(encoding="utf-8")).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
