"""A stand-in for AG's news, made from a seed: made-up words, some of which belong to one class."""

import numpy as np

from study.news.corpus import CLASSES, Corpus

_SYLLABLES = ("ba", "do", "fi", "ku", "le", "mo", "na", "pe", "ri", "su", "ta", "vo")
_COMMON, _OWN = 200, 30
_SHARE_OWN = 0.12


def corpus(rows: int, seed: int) -> Corpus:
    """`rows` texts of 8 to 50 words, their classes in turn. Raises ValueError for fewer rows than classes."""
    if rows < len(CLASSES):
        raise ValueError(f"a synthetic corpus needs {len(CLASSES)} rows or more, not {rows}")
    random = np.random.default_rng([seed, rows])
    common = [_word(i) for i in range(_COMMON)]
    own = [[_word(1_000 + 100 * kind + i) for i in range(_OWN)] for kind in range(len(CLASSES))]
    classes = np.arange(rows) % len(CLASSES)
    texts = []
    for kind in classes:
        length = int(random.integers(8, 50))
        from_own = random.random(length) < _SHARE_OWN
        words = [own[kind][random.integers(_OWN)] if mine else common[random.integers(_COMMON)] for mine in from_own]
        texts.append(" ".join(words).capitalize() + ".")
    return Corpus(texts, classes)


def _word(number: int) -> str:
    digits = [number // 144 % 12, number // 12 % 12, number % 12]
    return "".join(_SYLLABLES[d] for d in digits)
