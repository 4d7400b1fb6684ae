"""The computational graph of an attention module, read off the module itself and drawn for print.

`torch.export` runs the module on tensors without values and keeps every operation with the shape of its result, so
the picture changes when the module does. Nothing in it is typed by hand but the names of symbols.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as MplPath
from torch import Tensor, nn

from study import figures

STAGES = {
    1: "1 linear transformations",
    2: "2 scaled dot-product attention",
    3: "3 weighted sum",
    4: "4 output transformation",
}
"""The assignment's four stages of self-attention."""

_COLOURS = {0: "#EEEEEE", 1: "#D8EAF6", 2: "#FBE8C2", 3: "#D3EEE5", 4: "#F6DDEA"}

# Operations that only rearrange; a chain of them is drawn as one.
_LAYOUT = {
    "unflatten": "split last axis",
    "flatten": "join last axes",
    "transpose": "swap axes",
    "unsqueeze": "add axis",
}

_SYMBOLS = {
    f"{name}.{kind}": f"{symbol}_{name[0]}"
    for name in ("query", "key", "value", "output")
    for kind, symbol in (("weight", "W"), ("bias", "b"))
}
_PROJECTED = {"query.weight": "Q", "key.weight": "K", "value.weight": "V"}

# What operations are called in the picture.
_TITLES = {
    "x": "X",
    "matmul": "matrix product",
    "softmax": "softmax over keys",
    "split last axis\nswap axes": "split into heads",
    "split last axis\nswap axes twice": "split, transpose",
    "swap axes\njoin last axes": "join heads",
}


@dataclass
class Node:
    """A box: its kind (input, parameter, operation, output), what stands in it, its sources and its result's shape.

    `flow` tells whether the module's input flows through it. `symbol` is the result's name in the formulas (Q, K, V, S,
    A, C), if it has one.
    """

    kind: str
    text: str
    shape: tuple[int, ...]
    sources: list[str] = field(default_factory=list)
    flow: bool = False
    stage: int = 0
    symbol: str = ""


def trace(module: nn.Module, x: Tensor, outputs: Sequence[str], **arguments: object) -> dict[str, Node]:
    """The graph of `module(x, **arguments)` as nodes by name, in order of execution.

    `outputs` names the results. Raises ValueError when the module returns another number of results.
    """
    program = torch.export.export(module.eval(), (x,), arguments)
    parameters = program.graph_signature.inputs_to_parameters
    nodes: dict[str, Node] = {}
    drawn: dict[str, str] = {}  # the node that shows an operation's result
    for one in program.graph.nodes:
        if not isinstance(one.meta.get("val"), Tensor):
            continue
        shape, sources = tuple(one.meta["val"].shape), [drawn[source.name] for source in one.all_input_nodes]
        drawn[one.name] = one.name
        if one.op == "placeholder":
            path = parameters.get(one.name)
            first = not any(node.flow for node in nodes.values())
            nodes[one.name] = Node("parameter" if path else "input", path or one.name, shape, flow=first and not path)
            continue
        text = _operation(one)
        if text == "to":  # converts numbers to another type
            drawn[one.name] = sources[0]
            continue
        if text in _LAYOUT.values():
            *earlier, last = nodes[sources[0]].text.split("\n")
            if last in _LAYOUT.values() and len(one.all_input_nodes[0].users) == 1:
                again = f"{last} twice" if last == text else f"{last}\n{text}"
                text, sources = "\n".join([*earlier, again]), nodes.pop(sources[0]).sources
        flow = any(nodes[source].flow for source in sources)
        nodes[one.name] = Node("operation", text, shape, sources, flow)
    results = program.graph_signature.user_outputs
    if len(results) != len(outputs):
        named = ", ".join(outputs)
        raise ValueError(f"the module returns {len(results)} results, but {len(outputs)} are named: {named}")
    for name, result in zip(outputs, results, strict=True):
        source = drawn[result]
        nodes[f"output {name}"] = Node("output", name, nodes[source].shape, [source], nodes[source].flow)
    _assign_stages(nodes)
    _name_results(nodes)
    return nodes


def _operation(one: torch.fx.Node) -> str:
    """What an operation is called in its box, with its constant if it has one."""
    name = one.target.__name__.split(".")[0]
    constants = [argument for argument in one.args if isinstance(argument, float)]
    if name == "div" and constants:
        square = constants[0] ** 2
        return f"÷ √{square:g}" if abs(square - round(square)) < 1e-9 else f"÷ {constants[0]:g}"
    if name == "where":
        return "0 where seen,\n−∞ where hidden"
    return _LAYOUT.get(name, name)


def _assign_stages(nodes: dict[str, Node]) -> None:
    """Tell the four stages from the structure: before the first product, up to the softmax, after it, last map.

    What does not come from the input, such as a parameter or a mask's operation, belongs to the stage of its user.
    """
    for node in nodes.values():
        if node.flow and node.kind == "operation":
            sources = [nodes[source] for source in node.sources]
            node.stage = max(3 if source.text == "softmax" else source.stage for source in sources)
            if node.stage == 3 and node.text == "linear":
                node.stage = 4
            node.stage = max(node.stage, 2 if node.text == "matmul" else 1)
    for name, node in reversed(nodes.items()):
        if not node.flow and node.kind != "input":
            node.stage = next(user.stage for user in nodes.values() if name in user.sources)


def _name_results(nodes: dict[str, Node]) -> None:
    """Q, K and V come from their weights, S enters the softmax, A leaves it, C ends the weighted sum; in place."""
    for node in nodes.values():
        for source in node.sources:
            node.symbol = _PROJECTED.get(nodes[source].text, node.symbol)
        if node.text == "softmax":
            nodes[node.sources[0]].symbol, node.symbol = "S", "A"
    weighted = [node for node in nodes.values() if node.kind == "operation" and node.stage == 3]
    if weighted:
        weighted[-1].symbol = "C"


def shape_text(shape: Sequence[int], letters: Mapping[int, str], symbol: str = "") -> str:
    """A shape in symbols, `B×N×d`, for Matplotlib's mathematics, after a name; sizes without a letter stay numbers."""
    sizes = r"{\times}".join(letters.get(size, str(size)) for size in shape)
    return f"$\\mathbf{{{symbol}}}$  ${sizes}$" if symbol else f"${sizes}$"


_HALF_HEIGHT = 0.26
_FORK = 0.5  # more room above a row into which flow comes from the side, for the shapes beside it
_HALF_WIDTH = {"input": 0.6, "output": 0.6, "parameter": 0.47, "vector": 0.3, "operation": 0.95}
_LANE = 3.3  # between queries, keys and values
_ASIDE = 2.2  # of what joins the flow from the side


def draw(nodes: dict[str, Node], letters: Mapping[int, str], height_cm: float) -> Figure:
    """The graph from top to bottom, shapes on the edges, one colour a stage; parameters in dashed boxes.

    `letters` gives the sizes their symbols; the box of a parameter shows its own shape.
    """
    fig, axis = figures.new(height_cm=height_cm)
    row = _rows(nodes)
    place = _columns(nodes, row)
    height = _heights(nodes, row, place)
    axis.set_axis_off()
    axis.set(xlim=(-4.65, 5.05), ylim=(min(height.values()) - 0.3, 0.3))
    for name, node in nodes.items():
        top = height[name] + _HALF_HEIGHT
        flow = _flow(nodes, name)
        for source in node.sources:
            x, foot = place[source], height[source] - _HALF_HEIGHT
            if nodes[source].kind == "parameter":
                _arrow(axis, [(x, foot), (place[name] + (x - place[name]) / 2, top)])
                continue
            # Several operands enter side by side, in their order.
            offset = flow.index(source) - (len(flow) - 1) / 2
            enter = place[name] + 0.6 * offset
            turn = foot - 0.12 if len(flow) < len(node.sources) else foot if x == enter else top + 0.8
            _arrow(axis, [(x, foot), (x, turn), (enter, turn), (enter, top)])
            # The shape stands beside the longer upright piece, outside of a fork.
            beside, middle = (x, (foot + turn) / 2) if foot - turn > turn - top else (enter, (turn + top) / 2)
            side, ha = (-1, "right") if offset < 0 else (1, "left")
            shown = shape_text(nodes[source].shape, letters, nodes[source].symbol)
            axis.text(beside + 0.07 * side, middle, shown, ha=ha, va="center", fontsize=7.5)
    for name, node in nodes.items():
        _box(axis, (place[name], height[name]), node, letters)
    present = sorted({node.stage for node in nodes.values()} - {0})
    handles = [FancyBboxPatch((0, 0), 1, 1, facecolor=_COLOURS[s], edgecolor="#555555", lw=0.6) for s in present]
    fig.legend(handles, [STAGES[s] for s in present], ncols=2, loc="outside lower center")
    return fig


def _flow(nodes: dict[str, Node], name: str) -> list[str]:
    """The sources of a node but for its parameters."""
    return [source for source in nodes[name].sources if nodes[source].kind != "parameter"]


def _heights(nodes: dict[str, Node], row: Mapping[str, int], place: Mapping[str, float]) -> dict[str, float]:
    """Height of each node: its row from the top, and _FORK lower for each row into which flow comes from the side.

    Below parameters there is room enough.
    """
    narrow = {name: node.sources for name, node in nodes.items() if _flow(nodes, name) == node.sources}
    forks = {row[name] for name, sources in narrow.items() if any(place[source] != place[name] for source in sources)}
    return {name: -(level + _FORK * sum(fork <= level for fork in forks)) for name, level in row.items()}


def _rows(nodes: dict[str, Node]) -> dict[str, int]:
    """Row of each node: what x flows through stands below its sources, all else right above its first user."""
    row: dict[str, int] = {}
    for name, node in nodes.items():
        if node.flow:
            # An operation with parameters leaves a row free for them.
            step = 2 if any(nodes[source].kind == "parameter" for source in node.sources) else 1
            row[name] = max((row[source] + step for source in node.sources if nodes[source].flow), default=0)
    for name, node in reversed(nodes.items()):
        if not node.flow:
            row[name] = min(row[user] for user in _users(name, nodes)) - 1
    return row


def _columns(nodes: dict[str, Node], row: Mapping[str, int]) -> dict[str, float]:
    """Place of each node across: what x flows through below the middle of its sources, all else beside its user."""
    place: dict[str, float] = {}
    for level in range(max(row.values()) + 1):
        together: dict[float, list[str]] = {}  # below the same middle
        for name, node in nodes.items():
            if node.flow and row[name] == level:
                above = [place[source] for source in node.sources if nodes[source].flow]
                place[name] = sum(above) / len(above) if above else 0.0
                if node.kind != "output":
                    together.setdefault(place[name], []).append(name)
        for middle, names in together.items():
            for i, name in enumerate(names):
                place[name] = middle + _LANE * (i - (len(names) - 1) / 2)
    for name, node in nodes.items():
        if node.kind == "output" and len(_users(node.sources[0], nodes)) > 1:
            place[name] -= _ASIDE
        for i, source in enumerate(s for s in node.sources if nodes[s].kind == "parameter"):
            place[source] = place[name] + (1.35 if i % 2 else -0.8)
    for name in reversed(nodes):
        if name not in place:
            user = _users(name, nodes)[0]
            place[name] = place[user] + (_ASIDE if nodes[user].flow else 0)
    return place


def _users(name: str, nodes: dict[str, Node]) -> list[str]:
    return [user for user, node in nodes.items() if name in node.sources]


def _arrow(axis: Axes, points: Sequence[tuple[float, float]]) -> None:
    look = {"arrowstyle": "-|>", "mutation_scale": 6, "lw": 0.7, "color": "#444444", "shrinkA": 0, "shrinkB": 0}
    axis.add_patch(FancyArrowPatch(path=MplPath(points), **look))


def _box(axis: Axes, centre: tuple[float, float], node: Node, letters: Mapping[int, str]) -> None:
    (x, y), text = centre, _TITLES.get(node.text, node.text)
    width = _HALF_WIDTH["vector" if node.kind == "parameter" and len(node.shape) == 1 else node.kind]
    if node.kind == "parameter":
        text = f"${_SYMBOLS.get(text, text)}$  {shape_text(node.shape, letters)}"
    axis.add_patch(
        FancyBboxPatch(
            (x - width, y - _HALF_HEIGHT), 2 * width, 2 * _HALF_HEIGHT, boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=_COLOURS[node.stage], edgecolor="#555555", lw=0.6,
            ls="--" if node.kind == "parameter" else "-",
        )
    )  # fmt: skip
    text = re.sub(r"√(\d+)", lambda found: rf"$\sqrt{{{letters.get(int(found[1]), found[1])}}}$", text)
    axis.text(x, y, text, ha="center", va="center", fontsize=7.5, linespacing=1.15)
