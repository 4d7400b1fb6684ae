"""What may reach the project's processes from outside: a short list of variables, none of the account's settings.

`python -I study/environment.py MODULE ARGUMENTS` runs a module with this interpreter on this checkout. So start make's
verbs, the kernels of notebooks and the processes that make runs (`command`). Only variables in KEPT get through; `-I`
keeps PYTHON* and the user's site-packages away; and what is read from the home folder is looked for in build/settings:

| Who reads | What is shut out |
|---|---|
| Python | PYTHONPATH, PYTHONHOME, PYTHONSTARTUP, PYTHONOPTIMIZE, PYTHONWARNINGS, …; user site-packages; the locale |
| Jupyter, IPython | kernelspecs, configuration, startup files (study/kernel.py), a home that can't be written |
| Matplotlib | matplotlibrc, MPLCONFIGDIR, MPLBACKEND, SOURCE_DATE_EPOCH |
| Keras, TensorFlow | ~/.keras/keras.json, KERAS_BACKEND, TF_*, XLA_FLAGS |
| PyTorch, NumPy, OpenMP | ATEN_*, TORCH_*, MKL_*, NPY_*, OMP_* but for a usable OMP_NUM_THREADS |
| Plotly, tqdm, scikit-learn, transformers | PLOTLY_RENDERER, TQDM_*, SKLEARN_*, HF_* and TRANSFORMERS_* |
| pandoc, Typst | XDG_DATA_HOME (and study/publish/render.py), TYPST_*, SOURCE_DATE_EPOCH |
| git | GIT_DIR, GIT_WORK_TREE and the others (and `study.runs.commit`) |
| pytest, ruff, pyrefly, Hypothesis | PYTEST_ADDOPTS, RUFF_*, PYREFLY_*, HYPOTHESIS_* |

This module imports nothing of the project: it decides which project that is.
"""

import contextlib
import logging
import os
import runpy
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "build" / "settings"
BUILDING = "STUDY_BUILDING"
"""The variable that a build sets for the notebooks that it executes."""
_STARTED = "STUDY_STARTED"
"""Set for the processes that one of ours starts: they end quietly when they are interrupted."""

KEPT = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD",
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "OMP_NUM_THREADS",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "JPY_PARENT_PID", "JPY_INTERRUPT_EVENT", "JPY_SESSION_NAME",  # Jupyter's words to its kernel
    "DATA", "DATA_MIRROR", "IMAGES", "NEWS_TRAIN", "STUDY_PROFILE", BUILDING, _STARTED, "GPU_TESTS",
}  # fmt: skip
"""The variables that get through: where things lie on this machine, and what the user chooses for the report."""

_FIXED = {
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONUTF8": "1",
    "PYTHONNOUSERSITE": "1",
    "IPYTHONDIR": str(SETTINGS / "ipython"),
    "JUPYTER_CONFIG_DIR": str(SETTINGS / "jupyter"),
    "JUPYTER_DATA_DIR": str(SETTINGS / "jupyter"),
    "JUPYTER_RUNTIME_DIR": str(SETTINGS / "jupyter" / "runtime"),
    "JUPYTER_NO_CONFIG": "1",
    "MPLCONFIGDIR": str(SETTINGS / "matplotlib"),
    "MPLBACKEND": "agg",
    "XDG_DATA_HOME": str(SETTINGS / "data"),
    "XDG_CONFIG_HOME": str(SETTINGS / "config"),
    "HF_HUB_OFFLINE": "1",
}


def threads(given: Mapping[str, str] = os.environ) -> int | None:
    """The threads that OMP_NUM_THREADS asks for (the first of a list such as `4,2`); None without a usable number."""
    first = given.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) else None


def settle_arithmetic(variables: MutableMapping[str, str]) -> None:
    """Set, in place, what TensorFlow, Keras and OpenMP read when they are imported."""
    number = threads(variables)
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        variables.pop(name, None)
        if number is not None:  # PyTorch and BLAS obey the first, TensorFlow the second
            variables[name] = str(number)
    variables.update(
        KERAS_BACKEND="tensorflow",
        KERAS_HOME=str(SETTINGS / "keras"),
        TF_CPP_MIN_LOG_LEVEL="3",
        TF_ENABLE_ONEDNN_OPTS="0",  # the same order of additions on every x86 machine
    )


def clean(given: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process of ours that is started where those given are set."""
    kept = {name: value for name, value in given.items() if name in KEPT} | _FIXED
    if BUILDING in kept:
        kept["PLOTLY_RENDERER"] = "plotly_mimetype"
    settle_arithmetic(kept)
    return kept


def shut_out() -> None:
    """Make this process, and those that it starts, one of ours: variables, and rights of the files that it writes."""
    variables = clean(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    os.umask(0o022)
    with contextlib.suppress(OSError):  # those who write there say so
        SETTINGS.mkdir(parents=True, exist_ok=True)


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in a process of ours, wherever it is started."""
    return [sys.executable, "-I", "-X", "utf8", str(ROOT / "study" / "environment.py"), module, *arguments]


def main(module: str, *arguments: str) -> int:
    """Run a module as `python -m` does; 130 when it is interrupted."""
    first = _STARTED not in os.environ
    os.environ[_STARTED] = "yes"
    shut_out()
    sys.path.insert(0, str(ROOT))
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        logging.getLogger("asyncio").disabled = True  # that the kernel ended, too, is no fault to be told
        if first:
            print("\nInterrupted. The same command goes on where it stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
