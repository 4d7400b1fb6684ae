"""AG's news: rows checked and cleaned, duplicates found, baselines, and verdicts that follow the records."""

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study import comparison, paths, profile, prose, published, runs
from study.news import analysis, baselines, corpus, description, recipes, variants
from study.news.corpus import Corpus, Splits
from study.runs import Record

# Cleaning and reading


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("Israel #39;s army", "Israel's army"),
        ("AT&amp;T &lt;b&gt;buys&lt;/b&gt; it", "AT&T buys it"),
        (r"costs \$5\a barrel", "costs $5 a barrel"),
        ("&lt;A HREF=&quot;http://x.com/y.htm&quot;&gt;Reuters&lt;/A&gt; said", "Reuters said"),
        ("Texas Instruments &lt;TXN.N&gt; rose", "Texas Instruments TXN.N rose"),
        ("quot;No,quot; he said", '"No," he said'),
        ("see http://news.example/a?b=c today", "see today"),
        ("a bid of  amp;pound7 million", "a bid of £7 million"),
        ("two  spaces\\\\and\nlines", "two spaces and lines"),
        ("I #39;ve 3 #36; left", "I've 3 $ left"),
        ("Caf\u00e9 \u2019s", "Caf\u00e9's"),
    ],
)
def test_cleaning_undoes_the_artefacts(raw, read):
    assert corpus.clean(raw) == read, "raise the versions in recipes.VERSIONS if this is meant"


@given(st.text(max_size=80))
def test_clean_text_stays_as_it_is(text):
    once = corpus.clean(text)
    assert "\n" not in once and "  " not in once and once == once.strip()
    # A second pass may find what the first one uncovered (an escaped escape), a third one nothing new.
    twice = corpus.clean(once)
    assert len(twice) <= len(once)


def written(tmp_path, content, name="train.csv"):
    file = tmp_path / name
    data = content.encode() if isinstance(content, str) else content
    file.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return file


def test_rows_become_texts_and_classes(tmp_path):
    file = written(tmp_path, '"3","Oil, up","Prices ""soar"""\n"1","Talks","go on"\n')
    found = corpus.read(file, 3)
    assert found.texts == ['Oil, up Prices "soar"', "Talks go on"] and found.classes.tolist() == [2, 0]


def test_the_recovered_file_has_a_header_and_is_gzipped(tmp_path):
    file = written(tmp_path, "label,title,description,form\n2,,Final score,B\n", "r.csv.gz")
    found = corpus.read(file, 4)
    assert found.texts == ["Final score"] and found.classes.tolist() == [1]


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        ('"1","a","b"\n"5","a","b"\n', 3, r"row 2: class '5', expected 1, 2, 3 or 4"),
        ('"1","a","b"\n"1","a"\n', 3, r"row 2: 2 columns, expected 3"),
        ('"1","",""\n', 3, r"row 1: title and description are empty"),
        ('"1","<b>"," "\n', 3, r"row 1: title and description are empty"),
        (b'"1","a","b"\n"2","\xff","b"\n', 3, r"row 2: is not UTF-8"),
        ("", 3, r"holds no example"),
        ('"1","a","b"\n', 4, r"row 1: expected the header label,title,description,form"),
        ("label,title,description,form\n1,a,b,A\n0,a,b,A\n", 4, r"row 3: class '0'"),
    ],
)
def test_a_bad_row_is_named(tmp_path, content, columns, message):
    with pytest.raises(ValueError, match=message) as caught:
        corpus.read(written(tmp_path, content), columns)
    assert "train.csv" in str(caught.value)


def test_the_training_split_is_chosen_by_one_setting(monkeypatch):
    monkeypatch.delenv("NEWS_TRAIN", raising=False)
    assert corpus.data_names("real") == ["ag_news/test.csv", "ag_news/train_recovered.csv.gz"]
    monkeypatch.setenv("NEWS_TRAIN", "official")
    assert corpus.data_names("real") == ["ag_news/test.csv", "ag_news/train.csv"]
    other = recipes.specs(profile.load("full"))[0]
    monkeypatch.setenv("NEWS_TRAIN", "recovered")
    assert runs.digest(other) != runs.digest(recipes.specs(profile.load("full"))[0])
    monkeypatch.setenv("NEWS_TRAIN", "all")
    with pytest.raises(ValueError, match="NEWS_TRAIN=all is unknown. Choose one of: recovered, official"):
        corpus.data_names("real")


def test_validation_is_a_stratified_tenth_of_training_and_always_the_same():
    splits = corpus.load(["synthetic/ag_news"], 400)
    assert [len(s) for s in vars(splits).values()] == [360, 40, 100]
    assert np.bincount(splits.validation.classes).tolist() == [10] * 4
    assert corpus.load(["synthetic/ag_news"], 400).validation.texts == splits.validation.texts
    assert not set(splits.validation.texts) & set(splits.train.texts)


# Description


def test_near_duplicates_by_hand():
    texts = ["one two three four five six seven", "nothing alike in this at all here", "too short"]
    others = ["zero one two three four five six seven eight", "One two three four five SIX seven", "a b c d e f"]
    likeness, where = description.most_alike(texts, others)
    # 5-grams: three in the first text; the second of the others has the same three but for its letters' case.
    assert likeness.tolist() == [1.0, 0.0, 0.0] and where[0] == 1
    likeness, _ = description.most_alike(texts[:1], others[:1])
    assert likeness[0] == pytest.approx(3 / 5)


def test_duplicates_within_and_across_splits():
    train = Corpus(["A b, c.", "a B c", "d", "D!", "e"], np.array([0, 1, 2, 2, 3]))
    test = Corpus(["a b c", "f"], np.array([0, 1]))
    found = description.duplicates(Splits(train, Corpus(["E"], np.array([3])), test))
    assert found == {"within_train": 2, "contradicting": 2, "exact_validation": 1, "exact_test": 1}


def test_telling_words_are_those_of_the_class():
    texts = ["goal match team common"] * 30 + ["stocks market shares common"] * 30
    words = description.telling_words(Corpus(texts, np.array([1] * 30 + [2] * 30)))
    assert {w["word"] for w in words["Sports"][:3]} == {"goal", "match", "team"}
    assert {w["word"] for w in words["Business"][:3]} == {"stocks", "market", "shares"}
    common = next(w for w in words["Sports"] if w["word"] == "common")
    assert abs(common["z"]) < 0.5 and (common["here"], common["elsewhere"]) == (30, 30)


# Baselines


def test_the_majority_class_is_that_of_the_training_split():
    splits = Splits(*(Corpus(["t"] * n, np.array(c)) for n, c in ((4, [2, 2, 1, 0]), (2, [1, 1]), (3, [0, 1, 2]))))
    found = baselines.majority(splits)
    assert found["test"].shape == (3, 4) and (found["test"].argmax(axis=1) == 2).all()


def test_the_linear_model_learns_and_its_penalty_comes_from_validation():
    splits = corpus.load(["synthetic/ag_news"], 1200)
    found = baselines.tfidf(splits, splits.train)
    assert (found["test"].argmax(axis=1) == splits.test.classes).mean() > 0.8
    assert found["tried"][f"{found['penalty']:g}"] == max(found["tried"].values())


# Records into verdicts


def made(task, model, seed, right_share, n=2000, **settings):
    """A record whose model is right on the first share of the test and validation examples."""
    classes = np.arange(n) % 4
    logits = np.eye(4)[np.where(np.arange(n) < right_share * n, classes, (classes + 1) % 4)]
    arrays = {}
    for split in ("validation", "test"):
        arrays |= {f"{split}_logits": 4 * logits, f"{split}_classes": classes}
    measured = {"accuracy": right_share, "loss": 1 - right_share, "f1": right_share, "precision": right_share}
    measured |= {"recall": right_share, "auc": [0.98, 1.0, 0.98, 0.98]}
    measured["confusion"] = (np.eye(4) * right_share + np.roll(np.eye(4), 1, axis=1) * (1 - right_share)).tolist()
    train = {"accuracy": settings.pop("train", 0.99) - seed * 1e-4, "loss": 0.02}
    metrics = {"train": train, "validation": measured, "test": measured, "epochs": 5, "best_epoch": 3}
    wrong = [i for i in range(n) if i >= right_share * n]
    metrics["mistakes"] = [
        {"row": i, "text": f"text {i}", "true": "World", "predicted": "Sports", "confidence": 0.9} for i in wrong[:40]
    ]
    spec = {"task": task, "model": model, "seed": seed, "data": [corpus.TEST], "settings": {"l2": 0.0} | settings}
    return Record(spec, metrics, arrays, {})


@pytest.fixture
def records():
    """Each technique better than the one before, but the penalty, which is too strong."""
    shares = {"base": 0.88, "dropout": 0.90, "early-stopping": 0.92, "regularised": 0.91}
    trained = {"base": 0.995, "dropout": 0.985, "early-stopping": 0.97, "regularised": 0.95}
    found = [
        made("part4-variants", m, seed, share, train=trained[m], l2=1e-3 if m == "regularised" else 0.0)
        for m, share in shares.items()
        for seed in range(3)
    ]
    found += [made("part4-l2", "weak", seed, 0.915 + seed * 1e-4, l2=1e-5) for seed in range(3)]
    found += [made("part4-baselines", "tfidf", 0, 0.925), made("part4-own", "own", 0, 0.93)]
    return found


def test_claims_are_confirmed_when_the_records_say_so(records):
    said = {name: found.status for name, found in analysis.claims(records).items()}
    assert set(said) <= set(published.everything()["claims"])
    confirmed = {
        "base_overfits", "dropout_helps", "early_stopping_helps", "regularisation_reduces_gap",
        "regularisation_too_strong", "all_better_than_base", "early_stopping_best", "auc_perfect",
    }  # fmt: skip
    confirmed |= {
        "auc_high", "training_learnt", "early_stopping_gap", "gap_closes", "early_stopping_highest", "base_huge_gap",
        "regularisation_no_gain", "regularisation_training", "dropout_overfits", "balanced",
        "regularised_little_gap",
    }  # fmt: skip
    assert {name for name, status in said.items() if status == prose.CONFIRMED} == confirmed
    assert said["early_stopping_as_well"] == prose.REFUTED
    assert said["metrics_improve"] == prose.HALF and said["diagonal"] == "overstated"


def test_claims_turn_round_when_the_records_do(records):
    """Base and early stopping change places."""
    places = {"base": "early-stopping", "early-stopping": "base"}
    swapped = [replace(r, spec=r.spec | {"model": places.get(r.spec["model"], r.spec["model"])}) for r in records]
    said = {name: found.status for name, found in analysis.claims(swapped).items()}
    assert said["dropout_helps"] == said["early_stopping_helps"] == prose.REFUTED
    assert said["all_better_than_base"] == prose.REFUTED and said["early_stopping_best"] == prose.REFUTED


def test_an_auc_must_come_out_for_every_model(records):
    lower = {"auc": [0.98, 0.994, 0.98, 0.98]}
    base = [
        replace(r, metrics=r.metrics | {"test": r.metrics["test"] | lower}) if r.spec["model"] == "base" else r
        for r in records
    ]
    found = analysis.claims(base)["auc_perfect"]
    assert found.status == prose.HALF and "3 (Base), 4 (Dropout)" in found.reason


def test_an_effect_of_one_seed_alone_confirms_no_claim(records):
    """Early stopping helps a single seed, by more than all of its gain."""
    best = [made("part4-variants", "early-stopping", 0, 0.96, train=0.97)]
    best += [made("part4-variants", "early-stopping", seed, 0.90, train=0.97) for seed in (1, 2)]
    changed = [r for r in records if r.spec["model"] != "early-stopping"] + best
    assert variants.steps(changed)[1].test.direction == "not clearly different"
    said = {name: found.status for name, found in analysis.claims(changed).items()}
    assert said["early_stopping_best"] == said["early_stopping_helps"] == prose.OPEN


def test_every_published_number_of_the_part_is_judged(records):
    assert sorted(j.key for j in analysis.judged(records)) == sorted(published.numbers("part4"))
    by_name = {(j.model, j.quantity): j for j in analysis.judged(records)}
    j = by_name["Dropout + early stopping", "test accuracy"]
    assert j.published == 0.9176 and j.verdict.status == "reproduced"
    assert by_name["Base", "test accuracy"].verdict.status == "not reproduced"


def test_a_comparison_meets_every_seed_and_knows_its_direction(records):
    base, best = (analysis.of(records, "part4-variants", m) for m in ("base", "early-stopping"))
    found = comparison.compare(best, base)
    assert found.direction == "higher" and found.difference.mean == pytest.approx(0.04) and len(found.p_values) == 3
    assert comparison.compare(base, best).direction == "lower"
    assert comparison.compare(base, base).direction == "not clearly different"
    assert len(comparison.compare(best, analysis.of(records, "part4-baselines", "tfidf")).p_values) == 3


def test_runs_together_are_judged_by_the_mean_of_their_probabilities(records):
    def sure_of(*chosen):
        """A run that gives these four examples, of classes 0 to 3, these classes with these logits."""
        logits = np.zeros((4, 4))
        logits[np.arange(4), [kind for kind, _ in chosen]] = [logit for _, logit in chosen]
        return replace(records[0], arrays={"validation_logits": logits, "validation_classes": np.arange(4)})

    # Each is wrong on another example, and less sure of it than the other two are.
    runs = [sure_of((1, 1), (1, 4), (2, 4), (3, 4)), sure_of((0, 4), (0, 1), (2, 4), (3, 4)),
            sure_of((0, 4), (1, 4), (0, 1), (3, 4))]  # fmt: skip
    accuracy, gain = analysis.pooled(runs, runs)
    assert accuracy == 1.0 and gain.mean == pytest.approx(0.25)
    alone, none = analysis.pooled(runs[:1], runs[:1])
    assert alone == 0.75 and tuple(none) == (0.0, 0.0, 0.0)


def test_mistakes_that_all_share_are_found(records):
    table = analysis.shared_mistakes(records)
    # The own model errs on the last 140 of 2000 texts; Dropout + early stopping, which errs on the last 160, kept the
    # first 40 of them, of which 20 are shared.
    assert table.attrs["pairs"].total() == 140 and sorted(table.row) == list(range(1860, 1880))
    assert table.attrs["pairs"]["World", "Sports"] == 35
    again = [replace(r, metrics=r.metrics | {"mistakes": [{"row": 1999, "text": "t", "true": "a", "predicted": "b",
             "confidence": 1.0}]}) for r in records]  # fmt: skip
    table = analysis.shared_mistakes(again)
    assert table.row.tolist() == [1999] and 0.9 < table.confidence[0] < 1 and table.reading[0] == ""


def test_what_a_person_read_stands_beside_real_rows_alone(records, tmp_path, monkeypatch):
    monkeypatch.setattr(analysis.paths, "MISTAKES_READ", tmp_path / "read.csv")
    (tmp_path / "read.csv").write_text("row,reading\n1865,label\n3,both\n")
    table = analysis.shared_mistakes(records)
    assert table[table.reading != ""][["row", "reading"]].to_numpy().tolist() == [[1865, "label"]]
    made_up = [replace(r, spec=r.spec | {"data": ["synthetic/ag_news"]}) for r in records]
    assert (analysis.shared_mistakes(made_up).reading == "").all()


def test_readings_are_of_the_named_kinds():
    read = pd.read_csv(paths.MISTAKES_READ)
    assert set(read.reading) <= set(analysis.READINGS) and read.row.is_unique and read.row.between(0, 7599).all()


def test_the_sweep_holds_no_penalty_the_variants_and_the_swept(records):
    table = variants.sweep(records)
    assert table.l2.tolist() == [0, 1e-5, 1e-3] and (table.seeds == 3).all()
    assert table.accuracy_mean.tolist() == pytest.approx([0.92, 0.9151, 0.91])


def test_a_strength_is_judged_by_the_seeds_that_both_have(records):
    fewer = [r for r in records if (r.spec["task"], r.spec["seed"]) != ("part4-l2", 0)]
    found = variants.change(fewer, "validation_accuracy", 1e-5, 0.0)
    assert found.mean == pytest.approx(0.91515 - 0.92) and found.high < 0


def test_attention_on_content_words_is_told_from_that_on_the_rest():
    example = {"tokens": ["the", "oil", "price", "."], "received": [[0.1, 0.5, 0.3, 0.1], [0.1, 0.4, 0.4, 0.1]]}
    assert analysis.attention_on_content(example) == pytest.approx((1.6, 0.4))


def test_a_missing_record_is_named(records):
    with pytest.raises(KeyError, match="part4-sizes"):
        analysis.of(records, "part4-sizes")


def test_accuracy_is_extrapolated_as_a_power_law_of_the_error():
    halving = [1 - 0.4, 1 - 0.2]  # four times the rows halve the error
    assert analysis.extrapolated([100, 400], halving, 1600) == pytest.approx(0.9)
    assert analysis.extrapolated([100, 400, 1600], [*halving, 0.9], 6400) == pytest.approx(0.95)
    with pytest.raises(ValueError, match="two sizes or more"):
        analysis.extrapolated([100], [0.9], 200)


def test_specs_are_told_apart_and_only_named_tasks_look_at_the_test_split():
    for name in ("full", "quick"):
        specs = recipes.specs(profile.load(name))
        assert len({runs.digest(s) for s in specs}) == len(specs)
        assert {s["task"] for s in specs} == set(recipes.VERSIONS)
        assert recipes.sentinel(profile.load(name)) in specs
