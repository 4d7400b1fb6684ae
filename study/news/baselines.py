"""Text classifiers without a network, to measure the transformer against."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from study.news.corpus import Splits

PENALTIES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Strengths C of the support-vector machine, chosen by validation accuracy."""


def tfidf(splits: Splits) -> dict:
    """Linear support-vector machine on TF-IDF of words and word pairs, in the manner of Zhang et al. (2015), Table 4.

    Returns `validation` and `test` decision values (n, classes).
    """
    vectoriser = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"(?u)\b\w+\b", dtype=np.float32
    )
    train = vectoriser.fit_transform(splits.train.texts)
    validation, test = (vectoriser.transform(split.texts) for split in (splits.validation, splits.test))
    machines = {penalty: LinearSVC(C=penalty, random_state=0).fit(train, splits.train.classes) for penalty in PENALTIES}
    tried = {penalty: machine.score(validation, splits.validation.classes) for penalty, machine in machines.items()}
    best = max(tried, key=tried.get)
    decide = machines[best].decision_function
    decided = {"validation": decide(validation), "test": decide(test)}
    # Of two classes, scikit-learn gives the second one's values alone.
    return {name: found if found.ndim == 2 else np.stack([-found, found], axis=1) for name, found in decided.items()}


def majority(splits: Splits) -> dict:
    """Always the most frequent class of the training split, with certainty spread as there: logits (n, classes)."""
    shares = np.bincount(splits.train.classes, minlength=splits.test.classes.max() + 1) / len(splits.train)
    shares = np.maximum(shares, 1e-9)  # a class that training lacks stays possible
    return {name: np.tile(np.log(shares), (len(getattr(splits, name)), 1)) for name in ("validation", "test")}
