"""Text notebook -> executed notebook, with papermill; only what changed in code or inline values runs again."""

import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from study.files import write_atomically, writing
from study.page import fenced
from study.publish import engine, inline, outputs
from study.publish.errors import PublishError

KEY = "study_key"
FIGURES = "study_figures"
"""Where an executed notebook keeps the digests of the files of figures that it wrote, by their names."""


def read_source(source: Path) -> nbformat.NotebookNode:
    """A notebook from its percent-format text.

    Raises PublishError when it lacks what papermill needs, or has an inline value that cannot be read everywhere.
    """
    notebook = jupytext.read(source)
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise PublishError(
            f'{source}: {len(tagged)} cells are tagged "parameters", expected one; tag the first code cell.'
        )
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        raise PublishError(f"{source}: names no python3 kernel; run `jupytext --set-kernel python3 {source.name}`.")
    inline.require_sound(notebook, source.name)
    return notebook


def key_of(notebook: nbformat.NotebookNode, parameters: Mapping[str, Any], inputs: str) -> str:
    """A digest of all that an execution depends on: code, inline expressions, parameters, the digest of other inputs.

    Expressions count with the code cells that they stand between. The words around them are left out, so that a
    change of prose runs nothing.
    """
    parts: list[str | set[str]] = [set()]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            parts += [cell.source, set()]
        elif cell.cell_type == "markdown":
            parts[-1] |= {inline.same(expression) for expression in inline.expressions(cell.source)}
    plain = [part if isinstance(part, str) else sorted(part) for part in parts]
    return hashlib.sha256(repr([plain, sorted(parameters.items()), inputs]).encode()).hexdigest()


def is_fresh(
    source: Path, target: Path, parameters: Mapping[str, Any], inputs: str, figures: Path | None = None
) -> bool:
    """Whether `target` was executed from this code with these parameters and inputs, and its figures are there."""
    if not target.exists():
        return False
    try:
        noted = nbformat.read(target, as_version=4).metadata
        key, drawn = noted.get(KEY), dict(noted.get(FIGURES, {}))
    except (ValueError, AttributeError, TypeError, nbformat.ValidationError) as error:  # no UTF-8, JSON or notebook
        print(f"Damaged notebook {target} ({str(error)[:80]}); it is executed again.")
        return False
    whole = figures is None or drawn == _digests(figures / name for name in drawn)
    return whole and key == key_of(read_source(source), parameters, inputs)


def _digests(files: Iterable[Path]) -> dict[str, str]:
    """By the files' names; those that are there."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def _drawn(executed: nbformat.NotebookNode, figures: Path) -> dict[str, str]:
    """The digests of the files of the figures that a notebook shows."""
    names = outputs.figures_in(outputs.items_of(executed))
    return _digests(file for name in names for file in sorted(figures.glob(f"{glob.escape(name)}.*")))


def execute(
    source: Path, target: Path, parameters: Mapping[str, Any], inputs: str = "", figures: Path | None = None
) -> None:
    """Run a notebook in its own folder and write the result to `target` when every cell has succeeded.

    `figures` is the folder to which its page writes. Raises PublishError for an unknown parameter, for a kernel that
    can't start or died, and for a cell or an inline value that failed; then `target` stays as it was and the failed
    notebook lies beside it as `<name>.failed.ipynb`. Raises OSError that names a file that can't be written.
    """
    notebook = read_source(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.stem}-*"):  # of a killed process
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.stem}-") as folder:
        plain, result = Path(folder) / "source.ipynb", Path(folder) / "result.ipynb"
        with writing(plain):
            nbformat.write(notebook, plain)
        known = papermill.inspect_notebook(_literal(plain))
        unknown = sorted(set(parameters) - set(known))
        if unknown:
            raise PublishError(
                f"{source}: unknown parameter {', '.join(unknown)}; its parameters cell has {', '.join(known)}."
            )
        try:
            with writing(result):
                papermill.execute_notebook(
                    _literal(plain), _literal(result), dict(parameters),
                    engine_name=engine.NAME, notebook_name=source.name, kernel_name="python3", cwd=str(source.parent),
                    progress_bar=True,
                )  # fmt: skip
            executed = nbformat.read(result, as_version=4)
            inline.all_replies(executed, source.name)
        except PapermillExecutionError as error:
            failure = f"{source}, code cell {error.exec_count}: {error.ename}: {error.evalue}"
            raise PublishError(_kept(result, target, failure)) from error
        except PublishError as error:
            raise PublishError(_kept(result, target, str(error))) from error
        except DeadKernelError as error:
            raise PublishError(
                f"{source}: its kernel died; the memory may be full. Close what needs memory and run again."
            ) from error
        except TimeoutError as error:
            raise PublishError(
                f"{source}: its kernel did not answer in time {error}; the machine may be overloaded. Run again."
            ) from error
        except RuntimeError as error:
            raise PublishError(
                f"{source}: its kernel does not start ({error}). The environment may be damaged: delete .venv and run "
                "again."
            ) from error
        drawn = _drawn(executed, figures) if figures else {}
        executed.metadata |= {KEY: key_of(notebook, parameters, inputs), FIGURES: drawn}
    write_atomically(target, nbformat.writes(executed).encode())


def _literal(path: Path) -> str:
    """A path as papermill takes it: what stands in braces would be a parameter's name."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _kept(result: Path, target: Path, failure: str) -> str:
    """Put a failed notebook beside the target, and add its place to the failure."""
    failed = target.with_suffix(".failed.ipynb")
    os.replace(result, failed)
    return f"{failure}\nThe notebook up to there: {failed}"


def refresh_prose(source: Path, executed: Path) -> None:
    """Give an executed notebook the prose that its source has now, with the inline values that it has already.

    Raises PublishError when the source's code or inline expressions are no longer what was executed.
    """
    now, then = read_source(source), nbformat.read(executed, as_version=4)
    replies = inline.all_replies(then, source.name)
    ran = [c for c in then.cells if c.cell_type == "code" and not inline.is_injected(c)]
    code = [c for c in now.cells if c.cell_type == "code"]
    prose = {id(c): inline.expressions(c.source) for c in now.cells if c.cell_type == "markdown"}
    asked = {inline.same(expression) for found in prose.values() for expression in found}
    if [c.source for c in ran] != [c.source for c in code] or not asked <= set(replies):
        raise PublishError(f"{executed} was made from other code than {source} has; run `make report`.")
    for cell, before in zip(code, ran, strict=True):
        before.metadata["tags"] = cell.metadata.get("tags", [])
    runs = iter(ran)
    then.cells = [next(runs) if cell.cell_type == "code" else cell for cell in now.cells]
    for cell in now.cells:
        if prose.get(id(cell)):
            cell.metadata[inline.REPLIES] = inline.with_replies(prose[id(cell)], replies)
    write_atomically(executed, nbformat.writes(then).encode())


def stand_in(title: str, target: Path, error: str) -> None:
    """Write a notebook of title and error to `target`, for a chapter that cannot be shown without the missing runs."""
    waits = "This chapter waits for the missing runs. Until then its notebook ends with"
    texts = [f"# {title}", waits, fenced(error, "{.output}")]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text) for text in texts])
    write_atomically(target, nbformat.writes(notebook).encode())
