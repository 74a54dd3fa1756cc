"""Rows of the benchmark, and how they are printed. A row is a plain dict:

what, preset, how    what was measured, at which preset, in which way
median, low, high    of `raw`, the repeats, in `unit`
note                 what differs from the question: a smaller batch, a scaled time
left_out             instead of numbers: why there are none
"""

import statistics
from collections.abc import Sequence

Row = dict


def row(what: str, name: str, how: str, unit: str, raw: Sequence[float], note: str = "") -> Row:
    """One row of the result; `raw` holds the repeats."""
    numbers = {"median": statistics.median(raw), "low": min(raw), "high": max(raw)}
    head = {"what": what, "preset": name, "how": how, "unit": unit}
    return head | numbers | {"raw": list(raw), "note": note}


def left_out(what: str, name: str, how: str, reason: str = "") -> Row:
    """A row without numbers, and why."""
    return {"what": what, "preset": name, "how": how, "left_out": reason}


def as_text(told: dict) -> str:
    """The machine, the rows as aligned text, and what follows from them, a line each."""
    record, d = told["provenance"], told["provenance"]["device"]
    commit = (record["commit"] or "unknown")[:12] + (" with changes" if record["changed"] else "")
    lines = [
        f"{d.get('gpu') or d['cpu']}, {d['threads']} of {d['cores']} CPU cores, "
        f"torch {record['versions']['torch']}, commit {commit}, {record['seconds']:.0f} s",
        "",
        table(told["rows"]),
    ]
    for same in told["memory"]:
        verdict = "does not grow with length" if same["equal"] else "differs between lengths"
        apart, highest = same["apart_mb"], same["highest_mb"]
        lines.append(f"{same['what']}: {verdict}: {apart:.1f} MB apart, of {highest:.0f} MB.")
    for c in told["rejection"]:
        lines.append(f"{c['what']}, {c['preset']}: {c['how']} take {c['times']:.1f} times as long.")
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [("what", "preset", "how", "median", "low to high", ""), *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def cells(r: Row) -> tuple[str, ...]:
    """What stands in a row's columns."""
    head = (r["what"], r["preset"], r["how"])
    if "left_out" in r:
        return (*head, "", "", f"left out: {r['left_out']}")
    span = f"{r['low']:.4g} to {r['high']:.4g}" if len(r["raw"]) > 1 else ""
    return (*head, f"{r['median']:.4g} {r['unit']}", span, r["note"])
