"""The scorecard holds every published number and claim once, and its verdicts follow the records.

After a change that is meant to change verdicts, run `WRITE_VERDICTS=yes python -m pytest tests/test_scorecard.py`: it
writes tests/data/verdicts.json. Read what git shows of it before you commit it.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import committed
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from study import parts, paths, prose, published, runs
from study.manufacturing.detectors import AUTOENCODER, PCA_NAME
from study.page import PANDOC, Page, escape
from study.publish import front, results, scorecard
from study.verdicts import (
    CLOSE,
    CONFIRMED,
    CONTRADICTED,
    EXACT,
    NOT_COMPARABLE,
    NOT_EXACT,
    NOT_REPRODUCED,
    NOT_TESTED,
    PARTLY,
    REPRODUCED,
    UNCLEAR,
    Judged,
    Kind,
    Verdict,
)

SNAPSHOT = Path(__file__).parent / "data" / "verdicts.json"


@pytest.fixture(scope="module")
def records():
    return {part: committed.records(part.key) for part in parts.PARTS}


@pytest.fixture(scope="module")
def verdicts(records):
    return scorecard.collect(records)


@pytest.fixture
def told(tmp_path):
    """The pandoc Markdown of what is shown on a page."""

    def told(write, *given):
        shown = []
        write(Page(tmp_path, show=shown.append), *given)
        return "\n\n".join(bundle[PANDOC] for bundle in shown)

    return told


def test_every_published_number_and_claim_is_judged_once_and_nothing_else(verdicts):
    keys = Counter(j.key for v in verdicts for j in v.numbers)
    assert keys == Counter(key for part in parts.PARTS for key in published.numbers(part.key))
    assert Counter(name for v in verdicts for name in v.claims) == Counter(list(published.everything()["claims"]))
    for v in verdicts:
        wheres = [published.everything()["claims"][name]["where"] for name in v.claims]
        assert all(where.startswith(f"{v.part.short_title}, ") for where in wheres)


def test_reasons_of_claims_are_sentences(verdicts):
    for name, verdict in (item for v in verdicts for item in v.claims.items()):
        assert verdict.reason[0].isupper() and verdict.reason.endswith("."), name
        assert not re.search(r"nan|\.\.|  ", verdict.reason), name


def test_the_page_shows_each_of_them_once(verdicts, told, tmp_path):
    text, heading, changed = told(scorecard.write, verdicts).partition("## Verdicts that changed")
    assert heading and "#tbl:scorecard-changed" in changed
    for claim in published.everything()["claims"].values():
        assert text.count(escape(f"“{claim['text']}”")) == 1
    shown = [table.Published.str.split("; ").explode().tolist() for table in number_tables(verdicts)]
    assert shown == [[j.printed for j in v.numbers] for v in verdicts if v.numbers]
    assert (tmp_path / "scorecard.svg").exists()


def number_tables(verdicts):
    return [scorecard.numbers_table(v.numbers) for v in verdicts if v.numbers]


def test_numbers_of_a_model_without_a_counterpart_share_a_row_and_their_reason(verdicts, told):
    (bonus,) = (v for v in verdicts if v.part.key == "bonus")
    table = scorecard.numbers_table(bonus.numbers)
    assert {j.verdict.status for j in bonus.numbers} == {NOT_COMPARABLE} and len(bonus.numbers) > 20
    assert [row.partition(":")[0] for row in table.Number] == ["VGG-13", "ResNet-18", "ViT", "EfficientNet"]
    text = told(scorecard.write, [bonus])
    assert text.count(bonus.numbers[0].verdict.reason) == 1
    assert "All of them: not comparable; measured on other images" in text
    assert f"{len(bonus.numbers)} numbers from trainings" in text.replace(prose.NO_BREAK_SPACE, " ")


def test_every_verdict_that_changed_is_listed_with_its_reason(verdicts):
    """tests/data/verdicts-0.1.0.json has the statuses of that version in today's words."""
    before = json.loads((SNAPSHOT.parent / "verdicts-0.1.0.json").read_text(encoding="utf-8"))
    now = {
        "numbers": {j.key: j.verdict.status for v in verdicts for j in v.numbers},
        "claims": {name: verdict.status for v in verdicts for name, verdict in v.claims.items()},
    }
    entries = tomllib.loads(paths.CHANGED_VERDICTS.read_text(encoding="utf-8"))["changed"]
    for kind, statuses in before.items():
        turned = {(name, status) for name, status in statuses.items() if now[kind][name] != status}
        listed = [
            (name, entry["before"])
            for entry in entries
            for pattern in entry.get(kind, ())
            for name in now[kind]
            if fnmatch(name, pattern)
        ]
        assert len(listed) == len(set(listed)) and set(listed) == turned, kind
    table = scorecard.changed(verdicts)
    assert set(table.Why) == {entry["why"] for entry in entries} and table.Why.str.endswith(".").all()
    assert not (table["In 0.1.0"] == table.Now).any()
    base = table[table["Number or claim"] == "Base: anomalies detected"].iloc[0]
    assert (base["In 0.1.0"], base.Now) == (REPRODUCED, NOT_COMPARABLE)


def test_what_turns_back_is_no_longer_listed(verdicts):
    def now(status=None):
        """The verdict that is listed now on a claim of Part II, where that claim has the one given."""
        other = {"no_season": Verdict(status, "so")} if status else {}
        turned = [replace(v, claims={name: other.get(name, c) for name, c in v.claims.items()}) for v in verdicts]
        return scorecard.changed(turned).set_index("Number or claim").Now.filter(like="cursory").tolist()

    assert (now(), now(UNCLEAR), now(CONTRADICTED)) == ([PARTLY], [UNCLEAR], [])


# All verdicts of the report, from the committed records


def test_every_status_and_reason_is_the_one_last_read(verdicts):
    now = {
        v.part.key: {
            "numbers": {j.key: f"{j.verdict.status} | {j.verdict.reason}" for j in v.numbers},
            "claims": {name: f"{verdict.status} | {verdict.reason}" for name, verdict in v.claims.items()},
        }
        for v in verdicts
    }
    if os.environ.get("WRITE_VERDICTS"):
        SNAPSHOT.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert now == json.loads(SNAPSHOT.read_text(encoding="utf-8")), "read the new verdicts, then keep them (see above)"


def test_every_word_is_one_that_the_page_explains(verdicts):
    numbers, claims = [v.numbers for v in verdicts], [v.claims.values() for v in verdicts]
    given = {j.verdict.status for found in numbers for j in found} | {c.status for found in claims for c in found}
    assert given == {*scorecard.NUMBER_COLOURS, *scorecard.FACT_WORDS, *scorecard.CLAIM_COLOURS}
    assert all(f"*{word}*" in scorecard.RULE for word in given - {NOT_REPRODUCED, NOT_EXACT})


# The tables, from verdicts made by hand


def made(status, published_value, values, kind=Kind.LOSS, interval=None, cause="", quantity="loss", model="M"):
    reason = f"differs: {cause}" if cause else "differs"
    show = prose.percent if kind is Kind.SHARE else prose.significant
    verdict = Verdict(status, reason)
    said = show(published_value)
    return Judged("key", model, quantity, kind, published_value, tuple(values), interval, verdict, cause, show, said)


@pytest.mark.parametrize(
    ("interval", "much"), [((0.8, 1.25), True), ((0.8, 1.26), False), ((0.7, 1.1), False), (None, False)]
)
def test_an_interval_that_reaches_far_from_the_median_excludes_little(interval, much):
    assert scorecard.excludes_much(made(REPRODUCED, 1.0, [0.9, 1.0, 1.1], interval=interval)) == much


@pytest.fixture
def numbers():
    """One number of each status, in an order that no sorting gives."""
    return [
        made(REPRODUCED, 0.25, [0.2, 0.3, 0.4], interval=(0.1, 0.5), quantity="z"),
        made(NOT_REPRODUCED, 0.9, [0.5, 0.6, 0.95], Kind.SHARE, (0.4, 0.7), "another split", quantity="a"),
        made(CLOSE, 31.0, [32.0, 32.0, 32.0], Kind.COUNT, (32.0, 32.0), quantity="m", model=""),
        made(NOT_COMPARABLE, 7.0, [], quantity="k"),
        made(NOT_COMPARABLE, 8.0, [9.0, 9.5, 9.0], interval=(8.0, 10.0), quantity="i"),
        made(EXACT, 588.0, [588.0], Kind.FACT, quantity="b"),
        made(NOT_EXACT, 512.0, [513.0], Kind.FACT, cause="no biases", quantity="y"),
    ]


def test_the_table_of_numbers_shows_each_in_its_place(numbers):
    assert scorecard.numbers_table(numbers).to_dict("list") == {
        "Number": ["M: z", "M: a", "m", "M: k; i", "M: b", "M: y"],
        "Published": ["0.250", "90.0%", "31.0", "7.00; 8.00", "588", "512"],
        "Regenerated": [
            "0.300 (0.200 to 0.400)",
            "60.0% (50.0% to 95.0%)",  # a skewed range is shown like any other
            "32.0",
            "–; 9.00 (9.00 to 9.50)",
            "588",
            "513",
        ],
        "One more seed": ["0.100 to 0.500", "40.0% to 70.0%", "32.0", "–", "–", "–"],
        "Verdict": [REPRODUCED, NOT_REPRODUCED, CLOSE, NOT_COMPARABLE, EXACT, NOT_EXACT],
        "Reason": [
            "differs", "differs: another split", "differs", "differs", "differs", "differs: no biases",
        ],
    }  # fmt: skip


def test_claims_keep_their_verdicts_and_their_order():
    names = ["version_3_plateau", "integer_counts", "base_overfits"]
    statuses = [UNCLEAR, CONFIRMED, CONTRADICTED]
    claims = {n: Verdict(s, f"reason of {n}") for n, s in zip(names, statuses, strict=True)}
    table = scorecard.claims_table(claims)
    said = published.everything()["claims"]
    assert table["Claim"].tolist() == [f"“{said[n]['text']}” ({said[n]['where'].partition(', ')[2]})" for n in names]
    assert table["Verdict"].tolist() == statuses
    assert table["Measured"].tolist() == [f"Reason of {n}." for n in names]


def test_facts_are_tallied_apart(numbers):
    part = parts.find("part2")
    claims = dict(enumerate([CONFIRMED, CONFIRMED, PARTLY, CONTRADICTED, NOT_TESTED]))
    found = [scorecard.Verdicts(part, numbers, {name: Verdict(status, "so") for name, status in claims.items()})]
    assert scorecard.numbers_in_words(found).replace("\u00a0", " ") == (
        "5 numbers from trainings (1 reproduced, 1 close, 1 not reproduced, 2 not comparable) and "
        "2 facts (1 exact, 1 not exact)"
    )
    assert scorecard.claims_in_words(found).replace("\u00a0", " ") == (
        "5 claims (2 confirmed, 1 partly confirmed, 1 contradicted, 1 not tested)"
    )
    facts = [scorecard.Verdicts(part, numbers[5:], {})]
    assert scorecard.numbers_in_words(facts).replace("\u00a0", " ") == "2 facts (1 exact, 1 not exact)"
    assert scorecard.claims_in_words(facts) == "no claim" and scorecard.numbers_in_words([]) == "no published number"
    strange = [scorecard.Verdicts(part, [], {"a": Verdict("half true", "so")})]
    with pytest.raises(ValueError, match="half true"):
        scorecard.claims_in_words(strange)


def test_the_figure_counts_each_verdict_of_each_part(numbers):
    claims = {"a": Verdict(UNCLEAR, "so"), "b": Verdict(CONFIRMED, "so"), "c": Verdict(UNCLEAR, "so")}
    one, other = parts.find("part1"), parts.find("part4")
    fig = scorecard.summary([
        scorecard.Verdicts(one, numbers, claims),
        scorecard.Verdicts(other, [numbers[0], numbers[0], numbers[1]], {"a": Verdict(PARTLY, "so")}),
    ])  # fmt: skip
    left, right = ({bars.get_label(): [bar.get_width() for bar in bars] for bars in ax.containers} for ax in fig.axes)
    assert left == {REPRODUCED: [1, 2], CLOSE: [1, 0], NOT_REPRODUCED: [1, 1], NOT_COMPARABLE: [2, 0]}
    assert right == {
        CONFIRMED: [1, 0], PARTLY: [0, 1], UNCLEAR: [2, 0], CONTRADICTED: [0, 0], NOT_TESTED: [0, 0],
    }  # fmt: skip


def test_a_cause_that_many_numbers_share_is_told_once(told):
    def judged(i, cause):
        key = "part2.rows"
        return published.judge(key, "", f"number {i}", [published.value(key) + i], Kind.FACT, cause=cause)

    part = parts.find("part2")
    causes = ["", "no seed is stated", "no seed is stated", "another split", "no seed is stated"]
    found = [scorecard.Verdicts(part, [judged(i, cause) for i, cause in enumerate(causes)], {})]
    text = told(scorecard.write, found)
    assert text.count("no seed is stated") == 1 and "cause beside it: no seed is stated." in text
    assert text.count("another split") == 1
    assert len(re.findall(r"differs by \d", text)) == 4 and text.count("| equal") == 1
    uncaused = [scorecard.Verdicts(part, [*found[0].numbers, judged(5, "")], {})]
    assert told(scorecard.write, uncaused).count(": no seed is stated") == 3
    two = [scorecard.Verdicts(part, found[0].numbers[:3], {})]
    assert told(scorecard.write, two).count(": no seed is stated") == 2


def test_a_sentence_that_many_reasons_repeat_stands_once_with_a_mark_to_which_the_others_refer():
    reasons = ["It stays.", "It falls. Ours is stronger.", "Ours is stronger. It rises.", "Ours is stronger."]
    table = scorecard.without_repeated(pd.DataFrame({"Measured": reasons}))
    assert table.Measured.tolist() == ["It stays.", "It falls. Ours is stronger (†).", "See †. It rises.", "See †."]
    few = pd.DataFrame({"Measured": reasons[:3]})
    assert scorecard.without_repeated(few).equals(few)


def test_the_interval_for_one_more_seed_is_explained_where_it_is_shown(verdicts, told):
    for one in verdicts:
        text = told(scorecard.write, [one])
        assert ("one more seed:" in text) == ("| One more seed |" in text), one.part.key


def test_counts_in_words_add_up(verdicts):
    numbers = [j for v in verdicts for j in v.numbers]
    words = scorecard.numbers_in_words(verdicts)
    for kind, found in (("numbers from trainings", scorecard.measured(numbers)), ("facts", scorecard.facts(numbers))):
        counted, listed = re.search(rf"(\d+)\s{kind} \(([^)]*)\)", words).groups()
        assert int(counted) == len(found) == sum(map(int, re.findall(r"\d+", listed)))
    assert len(scorecard.measured(numbers)) + len(scorecard.facts(numbers)) == len(numbers)
    first, *others = map(int, re.findall(r"\d+", scorecard.claims_in_words(verdicts)))
    assert first == sum(others) == sum(len(v.claims) for v in verdicts)


def altered(records, task, change, model=None):
    """A part and its records, with the metrics of a task (and model) changed."""
    part = parts.find(task.partition("-")[0])
    chosen = lambda r: r.spec["task"] == task and model in (None, r.spec["model"])  # noqa: E731
    assert any(map(chosen, records[part]))
    return part, [replace(r, metrics=r.metrics | change(r.metrics)) if chosen(r) else r for r in records[part]]


def test_front_pages_follow_the_records(records, verdicts, told):
    page = told(front.write, records, verdicts, True)
    assert all(f"| {part.short_title} |" in page for part in records)
    assert page.count(".check compared=") == 16 and ".failed" not in page and "SYNTHETIC" not in page
    counted = Counter(verdict.status for one in verdicts for verdict in one.claims.values())
    assert f"{counted[CONFIRMED]} are confirmed and {counted[PARTLY]} hold in part" in page
    part2 = next(one.numbers for one in verdicts if one.part.key == "part2")
    chose = [j for j in part2 if j.key.endswith((".last_loss", ".middle_loss"))]
    assert f"({sum(j.verdict.status in (REPRODUCED, CLOSE) for j in chose)} of them, validation and testing" in page
    alone = told(front.write, dict(list(records.items())[:1]), verdicts[:1], False)
    assert "Main claims" not in alone and ".check" not in alone


def test_the_abstract_does_not_boast_of_altered_records(records, verdicts):
    """Where ours is behind the original's, or most numbers are not reproduced, its checks fail."""
    slow = lambda m: {"test": m["test"] | {"accuracy": 0.2}}  # noqa: E731
    scoring = lambda nab, way: lambda m: {way: m[way] | {"nab": m[way]["nab"] | {"standard": nab}}}  # noqa: E731
    for task, change, model, failing in (
        ("part4-own", slow, None, 1),
        ("part2-stream", scoring(0.0, "paused"), "value", 2),
        ("part2-stream", scoring(3.9, "unpaused"), "value", 1),
        ("part2-stream", scoring(3.9, "unpaused"), "version-1", 1),
        ("part1-reference", lambda m: {"scores": m["scores"] | {PCA_NAME: m["scores"][AUTOENCODER]}}, None, 1),
        ("part3-scaling", lambda m: {"raw": m["scaled"]}, None, 2),
    ):
        part, changed = altered(records, task, change, model)
        assert front.abstract(records | {part: changed}, verdicts).count(".failed") == failing
    part = parts.find("part4")
    unlucky = lambda r: (r.spec["task"], r.spec["seed"]) == ("part4-own", 0)  # noqa: E731
    changed = [replace(r, metrics=r.metrics | slow(r.metrics)) if unlucky(r) else r for r in records[part]]
    assert front.abstract(records | {part: changed}, verdicts).count(".failed") == 1  # one seed is enough
    bonus = parts.find("bonus")
    for wrong in ("vgg", "vit-c", "bag-of-patches"):  # attention then helps in place of the last
        changed = [
            replace(r, arrays={n: -a if n.endswith("_logits") else a for n, a in r.arrays.items()})
            if r.spec["model"] == wrong
            else r
            for r in records[bonus]
        ]
        assert front.abstract(records | {bonus: changed}, verdicts).count(".failed") == 1, wrong
    failed = [
        replace(one, numbers=[replace(j, verdict=Verdict(NOT_REPRODUCED, "")) for j in one.numbers]) for one in verdicts
    ]
    assert front.abstract(records, failed).count(".failed") == 2


def test_main_claims_are_ten_of_the_original_with_their_verdicts(verdicts):
    table = front.main_claims(verdicts)
    judged = {f"“{published.claim(name)}”": v.status for one in verdicts for name, v in one.claims.items()}
    assert len(table) == 10 and all(judged[row.Claim] == row.Verdict for row in table.itertuples())
    assert {CONFIRMED, PARTLY, UNCLEAR, CONTRADICTED} == set(table.Verdict)


def test_results_hold_every_number_and_claim(records, verdicts):
    found = json.loads(results.as_json(results.collect(records, verdicts, "0123", [])))
    numbers = {number["key"]: number for number in found["numbers"]}
    assert set(numbers) == {key for part in parts.PARTS for key in published.numbers(part.key)}
    assert {claim["name"] for claim in found["claims"]} == set(published.everything()["claims"])
    base = numbers["part2.base.train_loss_first"]
    made = [
        r for r in records[parts.find("part2")] if r.spec["task"] == "part2-published" and r.spec["model"] == "base"
    ]
    assert base["published"] == 0.1225 and len(base["values"]) == len(made) == 10 and base["kind"] == "loss"
    assert {runs.digest(r.spec) for r in made} <= set(base["runs"]) <= set(found["runs"])
    low, high = base["interval"]
    assert low < base["published"] < high and base["verdict"] == REPRODUCED
    cells = scorecard.numbers_table(next(one.numbers for one in verdicts if one.part.key == "part2"))
    row = cells[cells.Number.str.startswith("Base: ") & (cells.Published == base["printed"]["published"])].iloc[0]
    assert (row.Regenerated, row["One more seed"]) == (base["printed"]["regenerated"], base["printed"]["interval"])


@pytest.mark.slow
def test_results_are_those_of_both_documents():
    found = json.loads((paths.REPORT / "results.json").read_text(encoding="utf-8"))
    html = BeautifulSoup((paths.REPORT / "report.html").read_text(encoding="utf-8"), "html.parser").main.get_text()
    pdf = "".join(committed.pages())
    bare = lambda text: re.sub(r"[\s\u200b\u00ad-]", "", text)  # noqa: E731
    for document in map(bare, (html, pdf)):
        assert found["source"] in document
        for number in found["numbers"]:
            assert all(bare(text) in document for text in number["printed"].values()), number["key"]
        missing = [claim["name"] for claim in found["claims"] if bare(claim["reason"])[:60] not in document]
        assert len(missing) < 0.05 * len(found["claims"])  # those that a page break parts
    assert all(statement["holds"] for statement in found["statements"]) and len(found["statements"]) > 50


def test_neither_framework_is_loaded_nor_what_takes_seconds_besides():
    check = (
        "import sys; from study import parts, results; from study.publish import assemble; results.table()\n"
        "for part in parts.PARTS: part.analysis(), part.experiments, part.judges\n"
        "assert not {'tensorflow', 'keras', 'torch', 'lark', 'seaborn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], cwd=paths.ROOT, check=True)


# data/published.toml against itself


def test_every_entry_says_where_it_stands():
    for part in parts.PARTS:
        for key in (*published.numbers(part.key), *published.repeats(part.key)):
            assert published.where(key).startswith(f"{part.short_title}, ") and published.value(key) >= 0, key
    texts = [claim["text"] for claim in published.everything()["claims"].values()]
    assert len(set(texts)) == len(texts) and all(text.strip() for text in texts)


def test_published_numbers_that_follow_from_each_other_do():
    value = published.value
    layers = ("hidden_1", "bottleneck", "hidden_2", "output")
    assert sum(value(f"part1.{layer}.total") for layer in layers) == value("part1.total")
    repeated = {key: other for part in parts.PARTS for key, other in published.repeats(part.key).items()}
    for key, other in repeated.items():
        # Kilobytes of four bytes a parameter; else mean recall, which is accuracy where classes are of one size.
        same = 4 * value(other) / 1024 if key.endswith("kilobytes") else value(other)
        assert value(key) == pytest.approx(same, abs=published.rounding(key) + published.rounding(other) + 1e-9), key
    assert len(repeated) == 11 and not set(repeated) & {k for part in parts.PARTS for k in published.numbers(part.key)}
    for name in ("train_loss", "last_loss", "middle_loss", "anomalies"):
        assert value(f"part2.version-3.{name}") == value(f"part2.version-2.{name}")


def test_a_number_is_as_exact_as_its_last_printed_digit():
    for key, half_unit in (
        ("part2.rows", 0), ("part2.mean", 0.005), ("part2.base.last_loss", 0.00005), ("part2.base.middle_loss", 5e-7),
        ("part4.base.test_accuracy", 0.00005), ("part4.auc.class-1", 0.005), ("bonus.vit.validation_accuracy", 0.005),
    ):  # fmt: skip
        assert published.rounding(key) == pytest.approx(half_unit), key
    assert published.printed("bonus.vit.test_accuracy", prose.percent) == "81.15%"
    assert published.printed("bonus.vit.validation_accuracy", prose.percent) == "80%"


def test_decimals_in_claims_are_published_numbers():
    keys = [key for part in parts.PARTS for key in (*published.numbers(part.key), *published.repeats(part.key))]
    known = {published.value(key) for key in keys}
    for name, claim in published.everything()["claims"].items():
        for number, percent in re.findall(r"(\d+\.\d+)(%?)", claim["text"]):
            value = round(float(number) / 100, 6) if percent else float(number)
            assert value in known, f"{name}: {number}{percent}"
