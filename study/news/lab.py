"""What Part IV's notebook works with: texts where they are at hand, trainings that are kept or made, the evidence.

A training is found by all that decides it (the classifier's definition, data, settings, seed), so a stored result
stands beside the code that made it or not at all. The documents are built from records alone: what needs the texts,
which are not redistributed, shows nothing in a build.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import nn

from study import catalog, definitions, environment, lab, paths, profile, published, runs
from study.attention import as_pytorch
from study.comparison import compare, gap, mean, measured
from study.evaluation import Interval
from study.news import (
    claims,
    conditions,
    corpus,
    design,
    experiments,
    inside,
    tokens,
    trainings,
    variants,
    weights,
)  # fmt: skip
from study.news.measures import accuracy_without, calibrated, confused, shared_mistakes
from study.news.variants import NAMES, Variants
from study.prose import join_list
from study.runs import Record

__all__ = [
    "Few", "News", "Reading", "Run", "accuracy_without", "calibrated", "confused", "gap", "literature",
    "pytorch_layer", "shared_mistakes", "trials",
]  # fmt: skip

WITHOUT = {key: key.removeprefix("without-").replace("-", " ") for key in design.ABLATIONS} | {
    "without-n-grams": "wide towers", "without-co-occurrence": "vectors from co-occurrence",
    "without-one-cycle": "one-cycle schedule",
}  # fmt: skip
"""What each row of the ablation is without, in words, by its key."""

Make = Callable[..., nn.Module]
"""A class or function that returns a classifier for (vocabulary, longest, width, heads, hidden, classes, dropout)."""


@dataclass(frozen=True)
class Run:
    """One training and what came out."""

    record: Record

    @property
    def history(self) -> pd.DataFrame:
        """After each epoch (from 1): `loss` and `accuracy` in training, `validation_loss`, `validation_accuracy`."""
        return lab.history(self.record, "loss", "accuracy", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class Few:
    """A handful of texts to train on by hand, in batches, and the arguments of a classifier for them."""

    train: tokens.TextBatches
    validation: tokens.TextBatches
    sizes: dict[str, int]


@dataclass(frozen=True)
class Reading:
    """A text as a trained classifier reads it: class probabilities, tokens, attention each token receives.

    `received` (heads, N) is the mean over all queries of the weight on a token; over the tokens it sums to one.
    `length` is the text's number of tokens, of which the classifier reads the first.
    """

    probabilities: dict[str, float]
    tokens: list[str]
    received: np.ndarray
    length: int

    @property
    def title(self) -> str:
        """The classes by falling probability, and what the classifier did not read."""
        falling = sorted(self.probabilities, key=self.probabilities.get, reverse=True)
        found = [f"{name} {self.probabilities[name]:.0%}" for name in falling]
        if self.length > len(self.tokens):
            found.append(f"the first {len(self.tokens)} of {self.length} tokens")
        if unknown := self.tokens.count(tokens.UNKNOWN_WORD):
            found.append(f"{unknown} of {len(self.tokens)} unknown")
        return ", ".join(found)


class News:
    """The texts of AG's news and everything that was trained on them, for one profile of the report."""

    def __init__(self, profile_name: str) -> None:
        self.profile = profile.load(profile_name)
        self.sizes = self.profile.part4
        self._store = runs.Store(self.profile.records, self.profile.drafts)
        self._specs = experiments.ALL.specs(self.profile)
        self.classes = corpus.classes_of(self._specs[0])

    def articles(self, split: str = "train") -> pd.DataFrame | None:
        """The texts of a split with their classes; in a build, or where they are not at hand, None and how to get them.

        Raises ValueError for another split than train, validation and test.
        """
        splits = self._splits()
        if splits is None:
            return None
        if split not in vars(splits):
            raise ValueError(f"There is no split {split!r}. Choose one of: {', '.join(vars(splits))}.")
        chosen = getattr(splits, split)
        return pd.DataFrame({"text": chosen.texts, "class": [self.classes[kind] for kind in chosen.classes]})

    def few(self, rows: int = 2_000) -> Few | None:
        """The first `rows` training texts, which are in random order, and 1,000 for validation; None as `articles`."""
        splits, s = self._splits(), self.sizes
        if splits is None:
            return None
        chosen = splits.train.first(rows), splits.validation.first(1_000)
        tokenizer = tokens.learn(chosen[0].texts, s.vocabulary)
        batches = [
            tokens.TextBatches(tokens.encode(tokenizer, part.texts, s.longest), part.classes, s.batch, 0)
            for part in chosen
        ]
        return Few(*batches, sizes=self.shape(tokenizer.get_vocab_size()))

    def shape(self, vocabulary: int) -> dict[str, int]:
        """The arguments of a classifier for a vocabulary, dropout aside."""
        s = self.sizes
        return {
            "vocabulary": vocabulary, "longest": s.longest, "width": s.width, "heads": s.heads, "hidden": s.hidden,
            "classes": len(self.classes),
        }  # fmt: skip

    def train(self, make: Make, variant: str = "Dropout", seed: int = 0, **changed: float) -> Run:
        """One of the four variants, by its name: kept, or trained here on all texts in some minutes, and kept.

        `changed` are other settings, such as `dropout=0.4`. Raises ValueError for an unknown variant or setting,
        catalog.DataError where the texts are not at hand.
        """
        spec = self._variant(definitions.of(make), variant, seed)
        unknown = set(changed) - set(spec["settings"])
        if unknown:
            raise ValueError(
                f"There is no setting {join_list(sorted(unknown))}; there are {join_list(spec['settings'])}."
            )
        return Run(self._by_hand(make, {**spec, "settings": spec["settings"] | changed}))

    def repeat(self, make: Make) -> dict[str, list[Record]]:
        """The four variants by name, a record a seed; what is asked for afterwards is of this classifier, too.

        Raises ValueError where some have not been trained.
        """
        definition, found = definitions.of(make), {}
        self._specs = [_with(definition, spec) for spec in self._specs]
        self.__dict__.pop("records", None)
        for key in experiments.VARIANTS:
            specs = (self._variant(definition, NAMES[key], seed) for seed in self.sizes.seeds)
            found[NAMES[key]] = [record for record in map(self._store.load, specs) if record is not None]
        missing = [name for name, records in found.items() if not records]
        if missing:
            raise ValueError(
                f"This classifier has no training as {', '.join(missing)} yet. `news.train` makes one, `make report` a "
                "draft with the first seeds, `make sweep PART=part4` all; to keep the records, take the change back."
            )
        return found

    def of(self, task: str, model: str | None = None) -> list[Record]:
        """The records of a task such as `own` (and of a model), by seed."""
        return runs.of(self.records, f"part4-{task}", model)

    @cached_property
    def records(self) -> list[Record]:
        """The kept records of Part IV. Raises ValueError if there are none."""
        return lab.kept(self.profile, self._specs, "Part IV")

    @cached_property
    def evidence(self) -> claims.Evidence:
        """What the verdicts rest on."""
        return claims.gather(self.records)

    def classifiers(self) -> dict[str, list[Record]]:
        """Everything that was judged on the test split, by name: the four variants, ours, the linear model."""
        tasks = {**dict.fromkeys(experiments.VARIANTS, "variants"), experiments.OWN: "own", "tfidf": "baselines"}
        return {NAMES[key]: self.of(task, key) for key, task in tasks.items()}

    def compared(self, one: str, other: str, split: str = "test") -> Interval:
        """One classifier against another, by name, on the same texts."""
        found = self.classifiers()
        return compare(found[one], found[other], split)

    def test_accuracies(self) -> dict[str, list[float]]:
        """The test accuracy of every seed of every classifier, by name."""
        return {name: [measured(r, "test_accuracy") for r in found] for name, found in self.classifiers().items()}

    @property
    def best(self) -> str:
        """The name of the variant with the highest test accuracy, mean over seeds."""
        means = {NAMES[key]: mean(self.of("variants", key), "test_accuracy") for key in experiments.VARIANTS}
        return max(means, key=means.get)

    def penalties(self) -> pd.DataFrame:
        """The strengths of the L2 penalty (`l2`), with means and intervals of `accuracy`, `loss` and `gap`."""
        return variants.sweep(self.records)

    def change_by_penalty(self, quantity: str, strength: float, base: float) -> Interval:
        """Validation `accuracy` or `loss` at one strength of the penalty minus that at another."""
        return variants.change(self.records, f"validation_{quantity}", strength, base)

    def ablated(self) -> dict[str, list[Record]]:
        """The trainings of our classifier without one of its parts, by the part's name."""
        return {name: self.of("ablation", key) for key, name in WITHOUT.items()}

    def ablation(self) -> dict[str, Interval]:
        """Each of them against the whole classifier on the validation split, by the seeds that both have."""
        whole = self.of("own")
        return {name: compare(found, whole[: len(found)], "validation") for name, found in self.ablated().items()}

    def by_size(self) -> dict[str, tuple[list[int], list]]:
        """Numbers of training texts and validation accuracy with each, by name; an interval where seeds are many."""
        everything, s = self.of("dataset")[0].metrics["rows"]["train"], self.sizes
        rows = {
            "early-stopping": (s.sizes, self.of("variants", "early-stopping")),
            "tfidf": (s.sizes, self.of("baselines", "tfidf")),
            "own": (s.own_sizes, self.of("own")[: len(s.ablation_seeds)]),
        }
        found = {}
        for key, (sizes, whole) in rows.items():
            read = variants.over_seeds if key == "early-stopping" else mean
            trained = [*(self.of("sizes", f"{key}-{size}") for size in sizes), whole]
            found[NAMES[key]] = [*sizes, everything], [read(one, "validation_accuracy") for one in trained]
        return found

    def read(self, text: str, make: Make) -> Reading | None:
        """A text as a classifier with dropout reads it, by the weights that the record of its first seed keeps.

        A changed classifier is trained first, in some minutes. In a build, or where the texts for that are not at
        hand, None. Raises catalog.DataError for a text of which the classifier knows no word.
        """
        if not isinstance(text, str):
            raise catalog.DataError(f"{text!r} is no text. Write a sentence between quotes.")
        if os.environ.get(environment.BUILDING):
            return None
        spec = _with(definitions.of(make), experiments.weights_spec(self.profile))
        record = self._store.load(spec)
        if record is None and self._splits() is None:
            return None
        record = record or self._by_hand(make, spec)
        return _reading(*weights.classifier(record, make), self.classes, text, self.sizes.longest)

    def conditions(self) -> pd.DataFrame:
        """The settings that the original may have had, and ours, as `study.news.conditions.nearest` compares them."""
        return conditions.nearest(self.records, conditions.with_own(self.sizes))

    def guesses(self) -> dict[str, Variants]:
        """The four variants in each of these settings that was tested, by its name; the nearest first."""
        names = {setting: name for name, setting in conditions.grid(self.sizes).items()}
        return {names[setting]: found for setting, found in self.evidence.guesses.items()}

    def unreached(self) -> dict[str, float]:
        """The original's numbers, by key, that none of these comes close to, and how far the nearest of them is off."""
        return conditions.unreached(self.records, conditions.with_own(self.sizes))

    def reported(self, key: str) -> float:
        return published.value(f"part4.{key}")

    def verdicts(self) -> dict[str, str]:
        return lab.statuses("part4", self.records)

    def _by_hand(self, make: Make, spec: dict) -> Record:
        return self._store.by_hand(spec, lambda spec, scratch: trainings.train_variant(spec, scratch, make))

    def _splits(self) -> corpus.Splits | None:
        """The texts, only where a person runs the notebook: documents are the same with and without them."""
        if os.environ.get(environment.BUILDING):
            return None
        try:
            return corpus.load(corpus.data_names(self.profile.data), self.sizes.synthetic_rows)
        except catalog.DataError as error:
            print(f"The texts are not at hand: {error}. AG's news is not redistributed; see data/README.md.")
            return None

    def _variant(self, definition: str, variant: str, seed: int) -> dict:
        """The spec of a variant with the classifier of this definition. Raises ValueError for an unknown variant."""
        keys = {NAMES[key]: key for key in experiments.VARIANTS}
        if variant not in keys:
            raise ValueError(f"There is no variant {variant!r}. Choose one of: {', '.join(keys)}.")
        of_variant = [s for s in self._specs if (s["task"], s["model"]) == ("part4-variants", keys[variant])]
        of_seed = [s for s in of_variant if s["seed"] == seed] or [{**of_variant[-1], "seed": seed}]
        return _with(definition, of_seed[0])


def _with(definition: str, spec: dict) -> dict:
    """The spec of a run with the classifier of this definition, where it trains the notebook's; others as they are."""
    settings = spec["settings"]
    trains = "epochs" in settings and "grams" not in settings
    return {**spec, "definition": definition} if trains else spec


@torch.no_grad()
def _reading(model: nn.Module, tokenizer: tokens.Tokenizer, names: Sequence[str], text: str, longest: int) -> Reading:
    cleaned = corpus.clean(text)
    one = tokens.encode(tokenizer, [cleaned], longest)
    (inputs, _, _) = next(tokens.TextBatches(one, np.zeros(1, dtype=np.int64), 1, 0).in_order())
    shares = model.eval()(*inputs).softmax(dim=1)[0].tolist()
    if (one.ids[0] == tokens.UNKNOWN).all():
        raise catalog.DataError(f"The classifier knows no word of {text!r}. Write a sentence of common English words.")
    words = [tokenizer.id_to_token(number) or "" for number in one.ids[0].tolist()]
    received = inside.received(model, *inputs)[0].numpy(force=True)
    return Reading(dict(zip(names, shares, strict=True)), words, received, len(tokenizer.encode(cleaned).ids))


def pytorch_layer(block: nn.Module, width: int, heads: int, hidden: int) -> nn.TransformerEncoderLayer:
    """PyTorch's own encoder layer with the weights of one of the notebook's blocks, without dropout."""
    layer = nn.TransformerEncoderLayer(width, heads, hidden, dropout=0.0, batch_first=True)
    layer.self_attn = as_pytorch(block.attention)
    layer.linear1.load_state_dict(block.feed_forward[0].state_dict())
    layer.linear2.load_state_dict(block.feed_forward[3].state_dict())
    layer.norm1.load_state_dict(block.attention_norm.state_dict())
    layer.norm2.load_state_dict(block.feed_forward_norm.state_dict())
    return layer


def literature() -> pd.DataFrame:
    """Published test accuracies on AG's news: `model`, `accuracy`, `citation`."""
    return published.table("ag_news")


def trials() -> int:
    """How many designs of our classifier were tried on the validation split (report/own_classifier_trials.csv)."""
    return len(pd.read_csv(paths.CLASSIFIER_TRIALS))
