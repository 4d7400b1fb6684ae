"""A stand-in for AG's news, made from a seed: made-up words, some of which belong to one class."""

import numpy as np

_SYLLABLES = ("ba", "do", "fi", "ku", "le", "mo", "na", "pe", "ri", "su", "ta", "vo")
_COMMON, _OWN = 200, 30
_SHARE_OWN = 0.12
_KINDS = 4


def texts_and_classes(rows: int, seed: int) -> tuple[list[str], np.ndarray]:
    """`rows` texts of 8 to 50 words, and their classes, in turn. Raises ValueError for fewer rows than classes."""
    if rows < _KINDS:
        raise ValueError(f"a synthetic corpus needs {_KINDS} rows or more, not {rows}")
    random = np.random.default_rng([seed, rows])
    common = [_word(i) for i in range(_COMMON)]
    own = [[_word(1_000 + 100 * kind + i) for i in range(_OWN)] for kind in range(_KINDS)]
    classes = np.arange(rows) % _KINDS
    texts = []
    for kind in classes:
        length = int(random.integers(8, 50))
        from_own = random.random(length) < _SHARE_OWN
        words = [own[kind][random.integers(_OWN)] if mine else common[random.integers(_COMMON)] for mine in from_own]
        texts.append(" ".join(words).capitalize() + ".")
    return texts, classes


def _word(number: int) -> str:
    digits = [number // 144 % 12, number // 12 % 12, number % 12]
    return "".join(_SYLLABLES[d] for d in digits)
