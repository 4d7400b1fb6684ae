"""The training loop: the same numbers after a kill, early stopping, averaging, schedules, clear refusals."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from torch import nn

from study import files, training
from study.training import Recipe


class Points:
    """Two clouds in the plane, 200 points, in batches of 20; see `study.training.Batches`."""

    def __init__(self, seed=0, noise=0.5, stop_at=None):
        random = np.random.default_rng(7)
        self.classes = torch.from_numpy(np.arange(200) % 2)
        self.x = torch.from_numpy(random.normal(0, noise, (200, 2)) + self.classes.numpy()[:, None]).float()
        self.seed, self.stop_at = seed, stop_at

    def __len__(self):
        return 200

    def steps(self):
        return 10

    def training(self, epoch):
        order = np.random.default_rng([self.seed, epoch]).permutation(200)
        for i in range(10):
            if self.stop_at == (epoch, i):
                raise KeyboardInterrupt
            rows = order[i * 20 : (i + 1) * 20]
            yield (self.x[rows],), self.classes[rows]

    def in_order(self):
        yield (self.x,), self.classes, np.arange(200)


def network(seed=0, dropout=0.3):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 2))


FULL = Recipe(
    5, 0.02, weight_decay=0.01, decoupled=True, schedule="one-cycle", label_smoothing=0.1, patience=4, average=0.9,
    clip=1.0,
)  # fmt: skip


@pytest.mark.parametrize("recipe", [Recipe(5, 0.02), Recipe(5, 0.02, weight_decay=0.01, patience=2), FULL])
@pytest.mark.parametrize("stop_at", [(0, 3), (2, 0), (4, 9)])
def test_a_killed_training_ends_at_the_same_numbers(tmp_path, recipe, stop_at):
    def normed(seed=0):
        return nn.Sequential(nn.BatchNorm1d(2), network(seed))

    undisturbed = normed()
    history = training.fit(undisturbed, Points(), Points(), recipe, 1, tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        training.fit(normed(), Points(stop_at=stop_at), Points(), recipe, 1, tmp_path / "b")
    resumed = normed(seed=99)  # its weights must come from the state, but for a kill before the first epoch's end
    if stop_at[0] == 0:
        resumed = normed()
    again = training.fit(resumed, Points(), Points(), recipe, 1, tmp_path / "b")
    for name in set(history) - {"seconds"}:
        assert again[name] == history[name], name
    for name, value in undisturbed.state_dict().items():  # with the running statistics
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_patience_stops_and_returns_to_the_best_epoch(tmp_path):
    # Validation has its classes exchanged: the better the fit, the worse the loss, so the first epoch is the best.
    worse = Points()
    worse.classes = 1 - worse.classes
    model = network(dropout=0.0)
    history = training.fit(model, Points(), worse, Recipe(30, 0.05, patience=2), 0, tmp_path)
    best = int(np.argmin(history["validation_loss"]))
    assert len(history["loss"]) == best + 3 < 30
    logits, classes = training.predict(model, worse)
    assert training.cross_entropy(logits, classes) == pytest.approx(history["validation_loss"][best])


def test_a_watched_split_is_measured_after_every_epoch_and_changes_nothing(tmp_path):
    recipe, other = Recipe(3, 0.02, patience=1), Points(noise=3.0)
    plain, model = network(), network()
    history = training.fit(plain, Points(), Points(), recipe, 0, tmp_path / "a")
    watched = training.fit(model, Points(), Points(), recipe, 0, tmp_path / "b", {"test": other})
    assert all(watched[name] == history[name] for name in set(history) - {"seconds"})
    logits, classes = training.predict(model, other)
    best = int(np.argmin(history["validation_loss"]))
    assert len(watched["test_loss"]) == len(history["loss"]) and set(watched) - set(history) == {
        "test_loss", "test_accuracy",
    }  # fmt: skip
    assert watched["test_loss"][best] == pytest.approx(training.cross_entropy(logits, classes))
    assert watched["test_accuracy"][best] == float((logits.argmax(1) == classes).mean())


def test_training_and_validation_are_measured_alike(tmp_path):
    history = training.fit(network(dropout=0.0), Points(), Points(), Recipe(1, 1e-9), 0, tmp_path)
    for quantity in ("loss", "accuracy"):
        assert history[quantity] == pytest.approx(history[f"validation_{quantity}"], rel=1e-5)


def test_averaging_is_the_moving_average_by_hand(tmp_path):
    model = network(dropout=0.0)
    recipe = Recipe(1, 0.05, average=0.5)
    seen = []

    class Watched(Points):
        def training(self, epoch):
            for batch in super().training(epoch):
                yield batch
                seen.append(model[0].weight.detach().clone())

    history = training.fit(model, Watched(), Points(), recipe, 0, tmp_path)
    expected = seen[0]
    for weight in seen[1:]:
        expected = 0.5 * expected + 0.5 * weight
    torch.testing.assert_close(model[0].weight, expected)
    # It is what is validated, too.
    assert history["validation_loss"] == [pytest.approx(training.cross_entropy(*training.predict(model, Points())))]


def test_one_cycle_rises_and_falls_to_nearly_nothing(tmp_path):
    recipe = Recipe(10, 0.05, schedule="one-cycle", warmup=0.3)
    rates = training.fit(network(), Points(), Points(), recipe, 0, tmp_path)["learning_rate"]
    assert max(rates) == pytest.approx(0.05, rel=0.02) and np.argmax(rates) in (2, 3)
    assert rates[-1] < 1e-5 and rates[0] < 0.05


def test_an_l2_penalty_is_added_to_the_gradient_and_spares_embeddings_and_biases(tmp_path):
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.head = nn.Embedding(3, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.head(x + self.table.weight.sum() * 0)

    for decoupled, penalised in ((False, {"head.weight"}), (True, {"head.weight", "table.weight"})):
        model = Words()
        optimiser = training._optimiser(model, Recipe(1, 0.1, weight_decay=0.5, decoupled=decoupled))
        names = {id(p): name for name, p in model.named_parameters()}
        found = {names[id(p)] for g in optimiser.param_groups if g["weight_decay"] for p in g["params"]}
        assert found == penalised


@pytest.mark.parametrize("units", [False, True])
def test_bfloat16_is_used_only_where_the_processor_has_units_for_it(tmp_path, monkeypatch, units):
    monkeypatch.setattr(training, "has_bf16", lambda: units)
    model, seen = network(), set()
    model.register_forward_hook(lambda module, inputs, logits: seen.add(logits.dtype))
    training.fit(model, Points(), Points(), Recipe(1, 0.02, bf16=True), 0, tmp_path)
    assert seen == {torch.bfloat16 if units else torch.float32}


def test_a_training_that_diverges_says_so(tmp_path):
    bad = Points()
    bad.x = bad.x * float("nan")
    with pytest.raises(FloatingPointError, match=r"epoch 1 is nan: lower the learning rate \(0.1\)"):
        training.fit(network(), bad, Points(), Recipe(1, 0.1), 0, tmp_path)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"learning_rate": 0.0}, {"patience": 0}, {"schedule": "cosine"}])
def test_a_bad_recipe_is_refused(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        dataclasses.replace(Recipe(2, 0.1), **wrong)


def test_a_state_that_does_not_fit_the_model_is_refused_with_its_remedy(tmp_path):
    training.fit(network(), Points(), Points(), Recipe(1, 0.1), 0, tmp_path)
    wider = nn.Sequential(nn.Linear(2, 17), nn.ReLU(), nn.Dropout(0.3), nn.Linear(17, 2))
    with pytest.raises(ValueError, match=r"state\.pt is not the state of a training .*Delete it and run again"):
        training.fit(wider, Points(), Points(), Recipe(1, 0.1), 0, tmp_path)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_state_file_with_code_in_it_is_refused_and_not_executed(tmp_path, sealed):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    evil = io.BytesIO()
    torch.save({"model": Bomb()}, evil)
    write = files.keep_state if sealed else files.write_atomically
    write(tmp_path / "state.pt", evil.getvalue())
    with pytest.raises(ValueError, match=r"state\.pt is not the state of a training .*Delete it and run again"):
        training.fit(network(), Points(), Points(), Recipe(1, 0.1), 0, tmp_path)
    assert not (tmp_path / "executed").exists()
