"""A chapter without drawing: its cells run on records as they are or altered, its inline values, its verdicts."""

import linecache
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache, cached_property, reduce
from operator import getitem

import jupytext

from study import comparison, parts, runs
from study.checks import Check
from study.publish import inline
from study.runs import Record

Alter = Callable[[Record], Record]


def altered(task: str, *place: str | int, model: str | None = None, **values) -> Alter:
    """An alteration of a task's records (of one model): other values at a place of their metrics.

    A value may be a function, which takes it from the metrics as they are.
    """

    def alter(record: Record) -> Record:
        if record.spec["task"] != task or model not in (None, record.spec["model"]):
            return record
        metrics = deepcopy(record.metrics)
        found = {name: value(record.metrics) if callable(value) else value for name, value in values.items()}
        reduce(getitem, place, metrics).update(found)
        return replace(record, metrics=metrics)

    alter.__name__ = " ".join((task, *values))
    return alter


class Ignored:
    """Stands for the page and the figures: takes every call."""

    def __getattr__(self, name):
        return lambda *given, **named: None


@cache
def cells(part: str) -> Sequence:
    """The cells of a part's notebook, by the part's key."""
    return jupytext.read(parts.find(part).source).cells


def run(cell, names: dict, place: str, ignored: Sequence[str] = ("page", "charts")) -> dict[str, object]:
    """Run a cell among `names`; the value of each inline expression of a Markdown cell.

    `place` names the cell where a definition's text is looked up, as in Jupyter. After the setup `ignored` do nothing.
    """
    if cell.cell_type != "code":
        return {text: eval(text, names) for text in inline.expressions(cell.source)}
    linecache.cache[place] = (len(cell.source), None, cell.source.splitlines(keepends=True), place)
    exec(compile(cell.source, place, "exec"), names)
    if "setup" in cell.metadata.get("tags", []):
        names |= dict.fromkeys(ignored, Ignored())
    return {}


def evaluated(monkeypatch, part: str, alter: Alter | None = None, **options) -> tuple[dict[str, object], dict]:
    """The value of each inline expression when every record is read as `alter` returns it, and the notebook's names."""
    if alter is not None:
        load = runs.Store.load
        monkeypatch.setattr(runs.Store, "load", lambda self, spec: (r := load(self, spec)) and alter(r))
    names, found = {"__name__": "__main__"}, {}
    for position, cell in enumerate(cells(part)):
        found |= run(cell, names, f"<{part}, cell {position}>", **options)
    return found, names


def again(part: str, names: Mapping[str, object], **changed) -> dict[str, object]:
    """The value of each inline expression among `names`, those of the executed notebook, when some are changed.

    Of the code only the cells that readers do not see run again: there the notebook looks at its records.
    """
    names, found = {**names, **changed}, {}
    for position, cell in enumerate(cells(part)):
        if cell.cell_type != "code" or "hide-input" in cell.metadata.get("tags", []):
            found |= run(cell, names, f"<{part}, cell {position}>")
    return found


def remembering(call: Callable, key: Callable) -> Callable:
    """The same function, which computes once for all arguments of which `key` says the same."""
    kept = {}

    def once(*given, **named):
        place = key(*given, **named)
        if place not in kept:
            kept[place] = call(*given, **named)
        return kept[place]

    return once


def read_once(monkeypatch) -> None:
    """Every record is read from its file once, however many cases ask for it."""
    key = lambda store, spec: (store.folder, runs.digest(spec))  # noqa: E731
    monkeypatch.setattr(runs.Store, "_load", remembering(runs.Store._load, key))


def compare_once(monkeypatch) -> None:
    """Every pair of classifiers is compared once: cases compare much the same records."""
    key = lambda a, b, seed=0, level=0.95: (a.tobytes(), b.tobytes(), seed, level)  # noqa: E731
    monkeypatch.setattr(comparison, "paired_difference", remembering(comparison.paired_difference, key))


def broken(found: Mapping[str, object]) -> set[str]:
    """The expressions whose check does not hold."""
    return {text for text, value in found.items() if isinstance(value, Check) and not value.ok}


def assert_sound(found: Mapping[str, object], more_than: int) -> None:
    """The values are such as the documents take, and all checks hold, more than so many."""
    assert {type(value) for value in found.values()} <= {str, int, Check}
    assert broken(found) == set() and sum(isinstance(value, Check) for value in found.values()) > more_than


def together(cases: Mapping[str, object], groups: int, alone: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """The names of cases in groups, each of which is one execution, and those that stand `alone`.

    Alone stand cases that undo another one, or that break by themselves a check that another one has to break.
    """
    others = [name for name in cases if name not in alone]
    return [*(tuple(others[i::groups]) for i in range(groups)), *((name,) for name in alone)]


def composed(alters: Iterable[Alter]) -> Alter:
    """One alteration after the other."""
    given = tuple(alters)
    return lambda record: reduce(lambda altered, alter: alter(altered), given, record)


def assert_broken(found: Mapping[str, object], words: Mapping[str, Sequence[str]]) -> None:
    """Of each of a case's words a check must speak that does not hold, for every case by its name."""
    failed = broken(found)
    missing = [(case, word) for case in words for word in words[case] if not any(word in text for text in failed)]
    assert missing == [], f"no check on these failed, but {sorted(failed)}"


class Statuses(dict):
    """The verdicts on a part's claims and numbers, by a claim's name and a number's key, each made when asked for.

    `analysis` and `claims` are the part's modules.
    """

    def __init__(self, part: str, analysis, claims, records: Sequence[Record]) -> None:
        super().__init__()
        self.part, self.analysis, self.claims, self.records = part, analysis, claims, records

    def __missing__(self, name):
        if name.startswith(f"{self.part}."):
            self.update({j.key: j.verdict.status for j in self.analysis.judged(self.records)})
        else:
            self[name] = self.claims.CLAIMS[name](self.evidence).status
        return self[name]

    @cached_property
    def evidence(self):
        return self.claims.gather(self.records)

    def all(self) -> dict[str, str]:
        keys = [j.key for j in self.analysis.judged(self.records)]
        return {name: self[name] for name in (*keys, *self.claims.CLAIMS)}
