"""What every notebook of the report works with: numbered items, checks, and values in words."""

from study.checks import holds
from study.page import Page
from study.prose import count, duration, interval, join_list, number, p_value, percent, significant

__all__ = [
    "Page", "count", "duration", "holds", "interval", "join_list", "number", "p_value", "percent", "significant",
]  # fmt: skip
