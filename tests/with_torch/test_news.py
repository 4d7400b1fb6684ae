"""Part IV's network: tokens, batches, the block against PyTorch's own, padding, what is kept with a run."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from study import definitions, parts, paths, profile, training
from study.evaluation import probabilities
from study.news import corpus, experiments, inside, lab, speed, tokens, trainings, weights
from study.runs import Record, Store

models = parts.find("part4").models()

TEXTS = ["The cat sat.", "The dog sat on the mat", "A cat", "the the the end"]


# Tokens


def test_a_vocabulary_holds_the_most_frequent_words_and_punctuation():
    tokenizer = tokens.learn(TEXTS, 6)
    assert tokenizer.get_vocab_size() == 6
    assert tokenizer.token_to_id("[PAD]") == tokens.PADDING and tokenizer.token_to_id("[UNK]") == tokens.UNKNOWN
    assert tokenizer.token_to_id("the") == 2 and {tokenizer.id_to_token(i) for i in (3, 4)} == {"cat", "sat"}


def test_letters_lose_case_and_accents():
    tokenizer = tokens.learn(["Café CAFE cafe"], 10)
    assert tokenizer.encode("CAFÉ").ids == tokenizer.encode("cafe").ids != [tokens.UNKNOWN]


def test_texts_are_cut_padded_and_never_empty():
    tokenizer = tokens.learn(TEXTS, 20)
    found = tokens.encode(tokenizer, ["the cat sat on the mat", "unheard", "  "], 4)
    assert found.ids.shape == (3, 4) and found.ids.dtype == np.uint16
    assert found.lengths.tolist() == [4, 1, 1] and found.ids[1].tolist() == [tokens.UNKNOWN, 0, 0, 0]
    assert [*tokens.coverage(found).values()] == [6, 2 / 6]


def test_bad_vocabularies_are_refused():
    with pytest.raises(ValueError, match="size 2"):
        tokens.learn(TEXTS, 2)
    with pytest.raises(ValueError, match="needs texts"):
        tokens.learn([], 20)


def batches(n=50, batch=8, seed=0):
    random = np.random.default_rng(3)
    lengths = random.integers(1, 12, n)
    ids = np.where(np.arange(12) < lengths[:, None], random.integers(2, 30, (n, 12)), 0).astype(np.uint16)
    return tokens.TextBatches(tokens.Encoded(ids, lengths), np.arange(n) % 4, batch, seed)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 16), st.integers(0, 3))
def test_an_epoch_holds_every_example_once_without_needless_padding(n, batch, epoch):
    data = batches(n, batch)
    seen = []
    for (ids, lengths), classes in data.training(epoch):
        assert ids.shape == (len(classes), int(lengths.max()))
        assert ((ids != 0).sum(dim=1) == lengths).all()
        seen += [tuple(row[row > 0].tolist()) for row in ids]
    assert sorted(seen) == sorted(tuple(row[row > 0].tolist()) for row in data.encoded.ids)
    assert sum(1 for _ in data.training(epoch)) == data.steps()


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(data, epoch):
        return [classes.tolist() for _, classes in data.training(epoch)]

    assert order(batches(), 1) == order(batches(), 1) != order(batches(), 2)
    assert order(batches(), 1) != order(batches(seed=1), 1)


def test_in_order_gives_each_example_its_row():
    data, found = batches(), np.full(50, -1)
    for (_, lengths), classes, rows in data.in_order():
        assert (data.encoded.lengths[rows] == lengths.numpy()).all()
        found[rows] = classes.numpy()
    assert (found == data.classes).all()


# The model


def block_pair(width, heads, hidden, seed):
    """A block of ours and PyTorch's own layer with the same weights."""
    torch.manual_seed(seed)
    ours = models.TransformerBlock(width, heads, hidden, 0.0)
    for p in ours.parameters():
        nn.init.normal_(p, std=0.3)
    return ours, lab.pytorch_layer(ours, width, heads, hidden)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 9), st.integers(0, 99))
def test_the_block_equals_pytorchs_layer_with_padding(heads, head_width, batch, longest, seed):
    ours, theirs = block_pair(heads * head_width, heads, 7, seed)
    random = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest + 1, (batch,), generator=random)
    present = torch.arange(longest) < lengths[:, None]
    x = torch.randn(batch, longest, heads * head_width, generator=random)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    found = [ours(inputs[0], present), theirs(inputs[1], src_key_padding_mask=~present)]
    torch.testing.assert_close(found[0][present], found[1][present], atol=1e-5, rtol=1e-5)
    for y in found:
        (y[present] ** 2).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, atol=1e-4, rtol=1e-4)


def small_model():
    torch.manual_seed(0)
    return models.TextClassifier(30, 12, 8, 2, 16, 4).eval()


@torch.no_grad()
def test_padding_and_the_rest_of_the_batch_change_no_prediction():
    model, data = small_model(), batches()
    together, _ = training.predict(model, data)
    for i in range(10):
        n = data.encoded.lengths[i]
        ids = torch.from_numpy(data.encoded.ids[i : i + 1, :n].astype(np.int64))
        alone = model(ids, torch.tensor([n]))[0]
        torch.testing.assert_close(alone, torch.from_numpy(together[i]), atol=1e-5, rtol=1e-5)


def test_the_mean_leaves_padding_out():
    x = torch.tensor([[[1.0], [3.0], [99.0]], [[5.0], [98.0], [99.0]]])
    present = torch.tensor([[True, True, False], [True, False, False]])
    assert models.mean_of(x, present).tolist() == [[2.0], [5.0]]


def test_parameters_by_the_formula():
    model = models.TextClassifier(100, 20, 8, 2, 16, 4)
    block = 4 * (8 * 8 + 8) + 2 * 16 + (8 * 16 + 16) + (16 * 8 + 8)
    assert training.count_parameters(model) == 100 * 8 + 20 * 8 + block + 8 * 4 + 4


def test_a_text_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="13 tokens: expected 12 at most"):
        small_model()(torch.ones(1, 13, dtype=torch.int64), torch.tensor([13]))


# Looks inside


def test_mistakes_come_the_most_confident_first():
    split = corpus.Corpus([f"text {i}" for i in range(4)], np.array([0, 1, 2, 3]))
    logits = np.array([[2.0, 0, 0, 0], [1.0, 0, 0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1.0]])
    found = inside.mistakes(split, corpus.CLASSES, logits)
    assert [m["row"] for m in found] == [2, 1]
    assert (found[0]["true"], found[0]["predicted"], found[0]["text"]) == ("Business", "World", "text 2")


def test_attention_received_sums_to_one_in_each_head():
    model = small_model()
    tokenizer = tokens.learn(TEXTS, 30)
    encoded = tokens.encode(tokenizer, TEXTS, 12)
    for inputs, classes, _ in tokens.TextBatches(encoded, np.arange(4), 2, 0).in_order():
        received = inside.received(model, *inputs).detach().numpy()
        assert received.shape == (len(classes), 2, inputs[0].shape[1])
        assert received.sum(axis=2) == pytest.approx(1, abs=1e-5)


def test_the_common_model_has_the_same_parameters_and_learns_the_same_task():
    data = batches(64)
    sizes = {"vocabulary": 30, "longest": 12, "width": 8, "heads": 2, "hidden": 16, "batch": 8, "learning_rate": 1e-3}
    found = speed.throughput(data.encoded, data.classes, sizes, repeats=2, seed=0)
    assert found["parameters"]["ours"] == found["parameters"]["common"]
    assert len(found["ours"]) == len(found["common"]) == 2 and min(found["ours"] + found["common"]) > 0


# Runs


def test_the_training_has_not_changed_under_the_version(tmp_path):
    settings = {
        "vocabulary": 100, "longest": 32, "width": 8, "heads": 2, "hidden": 16, "batch": 16, "learning_rate": 1e-2,
        "epochs": 2, "dropout": 0.2, "patience": 1, "l2": 1e-4, "synthetic_rows": 400,
    }  # fmt: skip
    spec = {"task": "part4-l2", "model": "regularised", "data": ["synthetic/ag_news"], "seed": 0, "settings": settings}
    spec["definition"] = definitions.in_file(parts.find("part4").source, "TextClassifier")
    metrics, arrays = experiments.ALL.train(spec, tmp_path)
    loss = metrics["validation"]["loss"]
    golden = pytest.approx(1.406806, rel=1e-3)
    assert (experiments.ALL["part4-variants"].version, loss) == (3, golden), "raise its version"
    assert "test" not in metrics and "test_logits" not in arrays, "the sweep must not look at the test split"


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """The small profile on synthetic data, with a folder of its own for what a build leaves."""
    monkeypatch.setenv("DATA", "synthetic")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    return profile.load("quick")


def of_variant(chosen, model):
    specs = [s for s in experiments.ALL.specs(chosen) if s["task"] == "part4-variants" and s["model"] == model]
    return next(s for s in specs if s["seed"] == 0)


def test_dropout_goes_on_from_early_stopping_and_ends_at_the_numbers_of_a_training_of_its_own(quick, tmp_path):
    # At such a rate the loss soon rises, on any machine.
    early, dropout = (of_variant(quick, model) for model in ("early-stopping", "dropout"))
    for spec in (early, dropout):
        spec["settings"] |= {"learning_rate": 0.3, "epochs": 10}
    alone = Store(tmp_path / "alone").get(dropout, experiments.ALL.train)
    beginning = Store(tmp_path / "both").get(early, experiments.ALL.train)
    epochs = len(beginning.arrays["history_loss"])
    assert epochs < 10 and len(list((tmp_path / "build" / "trajectories").iterdir())) == 1, epochs
    steps = []
    training_of = tokens.TextBatches.training
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens.TextBatches, "training", lambda b, e: steps.append(e) or training_of(b, e))
        going_on = Store(tmp_path / "both").get(dropout, experiments.ALL.train)
    assert steps == list(range(epochs, 10)) and not list((tmp_path / "build" / "trajectories").iterdir())
    for name in set(alone.arrays) - {"history_seconds"}:
        assert np.array_equal(alone.arrays[name], going_on.arrays[name]), name
    for split in ("train", "validation", "test"):
        assert going_on.metrics[split] == alone.metrics[split]


def test_only_a_training_with_the_same_choices_goes_on_from_another(quick):
    early, dropout, base = (of_variant(quick, model) for model in ("early-stopping", "dropout", "base"))
    digest = trainings._trajectory
    assert digest(early) == digest(dropout) == digest(experiments.weights_spec(quick)) != digest(base)
    for changed in ({"seed": 1}, {"definition": "another"}, {"version": 9}, {"data": ["ag_news/test.csv"]}):
        assert digest(dropout | changed) != digest(dropout)
    assert digest(dropout | {"settings": dropout["settings"] | {"width": 32}}) != digest(dropout)


def classified(record, texts):
    """The probabilities that the kept network of a record gives texts."""
    model, tokenizer = weights.classifier(record)
    encoded = tokens.encode(tokenizer, texts, record.spec["settings"]["longest"])
    return probabilities(training.predict(model, tokens.TextBatches(encoded, np.zeros(len(texts), int), 8, 0))[0])


def test_a_kept_classifier_predicts_as_it_did_from_its_record_alone(quick, tmp_path):
    spec = experiments.weights_spec(quick)
    Store(tmp_path).get(spec, experiments.ALL.train)
    record = Store(tmp_path).load(spec)  # as it lies in the file
    test = corpus.load(spec["data"], spec["settings"]["synthetic_rows"]).test
    assert classified(record, test.texts) == pytest.approx(probabilities(record.arrays["test_logits"]), abs=5e-3)
    assert classified(record, ["  "]).shape == (1, 4)
    model, tokenizer = weights.classifier(record)
    assert tokenizer.encode("the unheardof").ids[1] == tokens.UNKNOWN and not model.training
    kept = {name: a for name, a in record.arrays.items() if name.startswith("weight_")}
    assert {a.dtype for a in kept.values()} == {np.dtype(np.float16)}
    assert sum(a.size for a in kept.values()) == record.metrics["parameters"]


def test_a_record_without_weights_or_of_another_network_is_refused():
    spec = {"task": "part4-variants", "model": "base", "seed": 0, "settings": {}}
    with pytest.raises(ValueError, match="part4-variants: base, seed 0 keeps no weights"):
        weights.classifier(Record(spec, {}, {}, {}))
    tokenizer, sizes = tokens.learn(TEXTS, 30), {"longest": 12, "width": 8, "heads": 2, "hidden": 16, "dropout": 0.0}
    model = models.TextClassifier(tokenizer.get_vocab_size(), 12, 8, 2, 16, 4)
    record = Record(spec | {"settings": sizes}, {}, weights.arrays(model, tokenizer), {})
    assert classified(record, TEXTS).sum(axis=1) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="weights of another network"):
        weights.classifier(Record(spec | {"settings": sizes | {"hidden": 32}}, {}, record.arrays, {}))


def test_a_condition_keeps_its_trajectory_and_only_tested_ones_look_at_the_test_split(quick, tmp_path):
    specs = [s for s in experiments.ALL.specs(quick) if s["task"] == "part4-conditions"]
    specs = [s for s in specs if s["model"].startswith("plain") and s["seed"] < 2]
    chooses, tested = Store(tmp_path).get_all(specs, experiments.ALL.train)
    assert not [name for name in chooses.arrays if "test" in name] and "test" not in chooses.metrics
    assert tested.arrays["history_test_accuracy"].shape == (quick.part4.grid_epochs,)
    assert [name for name, _, _ in experiments.ALL.compared(chooses)] == ["last validation accuracy"]
