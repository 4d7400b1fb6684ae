"""What stops a build."""


class PublishError(ValueError):
    """The report cannot be built; the message names the notebook and cell, and the remedy."""
