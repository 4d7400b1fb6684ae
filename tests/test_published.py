"""Claims are quoted word for word from the original's text, which stays outside the repository.

After a quotation has changed, where the original lies beside the checkout:
`WRITE_QUOTATIONS=yes python -m pytest tests/test_published.py`.
"""

import hashlib
import json
import os
import re
from pathlib import Path

import pytest

from study import paths, published

ORIGINAL = paths.DEFAULT_MIRROR.parent / "write-up.txt"
CHECKED = Path(__file__).parent / "data" / "quotations.json"
"""Digests of the quotations that were compared with the original, for checkouts beside which it does not lie."""

# The original's formulas are TeX, in a claim they are a line of text. Inner braces first, until nothing changes.
TEX = {
    r"\\text\{([^{}]*)\}": r"\1",
    r"\\sqrt\{([^{}]*)\}": r"√\1",
    r"e\^\{([^{}]*)\}": r"exp(\1)",
    r"\\frac\{([^{}]*)\}\{([^{}]*)\}": r"\1/\2",
    r"\\sum": "Σ",
    r"\\cdot": "·",
    r"\\dots": "…",
    r"\\left|\\right|\$": "",
}


def plain(text):
    """Without white space, Markdown's emphasis and TeX; straight quotation marks."""
    for mark, straight in {"“": '"', "”": '"', "‘": "'", "’": "'"}.items():
        text = text.replace(mark, straight)
    text, before = re.sub(r"[*`]|</?b>|\s", "", text), ""
    while text != before:
        before = text
        for tex, meant in TEX.items():
            text = re.sub(tex, meant, text)
    return text


def pieces(quotation):
    """What a quotation takes from its source: the text between … and around [insertions]."""
    return [piece for piece in re.split(r"…|\[[^]]*\]", plain(quotation)) if piece]


def test_a_changed_word_is_seen_and_an_omission_is_not():
    original = plain("- **Loss:** Very low,\nwith no $\\frac{a}{\\sqrt{d_k}}$ outliers.")
    assert all(piece in original for piece in pieces("[V]ery low, … a / √d_k outliers."))
    assert not all(piece in original for piece in pieces("Very low, with outliers."))


@pytest.mark.skipif(not ORIGINAL.is_file(), reason=f"the original's text is not at {ORIGINAL}")
def test_every_claim_is_quoted_word_for_word():
    original = plain(ORIGINAL.read_text(encoding="utf-8"))
    altered = {
        name: [piece for piece in pieces(claim["text"]) if piece not in original]
        for name, claim in published.everything()["claims"].items()
    }
    assert {name: found for name, found in altered.items() if found} == {}
    if os.environ.get("WRITE_QUOTATIONS"):
        CHECKED.write_text(json.dumps(digests(), indent=1) + "\n", encoding="utf-8")


def test_every_quotation_is_one_that_was_compared_with_the_original():
    assert digests() == json.loads(CHECKED.read_text(encoding="utf-8")), f"compare it, then refresh {CHECKED.name}"


def digests():
    """The first digits of each quotation's SHA-256."""
    quotations = {name: claim["text"] for name, claim in published.everything()["claims"].items()}
    return {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in quotations.items()}
