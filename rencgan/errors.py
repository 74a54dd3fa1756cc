"""The one exception that users are meant to read."""


class InputError(ValueError):
    """Something the user gave is wrong. The message is one sentence: what was wrong, what would be right."""

    def _render_traceback_(self) -> list[str]:
        """IPython and papermill show this instead of a stack of frames that the user did not write."""
        return [f"{type(self).__name__}: {self}"]
