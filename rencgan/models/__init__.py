"""The systems of the thesis: networks, losses, recall, generation."""
