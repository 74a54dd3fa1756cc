"""The one exception that users are meant to read."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave is wrong. The message is one sentence: what was wrong, what would be
    right.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython and papermill show instead of a stack that the user did not write."""
        return [f"{type(self).__name__}: {self}"]


def close(name: str, known: Iterable[str]) -> str:
    """The known name that comes close to a wrong one, as a question; "" for none."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""
