"""What Part IV's notebook calls: trainings found by all that decides them, kept weights, and its cells' twins."""

import ast
import linecache
from dataclasses import replace

import jupytext
import numpy as np
import pytest
import torch
from torch import nn

from study import catalog, environment, parts, paths, profile, runs, training
from study.evaluation import probabilities
from study.news import experiments, lab, tokens, trainings, weights
from study.news.variants import NAMES

SOURCE = parts.find("part4").source
models = parts.find("part4").models()
TEXTS = ["Oil prices rise", "The team wins the game", "Shares of the bank fall", "New software for the web"] * 12


def from_cell(name):
    """A function that a cell of the notebook defines, with the libraries and functions of the other cells."""
    names = {}
    for cell in jupytext.read(SOURCE).cells:
        if cell.cell_type == "code" and "model" not in cell.metadata.get("tags", []):
            tree = ast.parse(cell.source)
            kept = (ast.FunctionDef, ast.Import, ast.ImportFrom)
            tree.body = [one for one in tree.body if isinstance(one, kept) and "study" not in ast.unparse(one)]
            exec(compile(tree, str(SOURCE), "exec"), names)
    return names[name]


def batches(seed=0, batch=8):
    tokenizer = tokens.learn(TEXTS, 30)
    return tokens.TextBatches(tokens.encode(tokenizer, TEXTS, 12), np.arange(len(TEXTS)) % 4, batch, seed)


def network(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    return models.TextClassifier(30, 12, 8, 2, 16, 4, dropout)


@pytest.mark.parametrize("given", [{}, {"l2": 0.05}, {"epochs": 8, "patience": 1, "learning_rate": 0.05}])
def test_the_plain_loop_and_its_fast_twin_give_equal_losses(tmp_path, given):
    given = {"epochs": 2, "learning_rate": 1e-2, "patience": None, "l2": 0.0} | given
    plain, twin = network(), network()
    losses = from_cell("train_plainly")(plain, batches(), batches(seed=1), **given)
    recipe = training.Recipe(
        given["epochs"], given["learning_rate"], weight_decay=given["l2"], patience=given["patience"]
    )
    history = training.fit(twin, batches(), batches(seed=1), recipe, 0, tmp_path)
    assert losses == pytest.approx(history["validation_loss"], abs=1e-5)
    # Not the weights: a bias of the keys moves no prediction, so that rounding alone decides where Adam takes it.
    found = [training.predict(model, batches())[0] for model in (plain, twin)]
    assert found[0] == pytest.approx(found[1], abs=1e-3)


@pytest.mark.parametrize(
    "text", ["Oil prices rise, again.", "U.S. stocks (NYSE) fall 3.5%", "don't; a_b `c` $5", "  two  spaces\n"]
)
def test_the_notebooks_tokens_are_those_of_the_trainings(text):
    tokenizer = tokens.learn([text], 60)
    theirs = [tokenizer.id_to_token(number) for number in tokenizer.encode(text).ids]
    assert from_cell("tokenize")(text) == theirs


# The laboratory


@pytest.fixture
def news(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setenv("DATA", "synthetic")
    small = lab.News("quick")
    part4 = replace(small.profile.part4, synthetic_rows=80, vocabulary=60, longest=16, epochs=1, seeds=(0,))
    chosen = replace(small.profile, part4=part4)
    monkeypatch.setattr(profile, "load", lambda name: chosen)
    return lab.News("quick")


def test_texts_are_a_table_by_hand_and_nothing_in_a_build(news, monkeypatch):
    table = news.articles("validation")
    assert list(table.columns) == ["text", "class"] and len(table) == 8
    with pytest.raises(ValueError, match="no split 'all'. Choose one of: train, validation, test"):
        news.articles("all")
    few = news.few(20)
    assert (len(few.train), len(few.validation)) == (20, 8)
    assert models.TextClassifier(**few.sizes)(*next(few.train.training(0))[0]).shape[1] == 4
    monkeypatch.setenv(environment.BUILDING, "yes")
    assert news.articles() is None and news.few() is None


def test_texts_that_are_not_at_hand_are_said_to_be_so(news, monkeypatch, capsys):
    def absent(*given):
        raise lab.catalog.DataError("train.csv is nowhere")

    monkeypatch.setattr(lab.corpus, "load", absent)
    assert news.articles() is None and news.few() is None
    assert "train.csv is nowhere" in capsys.readouterr().out


def test_what_was_trained_is_kept_and_a_change_trains_again(news, monkeypatch):
    with pytest.raises(ValueError, match="no variant 'None'. Choose one of: Base, Dropout"):
        news.train(models.TextClassifier, "None")
    run = news.train(models.TextClassifier, "Dropout")
    assert list(run.history.columns) == ["loss", "accuracy", "validation_loss", "validation_accuracy"]
    assert list(run.history.index) == [1] and run.record.spec["settings"]["dropout"] == 0.2
    seen = []
    train = lambda spec, scratch, make: seen.append(spec) or pytest.fail("trained")  # noqa: E731
    monkeypatch.setattr(trainings, "train_variant", train)
    assert news.train(models.TextClassifier, "Dropout").record.metrics == run.record.metrics
    for change in ({"variant": "Base"}, {"seed": 1}, {"dropout": 0.4}):
        with pytest.raises(pytest.fail.Exception):
            news.train(models.TextClassifier, **change)
    assert [spec["model"] for spec in seen] == ["base", "dropout", "dropout"]
    assert [spec["settings"]["dropout"] for spec in seen] == [0.0, 0.2, 0.4]
    with pytest.raises(ValueError, match="no setting droput; there are .*longest, "):
        news.train(models.TextClassifier, droput=0.4)


CHANGED = """
from torch import nn

class Wider(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
"""


def test_another_classifier_has_no_trainings_and_is_told_how_to_get_them(news):
    names = {"__name__": "__main__"}
    linecache.cache["<changed>"] = (len(CHANGED), None, CHANGED.splitlines(keepends=True), "<changed>")
    exec(compile(CHANGED, "<changed>", "exec"), names)
    with pytest.raises(ValueError, match="no training as Base, Dropout, .*`make sweep PART=part4`"):
        news.repeat(names["Wider"])


def test_a_sentence_is_read_with_the_kept_weights_and_not_at_all_in_a_build(news, monkeypatch):
    with monkeypatch.context() as build:
        build.setenv(environment.BUILDING, "yes")
        assert news.read("Oil prices rise", models.TextClassifier) is None
    torch.manual_seed(0)
    tokenizer = tokens.learn(TEXTS, 30)
    model = models.TextClassifier(**news.shape(tokenizer.get_vocab_size()), dropout=0.2)
    for p in model.parameters():
        nn.init.normal_(p, std=0.5)
    spec = experiments.weights_spec(news.profile)
    record = runs.Record(spec, {}, weights.arrays(model, tokenizer), {})
    monkeypatch.setattr(runs.Store, "load", lambda self, wanted: record if wanted == spec else None)
    # The class that is given is what reads, whatever the notebook's file says by then.
    monkeypatch.setattr(weights, "notebook", None)
    for nothing, said in (("", "knows no word of"), ("Überraschung!", "knows no word of"), (None, "None is no text")):
        with pytest.raises(catalog.DataError, match=said):
            news.read(nothing, models.TextClassifier)
    reading = news.read("Oil prices rise &amp; fall", models.TextClassifier)
    assert reading.tokens == ["oil", "prices", "rise", "[UNK]", "fall"]
    assert sum(reading.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert reading.received.shape == (news.sizes.heads, 5)
    assert reading.received.sum(axis=1) == pytest.approx(1, abs=1e-5)
    highest = max(reading.probabilities, key=reading.probabilities.get)
    assert reading.title.startswith(f"{highest} {reading.probabilities[highest]:.0%}, ")
    assert reading.title.count("%") == len(news.classes) and reading.title.endswith("%, 1 of 5 unknown")
    many = news.read("Oil prices rise " * news.sizes.longest, models.TextClassifier).title
    assert f"the first {news.sizes.longest} of {3 * news.sizes.longest} tokens" in many and "unknown" not in many
    encoded = tokens.encode(tokenizer, ["Oil prices rise & fall"], 16)
    kept = weights.classifier(record, models.TextClassifier)[0]
    logits, _ = training.predict(kept, tokens.TextBatches(encoded, np.zeros(1, int), 1, 0))
    assert list(reading.probabilities.values()) == pytest.approx(probabilities(logits)[0].tolist(), abs=1e-5)


def test_the_ablation_has_words_for_every_row():
    assert set(lab.WITHOUT) == set(experiments.design.ABLATIONS) and NAMES["own"] == "Towers"
