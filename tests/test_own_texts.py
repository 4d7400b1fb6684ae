"""Texts of one's own: a CSV file or a folder, any classes; what can't be read is named, all rows at once."""

import re

import numpy as np
import pytest

from study import profile
from study.catalog import DataError
from study.news import corpus, experiments, own_texts

WORDS = {"cats": "The cat sleeps, all day", "owls": "An owl hunts; at night", "newts": "A newt lives in a pond"}
EACH = 25


def rows(sign=",", quote='"', kinds=None):
    """A header's worth of rows of each class in turn."""
    named = kinds or list(WORDS)
    return [
        f"{named[i % 3]}{sign}{quote}{text} {n}{quote}" for n in range(EACH) for i, text in enumerate(WORDS.values())
    ]


def written(folder, lines, encoding="utf-8"):
    file = folder / "mine.csv"
    file.write_bytes(lines if isinstance(lines, bytes) else "\n".join(lines).encode(encoding))
    return file


READ = {
    "a header": (["label,text", *rows()], "utf-8", list(WORDS)),
    "other names": (["Category,Review", *rows()], "utf-8", list(WORDS)),
    "no header": (rows(), "utf-8", list(WORDS)),
    "text first": (["text,label", *(",".join(reversed(r.split(",", 1))) for r in rows())], "utf-8", list(WORDS)),
    "BOM": (["label,text", *rows()], "utf-8-sig", list(WORDS)),
    "from 0": (["label,text", *rows(kinds="012")], "utf-8", ["0", "1", "2"]),
    "numbers in their order": (["label,text", *rows(kinds=["9", "10", "11"])], "utf-8", ["9", "10", "11"]),
    "more columns": (["id,label,text", *(f"7,{r}" for r in rows())], "utf-8", list(WORDS)),
}


@pytest.mark.parametrize("kind", READ)
def test_a_table_of_any_usual_form_is_read(tmp_path, kind):
    lines, encoding, names = READ[kind]
    found, texts, classes = own_texts.read(written(tmp_path, lines, encoding), corpus.clean)
    assert list(found) == sorted(names, key=int if names[0].isdigit() else str)
    assert np.bincount(classes).tolist() == [EACH] * 3 and len(texts) == 3 * EACH
    assert found[classes[0]] == names[0] and texts[0] == "The cat sleeps, all day 0"


def test_a_title_and_a_description_are_joined(tmp_path):
    lines = ["title,class,description", *(f"A title,{i % 2},and {i}" for i in range(50))]
    assert own_texts.read(written(tmp_path, lines), corpus.clean)[1][3] == "A title and 3"
    file = written(tmp_path, [f"{i % 2 + 1},A title,and {i}" for i in range(50)])  # as AG's news
    assert own_texts.read(file, corpus.clean)[1][3] == "A title and 3"


def test_a_long_text_over_lines_is_read_whole(tmp_path):
    lines = ["label,text", *rows(), 'cats,"' + "a cat\n" * 40_000 + '"']
    assert len(own_texts.read(written(tmp_path, lines), corpus.clean)[1][-1]) > 200_000


def test_a_folder_of_texts_is_read(tmp_path):
    for kind, text in WORDS.items():
        (tmp_path / "mine" / kind).mkdir(parents=True)
        for i in range(EACH):
            (tmp_path / "mine" / kind / f"{i}.txt").write_text(f"{text} {i}", encoding="utf-8-sig")
    (tmp_path / "mine" / "cats" / "Thumbs.db").write_bytes(b"\xff")
    names, texts, classes = own_texts.read(tmp_path / "mine", corpus.clean)
    assert names == ("cats", "newts", "owls") and np.bincount(classes).tolist() == [EACH] * 3
    (tmp_path / "mine" / "more.txt").write_text("beside")
    with pytest.raises(DataError, match="more.txt lies beside the classes' folders"):
        own_texts.read(tmp_path / "mine", corpus.clean)


REFUSED = {
    "no class": (["label,text", *rows(), ",a", "cats,", "cats,<b>"], "3 to correct. Complete .*line 77: the class is "
                 "empty.*line 78: the text is empty.*line 79: the text is empty"),
    "a comma too many": (["label,text", *rows(), "cats,one, two", "owls,one, two"], "2 to correct. Put fields that "
                         "hold a ',' between quotes.*line 77: 3 columns, not 2.*line 78"),
    "Latin-1": (["label,text", *rows(), "cats,café"], None),
    "few texts": (["label,text", *rows(), "dogs,a", "dogs,b"], "class dogs: 2 texts, fewer than 20"),
    "one class": (["label,text", *[r for r in rows() if r.startswith("cats")]], "25 texts of 1 classes. Give two"),
    "capitals": (["label,text", *rows(), *(r.capitalize() for r in rows())],
                 "6 to correct. Write those alike.*class Cats"),
    "no label": (["id,text", *rows()], "has the columns id, text. Name the one with the class 'label'"),
    "two labels": (["label,class,text", *(f"1,{r}" for r in rows())], "has the columns label, class, text. Name"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_named_all_at_once(tmp_path, kind):
    lines, said = REFUSED[kind]
    file = written(tmp_path, lines, "utf-8" if said else "latin-1")
    with pytest.raises(DataError) as refusal:
        own_texts.read(file, corpus.clean)
    text = str(refusal.value).replace("\n", " ")
    assert str(file) in text
    assert re.search(said or "line 77: is not UTF-8 .*Save the file as UTF-8", text), text


def test_one_setting_takes_them_and_their_classes_are_in_the_spec(tmp_path, monkeypatch):
    file = written(tmp_path, ["label,text", *rows()])
    monkeypatch.setenv("NEWS_TRAIN", str(file))
    names = corpus.data_names("real")
    assert names[0].startswith("own/mine.csv@")
    splits = corpus.load(names)
    assert [len(s) for s in vars(splits).values()] == [60, 7, 8]
    assert all(set(s.classes) == {0, 1, 2} for s in vars(splits).values())
    spec = experiments.ALL.specs(profile.load("full"))[0]
    assert corpus.classes_of(spec) == ("cats", "newts", "owls") and spec["data"] == names
    written(tmp_path, ["label,text", *rows(kinds="012")])
    with pytest.raises(DataError, match="is not own/mine.csv@.* any more"):
        corpus.load(names)
    written(tmp_path, ["label,text", "cats,one"])
    with pytest.raises(DataError, match="1 texts of 1 classes"):
        corpus.data_names("real")
    monkeypatch.delenv("NEWS_TRAIN")
    assert "classes" not in experiments.ALL.specs(profile.load("full"))[0]["settings"]
