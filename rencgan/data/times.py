"""What the times of a film's frames tell: its rate, frames that are missing, uneven motion."""

import statistics
from collections.abc import Iterable, Sequence

FASTEST = 240.0  # frames a second; a header that states more is not believed
HOLE_S, HOLE_GAPS = 0.5, 5  # a gap of both, seconds and usual gaps, is a hole in an even film
EVEN = 0.25  # of the usual gap: as far from it a gap may be
RARE = 0.05  # of the gaps: as many may be uneven in an even film


def header_rate(average, guessed) -> float | None:
    """Frames a second where both rates of a header agree on a plausible one."""
    if not average or not guessed or not 0 < average <= FASTEST:
        return None
    return float(average) if abs(average / guessed - 1) < 0.05 else None


def rate(times: Iterable[float]) -> float | None:
    """Frames a second of frame times (s) in any order; what is a hole does not count."""
    times = sorted(set(times))
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    if not gaps:
        return None
    longest = max(HOLE_S, HOLE_GAPS * statistics.median(gaps))
    return 1 / statistics.fmean(g for g in gaps if g <= longest or g == min(gaps))


class Gaps:
    """The gaps (s) between frame times as they come."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._last: float | None = None
        self._usual: float | None = None

    def hole(self, time: float | None) -> float | None:
        """Takes the next time; the seconds of the gap before it where that is a hole."""
        last, self._last = self._last, time
        if time is None or last is None:
            return None
        gap = time - last
        if gap >= HOLE_S and len(self.gaps) > 1 and gap >= HOLE_GAPS * self.usual and self._even():
            return gap
        self.gaps.append(gap)
        return None

    def _even(self) -> bool:
        return len(self.uneven()) <= RARE * len(self.gaps)

    @property
    def usual(self) -> float:
        """The median of the first gaps."""
        if self._usual is None or len(self.gaps) < 25:
            self._usual = statistics.median(self.gaps[:25])
        return self._usual

    def uneven(self) -> Sequence[int]:
        """The frames before which the gap is not the usual one."""
        usual = self.usual
        far = max(EVEN * usual, 0.003)
        return [i + 1 for i, gap in enumerate(self.gaps) if abs(gap - usual) > far]

    def note(self) -> str | None:
        """What is odd about the times, as a sentence; none where they go back, since they then are
        of the order in which frames were coded (AVI with B-frames).
        """
        if len(self.gaps) < 2 or min(self.gaps) < 0 or not (uneven := self.uneven()):
            return None
        low, high = 1000 * min(self.gaps), 1000 * max(self.gaps)
        where = f"at {len(uneven)} of {len(self.gaps) + 1} frames, first at frame {uneven[0]}"
        return f"frame times are uneven, {low:.0f} to {high:.0f} ms apart ({where})"
