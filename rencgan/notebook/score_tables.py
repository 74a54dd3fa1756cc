"""Scores as the notebooks show them: beside each other in a table, with the card of the first."""

from collections.abc import Mapping, Sequence

from rencgan.evaluate.scores import Score
from rencgan.notebook import show
from rencgan.notebook.show import Html

ENOUGH = 32  # videos; of 6, real ones lie 165 from each other, and models 40 to 150 from them
FLOOR = "floor: real against real, half the videos each"


def shown(
    found: Mapping[str, Sequence[Score]],
    caption: str,
    first: str = "",
    seen: Mapping[str, str | None] | None = None,
    videos: int = ENOUGH,
) -> Html:
    """The scores of several sets of videos as a table, above it a sentence where the real videos
    are too few to rank by, below it, behind a click, the card of one set's first score.

    found: of scoring.compare. first: the set whose card is told; "" for none. seen: see
    `with_prior`. videos: how many real ones there are.
    """
    rows = score_rows(found)
    parts = [show.table(rows if seen is None else with_prior(rows, seen), caption=caption)]
    if videos < ENOUGH:
        parts.insert(0, show.note(too_few(videos)))
    if first:
        card = show.table(card_rows(found[first][0]))
        parts.append(show.folded(f"The card of the first score of {first}", [card]))
    return Html("".join(part.html for part in parts), caption)


def too_few(videos: int) -> str:
    """Why so many real videos rank nothing."""
    return (
        f"Too few to rank by: {videos} held-out videos. Halves of them lie as far from each other "
        "as the last row, the floor, says: what differs by less is noise."
    )


def score_rows(found: Mapping[str, Sequence[Score]]) -> list[dict]:
    """Rows: the name, then every score with its spread; last the floors."""
    rows = [
        {"videos": name} | {s.name: f"{_told(s, s.value)} ± {_told(s, s.spread)}" for s in scores}
        for name, scores in found.items()
    ]
    scores = next(iter(found.values()))
    if floors := {s.name: _told(s, s.floor) for s in scores if s.floor is not None}:
        rows.append({"videos": FLOOR} | floors)
    return rows


def _told(score: Score, value: float) -> str:
    """Of a distance a tenth: its spread is more than that. Ratios and the video IS are small."""
    small = " / " in score.name or score.name.startswith(("video IS", "H("))
    return f"{value:.{2 if small else 1}f}"


def card_rows(score: Score) -> list[dict]:
    """A score's card as rows for a table, without what is empty; what is nested is named by its way
    down.
    """

    def flat(value, way: str = ""):
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                yield from flat(inner, f"{way}, {key}" if way else str(key))
        elif value not in (None, "", {}, []):
            yield way, ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    head = {"score": score.name, "value": f"{score.value:.4f}", "spread": f"{score.spread:.4f}"}
    head |= {} if score.floor is None else {"floor": f"{score.floor:.4f}"}
    return [{"what": k, "is": v} for k, v in [*head.items(), *flat(score.card)]]


def with_prior(rows: Sequence[dict], seen: Mapping[str, str | None]) -> list[dict]:
    """Rows with the column that tells what real video a model saw when it generated; `seen`: by the
    name of its videos.
    """
    return [{"videos": r["videos"], "prior": seen.get(r["videos"])} | r for r in rows]
