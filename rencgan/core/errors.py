"""The one exception that users are meant to read."""


class InputError(ValueError):
    """Something the user gave is wrong. The message is one sentence: what was wrong, what would be
    right.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython and papermill show instead of a stack that the user did not write."""
        return [f"{type(self).__name__}: {self}"]
