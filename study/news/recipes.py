"""The runs of Part IV: which there are, and how each is made.

Tasks: `part4-dataset` describes the corpus; `part4-variants` trains the original's four variants; `part4-l2` sweeps the
strength of the penalty; `part4-baselines` are models without a network; `part4-own` is the report's own classifier and
`part4-ablation` the same with one change taken back; `part4-sizes` trains on fewer rows; `part4-speed` measures
throughput. Only `part4-variants`, `part4-baselines` and `part4-own` look at the test split.
"""

import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from study.evaluation import kept, scores
from study.news import baselines, corpus, design
from study.profile import Profile
from study.runs import Outcome, Record

VARIANTS = {
    "base": {"dropout": False, "early_stopping": False, "l2": False},
    "dropout": {"dropout": True, "early_stopping": False, "l2": False},
    "early-stopping": {"dropout": True, "early_stopping": True, "l2": False},
    "regularised": {"dropout": True, "early_stopping": True, "l2": True},
}
"""The original's variants, each with one technique more than the one before."""
BASELINES = ("majority", "tfidf")
OWN = "own"

SPEED_ROWS = 20_000

# Raise the version of a task when what it computes changes.
VERSIONS = {
    "part4-dataset": 1, "part4-variants": 3, "part4-l2": 3, "part4-baselines": 1, "part4-own": 1, "part4-ablation": 1,
    "part4-sizes": 3, "part4-speed": 1,
}  # fmt: skip


def specs(profile: Profile) -> list[dict]:
    """Every run of Part IV under a profile, cheap ones first."""
    sizes = profile.part4
    made = [_spec(profile, "part4-dataset", "ag-news", 0, vocabulary=sizes.vocabulary, longest=sizes.longest)]
    made += [_spec(profile, "part4-baselines", model, 0) for model in BASELINES]
    made.append(_variant_spec(profile, "part4-speed", "throughput", 0, "base", repeats=sizes.repeats))
    made += [_variant_spec(profile, "part4-variants", model, seed, model) for model in VARIANTS for seed in sizes.seeds]
    made += [
        _variant_spec(profile, "part4-l2", f"strength-{strength:g}", seed, "regularised", l2=strength)
        for strength in sizes.l2_sweep
        if strength != sizes.l2
        for seed in sizes.sweep_seeds
    ]
    made += [_spec(profile, "part4-sizes", f"tfidf-{rows}", 0, rows=rows) for rows in sizes.sizes]
    made += [
        _variant_spec(profile, "part4-sizes", f"early-stopping-{rows}", seed, "early-stopping", rows=rows)
        for rows in sizes.sizes
        for seed in sizes.sweep_seeds
    ]
    made += [_spec(profile, "part4-own", OWN, seed, **design.settings(**sizes.own)) for seed in sizes.seeds]
    made += [
        _spec(profile, "part4-sizes", f"own-{rows}", seed, **design.settings(**sizes.own), rows=rows)
        for rows in sizes.own_sizes
        for seed in sizes.ablation_seeds
    ]
    made += [
        _spec(profile, "part4-ablation", name, seed, **design.settings(**sizes.own | change))
        for name, change in design.ABLATIONS.items()
        for seed in sizes.ablation_seeds
    ]
    return made


def _variant_spec(profile: Profile, task: str, name: str, seed: int, variant: str, **changed) -> dict:
    sizes, chosen = profile.part4, VARIANTS[variant]
    settings = {
        "vocabulary": sizes.vocabulary, "longest": sizes.longest, "width": sizes.width, "heads": sizes.heads,
        "hidden": sizes.hidden, "batch": sizes.batch, "learning_rate": sizes.learning_rate, "epochs": sizes.epochs,
        "dropout": sizes.dropout if chosen["dropout"] else 0.0,
        "patience": sizes.patience if chosen["early_stopping"] else None,
        "l2": sizes.l2 if chosen["l2"] else 0.0,
    }  # fmt: skip
    return _spec(profile, task, name, seed, **(settings | changed))


def _spec(profile: Profile, task: str, model: str, seed: int, **settings) -> dict:
    if profile.synthetic:
        settings["synthetic_rows"] = profile.part4.synthetic_rows
    return {
        "task": task,
        "model": model,
        "data": corpus.data_names(profile.data),
        "profile": profile.name,
        "seed": seed,
        "version": VERSIONS[task],
        "settings": settings,
    }


def train(spec: dict, scratch: Path) -> Outcome:
    """Make one run. Raises catalog.DataError when its data can't be had."""
    makers = {
        "part4-dataset": _dataset,
        "part4-baselines": _baseline,
        "part4-speed": _speed,
        "part4-variants": _variant,
        "part4-l2": _strength,
        "part4-sizes": _fewer_rows,
        "part4-own": _own,
        "part4-ablation": _ablated,
    }
    return makers[spec["task"]](spec, scratch)


@lru_cache(maxsize=1)
def _splits(names: tuple[str, ...], synthetic_rows: int) -> corpus.Splits:
    return corpus.load(list(names), synthetic_rows)


def _corpus(spec: dict) -> corpus.Splits:
    return _splits(tuple(spec["data"]), spec["settings"].get("synthetic_rows", 0))


def _dataset(spec: dict, scratch: Path) -> Outcome:
    """Describe the corpus, and what the variants' vocabulary makes of each split."""
    from study.news import description, tokens

    metrics, arrays = description.describe(_corpus(spec))
    s = spec["settings"]
    encoded, tokenizer = _encoded(tuple(spec["data"]), s.get("synthetic_rows", 0), s["vocabulary"], s["longest"])
    metrics["coverage"] = {name: tokens.coverage(one)._asdict() for name, one in encoded.items()}
    metrics["vocabulary"] = tokenizer.get_vocab_size()
    metrics["cut"] = {name: float((one.lengths == s["longest"]).mean()) for name, one in encoded.items()}
    return metrics, arrays


def _baseline(spec: dict, scratch: Path) -> Outcome:
    """Fit a model without a network, its penalty chosen on validation; then look at the test split once."""
    splits = _corpus(spec)
    start = time.perf_counter()
    found = baselines.majority(splits) if spec["model"] == "majority" else baselines.tfidf(splits, splits.train)
    metrics = {"seconds": time.perf_counter() - start} | {
        k: found[k] for k in ("penalty", "tried", "features") if k in found
    }
    metrics |= {name: scores(getattr(splits, name).classes, found[name]) for name in ("validation", "test")}
    predictions = [kept(name, found[name], getattr(splits, name).classes) for name in ("validation", "test")]
    return metrics, predictions[0] | predictions[1]


def _speed(spec: dict, scratch: Path) -> Outcome:
    """Examples a second of our loop and of the common way, in turn on the same rows and threads."""
    from study.news import speed

    encoded, classes, settings = timed(spec)
    found = speed.throughput(encoded, classes, settings, settings["repeats"], spec["seed"])
    return {**found, "rows": len(encoded)}, {}


def timed(spec: dict) -> tuple:
    """What throughput is measured on: encoded training texts, their classes, and settings with the true vocabulary."""
    s = spec["settings"]
    encoded, tokenizer = _encoded(tuple(spec["data"]), s.get("synthetic_rows", 0), s["vocabulary"], s["longest"])
    rows = _first(len(encoded["train"]), SPEED_ROWS)
    chosen = encoded["train"].rows(rows), _corpus(spec).train.classes[rows]
    return *chosen, s | {"vocabulary": tokenizer.get_vocab_size()}


def _fewer_rows(spec: dict, scratch: Path) -> Outcome:
    """Train on the first rows of the training split, which is in random order; measure on validation alone."""
    if "grams" in spec["settings"]:
        return _own_trained(spec, scratch, tested=False)[:2]
    splits, wanted = _corpus(spec), spec["settings"]["rows"]
    if "epochs" in spec["settings"]:
        return _trained(spec, scratch, tested=False, rows=_first(len(splits.train), wanted))
    found = baselines.tfidf(splits, _shortened(splits, wanted).train)
    return {"validation": scores(splits.validation.classes, found["validation"])}, {}


def _first(rows: int, wanted: int) -> np.ndarray:
    return np.arange(min(rows, wanted))


def _shortened(splits: corpus.Splits, wanted: int) -> corpus.Splits:
    """The same with the first rows of the training split alone."""
    return replace(splits, train=splits.train.rows(_first(len(splits.train), wanted)))


def _variant(spec: dict, scratch: Path) -> Outcome:
    """Train a variant of the original's classifier; measure all three splits once at its end."""
    return _trained(spec, scratch, tested=True)


def _strength(spec: dict, scratch: Path) -> Outcome:
    """The same for one strength of the penalty, without a look at the test split."""
    return _trained(spec, scratch, tested=False)


def _trained(spec: dict, scratch: Path, tested: bool, rows: np.ndarray | None = None) -> Outcome:
    import torch

    from study import training
    from study.news import inside, tokens
    from study.news.classifier import TextClassifier

    s, splits = spec["settings"], _corpus(spec)
    encoded, tokenizer = _encoded(tuple(spec["data"]), s.get("synthetic_rows", 0), s["vocabulary"], s["longest"])
    torch.manual_seed(spec["seed"])
    model = TextClassifier(
        tokenizer.get_vocab_size(), s["longest"], s["width"], s["heads"], s["hidden"], len(corpus.CLASSES), s["dropout"]
    )
    recipe = training.Recipe(s["epochs"], s["learning_rate"], weight_decay=s["l2"], patience=s["patience"])
    batches = {
        name: tokens.TextBatches(encoded[name], getattr(splits, name).classes, s["batch"], spec["seed"])
        for name in encoded
    }
    if rows is not None:
        few = encoded["train"].rows(rows), splits.train.classes[rows]
        batches["train"] = tokens.TextBatches(*few, s["batch"], spec["seed"])
    history = training.fit(model, batches["train"], batches["validation"], recipe, spec["seed"], scratch)
    metrics, arrays, logits = _measured(model, batches, history, tested)
    if tested:
        metrics["mistakes"] = inside.mistakes(splits.test, logits["test"])
        metrics["attention"] = inside.attention(model, tokenizer, encoded["test"], splits.test, logits["test"])
    return metrics, arrays


def _own(spec: dict, scratch: Path) -> Outcome:
    """Train the own classifier; measure all three splits once at its end."""
    from study.news import inside

    metrics, arrays, logits = _own_trained(spec, scratch, tested=True)
    metrics["mistakes"] = inside.mistakes(_corpus(spec).test, logits["test"])
    return metrics, arrays


def _ablated(spec: dict, scratch: Path) -> Outcome:
    """The same with one change taken back, without a look at the test split."""
    metrics, arrays, logits = _own_trained(spec, scratch, tested=False)
    return metrics, arrays | kept("validation", logits["validation"], _corpus(spec).validation.classes)


def _own_trained(spec: dict, scratch: Path, tested: bool) -> tuple[dict, dict, dict]:
    """With `rows` in the settings, on the first rows of the training split alone, in as many steps as on all."""
    import torch

    from study import training
    from study.news import own

    s, splits = spec["settings"], _corpus(spec)
    chosen, recipe = own.chosen(s)
    if "rows" in s:
        whole, splits = splits, _shortened(splits, s["rows"])
        recipe = replace(recipe, epochs=round(recipe.epochs * len(whole.train) / len(splits.train)))
    synthetic, sizes = s.get("synthetic_rows", 0), (chosen.vocabulary, chosen.longest, chosen.width)
    readings, features, vectors = _read(tuple(spec["data"]), synthetic, len(splits.train), *sizes)
    batches = {
        name: own.Batches(reading, getattr(splits, name).classes, chosen, spec["seed"])
        for name, reading in readings.items()
    }
    torch.manual_seed(spec["seed"])
    model = own.OwnClassifier(chosen, features, vectors if chosen.started else None)
    history = training.fit(model, batches["train"], batches["validation"], recipe, spec["seed"], scratch)
    return _measured(model, batches, history, tested)


def _measured(model, batches: dict, history: dict[str, list[float]], tested: bool) -> tuple[dict, dict, dict]:
    """Metrics of the trained model on each split, arrays for later figures and tests, and its logits.

    Without `tested` the test split is left alone, and no logits are kept.
    """
    from study import training

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


@lru_cache(maxsize=2)
def _encoded(names: tuple[str, ...], synthetic_rows: int, vocabulary: int, longest: int) -> tuple[dict, Tokenizer]:
    """Each split as word numbers, and the tokeniser, learnt from training texts alone."""
    from study.news import tokens

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
    from study.news import own

    splits = _shortened(_splits(names, synthetic_rows), rows)
    reader = own.Reader(splits.train.texts, vocabulary, longest)
    readings = {
        name: reader.learnt if name == "train" else reader.read(split.texts) for name, split in vars(splits).items()
    }
    return readings, reader.features, own.first_vectors(readings["train"].words, vocabulary, width)


def sentinel(profile: Profile) -> dict:
    """The small run that is made again on the reader's machine: the transformer on the fewest rows, first seed."""
    return next(s for s in specs(profile) if s["task"] == "part4-sizes" and "epochs" in s["settings"])


def compared(record: Record) -> list[tuple[str, float, float]]:
    """What `make reproduce` and the sentinel compare: (name, value, absolute tolerance).

    Another machine adds in another order, and training makes much of the rounding: trained models get the tolerance
    that seeds need. Throughput belongs to a machine and is not compared.
    """
    m, task = record.metrics, record.spec["task"]
    if task == "part4-dataset":
        return [
            ("near-duplicates in test", m["duplicates"]["near_test"], 0.0),
            ("tokens in test", m["coverage"]["test"]["tokens"], 0.0),
        ]
    if task == "part4-speed":
        return []
    tolerance = (
        0.002 if "epochs" not in record.spec["settings"] else 0.01 if "rows" not in record.spec["settings"] else 0.03
    )
    return [(f"{split} accuracy", m[split]["accuracy"], tolerance) for split in ("validation", "test") if split in m]
