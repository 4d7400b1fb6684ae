"""The own classifier of news: what its towers count, each text's logits its own, the ablation, and resuming."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from study import profile, training
from study.news import design, experiments, own

SMALL = {"vocabulary": 60, "longest": 12, "width": 8, "heads": 2, "batch": 8, "epochs": 3, "learning_rate": 1e-2}
TEXTS = ["Cats chase mice", "cats chase Cats", "Dogs chase cats all the day long", "mice", "?!", "Dogs sleep"] * 4
CLASSES = np.arange(len(TEXTS)) % 4


@pytest.fixture(scope="module")
def reader():
    return own.Reader(TEXTS, SMALL["vocabulary"], SMALL["longest"])


@pytest.fixture(scope="module")
def reading(reader):
    return reader.read(TEXTS)


def made(reader, reading, **changes):
    chosen, recipe = own.chosen(design.settings(**SMALL | changes))
    torch.manual_seed(0)
    start = own.first_vectors(reading.words, chosen.vocabulary, chosen.width) if chosen.started else None
    return own.OwnClassifier(chosen, reader.features, start), chosen, recipe


def test_words_are_counted_singly_and_in_pairs_and_weighed_by_hand(reader):
    """cats (twice) and chase in 'cats chase Cats': (1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), then of length one."""
    counter = reader.counters["words"]
    row = reader.read(["cats chase Cats unseen"]).grams["words"]
    found = {counter.get_feature_names_out()[i]: value for i, value in zip(row.indices, row.data, strict=True)}
    df = {"cats": 12, "chase": 12, "cats chase": 8, "chase cats": 8}
    counts = {"cats": 2, "chase": 1, "cats chase": 1, "chase cats": 1}
    weights = {name: (1 + np.log(counts[name])) * (np.log(25 / (1 + df[name])) + 1) for name in df}
    length = np.sqrt(sum(value**2 for value in weights.values()))
    assert found == pytest.approx({name: value / length for name, value in weights.items()}, rel=1e-5)


def test_characters_are_counted_in_their_case_and_within_words(reader):
    names = set(reader.counters["characters"].get_feature_names_out())
    assert {" Do", "Dogs", "cat", "Cat", "cats ", "mice"} <= names
    assert not {"do", "s c", "dog"} & names and all(3 <= len(name) <= 5 for name in names)


def test_a_wide_tower_is_a_weighted_sum():
    tower = own.WideTower(3, 4, dropout=0.5).eval()
    with torch.no_grad():
        tower.weights.weight.copy_(torch.arange(12.0).reshape(3, 4))
    logits = tower(torch.tensor([0, 2, 1]), torch.tensor([0.5, 0.25, 1.0]), torch.tensor([0, 2, 2, 3]))
    table, gain = torch.arange(12.0).reshape(3, 4), own._GAIN
    torch.testing.assert_close(logits, gain * torch.stack([0.5 * table[0] + 0.25 * table[2], torch.zeros(4), table[1]]))


def test_shapes_in_training_and_after(reader, reading):
    model, chosen, _ = made(reader, reading)
    inputs, targets = next(own.Batches(reading, CLASSES, chosen, 0).training(0))
    assert len(inputs) == 2 + 3 * 2 and targets.shape == (8,)
    assert inputs[4].tolist()[0] == 0 and inputs[4].tolist()[-1] == len(inputs[2]) == len(inputs[3])
    assert model.train()(*inputs).shape == (8, 3, 4)
    towers = model(*inputs)
    assert model.eval()(*inputs).shape == (8, 4) and towers.requires_grad


@pytest.mark.parametrize("row", [None, *design.ABLATIONS])
def test_a_text_has_the_same_logits_alone_and_among_longer_ones(reader, reading, row):
    model, chosen, _ = made(reader, reading, **design.ABLATIONS.get(row, {}))
    with torch.no_grad():  # wide towers start from zero
        for tower in model.wide:
            torch.nn.init.normal_(tower.weights.weight)
    together, _ = training.predict(model, own.Batches(reading, CLASSES, chosen, 0))
    for i in range(6):
        alone, _ = training.predict(model, own.Batches(reader.read([TEXTS[i]]), CLASSES[i : i + 1], chosen, 0))
        np.testing.assert_allclose(alone[0], together[i], atol=1e-5)


@pytest.mark.parametrize("row", design.ABLATIONS)
def test_each_row_of_the_ablation_changes_one_thing_and_trains(reader, reading, row, tmp_path):
    plain, changed = design.settings(**SMALL), design.settings(**SMALL | design.ABLATIONS[row])
    assert sum(plain[name] != changed[name] for name in plain) == 1
    model, chosen, recipe = made(reader, reading, **design.ABLATIONS[row])
    batches = own.Batches(reading, CLASSES, chosen, 0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    history = training.fit(model, batches, batches, replace(recipe, epochs=1), 0, tmp_path)
    assert np.isfinite(history["loss"]).all()
    assert any(not torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_every_tower_has_a_loss_of_its_own():
    logits, targets = torch.randn(5, 3, 4), torch.tensor([0, 1, 2, 3, 0])
    each = [functional.cross_entropy(logits[:, i], targets, label_smoothing=0.1) for i in range(3)]
    torch.testing.assert_close(training._loss(logits, targets, 0.1), torch.stack(each).mean())
    torch.testing.assert_close(training._loss(logits[:, 0], targets, 0.1), each[0])


def test_training_texts_read_while_learning_are_as_read_later(reader):
    learnt, later = reader.learnt, reader.read(TEXTS)
    assert np.array_equal(learnt.words.ids, later.words.ids)
    for name, grams in learnt.grams.items():
        for part in ("indptr", "indices", "data"):
            assert np.array_equal(getattr(grams, part), getattr(later.grams[name], part)), (name, part)


def test_words_seen_together_start_alike():
    texts = ["red apple"] * 30 + ["green apple"] * 30 + ["fast car"] * 30 + ["slow car"] * 30
    reader = own.Reader(texts, 20, 5)
    vectors = own.first_vectors(reader.learnt.words, 20, 4)
    assert vectors.dtype == np.float32 and vectors.shape == (20, 4)
    red, green, fast = (vectors[reader.tokenizer.token_to_id(word)] for word in ("red", "green", "fast"))
    assert red @ green > 0.9 * np.linalg.norm(red) * np.linalg.norm(green)
    assert abs(red @ fast) < 0.1 * np.linalg.norm(red) * np.linalg.norm(fast)


def test_bad_input_is_refused(reader, reading):
    with pytest.raises(ValueError, match="grams are"):
        design.Design(grams=("words", "words"))
    with pytest.raises(ValueError, match="word_dropout is 1"):
        design.Design(word_dropout=1.0)
    with pytest.raises(ValueError, match="3 or more"):
        design.Design(longest=2)
    with pytest.raises(ValueError, match="no height"):
        design.settings(height=3)
    model, chosen, _ = made(reader, reading)
    with pytest.raises(ValueError, match="initial embeddings are"):
        own.OwnClassifier(chosen, reader.features, np.zeros((60, 9), dtype=np.float32))
    with pytest.raises(ValueError, match="0 tensors of n-grams for 2 towers"):
        model(torch.ones(1, 3, dtype=torch.int64), torch.tensor([3]))
    with pytest.raises(ValueError, match="24 texts and 23 classes"):
        own.Batches(reading, CLASSES[1:], chosen, 0)


def test_only_the_own_run_looks_at_the_test_split(tmp_path):
    made = [s for s in experiments.ALL.specs(profile.load("quick")) if s["task"] in ("part4-own", "part4-ablation")]
    assert {s["model"] for s in made} == {"own", *design.ABLATIONS}
    shrunk = {"synthetic_rows": 80, "epochs": 1} | {name: SMALL[name] for name in ("vocabulary", "longest", "width")}
    for spec in (made[0], made[-1]):
        small = spec | {"data": ["synthetic/ag_news"], "settings": spec["settings"] | shrunk}
        metrics, arrays = experiments.ALL.train(small, tmp_path / spec["model"])
        assert ("test" in metrics) == ("test_logits" in arrays) == (spec["model"] == "own")
        assert set(metrics["validation"]) >= {"accuracy"} and metrics["epochs"] == 1


def test_on_fewer_rows_nothing_is_learnt_from_the_rest_and_the_steps_stay(tmp_path):
    spec = next(s for s in experiments.ALL.specs(profile.load("quick")) if s["model"].startswith("own-"))
    shrunk = {"synthetic_rows": 80, "epochs": 2} | {name: SMALL[name] for name in ("vocabulary", "longest", "width")}
    found = {}
    for rows in (24, 72):  # 72 of 80 are for training
        small = spec | {"data": ["synthetic/ag_news"], "settings": spec["settings"] | shrunk | {"rows": rows}}
        found[rows], arrays = experiments.ALL.train(small, tmp_path / str(rows))
        assert "test" not in found[rows] and "test_logits" not in arrays
    assert (found[24]["epochs"], found[72]["epochs"]) == (6, 2)
    assert found[24]["parameters"] < found[72]["parameters"]  # a weight an n-gram
