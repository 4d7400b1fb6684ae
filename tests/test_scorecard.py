"""The scorecard holds every published number and claim once, and its verdicts follow the records."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from study import parts, paths, profile, published, runs
from study.page import PANDOC, Page, escape
from study.prose import CONFIRMED, NOT_REPRODUCED, REFUTED, REPRODUCED
from study.publish import front, scorecard

FULL = profile.load("full")


@pytest.fixture(scope="module")
def records():
    store = runs.Store(FULL.records)
    return {part: [store.load(spec) for spec in part.module().specs(FULL)] for part in parts.PARTS}


@pytest.fixture(scope="module")
def verdicts(records):
    return scorecard.collect(records)


def told(write, folder):
    shown = []
    write(Page(folder, show=shown.append))
    return "\n\n".join(bundle[PANDOC] for bundle in shown)


def test_every_published_number_and_claim_is_judged_once_and_nothing_else(verdicts):
    keys = Counter(j.key for v in verdicts for j in v.numbers)
    assert keys == Counter(key for part in parts.PARTS for key in published.numbers(part.key))
    assert Counter(name for v in verdicts for name in v.claims) == Counter(list(published.everything()["claims"]))
    for v in verdicts:
        wheres = [published.everything()["claims"][name]["where"] for name in v.claims]
        assert all(where.startswith(f"{v.part.short_title}, ") for where in wheres)


def test_the_page_shows_each_of_them_once(verdicts, tmp_path):
    text = told(lambda page: scorecard.write(page, verdicts), tmp_path)
    for claim in published.everything()["claims"].values():
        assert text.count(escape(f"“{claim['text']}”")) == 1
    rows = [line for line in text.splitlines() if line.startswith("| ") and line.count(" | ") == 5]
    assert len(rows) == sum(len(v.numbers) for v in verdicts) + sum(1 for v in verdicts if v.numbers)
    assert (tmp_path / "scorecard.svg").exists()


def test_a_cause_that_many_numbers_share_is_told_once(tmp_path):
    def judged(i, cause):
        key = "part2.rows"
        return published.judge(key, "", f"number {i}", [published.value(key) + i], 0.5, cause=cause)

    part = parts.find("part2")
    causes = ["", "no seed is stated", "no seed is stated", "another split", "no seed is stated"]
    found = [scorecard.Verdicts(part, [judged(i, cause) for i, cause in enumerate(causes)], {})]
    text = told(lambda page: scorecard.write(page, found), tmp_path)
    assert text.count("no seed is stated") == 1 and "cause beside it: no seed is stated." in text
    assert text.count("another split") == 1
    assert len(re.findall(r"differs by \d", text)) == 5
    uncaused = [scorecard.Verdicts(part, [*found[0].numbers, judged(5, "")], {})]
    assert told(lambda page: scorecard.write(page, uncaused), tmp_path).count(": no seed is stated") == 3
    two = [scorecard.Verdicts(part, found[0].numbers[:3], {})]
    assert told(lambda page: scorecard.write(page, two), tmp_path).count(": no seed is stated") == 2


def test_counts_in_words_add_up(verdicts):
    for words, total in (
        (scorecard.numbers_in_words(verdicts), sum(len(v.numbers) for v in verdicts)),
        (scorecard.claims_in_words(verdicts), sum(len(v.claims) for v in verdicts)),
    ):
        first, *others = map(int, re.findall(r"\d+", words))
        assert first == total == sum(others)


def altered(records, key, task, change):
    """The records of one part, with the metrics of a task changed."""
    part = parts.find(key)
    return part.analysis(), [
        replace(r, metrics=r.metrics | change(r.metrics)) if r.spec["task"] == task else r for r in records[part]
    ]


def test_a_number_turns_when_its_record_is_altered(records, verdicts):
    before = {j.key: j.verdict.status for v in verdicts for j in v.numbers}
    for key, part, task, change in (
        ("part1.total", "part1", "part1-latency", lambda m: {"parameters": m["parameters"] - 1_000}),
        ("part2.rows", "part2", "part2-dataset", lambda m: {"rows": m["rows"] - 1}),
        ("part2.base.last_loss", "part2", "part2-published", lambda m: {"last_loss": 2 * m["last_loss"]}),
        ("part4.base.train_accuracy", "part4", "part4-variants", lambda m: {"train": m["train"] | {"accuracy": 0.5}}),
    ):
        analysis, changed = altered(records, part, task, change)
        after = {j.key: j.verdict.status for j in analysis.judged(changed)}
        assert {before[key], after[key]} == {REPRODUCED, NOT_REPRODUCED}, key


def test_a_tolerance_follows_most_seeds_and_not_the_one_that_fails():
    assert published.tolerance(0.1, [1.0, 1.0, 1.0, 1.0, 9.0]) == 0.1
    assert published.tolerance(0.1, [1.0, 2.0, 3.0, 4.0, 5.0]) == 1.0
    assert published.tolerance(0.1, [1.0, 2.0, 3.0, 4.0, 5.0] * 2) == 1.0
    assert published.tolerance(0.1, [1.0]) == 0.1


def test_a_claim_turns_when_its_record_is_altered(records, verdicts):
    before = {name: verdict.status for v in verdicts for name, verdict in v.claims.items()}

    def flat(metrics):
        return {"raw": metrics["scaled"]}

    for name, part, task, change, expected in (
        (
            "no_season",
            "part2",
            "part2-dataset",
            lambda m: {"season": m["season"] | {"hour_p": 1, "weekday_p": 1}},
            CONFIRMED,
        ),
        ("steady_rise", "part2", "part2-dataset", lambda m: {"trend": m["trend"] | {"p": 0.01}}, CONFIRMED),
        ("base_good_fit", "part2", "part2-published", lambda m: {"r2": m["r2"] | {"middle": 0.9}}, CONFIRMED),
        ("attention_gradients", "part3", "part3-scaling", flat, "not confirmed here"),
        ("base_overfits", "part4", "part4-variants", lambda m: {"train": m["train"] | {"accuracy": 0.5}}, REFUTED),
    ):
        analysis, changed = altered(records, part, task, change)
        assert before[name] != expected == analysis.claims(changed)[name].status, name


def test_front_page_tells_findings_that_follow_the_records(records, verdicts, tmp_path):
    findings = [part.analysis().finding(found) for part, found in records.items()]
    text = front.abstract(records, verdicts, synthetic=False)
    assert all(finding in text for finding in findings) and "[@sec:scorecard]" in text and "SYNTHETIC" not in text
    assert front.abstract(records, verdicts, synthetic=True).startswith("**All data are SYNTHETIC")
    # Only what was trained has a loss.
    lifted = lambda m: {"nab": {k: v + 3 * ("train_loss" in m) for k, v in m["nab"].items()}}  # noqa: E731
    analysis, better = altered(records, "part2", "part2-stream", lifted)
    assert "with 5 of 10" in text and "with all 10" in analysis.finding(better)
    shorter = lambda m: {"scores": {name: {**s, "auroc": 0.5} for name, s in m["scores"].items()}}  # noqa: E731
    analysis, level = altered(records, "part1", "part1-patience", shorter)
    assert "still below PCA's" in text and "not below PCA's" in analysis.finding(level)
    page = told(lambda page: front.write(page, records), tmp_path)
    assert all(f"| {part.short_title} |" in page for part in parts.PARTS)


def test_neither_framework_is_loaded():
    check = (
        "import sys; from study import parts; from study.publish import assemble\n"
        "for part in parts.PARTS: part.analysis(), part.module()\n"
        "assert not {'tensorflow', 'keras', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], cwd=paths.ROOT, check=True)


# data/published.toml against itself


def test_every_entry_says_where_it_stands():
    everything = published.everything()
    titles = {part.key: part.short_title for part in parts.PARTS}
    for part, title in titles.items():
        for key in published.numbers(part):
            entry = everything
            for step in key.split("."):
                entry = entry[step]
            assert entry["where"].startswith(f"{title}, ") and entry["value"] >= 0, key
    texts = [claim["text"] for claim in everything["claims"].values()]
    assert len(set(texts)) == len(texts) and all(text.strip() for text in texts)


def test_published_numbers_that_follow_from_each_other_do():
    value = published.value
    layers = ("hidden_1", "bottleneck", "hidden_2", "output")
    assert sum(value(f"part1.{layer}.total") for layer in layers) == value("part1.total")
    for model in ("base", "version-1", "version-2", "version-3"):
        exact = 4 * value(f"part2.{model}.parameters") / 1024
        assert value(f"part2.{model}.kilobytes") == pytest.approx(exact, abs=0.005)
    for name in ("train_loss", "last_loss", "middle_loss", "anomalies"):
        assert value(f"part2.version-3.{name}") == value(f"part2.version-2.{name}")
    for model in ("base", "dropout", "early-stopping", "regularised"):
        # The test split has as many texts of each class, so mean recall is accuracy.
        assert value(f"part4.{model}.recall") == value(f"part4.{model}.test_accuracy")


def test_decimals_in_claims_are_published_numbers():
    known = {published.value(key) for part in parts.PARTS for key in published.numbers(part.key)}
    for name, claim in published.everything()["claims"].items():
        for number, percent in re.findall(r"(\d+\.\d+)(%?)", claim["text"]):
            value = round(float(number) / 100, 6) if percent else float(number)
            assert value in known, f"{name}: {number}{percent}"
