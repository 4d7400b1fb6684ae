"""What the corpus is: sizes, balance, lengths, telling words, near-duplicates across its splits."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

from study.news.corpus import Corpus, Splits

ALIKE = 0.5
"""Two texts are near-duplicates when their word 5-grams have at least this Jaccard similarity (Broder 1997)."""
WORDS_SHOWN = 12
_SHINGLE = 5
_PRIOR = 1_000.0  # pseudo-counts of the log-odds' prior, spread over the words as the corpus does


def describe(splits: Splits, names: Sequence[str]) -> tuple[dict, dict[str, np.ndarray]]:
    """Metrics and arrays of a record, everything that the notebook tells of the dataset; `names` are the classes'."""
    by_name = vars(splits)
    lengths = {name: np.array([len(text.split()) for text in split.texts]) for name, split in by_name.items()}
    near = most_alike(splits.test.texts, splits.train.texts) >= ALIKE
    metrics = {
        "rows": {name: len(split) for name, split in by_name.items()},
        "classes": {name: np.bincount(one.classes, minlength=len(names)).tolist() for name, one in by_name.items()},
        "words": telling_words(splits.train, names),
        "duplicates": {"near_test": int(near.sum())},
        "lengths": {
            name: {"mean": float(n.mean()), **{f"q{q}": float(np.percentile(n, q)) for q in (50, 99)}}
            for name, n in lengths.items()
        },
    }
    return metrics, {"near_test": near}


def telling_words(split: Corpus, names: Sequence[str]) -> dict[str, list[dict]]:
    """For each class the words that tell it from the others, by z-score of the log-odds ratio of their counts.

    The prior is the corpus' own word distribution (Monroe, Colaresi & Quinn 2008), so that rare words do not lead.
    """
    vectoriser = CountVectorizer(
        min_df=min(20, max(1, len(split) // 50)), token_pattern=r"(?u)\b[a-z][a-z']+\b", dtype=np.int32
    )
    counts, words = vectoriser.fit_transform(split.texts), vectoriser.get_feature_names_out()
    everywhere = np.asarray(counts.sum(axis=0)).ravel().astype(np.float64)
    prior = _PRIOR * everywhere / everywhere.sum()
    found = {}
    for kind, name in enumerate(names):
        inside = np.asarray(counts[split.classes == kind].sum(axis=0)).ravel()
        outside = everywhere - inside
        odds = [np.log(n + prior) - np.log(n.sum() + _PRIOR - n - prior) for n in (inside.astype(np.float64), outside)]
        z = (odds[0] - odds[1]) / np.sqrt(1 / (inside + prior) + 1 / (outside + prior))
        found[name] = [{"word": str(words[i])} for i in np.argsort(-z)[:WORDS_SHOWN]]
    return found


def most_alike(texts: list[str], others: list[str]) -> np.ndarray:
    """For each text the highest Jaccard similarity (n,) of its word 5-grams with those of a text of another list.

    A text of fewer than five words has none and is like nothing: 0.
    """
    # Hashed into 2²² places: two 5-grams rarely meet in one.
    shingles = HashingVectorizer(
        ngram_range=(_SHINGLE, _SHINGLE), n_features=2**22, binary=True, norm=None, alternate_sign=False,
        token_pattern=r"(?u)\w+",
    )  # fmt: skip
    a, b = (sparse.csr_matrix(shingles.transform(t)) for t in (texts, others))
    sizes_a, sizes_b = a.getnnz(axis=1), b.getnnz(axis=1)
    likeness = np.zeros(len(texts))
    transposed = b.T.tocsr()
    for start in range(0, len(texts), 1_000):
        shared = (a[start : start + 1_000] @ transposed).tocsr()
        for i in np.flatnonzero(np.diff(shared.indptr)):
            row = slice(shared.indptr[i], shared.indptr[i + 1])
            both = shared.data[row]
            likeness[start + i] = (both / (sizes_a[start + i] + sizes_b[shared.indices[row]] - both)).max()
    return likeness
