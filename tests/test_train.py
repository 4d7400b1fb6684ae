"""What `study.train` refuses to build on."""

from types import SimpleNamespace

import pytest

from study import catalog, parts, paths, profile, runs, train

SPEC = {"task": "t-x", "model": "m", "data": ["demo/a.csv"], "profile": "quick", "seed": 0, "version": 1}
LISTED = """
[demo]
base_url = "https://example.invalid/"
[demo.files."a.csv"]
path = "a.csv"
size = 3
sha256 = "{}"
"""


@pytest.fixture
def recorded(own_catalog, monkeypatch):
    """A part of one run, whose record was made from data of the catalog's digest."""
    experiments = SimpleNamespace(specs=lambda chosen: [SPEC], train=lambda spec, scratch: ({"loss": 1.0}, {}))
    monkeypatch.setattr(parts, "find", lambda key: SimpleNamespace(key="t", experiments=experiments))
    own_catalog(LISTED.format("a" * 64))
    runs.Store(profile.load("quick").records).get(SPEC, experiments.train)
    return own_catalog


def test_records_of_other_data_than_the_catalog_names_are_refused(recorded, capsys):
    assert train.main(["--part", "t", "--profile", "quick"]) == 0
    recorded(LISTED.format("b" * 64))
    assert train.main(["--part", "t", "--profile", "quick"]) == 1
    said = capsys.readouterr().err
    assert "was made from another demo/a.csv than data/catalog.toml names" in said and "make report" in said
    assert str(paths.BUILD) in said and not catalog.at_hand(["demo/a.csv"])
