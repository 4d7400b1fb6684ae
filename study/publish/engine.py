"""A papermill engine that evaluates the inline expressions of Markdown cells where they stand."""

import os
import time
from queue import Empty
from typing import Any

from jupyter_core.utils import ensure_async, run_sync
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.log import logger

from study import environment, kernel
from study.publish import inline
from study.publish.errors import PublishError

NAME = "study"
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
        **unused: Any,
    ) -> None:
        # A kernel holds nothing that it would have to save, and one that is interrupted at its end prints a traceback.
        client = InlineClient(
            nb_man, notebook_name, kernel_name=kernel.NAME, kernel_manager_class=kernel.Manager,
            startup_timeout=start_timeout, timeout=None, shutdown_kernel="immediate", log=logger,
            extra_arguments=list(_KERNEL),
        )  # fmt: skip
        client.execute(env={**os.environ, environment.BUILDING: "yes"})


papermill_engines.register(NAME, InlineEngine)
