"""Nothing is executed on load, and nothing comes over an open line; ruff's rules name more calls that execute."""

import re

import pytest

from study import paths

SOURCES = [*sorted(paths.STUDY.rglob("*.py")), *sorted(paths.NOTEBOOKS.glob("*.py"))]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(paths.ROOT)))
def test_nothing_is_executed_on_load(source):
    text = source.read_text(encoding="utf-8")
    assert re.findall(r"allow_pickle=(?!False)|weights_only=(?!True)|safe_mode=(?!True)|trust_remote_code=", text) == []
    for load, refusal in (("np.load", "allow_pickle=False"), ("torch.load", "weights_only=True")):
        assert text.count(f"{load}(") == len(re.findall(rf"\b{load}\([^\n]*{refusal}", text)), (
            f"{load} without {refusal}"
        )


def test_no_address_is_open():
    """Downloads are https; http stands only for names of XML and for this machine."""
    for source in SOURCES:
        for address in re.findall(r"http://[^\s\"'`)]+", source.read_text(encoding="utf-8")):
            assert re.match(r"http://(127\.0\.0\.1|localhost|www\.w3\.org/)", address), f"{source}: {address}"
