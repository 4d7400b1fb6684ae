"""Trainings, tables and figures take data of one's own: other classes, other numbers of them."""

import numpy as np
import pytest

from study import paths, profile
from study.news import charts, corpus, measures, tables
from study.news import experiments as news
from study.news.synthetic import texts_and_classes
from study.runs import Store
from study.vision import charts as vision_charts
from study.vision import experiments as vision
from study.vision import lab
from tests.test_vision import picture, zipped

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setenv("DATA", "real")
    return tmp_path


def made(experiments, wanted, place, **changes):
    """Records of the first seed of some runs of the quick profile, by task and model."""
    specs = experiments.ALL.specs(profile.load("quick"))
    chosen = {(s["task"], s["model"]): s for s in specs if (s["task"], s["model"]) in wanted and s["seed"] == 0}
    store = Store(place / "report", place / "drafts")
    found = {}
    for key, spec in chosen.items():
        settings = spec["settings"] | ({k: v for k, v in changes.items() if k in spec["settings"]})
        found[key] = store.get(spec | {"settings": settings}, experiments.ALL.train)
    assert len(found) == len(wanted) and not (place / "report").exists()
    return found


@pytest.mark.parametrize("kinds", [("dry", "wet"), ("east", "north", "south", "west", "zenith")])
def test_texts_of_other_classes_are_learnt_and_shown(place, monkeypatch, kinds):
    texts, numbers = texts_and_classes(200, 1)
    lines = [f"{kinds[(k + i // 4) % len(kinds)]};{t}" for i, (t, k) in enumerate(zip(texts, numbers, strict=True))]
    (place / "mine.csv").write_text("\n".join(["label;text", *lines]))
    monkeypatch.setenv("NEWS_TRAIN", str(place / "mine.csv"))
    models = [
        ("part4-baselines", "majority"),
        ("part4-baselines", "tfidf"),
        ("part4-variants", "base"),
        ("part4-own", "own"),
    ]
    others = [("part4-dataset", "ag-news"), ("part4-speed", "throughput")]
    found = made(news, [*others, *models], place, epochs=1)
    for key in models:
        record = found[key]
        assert corpus.classes_of(record.spec) == kinds
        assert record.arrays["test_logits"].shape == (20, len(kinds)) and len(record.metrics["test"]["auc"]) == len(
            kinds
        )
    assert set(kinds) <= set(tables.splits(found["part4-dataset", "ag-news"]).columns)
    runs = {"Base": [found["part4-variants", "base"]]}
    assert {one["true"] for one in runs["Base"][0].metrics["mistakes"]} <= set(kinds)
    assert list(tables.areas(runs).columns) == ["Model", *kinds] and list(tables.f1_by_class(runs).columns) == list(
        kinds
    )
    assert measures.confused(runs["Base"], "Business", "Sci/Tech") == 0
    for draw in (charts.confusion, charts.roc, charts.confusion_interactive):
        assert draw(runs)


@pytest.mark.parametrize("kinds", [("cats", "owls"), ("a", "b", "c", "d")])
def test_images_of_other_classes_are_learnt_and_shown(place, monkeypatch, kinds):
    content = {f"{kind}/{i}.jpg": picture(40 * n + i, side=72) for n, kind in enumerate(kinds) for i in range(20)}
    monkeypatch.setenv("IMAGES", str(zipped(place / "mine.zip", content)))
    wanted = [("bonus-dataset", "images"), ("bonus-models", "vit"), ("bonus-models", "vit-c")]
    found = made(vision, wanted, place, epochs=1, sizes=[64])
    facts, vit = found["bonus-dataset", "images"], found["bonus-models", "vit"]
    assert facts.metrics["classes"]["train"] == [14] * len(kinds) and list(facts.metrics["origin"]) == list(kinds)
    for record in (vit, found["bonus-models", "vit-c"]):
        assert record.arrays["test_logits"].shape == (2 * len(kinds), len(kinds))
    assert {one["true"] for one in vit.metrics["mistakes"]} <= set(kinds)
    runs = {"ViT": [vit]}
    assert vision_charts.confusion(runs) and vision_charts.attention(vit)
    assert vision_charts.contact_sheet(facts.arrays["sheet_pixels"], facts.arrays["sheet_classes"], kinds)
    assert np.trace(vit.metrics["test"]["confusion"]) == 2 * len(kinds) or set(lab.frequent_mistake([vit])) <= set(
        kinds
    )
