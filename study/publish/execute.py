"""Text notebook -> executed notebook, with papermill; only code that changed runs again."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from study.files import write_atomically
from study.publish.chapters import PublishError

KEY = "study_key"


def read_source(source: Path) -> nbformat.NotebookNode:
    """A notebook from its percent-format text. Raises PublishError when it lacks what papermill needs."""
    notebook = jupytext.read(source)
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise PublishError(
            f'{source}: {len(tagged)} cells are tagged "parameters", expected one; tag the first code cell.'
        )
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        raise PublishError(f"{source}: names no python3 kernel; run `jupytext --set-kernel python3 {source.name}`.")
    return notebook


def key_of(notebook: nbformat.NotebookNode, parameters: Mapping[str, Any], inputs: str) -> str:
    """A digest of all that an execution depends on: code cells, parameters and the digest of other inputs.

    Prose cells are left out, so that a change of prose runs nothing.
    """
    parts = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(repr([parts, sorted(parameters.items()), inputs]).encode()).hexdigest()


def is_fresh(source: Path, target: Path, parameters: Mapping[str, Any], inputs: str) -> bool:
    """Whether `target` was executed from this code with these parameters and inputs."""
    if not target.exists():
        return False
    try:
        key = nbformat.read(target, as_version=4).metadata.get(KEY)
    except (ValueError, AttributeError, TypeError, nbformat.ValidationError) as error:  # no UTF-8, JSON or notebook
        print(f"Damaged notebook {target} ({str(error)[:80]}); it is executed anew.")
        return False
    return key == key_of(read_source(source), parameters, inputs)


def execute(source: Path, target: Path, parameters: Mapping[str, Any], inputs: str = "") -> None:
    """Run a notebook in its own folder and write the result to `target` when every cell has succeeded.

    Raises PublishError for an unknown parameter and for a failed cell; then `target` stays as it was and the failed
    notebook lies beside it as `<name>.failed.ipynb`.
    """
    notebook = read_source(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.stem}-*"):  # of a killed process
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.stem}-") as folder:
        plain, result = Path(folder) / "source.ipynb", Path(folder) / "result.ipynb"
        nbformat.write(notebook, plain)
        known = papermill.inspect_notebook(str(plain))
        unknown = sorted(set(parameters) - set(known))
        if unknown:
            raise PublishError(
                f"{source}: unknown parameter {', '.join(unknown)}; its parameters cell has {', '.join(known)}."
            )
        try:
            papermill.execute_notebook(
                str(plain), str(result), dict(parameters),
                kernel_name="python3", cwd=str(source.parent), log_output=True, progress_bar=True,
                extra_arguments=["--log-level=ERROR"],
            )  # fmt: skip
        except PapermillExecutionError as error:
            failed = target.with_suffix(".failed.ipynb")
            os.replace(result, failed)
            raise PublishError(
                f"{source}, code cell {error.exec_count}: {error.ename}: {error.evalue}\n"
                f"The notebook up to there: {failed}"
            ) from error
        except DeadKernelError as error:
            raise PublishError(
                f"{source}: its kernel died; the memory may be full. Close what needs memory and run again."
            ) from error
        executed = nbformat.read(result, as_version=4)
        executed.metadata[KEY] = key_of(notebook, parameters, inputs)
        nbformat.write(executed, result)
        os.replace(result, target)


def refresh_prose(source: Path, executed: Path) -> None:
    """Give an executed notebook the prose cells that its source has now, without running anything.

    Raises PublishError when the source's code is no longer what was executed.
    """
    now, then = read_source(source), nbformat.read(executed, as_version=4)
    # papermill inserts the given parameters as a cell of its own.
    ran = [c for c in then.cells if c.cell_type == "code" and "injected-parameters" not in c.metadata.get("tags", [])]
    code = [c for c in now.cells if c.cell_type == "code"]
    if [c.source for c in ran] != [c.source for c in code]:
        raise PublishError(f"{executed} was made from other code than {source} has; run `make report`.")
    outputs = iter(ran)
    then.cells = [next(outputs) if cell.cell_type == "code" else cell for cell in now.cells]
    write_atomically(executed, nbformat.writes(then).encode())
