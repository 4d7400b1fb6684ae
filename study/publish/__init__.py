"""Executed notebooks -> one HTML and one PDF."""

from study.publish.chapters import PublishError, chapter
from study.publish.render import build

__all__ = ["PublishError", "build", "chapter"]
