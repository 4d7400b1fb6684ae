"""Text notebook -> executed notebook, with papermill; only what changed in code or inline values runs again.

An engine of papermill evaluates the inline expressions of Markdown cells where they stand.
"""

import glob
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from queue import Empty
from typing import Any

import jupytext
import nbformat
import papermill
from jupyter_core.utils import ensure_async, run_sync
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.log import logger

from study import environment, kernel
from study.files import write_atomically, writing
from study.page import fenced
from study.publish import inline, outputs
from study.publish.errors import PublishError

KEY = "study_key"
FIGURES = "study_figures"
"""Where an executed notebook keeps the digests of the files of figures that it wrote, by their names."""
ENGINE = "study"
"""Under which papermill knows the engine."""
EXPRESSION_SECONDS = 120
"""After which the expressions of one cell are given up."""

# Figures come as drawings with letters as outlines and as pictures at 200 dpi, with the same bytes each time.
_KERNEL = (
    "--log-level=ERROR",
    "--HistoryManager.hist_file=:memory:",
    "--InlineBackend.figure_formats={'svg', 'png'}",
    "--InlineBackend.print_figure_kwargs={'bbox_inches': 'tight', 'dpi': 200, 'metadata': {'Date': None}}",
    "--InlineBackend.rc={'svg.hashsalt': 'study', 'svg.fonttype': 'path'}",
)
_FAULTS = {
    DeadKernelError: "its kernel died; the memory may be full. Close what needs memory and run again.",
    TimeoutError: "its kernel did not answer in time {error}; the machine may be overloaded. Run again.",
    RuntimeError: "its kernel does not start ({error}). The environment may be damaged: delete .venv and run again.",
}


def read_source(source: Path) -> NotebookNode:
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


def key_of(notebook: NotebookNode, parameters: Mapping[str, Any], inputs: str) -> str:
    """A digest of all that an execution depends on: code, inline expressions, parameters, the digest of other inputs.

    Expressions count with the code cells that they stand between. The words around them are left out, so that a
    change of prose runs nothing.
    """
    parts, between = [], set()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            parts += [sorted(between), cell.source]
            between = set()
        elif cell.cell_type == "markdown":
            between |= {inline.same(expression) for expression in inline.expressions(cell.source)}
    parts.append(sorted(between))
    return hashlib.sha256(repr([parts, sorted(parameters.items()), inputs]).encode()).hexdigest()


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
                    engine_name=ENGINE, notebook_name=source.name, kernel_name="python3", cwd=str(source.parent),
                    progress_bar=True,
                )  # fmt: skip
            executed = nbformat.read(result, as_version=4)
            inline.all_replies(executed, source.name)
        except PapermillExecutionError as error:
            failure = f"{source}, code cell {error.exec_count}: {error.ename}: {error.evalue}"
            raise PublishError(_kept(result, target, failure)) from error
        except PublishError as error:
            raise PublishError(_kept(result, target, str(error))) from error
        except tuple(_FAULTS) as error:
            fault = next(words for kind, words in _FAULTS.items() if isinstance(error, kind))
            raise PublishError(f"{source}: {fault.format(error=error)}") from error
        files = _drawn(executed, figures) if figures else []
        executed.metadata |= {KEY: key_of(notebook, parameters, inputs), FIGURES: _digests(files)}
    write_atomically(target, nbformat.writes(executed).encode())


def _drawn(executed: NotebookNode, figures: Path) -> list[Path]:
    """The files of the figures that an executed notebook shows."""
    drawn = outputs.figures_in(outputs.items_of(executed))
    return [file for name in drawn for file in sorted(figures.glob(f"{glob.escape(name)}.*"))]


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
    asked = [(c, inline.expressions(c.source)) for c in now.cells if c.cell_type == "markdown"]
    known = all(inline.same(expression) in replies for _, found in asked for expression in found)
    if [c.source for c in ran] != [c.source for c in code] or not known:
        raise PublishError(f"{executed} was made from other code than {source} has; run `make report`.")
    for cell, before in zip(code, ran, strict=True):
        before.metadata["tags"] = cell.metadata.get("tags", [])
    for cell, found in asked:
        cell.metadata |= {inline.REPLIES: inline.with_replies(found, replies)} if found else {}
    runs = iter(ran)
    then.cells = [next(runs) if cell.cell_type == "code" else cell for cell in now.cells]
    write_atomically(executed, nbformat.writes(then).encode())


def stand_in(title: str, target: Path, error: str) -> None:
    """Write a notebook of title and error to `target`, for a chapter that cannot be shown without the missing runs."""
    waits = "This chapter waits for the missing runs. Until then its notebook ends with"
    texts = [f"# {title}", waits, fenced(error, "{.output}")]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text) for text in texts])
    write_atomically(target, nbformat.writes(notebook).encode())


class InlineClient(PapermillNotebookClient):
    """Runs code cells as papermill does; keeps the replies to a Markdown cell's expressions in its metadata.

    `name` is what errors call the notebook.
    """

    def __init__(self, manager: NotebookExecutionManager, name: str, **options: Any) -> None:
        super().__init__(manager, **options)
        self.name = name

    def execute_cell(self, cell: NotebookNode, cell_index: int, **options: Any) -> NotebookNode:
        found = inline.expressions(cell.source) if cell.cell_type == "markdown" else []
        if found:
            where = inline.place(self.nb, cell_index, self.name)
            replies = run_sync(self._ask)(found, where)
            cell.metadata[inline.REPLIES] = inline.with_replies(found, replies)
            inline.values_of(cell, where)
        return super().execute_cell(cell, cell_index, **options)

    async def _ask(self, found: list[str], where: str) -> inline.Replies:
        questions = {inline.same(expression): expression for expression in found}
        asked = self.kc.execute("", store_history=False, user_expressions=questions)
        deadline = time.monotonic() + EXPRESSION_SECONDS
        while time.monotonic() < deadline:
            try:
                reply = await ensure_async(self.kc.get_shell_msg(timeout=1))
            except Empty:
                if not await ensure_async(self.km.is_alive()):
                    raise DeadKernelError("Kernel died") from None
                continue
            if reply["parent_header"].get("msg_id") == asked:
                return reply["content"]["user_expressions"]
        raise PublishError(
            f"{where}: its inline values took longer than {EXPRESSION_SECONDS} s; compute them in a code cell above"
        )


class InlineEngine(Engine):
    """Papermill's own engine, with an InlineClient."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        notebook_name: str,
        start_timeout: int = 60,
        **_: Any,
    ) -> None:
        # A kernel holds nothing that it would have to save, and one that is interrupted at its end prints a traceback.
        client = InlineClient(
            nb_man, notebook_name, kernel_name=kernel.NAME, kernel_manager_class=kernel.Manager,
            startup_timeout=start_timeout, timeout=None, shutdown_kernel="immediate", log=logger,
            extra_arguments=list(_KERNEL),
        )  # fmt: skip
        client.execute(env={**os.environ, environment.BUILDING: "yes"})


papermill_engines.register(ENGINE, InlineEngine)
