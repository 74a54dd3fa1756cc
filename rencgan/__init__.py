"""rencgan: an open study of long video generation with VAE-GANs (EncGAN3, REncGAN, kin)."""

__version__ = "0.1.0"
