"""Whether what this process has imported is still what the files say."""

import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from study.definitions.live import is_code, methods, of_project, value_of
from study.definitions.sources import Definition, DefinitionError, Source, read, shown

_CONSTANTS = (int, float, complex, str, bytes, tuple, frozenset)


def check(reached: Iterable[Definition]) -> None:
    """Refuse definitions whose file was changed after this process had imported it.

    Raises DefinitionError that names the file: its text would be the key of what the old code computes.
    """
    modules = cache(_modules)
    for definition in reached:
        if not isinstance(definition.home, Source):
            continue
        for module in modules(definition.home.file):
            own = [definition.key[1]] if isinstance(definition.key[1], str) else []
            for name in [*own, *(use.name for use in definition.uses if use.imported is None)]:
                if name in vars(module) and not _as_written(vars(module)[name], name, definition.home):
                    raise DefinitionError(
                        f"{name} in {shown(definition.home.file)} was changed after it had been imported here; "
                        "restart the kernel, or start the command again"
                    )


def _as_written(value: object, name: str, home: Source) -> bool:
    if is_code(value):
        return all(_is_current(one) for one in _functions(value))
    # Lists and dicts may rightly change while a program runs; what made an object is checked as a definition.
    return name not in home.bound or not isinstance(value, _CONSTANTS) or value_of(value, name) == home.lookup(name)


def _functions(value: object) -> Iterator[FunctionType]:
    if isinstance(value, type):
        yield from methods(value)
    elif isinstance(value, FunctionType):
        yield value


def _is_current(function: FunctionType) -> bool:
    """Whether a function's code is what its file gives now; line numbers do not count."""
    file = function.__code__.co_filename
    if not of_project(file):
        return True
    codes = read(Path(file)).codes.get(function.__code__.co_qualname, [])
    return any(_without_lines(function.__code__) == _without_lines(code) for code in codes)


def _without_lines(code: CodeType) -> tuple:
    constants = [_without_lines(one) if isinstance(one, CodeType) else (type(one), one) for one in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_flags, constants


def _modules(file: Path) -> list[ModuleType]:
    """The modules that were imported from a file."""
    return [
        module
        for module in list(sys.modules.values())
        if (name := getattr(module, "__file__", None)) and name.endswith(file.name) and Path(name).resolve() == file
    ]
