"""Executed notebooks -> one HTML and one PDF: `assemble` makes the report of a profile, `render` both documents."""
