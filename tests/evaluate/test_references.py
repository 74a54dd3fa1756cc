"""Real video in a model's place."""

import numpy as np
import pytest
from conftest import moving_videos

from rencgan.evaluate.measures import motion, sharpness
from rencgan.evaluate.references import (
    BLURRED,
    HELD,
    OTHER,
    SHUFFLED,
    mixed,
    references,
    softened,
    softness,
)


@pytest.fixture(scope="module")
def real():
    return moving_videos(3, frames=48, size=16)


def test_each_is_what_its_name_says(real):
    found = references(real, 0.6, others=real[::-1])
    assert list(found) == [OTHER, HELD, BLURRED, SHUFFLED]
    assert all(len(side) == 3 for side in found.values())
    assert all(np.shape(v) == np.shape(real[0]) for side in found.values() for v in side)
    assert all(motion(v) == 0 for v in found[HELD])
    assert softness(found[BLURRED], real) == pytest.approx(0.6, rel=0.02)
    for mixed_up, video in zip(found[SHUFFLED], real, strict=True):
        pieces = {piece.tobytes() for piece in np.split(video, 6)}
        assert {piece.tobytes() for piece in np.split(mixed_up, 6)} == pieces
    assert not np.array_equal(found[SHUFFLED][0], real[0])
    assert list(references(real)) == [HELD, SHUFFLED], "what cannot be had is left out"


def test_a_model_sharper_than_real_video_still_has_a_blurred_row(real):
    assert [sharpness(v) for v in softened(real, 1.4)] == pytest.approx(
        [0.95 * sharpness(v) for v in real], rel=0.02
    )


def test_the_halves_of_a_clip_change_places(real):
    (clip,) = mixed([real[0][:16]])
    assert np.array_equal(clip, np.concatenate([real[0][8:16], real[0][:8]]))
