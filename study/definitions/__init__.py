"""Definitions of models: the digest that a run's key holds, and how training code gets them from the notebooks.

A model is a function or class in a cell of a notebook that is tagged `model`, or in a module of the project. Its digest
is that of its syntax tree without comments, docstrings and annotations, of the values of the constants that it uses,
and of the project's definitions that it uses, all the way down; of libraries only the names in the code count. The
file and what a cell defined in a running notebook give the same digest, and nothing is executed for it.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from study import paths
from study.definitions import live
from study.definitions.sources import FOREIGN, Definition, DefinitionError, Source, meaning, read, read_so_far, shown
from study.definitions.trees import DEFINITIONS

__all__ = ["DefinitionError", "check_imported", "in_file", "in_notebook", "load", "notebook", "of"]

_KNOWN: dict[tuple[Path, str, Path], tuple[str, Sequence[Source]]] = {}
"""The digests of definitions in files, each of which holds while these sources are what they were."""
_REACHED: dict[str, list[Definition]] = {}
"""The definitions that each digest is of."""


def of(model: object) -> str:
    """The digest of a live function or class, 12 hexadecimal digits. Raises DefinitionError for what has none."""
    found = live.defined(model)
    if not isinstance(found, Definition):
        raise DefinitionError(
            f"{getattr(model, '__qualname__', type(model).__name__)} is no function or class of a notebook or of the "
            "project; give a function that makes the model, defined in a cell of its own"
        )
    digest = _digest(found)
    check_imported(digest)
    return digest


def in_file(file: Path, name: str) -> str:
    """The digest of a function or class in a notebook's `model` cells or in a module. Raises DefinitionError."""
    key = file, name, paths.NOTEBOOKS
    if key not in _KNOWN or not all(source.is_current() for source in _KNOWN[key][1]):
        found = read(file).lookup(name)
        if not isinstance(found, Definition):
            raise DefinitionError(f"{shown(file)}: {name} is no function or class; expected a model's definition")
        _KNOWN[key] = _digest(found), read_so_far()
    return _KNOWN[key][0]


def in_notebook(file: Path) -> dict[str, str]:
    """The digests of the functions and classes in a notebook's `model` cells, by name. Raises DefinitionError."""
    return {one.name: in_file(file, one.name) for one in read(file).of_model() if isinstance(one, DEFINITIONS)}


def check_imported(digest: str) -> None:
    """Raise DefinitionError when this process has imported an earlier text of what a digest that it told is of."""
    live.check_imported(_REACHED[digest])


def load(file: Path) -> ModuleType:
    """A module of the functions, classes and constants of a notebook's `model` cells, executed once for each content.

    Of the other cells only the imports and constants that they need are executed. Tracebacks and `inspect.getsource`
    show the file's lines. Raises DefinitionError.
    """
    return read(file).module


def notebook(name: str) -> ModuleType:
    """`load` by the notebook's name, such as "part1_autoencoder_theory": for modules that use its models."""
    return load(paths.NOTEBOOKS / f"{name}.py")


def _digest(root: Definition) -> str:
    """Of the definitions in the order in which they are reached: each one's tree, and what its names stand for."""
    reached, numbers = [root], {root: 0}

    def number(definition: Definition) -> int:
        if definition not in numbers:
            numbers[definition] = len(reached)
            reached.append(definition)
        return numbers[definition]

    described = []
    for definition in reached:  # which grows on the way
        meanings = ((str(use), meaning(use, definition)) for use in definition.uses)
        names = [[name, _written(found, number)] for name, found in meanings if found is not FOREIGN]
        described.append([definition.tree, names])
    digest = hashlib.sha256(json.dumps(described, separators=(",", ":")).encode()).hexdigest()[:12]
    _REACHED[digest] = reached
    return digest


def _written(value: object, number: Callable[[Definition], int]) -> list:
    """A constant as JSON; definitions in it by their numbers."""
    match value:
        case Definition():
            return ["definition", number(value)]
        case list() | tuple():
            return [type(value).__name__, [_written(one, number) for one in value]]
        case dict():
            return ["dict", [[_written(key, number), _written(one, number)] for key, one in value.items()]]
        case set() | frozenset():
            return [type(value).__name__, sorted((_written(one, number) for one in value), key=json.dumps)]
    return [type(value).__name__, ascii(value)]
