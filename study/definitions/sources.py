"""Notebooks and modules as they are written: what a name in them stands for, found without executing anything."""

import __future__

import ast
import builtins
import copy
import linecache
import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Protocol

from study import paths
from study.definitions.trees import DEFINITIONS, Imported, Use, bindings, canonical, uses
from study.tags import MODEL

FOREIGN = object()
"""What a library or Python itself defines."""

_LOADER = Path(__file__).resolve().with_name("__init__.py"), "notebook"
"""The function that gives a module the models of a notebook."""

_CELL = re.compile(r"# %%(?!%)(.*)")
_TAGS = re.compile(r"tags=(\[[^\]]*\])")
_OPERATIONS: dict[type, Callable] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.USub: operator.neg,
    ast.UAdd: operator.pos, ast.BitOr: operator.or_,
}  # fmt: skip


class DefinitionError(ValueError):
    """A definition without a digest; the message names file and line, what was expected, and what to do."""


class Home(Protocol):
    """Where definitions stand: a file or a cell that was run."""

    folder: Path

    def lookup(self, name: str) -> object: ...

    def line(self, node: ast.stmt | ast.expr) -> str: ...


@dataclass(frozen=True)
class Definition:
    """A function, class or lambda of the project; `key` tells one from another, `home` is where it stands."""

    key: tuple
    node: ast.stmt | ast.expr = field(compare=False)
    home: Home = field(compare=False)

    @cached_property
    def tree(self) -> object:
        return canonical(self.node)

    @cached_property
    def uses(self) -> list[Use]:
        return uses(self.node)


@dataclass(frozen=True)
class Module:
    """A module of the project, or a notebook's models, under a name."""

    file: Path

    def lookup(self, name: str) -> object:
        inner = module_file(f".{name}", self.file.parent) if self.file.name == "__init__.py" else None
        return read(self.file).lookup(name) if inner is None else Module(inner)


class Source:
    """A notebook in the percent format or a module, parsed."""

    def __init__(self, file: Path, content: bytes) -> None:
        self.file, self.folder, self.content = file, file.parent, content
        text = content.decode("utf-8")
        try:
            self.tree = ast.parse(text, str(file))
        except SyntaxError as error:
            raise DefinitionError(f"{shown(file)}, line {error.lineno}: {error.msg}; repair the code there") from error
        self.cells = _cells(text, self.tree)
        self.bound: dict[str, list[tuple[ast.stmt, Imported | None]]] = {}
        for statement in self.tree.body:
            if not isinstance(statement, ast.Expr):  # binds nothing, and may be a chapter of text
                for name, imported in (*bindings(_targets(statement)), *_changed(statement)):
                    self.bound.setdefault(name, []).append((statement, imported))
        self._definitions: dict[str, Definition] = {}
        self._being_read: set[str] = set()

    def is_current(self) -> bool:
        return self.file.is_file() and self.file.read_bytes() == self.content

    @cached_property
    def codes(self) -> dict[str, list[CodeType]]:
        """The code of each function by its qualified name, as this Python compiles it."""
        left = [compile(self.tree, str(self.file), "exec", self.flags, dont_inherit=True)]
        found: dict[str, list[CodeType]] = {}
        while left:
            code = left.pop()
            found.setdefault(code.co_qualname, []).append(code)
            left += [one for one in code.co_consts if isinstance(one, CodeType)]
        return found

    @cached_property
    def module(self) -> ModuleType:
        """What its models are when they are executed."""
        tree = ast.Module(self.to_execute(), type_ignores=[])
        module = ModuleType(f"{self.folder.name}.{self.file.stem}")
        module.__file__ = str(self.file)
        sys.modules[module.__name__] = module  # where `inspect` looks for a class's file
        linecache.checkcache(module.__file__)
        exec(compile(tree, module.__file__, "exec", self.flags, dont_inherit=True), vars(module))
        return module

    @property
    def flags(self) -> int:
        """How it is compiled: a notebook's annotations stay texts, so that nothing is imported for them."""
        return __future__.annotations.compiler_flag if self.cells else 0

    def line(self, node: ast.stmt | ast.expr) -> str:
        return f"{shown(self.file)}, line {node.lineno}"

    def of_model(self) -> list[ast.stmt]:
        return [statement for statement in self.tree.body if self.in_model_cell(statement)]

    def binding(self, name: str) -> tuple[ast.stmt, Imported | None]:
        """The statement binding a name, in `model` cells first, and its import. Raises DefinitionError for several."""
        everywhere = self.bound.get(name, [])
        found = [pair for pair in everywhere if self.in_model_cell(pair[0])] or everywhere
        if not found:
            raise DefinitionError(
                f"{shown(self.file)}: {name} is not defined there; define or import it by its name, not by `*`"
            )
        statement, imported = found[0]
        if any(imported is None or other != imported for _, other in found[1:]):
            lines = ", ".join(str(one.lineno) for one, _ in found)
            raise DefinitionError(
                f"{shown(self.file)}, lines {lines}: {name} is defined or changed more than once, and a definition "
                "uses it: give each thing a name of its own"
            )
        return statement, imported

    def lookup(self, name: str) -> object:
        """A value, a `Definition`, a `Module` or FOREIGN. Raises DefinitionError."""
        if name not in self.bound and is_pythons(name):
            return FOREIGN
        statement, imported = self.binding(name)
        if imported is not None:
            return imported_from(imported, self.folder)
        if isinstance(statement, DEFINITIONS):
            if self.cells and not self.in_model_cell(statement):
                raise DefinitionError(
                    f'{self.line(statement)}: {name} is needed by a model; give its cell the tag "{MODEL}"'
                )
            return self._definitions.setdefault(name, Definition((self.file, name), statement, self))
        match statement:
            case ast.Assign(targets=targets, value=value) if all(isinstance(one, ast.Name) for one in targets):
                return self._constant(name, value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(values):
                for one, value in zip(names, values, strict=True):
                    if isinstance(one, ast.Name) and one.id == name:
                        return self._constant(name, value)
            case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
                return self._constant(name, value)
        raise self._unreadable(statement, name)

    def to_execute(self) -> list[ast.stmt]:
        """The definitions of `model` cells and what they need, in order. Raises DefinitionError for computing."""
        found: list[ast.stmt] = [statement for statement in self.of_model() if isinstance(statement, DEFINITIONS)]
        left, seen = list(found), set()
        while left:
            for use in uses(left.pop()):
                if use.imported is not None or use.name in seen or use.name not in self.bound:
                    continue
                seen.add(use.name)
                self.lookup(use.name)
                statement, imported = self.binding(use.name)
                if imported is not None:
                    statement = _narrowed(statement, use.name)
                if statement not in found:
                    found.append(statement)
                    left.append(statement)
        return sorted(found, key=lambda statement: statement.lineno)

    def in_model_cell(self, statement: ast.stmt) -> bool:
        before = [tags for line, tags in self.cells if line <= statement.lineno]
        return bool(before) and MODEL in before[-1]

    def _constant(self, name: str, value: ast.expr) -> object:
        if name in self._being_read:
            raise self._unreadable(value, name)
        self._being_read.add(name)
        try:
            return self._value(value, name)
        except (TypeError, ArithmeticError, LookupError) as error:
            raise self._unreadable(value, name) from error
        finally:
            self._being_read.remove(name)

    def _value(self, node: ast.expr, name: str) -> Any:
        """The value of an expression of literals, arithmetic and names of the project; `name` is for the error."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                kind = {ast.Tuple: tuple, ast.List: list, ast.Set: set}[type(node)]
                return kind(item for one in elements for item in self._items(one, name))
            case ast.Dict(keys=keys, values=values):
                pairs = [(key, value) for key, value in zip(keys, values, strict=True) if key is not None]
                if len(pairs) == len(keys):  # without `**more`
                    return {self._value(key, name): self._value(value, name) for key, value in pairs}
            case ast.UnaryOp(op=op, operand=operand):
                return _OPERATIONS[type(op)](self._value(operand, name))
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATIONS[type(op)](self._value(left, name), self._value(right, name))
            case ast.Subscript(value=value, slice=index):
                return self._value(value, name)[self._value(index, name)]
            case ast.Lambda():
                return Definition((self.file, node.lineno, node.col_offset), node, self)
            case ast.Name(id=used):
                found = self.lookup(used)
                if found is not FOREIGN:
                    return found
            case ast.Attribute(value=value, attr=attribute):
                module = self._value(value, name)
                if isinstance(module, Module):
                    return module.lookup(attribute)
            case ast.Call(func=ast.Name(id="len"), args=[one], keywords=[]) if "len" not in self.bound:
                return len(self._value(one, name))
            case ast.Call(func=called, args=arguments):
                found = self._value(called, name)
                if isinstance(found, Definition):
                    if found.key == _LOADER and isinstance(arguments[0], ast.Constant):
                        return Module(paths.NOTEBOOKS / f"{arguments[0].value}.py")
                    # An object of the project, such as a design, has its class and the arguments. In a notebook
                    # the live object would not say with which arguments it was made.
                    if isinstance(found.node, ast.ClassDef) and not self.cells:
                        return Definition((self.file, node.lineno, node.col_offset), node, self)
        raise self._unreadable(node, name)

    def _items(self, node: ast.expr, name: str) -> Iterable[object]:
        """What an element of a tuple or list contributes: `*more` all of its items."""
        if isinstance(node, ast.Starred):
            return self._value(node.value, name)
        value = self._value(node, name)
        if isinstance(value, Module):
            raise self._unreadable(node, name)
        return [value]

    def _unreadable(self, node: ast.stmt | ast.expr, name: str) -> DefinitionError:
        return DefinitionError(
            f"{self.line(node)}: a definition uses {name}, which can't be read without executing it; write it as "
            "numbers, texts, or tuples, lists and dicts of them, compute it inside the definition, or pass it as an "
            "argument"
        )


_READ: dict[Path, Source] = {}


def read(file: Path) -> Source:
    """A source, parsed again only when its content has changed. Raises DefinitionError if there is none."""
    file = Path(file).resolve()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DefinitionError(f"{shown(file)}: expected a notebook (.py) or module ({error.strerror})") from error
    if file not in _READ or _READ[file].content != content:
        _READ[file] = Source(file, content)
    return _READ[file]


def read_so_far() -> list[Source]:
    return list(_READ.values())


def meaning(use: Use, user: Definition) -> object:
    """What a used name stands for: a value, a `Definition` or FOREIGN. Raises DefinitionError for a whole module."""
    home, rest = user.home, use.rest
    found = home.lookup(use.name) if use.imported is None else imported_from(use.imported, home.folder)
    while isinstance(found, Module):
        if not rest:
            raise DefinitionError(
                f"{home.line(user.node)}: the module {use} is used as a whole; write {use}.… or import what is used of "
                "it"
            )
        found, rest = found.lookup(rest[0]), rest[1:]
    return found


def imported_from(imported: Imported, folder: Path) -> object:
    """What an import binds in a file of that folder: a value, a `Definition`, a `Module` or FOREIGN."""
    file = module_file(imported.module, folder)
    if imported.attribute is None:
        return FOREIGN if file is None else Module(file)
    if file is None:
        inner = module_file(f"{imported.module}.{imported.attribute}", folder)
        return FOREIGN if inner is None else Module(inner)
    return Module(file).lookup(imported.attribute)


def module_file(name: str, folder: Path) -> Path | None:
    """The file of a module of the project, or of one beside a notebook; None for a library's.

    `folder` is that of the importing file; a name that begins with dots is relative to it.
    """
    level = len(name) - len(name.lstrip("."))
    places = [[folder, *folder.parents][level - 1]] if level else [paths.ROOT]
    if not level and not (folder / "__init__.py").exists():
        places.append(folder)
    for place in places:
        path = place.joinpath(*name[level:].split("."))
        for file in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


def is_pythons(name: str) -> bool:
    """Whether Python itself defines a name in every module."""
    return hasattr(builtins, name) or (name.startswith("__") and name.endswith("__"))


def shown(file: Path) -> Path:
    return file.relative_to(paths.ROOT) if file.is_relative_to(paths.ROOT) else file


def _cells(text: str, tree: ast.Module) -> list[tuple[int, list[str]]]:
    """The cells of a notebook in the percent format: first line and tags; none for a module."""
    inside = {line for one in tree.body for line in range(one.lineno + 1, (one.end_lineno or one.lineno) + 1)}
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        marker = _CELL.match(line)
        if marker and number not in inside:
            tags = _TAGS.search(marker[1])
            found.append((number, ast.literal_eval(tags[1]) if tags else []))
    return found


def _targets(statement: ast.stmt) -> Sequence[ast.AST]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement]


def _changed(statement: ast.stmt) -> Iterator[tuple[str, None]]:
    """The names whose items or attributes a statement of a module sets."""
    if isinstance(statement, DEFINITIONS):
        return
    for node in (inner for target in _targets(statement) for inner in ast.walk(target)):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
            root: ast.expr = node
            while isinstance(root, (ast.Subscript, ast.Attribute)):
                root = root.value
            if isinstance(root, ast.Name):
                yield root.id, None


def _narrowed(statement: ast.stmt, name: str) -> ast.stmt:
    """An import of that name alone; a statement around imports stays whole."""
    if not isinstance(statement, (ast.Import, ast.ImportFrom)):
        return statement
    narrowed = copy.copy(statement)
    narrowed.names = [alias for alias in statement.names if (alias.asname or alias.name.partition(".")[0]) == name]
    return narrowed
