"""AG's news: rows checked and cleaned, duplicates found, baselines, and what is read off the records."""

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study import paths, profile, published, runs
from study.news import baselines, corpus, description, experiments, measures, tables, variants
from study.news.corpus import Corpus, Splits
from study.runs import Record
from study.verdicts import Kind

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
    assert corpus.clean(raw) == read, "raise the versions if this is meant"


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
    found = corpus.read(file)
    assert found.texts == ['Oil, up Prices "soar"', "Talks go on"] and found.classes.tolist() == [2, 0]


def test_the_recovered_file_has_a_header_and_is_gzipped(tmp_path):
    file = written(tmp_path, "label,title,description,form\n2,,Final score,B\n", "r.csv.gz")
    found = corpus.read(file)
    assert found.texts == ["Final score"] and found.classes.tolist() == [1]


def test_the_training_split_is_chosen_by_one_setting(monkeypatch):
    monkeypatch.delenv("NEWS_TRAIN", raising=False)
    assert corpus.data_names("real") == ["ag_news/test.csv", "ag_news/train_recovered.csv.gz"]
    monkeypatch.setenv("NEWS_TRAIN", "official")
    assert corpus.data_names("real") == ["ag_news/test.csv", "ag_news/train.csv"]
    other = experiments.ALL.specs(profile.load("full"))[0]
    monkeypatch.setenv("NEWS_TRAIN", "recovered")
    assert runs.digest(other) != runs.digest(experiments.ALL.specs(profile.load("full"))[0])
    monkeypatch.setenv("NEWS_TRAIN", "all")
    with pytest.raises(ValueError, match="NEWS_TRAIN=all is unknown. Choose one of: recovered, official; or the path"):
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
    likeness = description.most_alike(texts, others)
    # 5-grams: three in the first text; the second of the others has the same three but for its letters' case.
    assert likeness.tolist() == [1.0, 0.0, 0.0]
    assert description.most_alike(texts[:1], others[:1])[0] == pytest.approx(3 / 5)


def test_telling_words_are_those_of_the_class():
    texts = ["goal match team common"] * 30 + ["stocks market shares common"] * 30
    words = description.telling_words(Corpus(texts, np.array([1] * 30 + [2] * 30)), corpus.CLASSES)
    assert {w["word"] for w in words["Sports"][:3]} == {"goal", "match", "team"}
    assert {w["word"] for w in words["Business"][:3]} == {"stocks", "market", "shares"}
    assert words["Sports"][3]["word"] == "common"


# Baselines


def test_the_majority_class_is_that_of_the_training_split():
    splits = Splits(*(Corpus(["t"] * n, np.array(c)) for n, c in ((4, [2, 2, 1, 0]), (2, [1, 1]), (3, [0, 1, 2]))))
    found = baselines.majority(splits)
    assert found["test"].shape == (3, 3) and (found["test"].argmax(axis=1) == 2).all()


def test_the_linear_model_learns_and_its_penalty_comes_from_validation():
    splits = corpus.load(["synthetic/ag_news"], 1200)
    found = baselines.tfidf(splits)
    assert (found["test"].argmax(axis=1) == splits.test.classes).mean() > 0.8
    alone = replace(splits, test=splits.validation)  # the test split has no say
    assert np.array_equal(baselines.tfidf(alone)["validation"], found["validation"])


# Records into numbers and tables


def made(task, model, seed, right_share, n=2000, **metrics):
    """A record whose model is right on the first share of the test and validation examples."""
    classes = np.arange(n) % 4
    logits = np.eye(4)[np.where(np.arange(n) < right_share * n, classes, (classes + 1) % 4)]
    arrays = {}
    for split in ("validation", "test"):
        arrays |= {f"{split}_logits": 4 * logits, f"{split}_classes": classes}
    measured = {"accuracy": right_share, "loss": 1 - right_share, "auc": [0.98, 1.0, 0.98, 0.98]}
    measured |= {name: right_share for name in ("precision", "recall", "f1")}
    confusion = np.eye(4) * right_share + np.roll(np.eye(4), 1, axis=1) * (1 - right_share)
    measured["confusion"] = (500 * confusion).tolist()
    wrong = [i for i in range(n) if i >= right_share * n]
    kept = [
        {"row": i, "text": f"text {i}", "true": "World", "predicted": "Sports", "confidence": 0.9} for i in wrong[:40]
    ]
    found = {"train": {"accuracy": 0.99, "loss": 0.02}, "validation": measured, "test": measured, "mistakes": kept}
    spec = {"task": task, "model": model, "seed": seed, "data": [corpus.TEST], "settings": {"l2": 0.0}}
    return Record(spec, found | metrics, arrays, {})


@pytest.fixture
def records():
    shares = {"base": 0.88, "dropout": 0.90, "early-stopping": 0.92, "regularised": 0.91}
    found = [made("part4-variants", model, seed, share) for model, share in shares.items() for seed in range(3)]
    return found + [made("part4-baselines", "tfidf", 0, 0.925), made("part4-own", "own", 0, 0.93)]


def test_mistakes_that_all_share_are_found(records):
    table = measures.shared_mistakes(records)
    # Towers errs on the last 140 of 2000 texts; Dropout + early stopping, which errs on the last 160, kept the first 40
    # of them, of which 20 are shared.
    assert table.attrs["pairs"].total() == 140 and sorted(table.row) == list(range(1860, 1880))
    assert table.attrs["pairs"]["World", "Sports"] == 35
    kept = [{"row": 1999, "text": "t", "true": "a", "predicted": "b", "confidence": 1.0}]
    table = measures.shared_mistakes([replace(r, metrics=r.metrics | {"mistakes": kept}) for r in records])
    assert table.row.tolist() == [1999] and 0.9 < table.confidence[0] < 1 and table.reading[0] == ""


def test_what_a_person_read_stands_beside_real_rows_alone(records, tmp_path, monkeypatch):
    monkeypatch.setattr(measures.paths, "MISTAKES_READ", tmp_path / "read.csv")
    (tmp_path / "read.csv").write_text("row,reading\n1865,label\n3,both\n")
    table = measures.shared_mistakes(records)
    assert table[table.reading != ""][["row", "reading"]].to_numpy().tolist() == [[1865, "label"]]
    assert tables.readings(table)["Texts"].tolist() == [1, 0, 0]
    assert tables.readings(table).iloc[0, 2] == "text 1865 (World, called Sports)"
    made_up = [replace(r, spec=r.spec | {"data": ["synthetic/ag_news"]}) for r in records]
    assert (measures.shared_mistakes(made_up).reading == "").all()


def test_readings_are_of_the_named_kinds():
    read = pd.read_csv(paths.MISTAKES_READ)
    assert set(read.reading) <= set(measures.READINGS) and read.row.is_unique and read.row.between(0, 7599).all()


def test_precision_recall_and_f1_of_a_class_by_hand():
    counts = [[8, 2, 0, 0], [1, 9, 0, 0], [0, 0, 10, 0], [0, 0, 5, 5]]  # rows are true classes
    record = made("part4-variants", "base", 0, 0.9)
    record = replace(record, metrics={"test": {"confusion": counts}})
    precision, recall, f1 = measures.per_class([record, record])
    assert precision == pytest.approx([8 / 9, 9 / 11, 10 / 15, 1]) and recall == pytest.approx([0.8, 0.9, 1, 0.5])
    assert f1 == pytest.approx([16 / 19, 18 / 21, 20 / 25, 10 / 15])
    assert measures.confused([record], "Business", "Sci/Tech") == pytest.approx(5 / 8)
    assert measures.confused([record], "Sports", "World") == pytest.approx(3 / 8)


def test_a_perfect_curve_touches_the_corner_and_a_reversed_one_is_far():
    record = made("part4-variants", "base", 0, 1.0)
    x, y = measures.roc(record, 1)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1) and len(measures.roc(record, 1, 2)[0]) == 2
    assert measures.corner_distance(record, 1) == 0
    assert measures.corner_distance(made("part4-variants", "base", 0, 0.0), 1) == 1


def test_temperature_scaling_undoes_overconfidence():
    record = made("part4-variants", "base", 0, 0.8)
    temperature, loss = measures.calibrated(record)
    sure = {name: 5 * a if name.endswith("logits") else a for name, a in record.arrays.items()}
    hotter, loss_of_surer = measures.calibrated(replace(record, arrays=sure))
    assert hotter == pytest.approx(5 * temperature, rel=1e-2) and hotter > 1
    assert loss_of_surer == pytest.approx(loss, rel=1e-3)


def test_accuracy_without_some_texts():
    some = np.arange(2000) >= 1800  # on which the model errs
    assert measures.accuracy_without([made("part4-variants", "base", 0, 0.9)], some) == (0.9, 1.0)


def test_the_sweep_holds_no_penalty_the_variants_and_the_swept(records):
    penalised = [replace(r, spec=r.spec | {"settings": {"l2": 1e-3}}) if r.spec["model"] == "regularised" else r
                 for r in records]  # fmt: skip
    weak = [made("part4-l2", "weak", seed, 0.915 + seed * 1e-4) for seed in (1, 2)]
    weak = [replace(r, spec=r.spec | {"settings": {"l2": 1e-5}}) for r in weak]
    table = variants.sweep(penalised + weak)
    assert table.l2.tolist() == [0, 1e-5, 1e-3] and table.seeds.tolist() == [3, 2, 3]
    assert table.accuracy_mean.tolist() == pytest.approx([0.92, 0.91515, 0.91])
    # By the seeds that both have.
    found = variants.change(penalised + weak, "validation_accuracy", 1e-5, 0.0)
    assert found.mean == pytest.approx(0.91515 - 0.92) and found.high < 0


def named(records):
    return {variants.NAMES[key]: runs.of(records, "part4-variants", key) for key in experiments.VARIANTS}


def test_reported_numbers_stand_above_ours(records):
    table = tables.reported_beside(named(records), tables.SCORES)
    assert table.Model.tolist()[::2] == ["Base", "Dropout", "+ early stopping", "+ L2"]
    assert table.Source.tolist()[:2] == ["reported", "ours"]
    assert table["Testing accuracy"].tolist()[4:6] == ["91.76%", "92.00%"]
    assert table["Testing loss"].tolist()[:2] == ["0.709", "0.120"]


def test_splits_stand_in_rows_with_lengths_and_unknown_tokens():
    described = {
        "rows": {"train": 1_000, "test": 100}, "classes": {"train": [400, 300, 200, 100], "test": [25] * 4},
        "lengths": {split: {"q50": 38.0, "q99": 97.0} for split in ("train", "test")},
        "coverage": {"train": {"unknown": 0.01}, "test": {"unknown": 0.025}},
    }  # fmt: skip
    first, second = tables.splits(Record({}, described, {}, {})).to_numpy().tolist()
    assert first == ["training", "1,000", "400", "300", "200", "100", "38", "97", "1.0%"]
    assert second == ["test", "100", *4 * ["25"], "38", "97", "2.5%"]


def test_settings_that_differ_name_their_variants():
    shared = {
        "vocabulary": 20_000, "longest": 128, "width": 64, "heads": 4, "hidden": 128, "batch": 64,
        "learning_rate": 1e-3, "epochs": 12,
    }  # fmt: skip
    own = {"Base": {"dropout": 0.0, "patience": None, "l2": 0.0}, "Dropout": {"dropout": 0.2, "patience": 2, "l2": 0.0}}
    found = tables.hyperparameters({name: [Record({"settings": shared | s}, {}, {}, {})] for name, s in own.items()})
    by_name = dict(zip(found.Setting, found.Value, strict=True))
    assert by_name["Dropout p"] == "none; 0.2 for Dropout"
    assert by_name["Patience of early stopping, epochs"] == "none; 2 for Dropout"
    assert by_name["Tokens of the vocabulary"] == "20,000" and by_name["Strength λ of the L2 penalty"] == "none"


def test_peaks_are_medians_over_seeds():
    def record(accuracy, loss):
        histories = {"validation_accuracy": accuracy, "validation_loss": loss, "accuracy": [0.5, 0.6, 0.7]}
        return Record({}, {}, {f"history_{name}": np.array(values) for name, values in histories.items()}, {})

    found = tables.peaks([record([0.8, 0.9, 0.7], [0.5, 0.4, 0.8]), record([0.8, 0.9, 0.9], [0.5, 0.4, 0.4])])
    assert [*vars(found).values()] == pytest.approx([2, 0.1, 2, 1.5, 0.5, 0.8])


def test_verdicts_are_tallied_facts_apart(records):
    found = [
        published.judge("part4.classes", "", "categories", [4.0], Kind.FACT),
        published.judge("part4.base.test_accuracy", "Base", "test accuracy", [0.88, 0.881, 0.882], Kind.SHARE),
        published.judge("part4.base.test_loss", "Base", "test loss", [0.709, 0.708, 0.71], Kind.LOSS),
    ]
    assert tables.tally(found) == {"not reproduced": 1, "reproduced": 1, "comparable": 2}
    assert tables.not_reproduced(found, "Base") == 1 and tables.not_reproduced(found, "Dropout") == 0


def test_a_missing_record_is_named(records):
    with pytest.raises(KeyError, match="part4-sizes"):
        runs.of(records, "part4-sizes")
