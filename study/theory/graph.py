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
    "query.weight": "W_q", "query.bias": "b_q", "key.weight": "W_k", "key.bias": "b_k",
    "value.weight": "W_v", "value.bias": "b_v", "output.weight": "W_o", "output.bias": "b_o",
}  # fmt: skip
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

    `symbol` is the result's name in the formulas (Q, K, V, S, A, C), if it has one.
    """

    kind: str
    text: str
    shape: tuple[int, ...]
    sources: list[str] = field(default_factory=list)
    stage: int = 0
    symbol: str = ""


def trace(module: nn.Module, x: Tensor, outputs: Sequence[str], **arguments: object) -> dict[str, Node]:
    """The graph of `module(x, **arguments)` as nodes by name, in order of execution.

    `outputs` names the results. Raises ValueError when the module returns another number of results.
    """
    program = torch.export.export(module.eval(), (x,), arguments)
    parameters = program.graph_signature.inputs_to_parameters
    nodes: dict[str, Node] = {}
    for one in program.graph.nodes:
        value = one.meta.get("val")
        if not isinstance(value, Tensor):
            continue
        shape = tuple(value.shape)
        if one.op == "placeholder":
            path = parameters.get(one.name)
            nodes[one.name] = Node("parameter" if path else "input", path or one.name, shape)
        else:
            sources = [source.name for source in one.all_input_nodes]
            nodes[one.name] = Node("operation", _operation(one, x.shape), shape, sources)
    results = program.graph_signature.user_outputs
    if len(results) != len(outputs):
        named = ", ".join(outputs)
        raise ValueError(f"the module returns {len(results)} results, but {len(outputs)} are named: {named}")
    for name, result in zip(outputs, results, strict=True):
        nodes[f"output {name}"] = Node("output", name, nodes[result].shape, [result])
    _leave_out_types(nodes)
    _merge_layout(nodes)
    _assign_stages(nodes)
    _name_results(nodes)
    return nodes


def _operation(one: torch.fx.Node, x_shape: Sequence[int]) -> str:
    """What an operation is called in its box, with its constant if it has one."""
    name = one.target.__name__.split(".")[0]
    constants = [argument for argument in one.args if isinstance(argument, float)]
    if name == "div" and constants:
        square = constants[0] ** 2
        return f"÷ √{square:g}" if abs(square - round(square)) < 1e-9 else f"÷ {constants[0]:g}"
    if name == "where":
        return "0 where seen,\n−∞ where hidden"
    return name


def _leave_out_types(nodes: dict[str, Node]) -> None:
    """Take out what only converts numbers to another type, in place."""
    for name in [name for name, node in nodes.items() if node.text == "to"]:
        (before,) = nodes.pop(name).sources
        for node in nodes.values():
            node.sources = [before if source == name else source for source in node.sources]


def _merge_layout(nodes: dict[str, Node]) -> None:
    """Draw a chain of rearrangements as one node, in place."""
    for name in list(nodes):
        node = nodes[name]
        if node.text not in _LAYOUT:
            continue
        node.text = _LAYOUT[node.text]
        before = nodes[node.sources[0]]
        users = sum(node.sources[0] in other.sources for other in nodes.values())
        *first, last = before.text.split("\n")
        if before.kind == "operation" and users == 1 and last in _LAYOUT.values():
            again = f"{last} twice" if last == node.text else f"{last}\n{node.text}"
            node.text = "\n".join([*first, again])
            del nodes[node.sources[0]]
            node.sources = before.sources


def _assign_stages(nodes: dict[str, Node]) -> None:
    """Tell the four stages from the structure: before the first product, up to the softmax, after it, last map.

    What does not come from the first input, such as a parameter or a mask, belongs to the stage of its user.
    """
    start = next(name for name, node in nodes.items() if node.kind == "input")
    passed: dict[str, set[str]] = {start: set()}
    for name, node in nodes.items():
        above = [passed[source] for source in node.sources if source in passed]
        if not above:
            continue
        passed[name] = set().union(*above, {node.text})
        if node.kind == "operation":
            node.stage = _stage(node.text, set().union(*above))
            # From here on the flow has left the weighted sum.
            passed[name] |= {"output transformation"} if node.stage == 4 else set()
    for name in reversed(nodes):
        if name not in passed and nodes[name].kind != "input":
            nodes[name].stage = next(user.stage for user in nodes.values() if name in user.sources)


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


def _stage(operation: str, above: set[str]) -> int:
    if "softmax" in above:
        return 4 if operation == "linear" or "output transformation" in above else 3
    return 2 if operation == "matmul" or "matmul" in above else 1


def shape_text(shape: Sequence[int], letters: Mapping[int, str], symbol: str = "") -> str:
    """A shape in symbols, `B×N×d`, for Matplotlib's mathematics, after a name; sizes without a letter stay numbers."""
    sizes = r"{\times}".join(letters.get(size, str(size)) for size in shape)
    return f"$\\mathbf{{{symbol}}}$  ${sizes}$" if symbol else f"${sizes}$"


def draw(nodes: Mapping[str, Node], letters: Mapping[int, str], height_cm: float) -> Figure:
    """The graph from top to bottom, shapes on the edges, one colour a stage; parameters in dashed boxes.

    `letters` gives the sizes their symbols; the box of a parameter shows its own shape.
    """
    fig, axis = figures.new(height_cm=height_cm)
    rank = _rows(nodes)
    place = _columns(nodes, rank)
    axis.set_axis_off()
    axis.set(xlim=(-4.65, 5.05), ylim=(-max(rank.values()) - 0.45, 0.45))
    for name, node in nodes.items():
        flow = [source for source in node.sources if nodes[source].kind != "parameter"]
        for source in node.sources:
            start = place[source], -rank[source] - _HALF_HEIGHT
            if nodes[source].kind == "parameter":
                end = place[name] + (place[source] - place[name]) / 2, _HALF_HEIGHT - rank[name]
                _arrow(axis, [start, end])
                continue
            # Several operands enter side by side, in their order.
            enter = place[name] + 0.6 * (flow.index(source) - (len(flow) - 1) / 2)
            end = enter, _HALF_HEIGHT - rank[name]
            turn = start[1] - 0.12 if len(flow) < len(node.sources) else end[1] + 0.4
            _arrow(axis, [start, (start[0], turn), (enter, turn), end])
            # The shape stands beside the longer upright piece, outside of a fork.
            upright = (start[0], start[1], turn) if start[1] - turn > turn - end[1] else (enter, turn, end[1])
            side = -1 if flow.index(source) < (len(flow) - 1) / 2 else 1
            shown = shape_text(nodes[source].shape, letters, nodes[source].symbol)
            axis.text(
                upright[0] + 0.07 * side, (upright[1] + upright[2]) / 2, shown,
                ha="left" if side > 0 else "right", va="center", fontsize=7.5,
            )  # fmt: skip
    for name, node in nodes.items():
        _box(axis, (place[name], -rank[name]), node, letters)
    present = sorted({node.stage for node in nodes.values()} - {0})
    handles = [FancyBboxPatch((0, 0), 1, 1, facecolor=_COLOURS[s], edgecolor="#555555", lw=0.6) for s in present]
    fig.legend(handles, [STAGES[s] for s in present], ncols=2, loc="outside lower center")
    return fig


_HALF_HEIGHT = 0.23
_HALF_WIDTH = {"input": 0.6, "output": 0.6, "parameter": 0.47, "vector": 0.3, "operation": 0.95}
_LANE = 3.3  # between queries, keys and values
_ASIDE = 2.2  # of what joins the flow from the side


def _rows(nodes: Mapping[str, Node]) -> dict[str, int]:
    """Row of each node: what x flows through stands below its sources, all else right above its first user."""
    start = next(name for name, node in nodes.items() if node.kind == "input")
    rank = {start: 0}
    for name, node in nodes.items():
        above = [rank[source] for source in node.sources if source in rank]
        if above:
            # An operation with parameters leaves a row free for them.
            rank[name] = max(above) + (2 if _with_parameters(node, nodes) else 1)
    for name in reversed(nodes):
        if name not in rank:
            rank[name] = min(rank[user] for user, node in nodes.items() if name in node.sources) - 1
    return rank


def _columns(nodes: Mapping[str, Node], rank: Mapping[str, int]) -> dict[str, float]:
    """Place of each node across: what x flows through below the middle of its sources, all else beside its user."""
    start = next(name for name, node in nodes.items() if node.kind == "input")
    flow = {start}
    for name, node in nodes.items():
        if flow & set(node.sources):
            flow.add(name)
    place = {start: 0.0}
    for row in range(1, max(rank.values()) + 1):
        here = [name for name in nodes if rank[name] == row and name in flow]
        for name in here:
            above = [place[source] for source in nodes[name].sources if source in flow]
            place[name] = sum(above) / len(above)
        for middle in {place[name] for name in here}:
            together = [name for name in here if place[name] == middle and nodes[name].kind != "output"]
            for i, name in enumerate(together):
                place[name] = middle + _LANE * (i - (len(together) - 1) / 2)
    for name, node in nodes.items():
        if node.kind == "output" and sum(node.sources[0] in other.sources for other in nodes.values()) > 1:
            place[name] -= _ASIDE
        for i, source in enumerate(s for s in node.sources if nodes[s].kind == "parameter"):
            place[source] = place[name] + (1.35 if i % 2 else -0.8)
    for name in reversed(nodes):
        if name not in place:
            user = next(user for user, node in nodes.items() if name in node.sources)
            place[name] = place[user] + (_ASIDE if user in flow else 0)
    return place


def _with_parameters(node: Node, nodes: Mapping[str, Node]) -> bool:
    return any(nodes[source].kind == "parameter" for source in node.sources)


def _arrow(axis: Axes, points: Sequence[tuple[float, float]]) -> None:
    path = MplPath(points)
    axis.add_patch(
        FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=6, lw=0.7, color="#444444", shrinkA=0, shrinkB=0)
    )


def _box(axis: Axes, centre: tuple[float, float], node: Node, letters: Mapping[int, str]) -> None:
    width = _HALF_WIDTH["vector" if node.kind == "parameter" and len(node.shape) == 1 else node.kind]
    axis.add_patch(
        FancyBboxPatch(
            (centre[0] - width, centre[1] - _HALF_HEIGHT), 2 * width, 2 * _HALF_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.08", facecolor=_COLOURS[node.stage], edgecolor="#555555",
            lw=0.6, ls="--" if node.kind == "parameter" else "-",
        )
    )  # fmt: skip
    text = _TITLES.get(node.text, node.text)
    if node.kind == "parameter":
        text = f"${_SYMBOLS.get(text, text)}$  {shape_text(node.shape, letters)}"
    text = re.sub(r"√(\d+)", lambda found: rf"$\sqrt{{{letters.get(int(found[1]), found[1])}}}$", text)
    axis.text(*centre, text, ha="center", va="center", fontsize=7.5, linespacing=1.15)
