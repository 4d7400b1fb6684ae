"""Runs on those workers of a Dask cluster that match this checkout.

A worker that matches offers a resource, and runs ask for it. A plugin sees to that on each worker as it joins, so one
that is started later, or again, is judged too.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress

from distributed import Client, WorkerPlugin
from distributed.worker import Worker

Check = Callable[[], Sequence[str]]
"""Called on a worker: where it is, and in what it differs from this checkout."""


class Admission(WorkerPlugin):
    """Offers the resource `name` on a worker that differs in nothing, one for each of its threads."""

    def __init__(self, name: str, check: Check) -> None:
        self.name, self.check = name, check

    async def setup(self, worker: Worker) -> None:
        _, *differences = await _asked(self.check)
        await worker.set_resources(**{self.name: 0 if differences else worker.state.nthreads})


async def _asked(check: Check) -> Sequence[str]:
    return await asyncio.to_thread(check)  # it may get data, and the worker has to answer its scheduler meanwhile


@contextmanager
def executor(address: str, name: str, check: Check, seconds: float) -> Generator[Executor]:
    """An executor for the workers that match, after a word on each that does not. Raises OSError if there is none."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # which prints tracebacks of lost connections
    try:
        client = Client(address, timeout=seconds)
    except (OSError, ValueError) as error:
        raise OSError(f"there is no Dask scheduler at {address} ({error}); start it, or set WORKERS") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=seconds)
        except TimeoutError:
            raise OSError(f"the scheduler at {address} has no worker; start one") from None
        matching = 0
        for worker, answer in client.run(_asked, check, on_error="return").items():
            where, *differences = [worker, repr(answer)] if isinstance(answer, Exception) else answer
            matching += not differences
            if differences:
                print(f"left out: {where}: {'; '.join(differences)}", file=sys.stderr, flush=True)
        if not matching:
            raise OSError(f"no worker of the scheduler at {address} matches this checkout")
        with suppress(Exception):  # of a worker that can't load the plugin, which is left out
            client.register_plugin(Admission(name, check))
        try:
            yield client.get_executor(resources={name: 1})
        finally:
            if client.status != "running":
                raise OSError(f"the scheduler at {address} was lost; start it again and say the same command")
            client.unregister_worker_plugin(name)
