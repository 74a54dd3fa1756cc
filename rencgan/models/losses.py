"""The losses of EncGAN3, R2 and AR2, one function per equation, in the order of the thesis. These
are the functions that train.

A loss is its unweighted terms by name, each a function without arguments: the engine weighs them
with the preset's `w_...` fields and computes them in the order of ORDER, since gradients of one
tensor add up in the order in which its terms were made. A critic's loss has one term, and is a
number. All are written to be minimised (Eq. 3.4-3.6, 3.10, 4.7, 5.2 are printed to be maximised).
Terms of one kind are averaged, as Algorithm 6 does; losses are averaged, not logits. Reconstruction
is a mean over pixels, KL a mean over the batch of the sum over dimensions. The generator's
adversarial term is the non-saturating form.

x, x_hat      clips (B, 3, 16, H, W)            v  difference maps (B, 3, 15, H, W)
real, fake    logits (B,) of a critic           r  the hop, index of the reference frame
video, image  functions that give the critics' logits of each kind of generated clip, a list
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, smooth_l1_loss, softplus

from rencgan.models.networks import Codes, difference_maps
from rencgan.models.system import Terms

Judged = Callable[[], Sequence[Tensor]]
ORDER = (
    *("reference", "reconstruction", "difference"),
    *("direction", "still", "amount", "jitter", "overlap", "junction"),
    *("kl_content", "kl_motion", "adversarial_video", "adversarial_image"),
)


def values(terms: Terms) -> dict[str, Tensor]:
    """The terms computed, in their order; those of other systems behind, as they stand."""
    first = [name for name in ORDER if name in terms]
    return {name: terms[name]() for name in [*first, *(n for n in terms if n not in ORDER)]}


def mean_absolute_error(x: Tensor, x_hat: Tensor) -> Tensor:
    """The reconstruction term of Eq. 3.1 (Section 3.3.1), a mean over everything."""
    return (x - x_hat).abs().mean()


def kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """The KL terms of Eq. 3.1: KL(N(mu, sigma^2) || N(0, I)), summed over d, averaged over the
    batch. (B, d).
    """
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1).mean()


def judged_real(logits: Tensor) -> Tensor:
    """-log D: binary cross-entropy of logits that should say "real"."""
    return softplus(-logits).mean()


def judged_fake(logits: Tensor) -> Tensor:
    """-log(1 - D): binary cross-entropy of logits that should say "fake"."""
    return softplus(logits).mean()


def _mean(losses: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(losses)).mean()


def reconstruction_term(x: Tensor, x_hat: Tensor) -> Terms:
    """||x - x_hat||, of whole clips."""
    return {"reconstruction": partial(mean_absolute_error, x, x_hat)}


def kls(codes: Codes) -> Terms:
    """The KL terms of both spaces."""
    return {
        "kl_content": partial(kl, codes.mu_c, codes.logvar_c),
        "kl_motion": partial(kl, codes.mu_m, codes.logvar_m),
    }


def fooling(video: Judged, image: Judged) -> Terms:
    """The generator's adversarial terms, averaged over the kinds of generated clips."""
    return {
        "adversarial_video": lambda: _mean([judged_real(f) for f in video()]),
        "adversarial_image": lambda: _mean([judged_real(f) for f in image()]),
    }


# ------------------------------------------------------------------------------- EncGAN3, Chapter 3


def eq_3_1(x: Tensor, x_hat: Tensor, codes: Codes) -> Terms:
    """EncGAN3's encoder: reconstruction and the two KL terms."""
    return reconstruction_term(x, x_hat) | kls(codes)


def eq_3_4(x: Tensor, x_hat: Tensor, video: Judged, image: Judged) -> Terms:
    """EncGAN3's generator: reconstruction, and fooling both critics from encoded and from noise
    codes.
    """
    return reconstruction_term(x, x_hat) | fooling(video, image)


def eq_3_5(real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """EncGAN3's image critic, on one frame a clip; fakes: encoded and noise, averaged."""
    return judged_real(real) + _mean([judged_fake(f) for f in fakes])


def eq_3_6(real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """EncGAN3's video critic: the form of Eq. 3.5 on whole clips."""
    return eq_3_5(real, fakes)


def _of_maps(x: Tensor, x_hat: Tensor) -> Tensor:
    return mean_absolute_error(difference_maps(x), difference_maps(x_hat))


def first_frame_and_maps(x: Tensor, x_hat: Tensor) -> Terms:
    """What replaces the reconstruction in the ablation (Table 3.6): x_0 and the difference maps."""
    first = reconstruction_term(x[:, :, 0], x_hat[:, :, 0])
    return first | {"difference": partial(_of_maps, x, x_hat)}


def eq_3_9(x: Tensor, x_hat: Tensor, codes: Codes) -> Terms:
    """The encoder of the ablation. Both KL terms are added: the minus signs in print are a slip."""
    return first_frame_and_maps(x, x_hat) | kls(codes)


def eq_3_10(x: Tensor, x_hat: Tensor, video: Judged, image: Judged) -> Terms:
    """The generator of the ablation."""
    return first_frame_and_maps(x, x_hat) | fooling(video, image)


# ------------------------------------------------------------------------------------ R2, Chapter 4


def reference_term(x: Tensor, x_hat: Tensor, r: int) -> Terms:
    """||x_r - x_hat_r||, the first term of Eq. 4.4; r = 0 when R_Enc is off."""
    return {"reference": lambda: mean_absolute_error(x[:, :, r], x_hat[:, :, r])}


def eq_4_4(x: Tensor, x_hat: Tensor, codes: Codes, video: Judged, image: Judged, r: int) -> Terms:
    """R2's encoder and generator, jointly. x, x_hat: X1 and X2 joined on the batch axis, so that
    every mean is one over both clips; video: of X1, X2 and, with R_3VD, of the stitched clip.
    """
    return reference_term(x, x_hat, r) | eq_3_1(x, x_hat, codes) | fooling(video, image)


def eq_4_5(real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """R2's image critic: Eq. 3.5 without noise. fakes: a frame of X1 and of X2, same index."""
    return eq_3_5(real, fakes)


def eq_4_6(real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """R2's video critic without R_3VD; fakes: X1 and X2."""
    return eq_3_6(real, fakes)


def eq_4_7(real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """R2's video critic with R_3VD. real: X1 and X2; fakes: X1, X2 and the stitched clip, three
    equal parts.
    """
    return eq_4_6(real, fakes)


# ----------------------------------------------------------------------------------- AR2, Chapter 5


def smooth_error(x: Tensor, x_hat: Tensor) -> Tensor:
    """Smooth-L1 (Section 5.3.2; beta = 1 is our choice), a mean over everything. Below an error of
    1 it is half the square: small errors weigh far less than in `mean_absolute_error`.
    """
    return smooth_l1_loss(x_hat, x, beta=1.0)


def eq_5_1(x: Tensor, x_hat: Tensor, codes: Codes, video: Judged, image: Judged, r: int) -> Terms:
    """AR2's encoder and generator, jointly. x: the true next clip X2, so that its frame r is x[16]
    of the pair; x_hat: the one predicted from X1; codes: those of X1; video: of the prediction, the
    stitched clip and the clip from noise; image: of a frame of the first and of the last.
    """
    errors = {
        "reference": lambda: smooth_error(x[:, :, r], x_hat[:, :, r]),
        "reconstruction": partial(smooth_error, x, x_hat),
    }
    return errors | kls(codes) | fooling(video, image)


def eq_5_2(real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """AR2's video critic. real: X2; fakes: the prediction, the stitched clip (its first part is
    real) and the clip from noise, three equal parts.
    """
    return eq_4_6(real, fakes)


# ------------------------------------------------------------------------------------ our additions


def deviations(y: Tensor) -> Tensor:
    """What moves: pixels less their mean over the clip; (B, C, T, H, W) to (B, C * T * H * W)."""
    return (y - y.mean(dim=2, keepdim=True)).flatten(1)


def direction(y: Tensor, y_hat: Tensor) -> Tensor:
    """The direction of the motion, whatever its amount: 1 - cos between real and generated
    deviations, plus 1 - cos between real and generated difference maps, a mean over clips.

    Deviations are ruled by what changes over a whole clip, difference maps by what changes from
    frame to frame. y, y_hat: (B, C, T, H, W); a stitched clip counts a jump at its junction as
    wrong motion.

    Our addition, weight 0 in the faithful configuration. While the error of the content exceeds the
    motion, the mean absolute error has no gradient towards the right motion (its sign is that of
    the content's error), and standing still is its best answer: training ends with stills that jump
    at the junctions. An angle does not reward standing still.
    """
    slow = cosine_similarity(deviations(y), deviations(y_hat), dim=1, eps=1e-4)
    maps = (difference_maps(side).flatten(1) for side in (y, y_hat))
    return (2 - slow - cosine_similarity(*maps, dim=1, eps=1e-4)).mean()


def still(y: Tensor, y_hat: Tensor) -> Tensor:
    """Mean absolute error of the mean frame: content, apart from motion. Our addition."""
    return mean_absolute_error(y.mean(dim=2), y_hat.mean(dim=2))


LEAST = 1e-3  # mean absolute frame difference, in pixel range [-1, 1], under which nothing moves


def _log_ratio(made: Tensor, real: Tensor) -> Tensor:
    """Squared log-ratio of two mean magnitudes, a mean over clips."""
    a, b = (side.abs().flatten(1).mean(dim=1) for side in (made, real))
    return ((a + LEAST) / (b + LEAST)).log().square().mean()


def amount(y: Tensor, y_hat: Tensor) -> Tensor:
    """Squared log-ratio of generated to real motion magnitude, a mean over clips. Our addition.

    Without it a model that is unsure of the motion moves too little. It says nothing of what moves:
    it is for use beside `direction`, which does not let just anything flicker.
    """
    return _log_ratio(difference_maps(y_hat), difference_maps(y))


def jitter(y: Tensor, y_hat: Tensor) -> Tensor:
    """Squared log-ratio of generated to real acceleration magnitude (second differences over
    time), a mean over clips. Our addition, weight 0 in the faithful configuration.

    `amount` can be met by trembling, which costs the angle of `direction` little where
    the motion cannot be known. What trembles has far more acceleration than what drifts.
    """
    return _log_ratio(*(difference_maps(side).diff(dim=2) for side in (y_hat, y)))


def overlap(former: Tensor, latter: Tensor, r: int) -> Tensor:
    """How far two generated clips of a pair disagree on the frames that they share: mean absolute
    error between the former's last 16 - r and the latter's first. What the seam is made of.

    Our addition, weight 0 in the faithful configuration.
    """
    shared = former.shape[2] - r
    return mean_absolute_error(former[:, :, r:], latter[:, :, :shared])


def junction(
    former: Tensor, latter: Tensor, former_hat: Tensor, latter_hat: Tensor, r: int
) -> Tensor:
    """How far the step across a junction is from the real one: mean absolute error of the
    difference map between the last frame that stitching keeps of the former clip (r - 1) and the
    first of the latter. Our addition, weight 0 in the faithful configuration.
    """
    real = former[:, :, r - 1] - latter[:, :, 0]
    return mean_absolute_error(real, former_hat[:, :, r - 1] - latter_hat[:, :, 0])
