"""Motion distance sees stillness and pace, and hardly what frames look like."""

import weakref
from collections.abc import Sequence

import numpy as np
import pytest
from samples import Sums

from rencgan.data.procedural import catalogue
from rencgan.evaluate import measures
from rencgan.evaluate.extractors import find
from rencgan.evaluate.motion import Moving, motion_distance
from rencgan.evaluate.protocols import protocol

SHORT = protocol("ours").but(lengths=(16,))


@pytest.fixture(scope="module")
def compact():
    return find("compact", device="cpu")


@pytest.fixture(scope="module")
def skies():
    return [v.frames(32) for v in catalogue("sky", videos=16, max_frames=40, seed=11)]


def test_what_stands_still_has_no_features(compact, skies):
    moving = Moving(compact)
    clips = np.stack([v[:16] for v in skies[:3]])
    still = np.stack([measures.frozen(c, 16) for c in clips])
    assert moving(clips).shape == (3, moving.dims) and np.abs(moving(clips)).max() > 0.01
    assert not moving(still).any()
    plain = [np.asarray(compact(x), np.float64) for x in (clips, still)]
    assert moving(clips) == pytest.approx(plain[0] - plain[1])


def test_it_sees_stillness_and_pace_and_ignores_blur(compact, skies):
    spoilt = {
        "held": [measures.frozen(v, 16) for v in skies],
        "quick": [measures.sped_up(v, 16, 2) for v in skies],
        "blurred": [measures.blurred(v, 0.6 * measures.sharpness(v)) for v in skies],
    }
    found = {k: motion_distance(skies, v, compact, SHORT)[0].value for k, v in spoilt.items()}
    assert found["held"] > 2 * found["blurred"]
    assert found["quick"] > 2 * found["blurred"]


def test_scores_have_cards_floors_and_names_of_their_own(skies):
    scores = motion_distance(skies, skies[::-1], Sums(), protocol("ours").but(lengths=(16, 32)))
    assert [s.name for s in scores] == [
        "motion distance, FVD (sums) 16f",
        "motion distance, FVD (sums) 32f",
    ]
    assert scores[0].value < 1e-9 < scores[0].floor
    assert scores[0].card["extractor"]["features"] == "less those of the clip's first frame held"
    long = [np.tile(v, (4, 1, 1, 1)) for v in skies[:4]]
    assert len(motion_distance(long, long, Sums())) == 2, "no ratio of lengths"


class Drawn(Sequence):
    """Videos that are made when asked for; counts how many are alive at once."""

    def __init__(self, seed):
        self.seed, self.alive, self.most = seed, 0, 0

    def __len__(self):
        return 12

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError
        made = np.random.default_rng([self.seed, i]).integers(0, 256, (20, 8, 8, 3), np.uint8)
        self.alive += 1
        self.most = max(self.most, self.alive)
        weakref.finalize(made, self._gone)
        return made

    def _gone(self):
        self.alive -= 1


def test_videos_are_read_one_at_a_time():
    real, made = Drawn(0), Drawn(1)
    (score,) = motion_distance(real, made, Sums(), SHORT)
    assert score.value > 0 and score.card["real"]["videos"] == 12
    assert max(real.most, made.most) <= 2
