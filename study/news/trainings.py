"""How the runs of Part IV are made: texts in, metrics and arrays out. `study.news.experiments` lists them."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from study import paths, training
from study.definitions import notebook
from study.evaluation import kept, scores
from study.files import write_atomically
from study.news import baselines, corpus, description, inside, own, speed, tokens, weights
from study.news.experiments import NOTEBOOK
from study.runs import Outcome, state_digest

SPEED_ROWS = 20_000


@lru_cache(maxsize=1)
def _splits(names: tuple[str, ...], synthetic_rows: int) -> corpus.Splits:
    return corpus.load(list(names), synthetic_rows)


def _read_from(spec: dict) -> tuple[tuple[str, ...], int]:
    """What decides a run's texts: names of files, rows that are synthetic."""
    return tuple(spec["data"]), spec["settings"].get("synthetic_rows", 0)


def _corpus(spec: dict) -> corpus.Splits:
    """The run's texts, with `rows` in its settings the first ones of the training split alone."""
    splits = _splits(*_read_from(spec))
    return replace(splits, train=splits.train.first(spec["settings"].get("rows", len(splits.train))))


def describe_corpus(spec: dict, scratch: Path) -> Outcome:
    """Describe the corpus, and what the variants' vocabulary makes of each split."""
    metrics, arrays = description.describe(_corpus(spec), corpus.classes_of(spec))
    encoded, tokenizer = _encoded_for(spec)
    coverage = {name: tokens.coverage(one) for name, one in encoded.items()}
    return metrics | {"coverage": coverage, "vocabulary": tokenizer.get_vocab_size()}, arrays


def fit_baseline(spec: dict, scratch: Path) -> Outcome:
    """Fit a model without a network, its penalty chosen on validation; then look at the test split once."""
    splits = _corpus(spec)
    start = time.perf_counter()
    found = {"majority": baselines.majority, "tfidf": baselines.tfidf}[spec["model"]](splits)
    metrics: dict = {"seconds": time.perf_counter() - start}
    arrays: dict[str, np.ndarray] = {}
    for name in ("validation", "test"):
        logits, classes = found[name], getattr(splits, name).classes
        metrics[name] = scores(classes, logits)
        arrays |= kept(name, logits, classes)
    return metrics, arrays


def measure_speed(spec: dict, scratch: Path) -> Outcome:
    """Examples a second of our loop and of the common way, in turn on the same rows and threads."""
    encoded, classes, settings = timed(spec)
    found = speed.throughput(encoded, classes, settings, settings["repeats"], spec["seed"])
    return {**found, "rows": len(encoded)}, {}


def timed(spec: dict) -> tuple:
    """What throughput is measured on: encoded training texts, their classes, and settings with the true vocabulary."""
    encoded, tokenizer = _encoded_for(spec)
    some = slice(SPEED_ROWS)
    settings = spec["settings"] | {"vocabulary": tokenizer.get_vocab_size()}
    return encoded["train"].rows(some), _corpus(spec).train.classes[some], settings


def train_on_fewer_rows(spec: dict, scratch: Path) -> Outcome:
    """Train on the first rows of the training split, which is in random order; measure on validation alone."""
    if "grams" in spec["settings"]:
        return _own_trained(spec, scratch, tested=False)[:2]
    if "epochs" in spec["settings"]:
        return _trained(spec, scratch, tested=False)
    splits = _corpus(spec)
    return {"validation": scores(splits.validation.classes, baselines.tfidf(splits)["validation"])}, {}


def train_variant(spec: dict, scratch: Path, make: Callable | None = None) -> Outcome:
    """Train a variant of the original's classifier, by default the notebook's file's; measure all three splits once at
    its end.

    Dropout with early stopping is the beginning of dropout alone, number for number: where both are trained on one
    machine, the second goes on from the first one's last epoch.
    """
    state, beginning = scratch / "state.pt", paths.BUILD / "trajectories" / f"{_trajectory(spec)}.pt"
    if spec["model"] == "dropout" and beginning.exists() and not state.exists():
        beginning.replace(state)
    found = _trained(spec, scratch, tested=True, make=make)
    if spec["model"] == "early-stopping":
        write_atomically(beginning, state.read_bytes())
    return found


def _trajectory(spec: dict) -> str:
    """The digest of what two trainings share whose epochs are the same as long as both go on."""
    apart = {"model": "", "settings": {k: v for k, v in spec["settings"].items() if k not in ("patience", "weights")}}
    return state_digest(spec | apart)


def train_strength(spec: dict, scratch: Path) -> Outcome:
    """The same for one strength of the penalty, without a look at the test split."""
    return _trained(spec, scratch, tested=False)


def train_under_condition(spec: dict, scratch: Path) -> Outcome:
    """The trajectory of one training; with `tested` in its settings, on the test split too, after every epoch."""
    return training.summary(*_fitted(spec, scratch, watched=("test",) if "tested" in spec["settings"] else ())[:2])


def _trained(spec: dict, scratch: Path, tested: bool, make: Callable | None = None) -> Outcome:
    model, history, batches = _fitted(spec, scratch, make=make)
    metrics, arrays, logits = _measured(model, batches, history, tested)
    if "weights" in spec["settings"]:
        arrays |= weights.arrays(model, _encoded_for(spec)[1])
    if tested:
        metrics["mistakes"] = inside.mistakes(_corpus(spec).test, corpus.classes_of(spec), logits["test"])
    return metrics, arrays


def _fitted(spec: dict, scratch: Path, watched: tuple[str, ...] = (), make: Callable | None = None) -> tuple:
    """The trained model, its history, and the splits as batches."""
    s = spec["settings"]
    encoded, tokenizer = _encoded_for(spec)
    torch.manual_seed(spec["seed"])
    sizes = s["longest"], s["width"], s["heads"], s["hidden"], len(corpus.classes_of(spec)), s["dropout"]
    model = (make or notebook(NOTEBOOK).TextClassifier)(tokenizer.get_vocab_size(), *sizes)
    recipe = training.Recipe(s["epochs"], s["learning_rate"], weight_decay=s["l2"], patience=s["patience"])
    batches = {
        name: tokens.TextBatches(encoded[name].rows(slice(len(split))), split.classes, s["batch"], spec["seed"])
        for name, split in vars(_corpus(spec)).items()
    }
    also = {name: batches[name] for name in watched}
    history = training.fit(model, batches["train"], batches["validation"], recipe, spec["seed"], scratch, also)
    return model, history, batches


def train_own(spec: dict, scratch: Path) -> Outcome:
    """Train the own classifier; measure all three splits once at its end."""
    metrics, arrays, logits = _own_trained(spec, scratch, tested=True)
    metrics["mistakes"] = inside.mistakes(_corpus(spec).test, corpus.classes_of(spec), logits["test"])
    return metrics, arrays


def train_ablation(spec: dict, scratch: Path) -> Outcome:
    """The same with one change undone, without a look at the test split."""
    metrics, arrays, logits = _own_trained(spec, scratch, tested=False)
    return metrics, arrays | kept("validation", logits["validation"], _corpus(spec).validation.classes)


def _own_trained(spec: dict, scratch: Path, tested: bool) -> tuple[dict, dict, dict]:
    """With `rows` in the settings, on the first rows of the training split alone, in as many steps as on all."""
    s, splits = spec["settings"], _corpus(spec)
    chosen, recipe = own.chosen(s)
    rows, whole = len(splits.train), len(_splits(*_read_from(spec)).train)
    recipe = replace(recipe, epochs=round(recipe.epochs * whole / rows))
    readings, features, vectors = _read(*_read_from(spec), rows, chosen.vocabulary, chosen.longest, chosen.width)
    batches = {
        name: own.Batches(reading, getattr(splits, name).classes, chosen, spec["seed"])
        for name, reading in readings.items()
    }
    torch.manual_seed(spec["seed"])
    model = own.OwnClassifier(chosen, features, vectors if chosen.started else None)
    if (classes := len(corpus.classes_of(spec))) != len(corpus.CLASSES):  # of one's own: other heads
        model.deep.head[-1] = torch.nn.Linear(model.deep.head[-1].in_features, classes)
        model.wide = torch.nn.ModuleList(
            own.WideTower(features[name], classes, chosen.gram_dropout) for name in chosen.grams
        )
    history = training.fit(model, batches["train"], batches["validation"], recipe, spec["seed"], scratch)
    return _measured(model, batches, history, tested)


def _measured(model, batches: dict, history: dict[str, list[float]], tested: bool) -> tuple[dict, dict, dict]:
    """Metrics of the trained model on each split, arrays for later figures and tests, and its logits.

    Without `tested` the test split is left alone, and no logits are kept.
    """
    metrics, arrays = training.summary(model, history)
    found = {}
    for name, split in batches.items():
        if name == "test" and not tested:
            continue
        found[name], classes = training.predict(model, split)
        metrics[name] = scores(classes, found[name])
        if name != "train" and tested:
            arrays |= kept(name, found[name], classes)
    return metrics, arrays, found


def _encoded_for(spec: dict) -> tuple[dict, Tokenizer]:
    return _encoded(*_read_from(spec), spec["settings"]["vocabulary"], spec["settings"]["longest"])


@lru_cache(maxsize=2)
def _encoded(names: tuple[str, ...], synthetic_rows: int, vocabulary: int, longest: int) -> tuple[dict, Tokenizer]:
    """Each split as word numbers, and the tokeniser, learnt from all training texts."""
    splits = _splits(names, synthetic_rows)
    tokenizer = tokens.learn(splits.train.texts, vocabulary)
    encoded = {name: tokens.encode(tokenizer, split.texts, longest) for name, split in vars(splits).items()}
    return encoded, tokenizer


@lru_cache(maxsize=1)
def _read(
    names: tuple[str, ...], synthetic_rows: int, rows: int, vocabulary: int, longest: int, width: int
) -> tuple[dict, dict[str, int], np.ndarray]:
    """Each split as the own classifier reads it, the numbers of its n-grams, and the first vectors of its words.

    All of it is learnt from the first `rows` of the training split.
    """
    splits = _splits(names, synthetic_rows)
    reader = own.Reader(splits.train.texts[:rows], vocabulary, longest)
    readings = {"train": reader.learnt} | {
        name: reader.read(getattr(splits, name).texts) for name in ("validation", "test")
    }
    return readings, reader.features, own.first_vectors(reader.learnt.words, vocabulary, width)
