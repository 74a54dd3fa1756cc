"""rencgan: an open study of long video generation with VAE-GANs (EncGAN3, REncGAN and their kin)."""

__version__ = "0.1.0"
