"""The results table of the README, from the committed records: `python -m study.results` writes it, a test holds it."""

import re
import sys
from collections.abc import Sequence
from types import ModuleType

from study import parts, paths, profile, published, runs
from study.anomaly import analysis as nab
from study.anomaly import recipes as nab_recipes
from study.comparison import mean, measured
from study.files import write_atomically
from study.manufacturing import analysis as line
from study.manufacturing import recipes as line_recipes
from study.manufacturing.detectors import AUTOENCODER, PCA_NAME
from study.news import analysis as news
from study.news import recipes as news_recipes
from study.prose import (
    CONFIRMED,
    NOT_COMPARABLE,
    REPRODUCED,
    Judged,
    Verdict,
    interval,
    number,
    percent,
    scientific,
)
from study.runs import Record
from study.theory import analysis as theory
from study.theory import recipes as theory_recipes
from study.vision import analysis as vision
from study.vision import recipes as vision_recipes

README = paths.ROOT / "README.md"
FULL = profile.load("full")
_PLACE = re.compile(r"(<!-- results: [^>]* -->\n).*(<!-- /results -->)", flags=re.S)

Row = tuple[str, str, str]
"""Result, ours, published (named as such)."""


def part1() -> list[Row]:
    """The parameters, the autoencoder beside PCA, and the original's claims."""
    records = _records(line_recipes)
    clean = line.of(records, "part1-severity", "clean")
    counted = line.of(records, "part1-latency", "single-vector")[0].metrics["parameters"]
    auroc = {name: line.over_seeds(clean, line.standard(name, "auroc")) for name in (AUTOENCODER, PCA_NAME)}
    challenges = line.challenge_verdicts(line.harms(records, FULL.part1, AUTOENCODER))
    improvements = line.improvement_verdicts(line.gains(records, AUTOENCODER))
    return [
        ("parameters of the autoencoder", number(counted), number(published.value("part1.total"))),
        *(
            (f"{name}, AUROC on the simulated line, mean over plants with its 95% interval", line.shown(found), "–")
            for name, found in auroc.items()
        ),
        *(
            (
                f"{kind} that the measurements confirm",
                f"{_confirmed(found)} of {len(found)}",
                "all, without measurement",
            )
            for kind, found in (("challenges", challenges), ("improvements", improvements))
        ),
    ]


def part2() -> list[Row]:
    """The published numbers, and every detector on the series."""
    records = _records(nab_recipes)
    rules = nab.rule_table(records)
    judged = nab.judged_losses(records, rules.loc[0, "rule"])
    comparable = [j for j in judged if j.verdict.status != NOT_COMPARABLE]
    reproduced = _reproduced(comparable)
    score, f1 = published.nab_detectors().score, published.table("nab_events").set_index("detector").f1
    best = f"{score.idxmax()} {number(score.max(), 2)}; F1 {f1.idxmax()} {number(f1.max(), 2)}"
    rows = [("published losses and anomaly counts reproduced", f"{reproduced} of {len(comparable)}", "all")]
    for one in nab.leaderboard(records).itertuples():
        range_of_seeds = f" ({interval(one.nab_low, one.nab_high)})" if one.nab_low < one.nab_high else ""
        ours = f"{number(one.nab, 2)}{range_of_seeds}; F1 {number(one.event_f1, 2)}"
        what = "NAB standard score on AAPL (of 4), median and range over seeds; median event-wise F1"
        rows.append((f"{one.model}, {what}", ours, best))
    return rows


def part3() -> list[Row]:
    """Whether the module is PyTorch's function, what √d_k does, and what W_o does."""
    records = _records(theory_recipes)
    apart = theory.agreement(records)[["output", "gradient"]].to_numpy().max()
    softmaxes, mixed = theory.scaling(records), theory.mixing(records)
    raw, scaled = (theory.pick(softmaxes, kind, "jacobian_median")["mean"].iloc[-1] for kind in ("raw", "scaled"))
    widest = max(FULL.part3.d_k)
    narrow = mixed[mixed.content == mixed.content.min()].groupby("variant").explained.max()
    return [
        (
            "largest difference of `study.attention` from PyTorch's functions, output and gradient",
            scientific(apart),
            "–",
        ),
        (
            f"median gradient of the softmax at dₖ = {widest}, unscaled; scaled",
            f"{scientific(raw)}; {number(scaled, 2)}",
            "“extremely small gradients” without scaling",
        ),
        (
            "variance of a task explained by two heads, with Wₒ; without; best runs",
            f"{number(narrow['two-heads-mixed'], 2)}; {number(narrow['two-heads-joined'], 2)}",
            "–",
        ),
    ]


def part4() -> list[Row]:
    """The published numbers and claims, and the test accuracy of every classifier."""
    records = _records(news_recipes)
    judged, claims = news.judged(records), news.claims(records)
    comparable = [j for j in judged if j.verdict.status != NOT_COMPARABLE]
    reproduced = _reproduced(comparable)
    literature = published.table("ag_news").set_index("model").accuracy
    untrained = literature[~literature.index.str.contains("pre-trained")]
    said = {model: percent(published.value(f"part4.{model}.test_accuracy"), 2) for model in news_recipes.VARIANTS}
    said |= {
        "tfidf": f"{percent(literature['n-grams, TF-IDF'], 2)}, on all training rows",
        "own": f"{untrained.idxmax()} {percent(untrained.max(), 2)}, on all training rows",
    }
    tasks = dict.fromkeys(news_recipes.VARIANTS, "part4-variants") | {"tfidf": "part4-baselines", "own": "part4-own"}
    rows = [
        ("published accuracies, losses and other numbers reproduced", f"{reproduced} of {len(comparable)}", "all"),
        ("claims that the measurements confirm", f"{_confirmed(claims)} of {len(claims)}", "all"),
    ]
    for model, task in tasks.items():
        found = [measured(r, "test_accuracy") for r in news.of(records, task, model)]
        rows.append((f"{news.NAMES[model]}, test accuracy on AG's news", news.spread(found), said[model]))
    return rows


def bonus() -> list[Row]:
    """The published numbers and claims, and the test accuracy of every network."""
    records = _records(vision_recipes)
    judged, claims = vision.judged(records), vision.claims(records)
    reproduced = _reproduced(judged)
    rows = [
        ("published numbers reproduced, on other images", f"{reproduced} of {len(judged)}", "all"),
        ("claims that the measurements confirm", f"{_confirmed(claims)} of {len(claims)}", "all"),
    ]
    said = {vision.NAMES[m]: percent(published.value(f"bonus.{m}.test_accuracy"), 2) for m in vision_recipes.MODELS}
    for name, found in vision.models(records).items():
        ours = percent(mean(found, "test_accuracy"), 2)
        rows.append((f"{name}, test accuracy on dogs, food and vehicles", ours, said.get(name, "–")))
    return rows


ROWS = {"part1": part1, "part2": part2, "part3": part3, "part4": part4, "bonus": bonus}


def table() -> str:
    """The table as GitHub Markdown."""
    lines = ["| Result | This report | Published | Command |", "|---|---|---|---|"]
    for key, rows in ROWS.items():
        part = parts.find(key).short_title
        lines += [f"| {part}: {name} | {ours} | {said} | `make report PART={key}` |" for name, ours, said in rows()]
    return "\n".join(lines) + "\n"


def updated(readme: str) -> str:
    """The README's text with the table in its place. Raises ValueError if the place is gone."""
    if not _PLACE.search(readme):
        raise ValueError(f"{README} has no place for the results: keep its two 'results' comments")
    return _PLACE.sub(lambda m: m[1] + table() + m[2], readme)


def _reproduced(judged: Sequence[Judged]) -> int:
    return sum(j.verdict.status == REPRODUCED for j in judged)


def _confirmed(verdicts: dict[str, Verdict]) -> int:
    return sum(verdict.status == CONFIRMED for verdict in verdicts.values())


def _records(recipes: ModuleType) -> list[Record]:
    return runs.Store(FULL.records).get_all(recipes.specs(FULL), _refuse)


def _refuse(spec: dict, scratch: object) -> None:
    raise ValueError(f"{runs.label(spec)} has no record; run `make report` first")


def main() -> int:
    write_atomically(README, updated(README.read_text(encoding="utf-8")).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
