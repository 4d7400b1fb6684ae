"""Importable code behind the notebooks."""
