"""Stand-ins behind the whole set: many and short, each in a place or with a person of its own."""

MOST = 4200  # videos of a stand-in that has further ones
FURTHER = 64  # frames of each


def place_of(index: int, places: int, whole: int) -> int:
    """Number of the scene or person of a video: of the first `whole` videos shared, then new."""
    return index % places if index < whole else places + index - whole
