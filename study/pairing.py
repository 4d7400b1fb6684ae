"""The two forms of each notebook: percent-format text, which is the source, and the .ipynb that is made from it.

JupyterLab opens the .ipynb and saves both (`study.contents`). What only the .ipynb holds: which code is collapsed and,
saved by other programs, outputs.
"""

import argparse
import hashlib
import sys
from collections import Counter
from pathlib import Path

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from nbformat import NotebookNode

from study import commands, paths
from study.files import write_atomically
from study.tags import ANSWER, HIDE_INPUT

PERCENT = {"extension": ".py", "format_name": "percent"}


class PairingError(ValueError):
    """The two forms of a notebook can't be brought in step without a loss; the message names them and the remedies."""


def sources() -> list[Path]:
    return sorted(paths.NOTEBOOKS.glob("*.py"))


def paired(source: Path) -> NotebookNode:
    """The .ipynb of a text notebook: no outputs, code that readers need not see collapsed, the same ids each time."""
    return of_text(source.read_text(encoding="utf-8"))


def of_text(text: str) -> NotebookNode:
    """`paired` of a text."""
    notebook = jupytext.reads(text, fmt=PERCENT)
    _complete(notebook)
    return notebook


def bring_in_step(source: Path) -> bool:
    """Renew the .ipynb of a text if its cells differ; whether it was renewed.

    Outputs of cells whose code is the same stay. An .ipynb in step is left alone. Raises PairingError when an .ipynb
    was changed after its text: such a change was not made in `make lab`, which saves both.
    """
    target, wanted = source.with_suffix(".ipynb"), paired(source)
    if target.exists():
        present = _read(target)
        if _cells(present) == _cells(wanted):
            return False
        if target.stat().st_mtime > source.stat().st_mtime + 1:
            raise PairingError(
                f"{target} was changed after {source.name} and differs from it. To take its changes over, run "
                f"`jupytext --to py:percent {target.name}` in {target.parent}; to drop them, run `make pair`."
            )
        wanted = combine_inputs_with_outputs(wanted, present, PERCENT)
        _complete(wanted)
    write_atomically(target, _text(wanted).encode())
    return True


def renew(source: Path) -> bool:
    """Make the .ipynb of a text, without outputs, as it is committed; whether it changed."""
    target, wanted = source.with_suffix(".ipynb"), _text(paired(source))
    if target.exists() and target.read_text(encoding="utf-8") == wanted:
        return False
    write_atomically(target, wanted.encode())
    return True


def _complete(notebook: NotebookNode) -> None:
    """Collapse answers and the code that readers need not see, and name cells by their content."""
    seen = Counter()
    for cell in notebook.cells:
        hidden = HIDE_INPUT if cell.cell_type == "code" else {ANSWER}
        if hidden & set(cell.metadata.get("tags", [])):
            cell.metadata["jupyter"] = {"source_hidden": True}
        seen[cell.source] += 1
        cell["id"] = hashlib.sha256(f"{seen[cell.source]} {cell.source}".encode()).hexdigest()[:8]
    notebook.metadata.get("jupytext", {}).pop("text_representation", None)


def _cells(notebook: NotebookNode) -> list[tuple[str, str, list[str]]]:
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def _read(target: Path) -> NotebookNode:
    try:
        return nbformat.read(target, as_version=4)
    except (ValueError, AttributeError, TypeError, nbformat.ValidationError) as error:
        raise PairingError(f"{target} is no notebook ({str(error)[:80]}). Make it again with `make pair`.") from error


def _text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook) + "\n"


@commands.entry
def main(arguments: list[str] | None = None) -> None:
    """`make pair`; with --in-step what `make lab` does first."""
    parser = argparse.ArgumentParser(prog="python -m study.pairing", description=__doc__)
    parser.add_argument("--in-step", action="store_true", help="only where an .ipynb differs from its text")
    renewed = bring_in_step if parser.parse_args(arguments).in_step else renew
    for source in filter(renewed, sources()):
        print(f"{source.with_suffix('.ipynb').relative_to(paths.ROOT)} brought in step with its text")


if __name__ == "__main__":
    sys.exit(main())
