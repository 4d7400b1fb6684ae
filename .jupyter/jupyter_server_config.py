"""JupyterLab as `make lab` starts it."""

from study.contents import Manager

c = get_config()  # noqa: F821  Jupyter defines it
c.ServerApp.contents_manager_class = Manager
c.ContentsManager.hide_globs = ["__pycache__", "*.pyc", "*~", ".*", "part?_*.py", "bonus_*.py"]  # the notebooks' texts
