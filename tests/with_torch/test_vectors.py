"""Vectors of a reader's own: what is a table of tokens and numbers is read, what is none is refused with its line."""

import pytest
import torch

from study.catalog import DataError
from study.theory import vectors

READ = {
    "commas and a header": "token,a,b\ncat,1,-0.5\nsees,0,2e-1\n",
    "spaces, as of word vectors": "cat 1.0 -0.5\nsees 0.0 0.2\n",
    "semicolons and decimal commas": "Wort;a;b\ncat;1,0;-0,5\nsees;0;0,2\n",
}


@pytest.mark.parametrize("kind", READ)
def test_tokens_and_their_numbers_are_read(tmp_path, kind):
    file = tmp_path / "mine.csv"
    file.write_text(READ[kind], encoding="utf-8")
    tokens, found = vectors.read(file)
    assert tokens == ["cat", "sees"] and found.dtype == torch.float32
    assert torch.equal(found, torch.tensor([[1.0, -0.5], [0.0, 0.2]]))


REFUSED = {
    "no number": ("cat,1,2\nsees,1,two\n", "line 2: 'two' is no number"),
    "not finite": ("cat,1,2\nsees,inf,2\n", "line 2: 'inf' is no number"),
    "empty": ("cat,1,2\nsees,,2\n", "line 2: '' is no number"),
    "one token": ("token,a\ncat,1\n", "has 1 tokens. Give 2 to 24"),
    "a whole vocabulary": ("".join(f"w{i} 1 2\n" for i in range(25)), "has 25 tokens. Give 2 to 24"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_table_of_vectors_is_refused(tmp_path, kind):
    text, said = REFUSED[kind]
    file = tmp_path / "mine.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=said) as refusal:
        vectors.read(file)
    assert str(file) in str(refusal.value)
