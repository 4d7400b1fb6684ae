"""The one kernel of the report's notebooks: this interpreter on this checkout, whatever kernels the account has."""

import os
import sys

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelspec import RESOURCES
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

from study import environment

NAME = "python3"


class Kernel(IPKernelApp):
    """IPython's kernel, without configuration and startup files of the account or the machine."""

    def load_config_file(self, *_, **__) -> None: ...

    def _run_startup_files(self) -> None: ...


class Kernels(KernelSpecManager):
    """Knows this kernel alone; JupyterLab and the build look it up here."""

    def find_kernel_specs(self) -> dict[str, str]:
        return {NAME: RESOURCES}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        if kernel_name != NAME:
            raise NoSuchKernel(kernel_name)
        return KernelSpec(
            argv=environment.command("study.kernel", "-f", "{connection_file}"),
            display_name="Python 3 (ipykernel)",
            language="python",
            metadata={"debugger": True},
            resource_dir=RESOURCES,
        )


class Manager(AsyncKernelManager):
    @default("kernel_spec_manager")
    def _only_this(self) -> Kernels:
        return Kernels()


if __name__ == "__main__":
    os.environ.pop("MPLBACKEND", None)  # the kernel shows figures inline
    sys.path.append("")  # modules beside the notebook, after all others
    Kernel.launch_instance()
