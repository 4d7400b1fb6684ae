"""The tags of a notebook's cells, set in JupyterLab or in the percent format."""

HIDE_INPUT = {"parameters", "setup", "hide-input"}
HIDE_CELL, MODEL, SUMMARY, ANSWER = "hide-cell", "model", "summary", "answer"
