"""rencgan: an open study of long video generation with VAE-GANs (EncGAN3, REncGAN, kin)."""

__version__ = "0.1.0"


def load(name: str, device: str | None = None):
    """A small trained network that comes with the project, by its name: see weights.load."""
    from rencgan.studies import weights

    return weights.load(name, device)
