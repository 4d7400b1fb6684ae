"""Functions and classes of a running process: where each was defined, what the names in it stand for now, and whether
what was imported is still what the files say."""

import ast
import inspect
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from study import paths
from study.definitions.sources import (
    FOREIGN,
    Definition,
    DefinitionError,
    Module,
    Source,
    imported_from,
    is_pythons,
    read,
    shown,
)  # fmt: skip
from study.definitions.trees import DEFINITIONS, Imported, bindings

_LIBRARIES = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_PLAIN = (int, float, complex, str, bytes, bool, type(None), type(...))


class Cell:
    """A cell that was run; the names in it stand for what they stand for in the notebook now."""

    folder = Path()

    def __init__(self, text: str, names: Mapping[str, object]) -> None:
        self.tree, self.names = ast.parse(text), names

    def line(self, node: ast.stmt | ast.expr) -> str:
        return f"the notebook's cell, line {node.lineno}"

    def lookup(self, name: str) -> object:
        if name not in self.names:
            if is_pythons(name):
                return FOREIGN
            raise DefinitionError(f"a definition uses {name}, which the notebook does not define; run its cell first")
        value = self.names[name]
        if isinstance(value, ModuleType):
            file = getattr(value, "__file__", None)
            return Module(Path(file)) if file is not None and _of_project(file) else FOREIGN
        if _is_code(value):
            return defined(value)
        imported = next((bound[name] for _, bound in _cells_that_name(name) if name in bound), None)
        return _value_of(value, name) if imported is None else imported_from(imported, self.folder)


def defined(thing: object) -> object:
    """The `Definition` of a live function or class; FOREIGN for a library's. Raises DefinitionError without source."""
    thing = inspect.unwrap(thing) if callable(thing) else thing
    if not isinstance(thing, (type, FunctionType)):
        return FOREIGN
    file, names = _origin(thing)
    if file is None:
        text = next((text for text, bound in _cells_that_name(thing.__name__) if thing.__name__ in bound), None)
    else:  # IPython keeps a cell's text without a date, unlike a file's
        entry = linecache.cache.get(file)
        text = "".join(entry[2]) if entry is not None and len(entry) == 4 and entry[1] is None else None
    if text is not None:
        return _found(thing, Cell(text, names), (file or text,))
    if file is None or not _of_project(file):
        if thing.__module__ == "__main__":
            raise DefinitionError(
                f"where {thing.__qualname__} was defined is not known; define it in a cell of its own, without magics"
            )
        return FOREIGN
    source = read(Path(file))
    return _found(thing, source, (source.file,))


def _found(thing: type | FunctionType, home: Source | Cell, place: tuple) -> object:
    name = thing.__qualname__
    if name == "<lambda>":
        line = thing.__code__.co_firstlineno
        nodes = [one for one in ast.walk(home.tree) if isinstance(one, ast.Lambda) and one.lineno == line]
        if len(nodes) == 1:
            return Definition((*place, line, nodes[0].col_offset), nodes[0], home)
    nodes = [one for one in home.tree.body if isinstance(one, DEFINITIONS) and one.name == name]
    if not nodes:
        raise DefinitionError(
            f"{name} is no definition of its own; write it with `def` or `class` at the top level of a cell or module"
        )
    return home.lookup(name) if isinstance(home, Source) else Definition((*place, name), nodes[-1], home)


def _origin(thing: type | FunctionType) -> tuple[str | None, Mapping[str, object]]:
    """The file of a function's code or of a class's first method, if it has one, and the names around it."""
    for function in _functions(thing):
        return function.__code__.co_filename, function.__globals__
    if thing.__module__ == "__main__" and _shell() is not None:
        return None, _shell().user_ns
    return getattr(sys.modules.get(thing.__module__), "__file__", None), {}


def _functions(thing: object) -> Iterator[FunctionType]:
    """A function itself, or the functions that a class's own text defines."""
    if isinstance(thing, FunctionType):
        yield thing
    elif isinstance(thing, type):
        for value in vars(thing).values():
            plain = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
            method = inspect.unwrap(plain) if callable(plain) else plain
            if isinstance(method, FunctionType) and method.__code__.co_qualname.startswith(f"{thing.__qualname__}."):
                yield method


def _is_code(value: object) -> bool:
    """Whether a value is a function or class, not a thing made by one."""
    return isinstance(value, type) or inspect.isroutine(value) or hasattr(value, "__wrapped__")


def _value_of(value: Any, name: str) -> object:
    """A constant, with definitions in place of functions and classes. Raises DefinitionError for anything else."""
    if type(value) in _PLAIN:
        return value
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(_value_of(one, name) for one in value)
    if type(value) is dict:
        return {_value_of(key, name): _value_of(one, name) for key, one in value.items()}
    found = defined(value) if _is_code(value) else FOREIGN
    if found is FOREIGN:
        raise DefinitionError(
            f"a definition uses {name}, which holds {type(value).__name__}: pass it as an argument, or write it as "
            "numbers, texts, or tuples, lists and dicts of them"
        )
    return found


def _of_project(file: str) -> bool:
    """Whether a file belongs to the project or lies where the notebook runs, and not in a library."""
    path = Path(file).resolve()
    inside = any(path.is_relative_to(folder) for folder in (paths.ROOT, Path.cwd()))
    return inside and path.is_file() and not any(path.is_relative_to(folder) for folder in _LIBRARIES)


def _cells_that_name(name: str) -> Iterator[tuple[str, dict[str, Imported | None]]]:
    """The cells run so far that mention a name, the last one first: text, and what it binds."""
    for text in reversed(_shell().history_manager.input_hist_parsed) if _shell() is not None else ():
        if name in text:
            try:
                yield text, dict(bindings(ast.parse(text).body))
            except SyntaxError:  # it was not run either
                continue


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def check_imported(reached: Iterable[Definition]) -> None:
    """Raise DefinitionError where a file was changed after its import: its text is not what the old code computes."""
    of_files = [(one, one.home) for one in reached if isinstance(one.home, Source)]
    imported = _imported({home.file for _, home in of_files})
    for definition, home in of_files:
        names = {definition.key[1], *(use.name for use in definition.uses if use.imported is None)}
        for here in imported[home.file]:
            for name in [name for name in here if name in names]:
                if not _as_written(here[name], name, home):
                    raise DefinitionError(
                        f"{name} in {shown(home.file)} was changed after it had been imported here; restart the "
                        "kernel, or start the command again"
                    )


def _imported(files: Set[Path]) -> dict[Path, list[dict[str, object]]]:
    """What the modules of this process define that were imported from these files."""
    found: dict[Path, list[dict[str, object]]] = {file: [] for file in files}
    names = {file.name for file in files}
    for module in list(sys.modules.values()) if files else ():  # there are thousands
        file = getattr(module, "__file__", None) or ""
        if os.path.basename(file) in names and (path := Path(file).resolve()) in files:
            found[path].append(vars(module))
    return found


def _as_written(value: object, name: str, home: Source) -> bool:
    if _is_code(value):
        return all(_is_current(function) for function in _functions(value))
    # Lists and dicts may rightly change while a program runs; what made an object is checked as a definition.
    changeable = type(value) not in (*_PLAIN, tuple, frozenset)
    return name not in home.bound or changeable or _value_of(value, name) == home.lookup(name)


def _is_current(function: FunctionType) -> bool:
    """Whether a function's code is what its file gives now; line numbers do not count."""
    code = function.__code__
    if not _of_project(code.co_filename):
        return True
    codes = read(Path(code.co_filename)).codes.get(code.co_qualname, [])
    return any(_without_lines(code) == _without_lines(one) for one in codes)


def _without_lines(code: CodeType) -> tuple:
    constants = [_without_lines(one) if isinstance(one, CodeType) else (type(one), one) for one in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_flags, constants
