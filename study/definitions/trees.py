"""A definition's syntax tree: its canonical form, and the names that it takes from outside itself."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
_SAY_NOTHING = {"ctx", "kind", "type_comment", "type_ignores", "returns", "annotation", "simple"}
"""Fields of the syntax tree that change nothing of what is computed."""


def canonical(node: object, of_class: bool = False) -> object:
    """A syntax tree as nested lists of texts and numbers: alike in every Python version, whatever the comments,
    docstrings, annotations and line breaks.

    `of_class` says that the node stands directly in a class, where an annotation makes a field of a name.
    """
    match node:
        case ast.Constant(value=value):
            return ["Constant", type(value).__name__, ascii(value)]
        case ast.JoinedStr(values=values):
            return ["JoinedStr", *_without_seams(values)]
        case ast.AnnAssign(target=target, value=value) if of_class:
            return ["Field", canonical(target), *([] if value is None else [canonical(value)])]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return canonical(ast.Assign(targets=[target], value=value))
        case ast.AST():
            of_class = isinstance(node, ast.ClassDef) or (of_class and not isinstance(node, FUNCTIONS))
            fields = [
                [name, canonical(value, of_class)]
                for name, value in ast.iter_fields(node)
                if name not in _SAY_NOTHING and value is not None
            ]
            # An empty format, `f"{x:}"`, is none at all in some versions of Python.
            return [type(node).__name__, *(field for field in fields if field[1] not in ([], ["JoinedStr"]))]
        case list():
            return [canonical(one, of_class) for one in node if not _says_nothing(one, of_class)]
    return node


def _says_nothing(node: object, of_class: bool) -> bool:
    """Whether this is a docstring, another constant on a line of its own, `pass`, or a bare annotation."""
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.AnnAssign(value=None):
            return not of_class
    return False


def _without_seams(values: Iterable[ast.expr]) -> list:
    """The pieces of an f-string, neighbouring texts joined: Python 3.11 and 3.12 cut them at different places."""
    found: list = []
    for value in values:
        match value:
            case ast.Constant(value=str(piece)) if found and isinstance(found[-1], str):
                found[-1] += piece
            case ast.Constant(value=piece):
                found.append(piece)
            case _:
                found.append(canonical(value))
    return [ascii(one) if isinstance(one, str) else one for one in found if one != ""]


class Imported(NamedTuple):
    """What an import binds: a module, or an attribute of one. A relative module begins with dots."""

    module: str
    attribute: str | None = None


class Use(NamedTuple):
    """A name taken from outside and the attributes read of it: `nn.functional.relu` is ("nn", ("functional", "relu")).

    `imported` is set where an import inside the definition binds the name.
    """

    name: str
    rest: tuple[str, ...] = ()
    imported: Imported | None = None

    def __str__(self) -> str:
        return ".".join((self.name, *self.rest))


Scope = Mapping[str, Imported | None]
"""The names of a scope; what an import binds for those that an import binds."""


def bindings(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, Imported | None]]:
    """The names that statements bind in their own scope, with what an import binds."""
    for node in nodes:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    first = alias.name.partition(".")[0]
                    yield (alias.asname, Imported(alias.name)) if alias.asname else (first, Imported(first))
            case ast.ImportFrom(names=names):
                module = "." * node.level + (node.module or "")
                yield from ((alias.asname or alias.name, Imported(module, alias.name)) for alias in names)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, None
            case ast.Lambda():
                pass
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                yield from ((one.target.id, None) for one in ast.walk(node) if isinstance(one, ast.NamedExpr))
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name, None
            case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() | ast.MatchMapping():
                name = node.rest if isinstance(node, ast.MatchMapping) else node.name
                if name is not None:
                    yield name, None
                yield from bindings(ast.iter_child_nodes(node))
            case _:
                yield from bindings(ast.iter_child_nodes(node))


def uses(node: ast.AST) -> list[Use]:
    """The names that a definition or expression takes from outside, each once, sorted; annotations are left aside."""
    return sorted(set(_outside(node, {}, {})), key=lambda use: (str(use), str(use.imported)))


def _outside(node: ast.AST, here: Scope, inner: Scope) -> Iterator[Use]:
    """`here` holds the names that the node sees, `inner` those that functions in it see: not its class's."""
    match node:
        case ast.Name(ctx=ast.Load()) | ast.Attribute():
            root, attributes = _chain(node)
            if not isinstance(root, ast.Name):
                yield from _outside(root, here, inner)
            elif root.id not in here or here[root.id] is not None:
                yield Use(root.id, attributes, here.get(root.id))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            given = node.args
            for one in (*getattr(node, "decorator_list", []), *given.defaults, *filter(None, given.kw_defaults)):
                yield from _outside(one, here, inner)
            body = node.body if isinstance(node.body, list) else [node.body]
            own = {one.arg: None for one in ast.iter_child_nodes(given) if isinstance(one, ast.arg)}
            own |= {one.name: None for one in getattr(node, "type_params", [])} | dict(bindings(body))
            for name in _declared_outside(body):
                own.pop(name, None)
            inside = {**inner, **own}
            for one in body:
                yield from _outside(one, inside, inside)
        case ast.ClassDef():
            for one in (*node.decorator_list, *node.bases, *node.keywords):
                yield from _outside(one, here, inner)
            own = {}
            for one in node.body:
                yield from _outside(one, {**inner, **own}, inner)
                own |= dict(bindings([one]))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            first, *others = node.generators
            yield from _outside(first.iter, here, inner)
            inside = {**inner, **dict(bindings(one.target for one in node.generators))}
            results = (one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.comprehension))
            for one in (first.target, *first.ifs, *others, *results):
                yield from _outside(one, inside, inside)
        case ast.AnnAssign(target=target, value=value):
            for one in filter(None, (target, value)):
                yield from _outside(one, here, inner)
        case _:
            for one in ast.iter_child_nodes(node):
                yield from _outside(one, here, inner)


def _chain(node: ast.expr) -> tuple[ast.expr, tuple[str, ...]]:
    """`a.b.c` as the expression it begins with and the attributes after it."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    return node, tuple(attributes)


def _declared_outside(body: Iterable[ast.AST]) -> Iterator[str]:
    """The names that a function declares `global` or `nonlocal`."""
    for node in body:
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        elif isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)) and not isinstance(node, DEFINITIONS):
            yield from _declared_outside(ast.iter_child_nodes(node))
