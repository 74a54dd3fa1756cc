"""One update per player, and the two orders in which an iteration calls them (EncGAN3's and R2's).

AR2 takes R2's order; what is compared with what is its own (see Prediction).

Chance is an argument: everything that a step draws is a `Draws`, made for the joint batch of all
processes from (seed, step), of which each process takes its rows. So the number of processes
changes no noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP
from rencgan.models import losses
from rencgan.models.networks import Codes, Encoder, draw
from rencgan.models.recall import split_pair, stitch_pair
from rencgan.presets.preset import Preset
from rencgan.training.gan import Players
from rencgan.training.processes import Group


@dataclass(frozen=True)
class Objective:
    """A row of switches: which terms and which order. Table 4.3's losses are five of them (see
    VARIANTS).
    """

    joint: bool = True  # encoder and generator step together (R2) or one after the other (EncGAN3)
    noise: bool = False  # clips from noise codes take part in every adversarial term
    clip: bool = True  # reconstruction of whole clips
    stitched_clip: bool = False  # reconstruction also of the stitched clip; its target is X1 again
    reference: bool = True  # the reference frame's own term
    recall_encoder: bool = True  # R_Enc: the content stream reads frame r; else the first frame
    recall_critic: bool = True  # R_3VD: the stitched clip is judged too
    # EncGAN3 only: True for Eq. 3.9 and 3.10 in place of Eq. 3.1 and 3.4, "encoder" for 3.9 alone
    maps: bool | str = False
    sampled: bool = True  # codes are drawn in training; False: the mean (Figures 5.8 and 5.9)
    next_clip: bool = False  # the target is the next clip, Eq. 5.1 and 5.2 (AR2 only)

    def reference_index(self, hop: int) -> int:
        return hop if self.recall_encoder else 0

    def hop(self, hop: int) -> int:
        """From one clip of a long video to the next; `hop` is the preset's."""
        return hop

    def encoder(self, p: Preset) -> nn.Module:
        """The encoder that this objective trains."""
        return Encoder(p)

    def encode(self, encoder: nn.Module, clips: Tensor, hop: int, state=None):
        """Codes of clips (B, 3, 16, H, W), and the state for those after them (LEncGAN's only)."""
        return encoder(clips, self.reference_index(hop)), None


VARIANTS = {
    "v1": Objective(joint=False, noise=True, stitched_clip=True),
    "v2": Objective(joint=False, noise=True),
    "v2-noiseless": Objective(joint=False),  # isolates joint training
    "v3": Objective(joint=False, noise=True, clip=False),
    "v4": Objective(),  # the final one, Eq. 4.4
    "v5": Objective(joint=False, clip=False),  # our reading: v3 without the noise terms
    "v4-noise": Objective(noise=True),  # Table 5.7, "noise_gen loss: yes"
    "v4-mean": Objective(sampled=False),  # Figure 5.8, "train: mean"
}
ENCGAN3 = Objective(
    joint=False, noise=True, reference=False, recall_encoder=False, recall_critic=False
)
AR2 = Objective(noise=True, next_clip=True)


@dataclass(frozen=True)
class Draws:
    """The chance of one step, for this process's rows.

    eps_c, eps_m, z_c, z_m: lists with one (B, d) tensor per clip of the sample (one for EncGAN3,
    two for R2, as many as are predicted for AR2): noise of the encoded codes and noise codes.
    frame_real, frame_fake: one index for the whole batch. level, grain: one (B,) and one (B, 3, 16,
    H, W) per recalled clip, where AR2+ lays noise on it: how much, uniform up to the preset's
    `recall_noise`, and standard normal noise. Drawn last, so that nothing else depends on them.
    """

    eps_c: list[Tensor]
    eps_m: list[Tensor]
    z_c: list[Tensor]
    z_m: list[Tensor]
    frame_real: int
    frame_fake: int
    eps_still: Tensor | None = None  # (b, d_c), for the warm-up
    level: list[Tensor] = field(default_factory=list)
    grain: list[Tensor] = field(default_factory=list, repr=False)
    fresh: "Draws | None" = field(default=None, repr=False)  # for the generator's own forward pass

    @classmethod
    def of(
        cls,
        seed: int,
        step: int,
        clips: int,
        p: Preset,
        group: Group,
        device,
        fresh=True,
        twice=True,
    ) -> "Draws":
        """twice: also what a second forward pass takes; joint training has none."""
        rng = torch.Generator().manual_seed((seed * 1_000_003 + step) * 2 + int(fresh))
        kind, samples = p.takes(step)
        size = p.batch if kind == "stills" else samples
        rows = group.rows(size)

        def normal(d: int) -> list[Tensor]:
            joint = torch.randn(clips, size, d, generator=rng)
            return list(joint[:, rows].to(device))

        sizes = (p.content_dim, p.motion_dim, p.content_dim, p.motion_dim)
        noise = [normal(d) for d in sizes]
        real, fake = torch.randint(CLIP, (2,), generator=rng).tolist()
        still = (
            torch.randn(p.warmup_batch, p.content_dim, generator=rng) if step < p.warmup else None
        )
        if still is not None:
            still = still[group.rows(p.warmup_batch)].to(device)
        level, grain = [], []
        if p.recall_noise and kind != "stills":
            joint = torch.rand(clips, size, generator=rng) * p.recall_noise
            level = list(joint[:, rows].to(device))
            shape = (size, 3, CLIP, p.size, p.size)
            grain = [torch.randn(shape, generator=rng)[rows].to(device) for _ in range(clips)]
        more = fresh and twice
        inner = cls.of(seed, step, clips, p, group, device, fresh=False) if more else None
        return cls(*noise, real, fake, still, level, grain, inner)

    def first(self) -> "Draws":
        """For the first clip of every sample alone."""
        return replace(self, eps_c=self.eps_c[:1], eps_m=self.eps_m[:1])

    def means(self) -> "Draws":
        """Encoded codes at their means; what does not come from an encoder stays drawn."""
        silent = {
            name: [torch.zeros_like(e) for e in getattr(self, name)] for name in ("eps_c", "eps_m")
        }
        still = None if self.eps_still is None else torch.zeros_like(self.eps_still)
        fresh = self.fresh and self.fresh.means()
        return replace(self, **silent, eps_still=still, fresh=fresh)

    def encoded(self, codes: Codes) -> tuple[Tensor, Tensor]:
        return draw(codes, torch.cat(self.eps_c), torch.cat(self.eps_m))

    def noise(self) -> tuple[Tensor, Tensor]:
        return torch.cat(self.z_c), torch.cat(self.z_m)


# ----------------------------------------------------------------------------------- one per player


def _judge(critic, groups: Sequence[Tensor]) -> list[Tensor]:
    """Logits of several groups of clips (or frames) in one pass."""
    logits = critic(torch.cat(list(groups))).float()
    return list(logits.split([len(g) for g in groups]))


def _step(m: Players, group: Group, loss: Tensor, *names: str) -> None:
    for name in names:
        m.optimisers[name].zero_grad(set_to_none=True)
    loss.backward()
    for name in names:
        network = getattr(m, name)
        group.average_gradients(network)
        if m.preset.largest_gradient:
            clip_grad_norm_(network.parameters(), m.preset.largest_gradient)
        m.optimisers[name].step()


def update_video_d(m: Players, group: Group, real: Tensor, fakes: Sequence[Tensor]) -> dict:
    """Eq. 3.6, 4.6 or 4.7. real: (B, 3, 16, H, W); fakes: groups of detached clips, averaged as
    equal parts.
    """
    with m.autocast():
        logits = _judge(m.video_d, [real, *fakes])
    loss = losses.eq_4_7(logits[0], logits[1:])
    _step(m, group, loss, "video_d")
    return {"video_d": loss.detach()}


def update_image_d(m: Players, group: Group, real: Tensor, fakes: Sequence[Tensor]) -> dict:
    """Eq. 3.5 or 4.5. real: (B, 3, H, W) frames; fakes: groups of detached frames."""
    with m.autocast():
        logits = _judge(m.image_d, [real, *fakes])
    loss = losses.eq_4_5(logits[0], logits[1:])
    _step(m, group, loss, "image_d")
    return {"image_d": loss.detach()}


def update_encoder(m: Players, group: Group, terms: losses.Terms) -> dict:
    """Eq. 3.1 or 3.9. Only the encoder's weights move."""
    _step(m, group, losses.total(terms, m.preset, m.risen), "encoder")
    return {k: v.detach() for k, v in terms.items()}


def update_generator(m: Players, group: Group, terms: losses.Terms) -> dict:
    """Eq. 3.4 or 3.10. Only the generator's weights move."""
    _step(m, group, losses.total(terms, m.preset, m.risen), "generator")
    return {k: v.detach() for k, v in terms.items()}


def update_joint(m: Players, group: Group, terms: losses.Terms) -> dict:
    """Eq. 4.4: encoder and generator together."""
    _step(m, group, losses.total(terms, m.preset, m.risen), "encoder", "generator")
    return {k: v.detach() for k, v in terms.items()}


# ------------------------------------------------------------------------------------ one iteration


class Forward:
    """One forward pass of encoder and generator over a batch, and all that the losses ask of it.

    x: (B, 3, 16, H, W) for EncGAN3 or pairs (B, 3, 16 + r, H, W) for R2.
    """

    def __init__(self, m: Players, x: Tensor, d: Draws, o: Objective):
        self.m, self.x, self.d, self.o, self.r = m, x, d, o, m.preset.hop
        self.paired = x.shape[2] > CLIP
        self.clips = split_pair(x, self.r) if self.paired else x
        self.reference = o.reference_index(self.r)
        self.codes = self.x_hat = self.x_noise = None
        with m.autocast():
            drawn = {}
            if m.preset.encoder:
                codes, m.handed = o.encode(m.encoder, self.clips, self.r, m.memory)
                self.codes = Codes(*(c.float() for c in codes))
                drawn["x_hat"] = d.encoded(self.codes)
            if o.noise or not m.preset.encoder:
                drawn["x_noise"] = d.noise()
            made = _generated(m.generator, list(drawn.values()))
        self.__dict__ |= zip(drawn, made, strict=True)

    def fakes(self) -> list[Tensor]:
        """The groups of generated clips that the video critic judges."""
        groups = []
        if self.x_hat is not None:
            groups += list(self.x_hat.chunk(2)) if self.paired else [self.x_hat]
            if self.paired and self.o.recall_critic:
                groups.append(stitch_pair(*groups, self.r))
        if self.x_noise is not None:
            groups.append(self.x_noise)
        return groups

    def frames(self) -> list[Tensor]:
        """One frame of every clip that came from the generator in one pass; the same index
        everywhere.
        """
        groups = self.fakes()
        if self.paired and self.o.recall_critic and self.x_hat is not None:
            groups.pop(2)
        return [g[:, :, self.d.frame_fake] for g in groups]

    def reconstruction(self) -> losses.Terms:
        """The terms that compare with the real clips; empty without an encoder."""
        if self.x_hat is None:
            return {}
        o, terms = self.o, {}
        stitched, target = None, self.clips[: len(self.x)]
        if self.paired:
            stitched = stitch_pair(*self.x_hat.chunk(2), self.r)
        if o.maps:
            found = losses.first_frame_and_maps(self.clips, self.x_hat)
            return found | self._ours(target, stitched)
        if o.reference:
            terms |= losses.reference_term(self.clips, self.x_hat, self.reference)
        if o.clip:
            parts = [(self.clips, self.x_hat)]
            if o.stitched_clip and stitched is not None:
                parts.append((target, stitched))
            joined = [torch.cat(side) for side in zip(*parts, strict=True)]
            terms["reconstruction"] = losses.mean_absolute_error(*joined)
        return terms | self._ours(target, stitched)

    def _ours(self, target: Tensor, stitched: Tensor | None) -> losses.Terms:
        """The terms that are our additions, where the preset gives them weight. What an objective
        leaves out stays out of them too: without errors of clips, those of clips; without the
        critic of stitched clips, the stitched clip.
        """
        p, o, terms = self.m.preset, self.o, {}
        seen = [(self.clips, self.x_hat)] * o.clip
        seen += [(target, stitched)] * (self.paired and o.recall_critic and o.clip)
        if p.w_direction and seen:
            terms |= losses.direction_term(*map(torch.cat, zip(*seen, strict=True)))
        if o.clip:
            terms |= self._of_clips()
        if p.w_overlap and self.paired:
            terms |= losses.overlap_term(*self.x_hat.chunk(2), self.r)
        if p.w_junction and self.paired:
            pairs = (*self.clips.chunk(2), *self.x_hat.chunk(2))
            terms |= losses.junction_term(*pairs, self.r)
        return terms

    def _of_clips(self) -> losses.Terms:
        """Those of our additions that look at single clips."""
        p, terms = self.m.preset, {}
        if p.w_still:
            terms |= losses.still_term(self.clips, self.x_hat)
        if p.w_amount:
            terms |= losses.amount_term(self.clips, self.x_hat)
        if p.w_jitter:
            terms |= losses.jitter_term(self.clips, self.x_hat)
        return terms

    def kl(self) -> losses.Terms:
        return {} if self.codes is None else losses.kls(self.codes)

    def fooling(self) -> losses.Terms:
        m = self.m
        with m.autocast():
            video = _judge(m.video_d, self.fakes())
            image = _judge(m.image_d, self.frames())
        return losses.fooling(video, image)


class Prediction(Forward):
    """AR2's forward pass (Algorithm 9): every clip is predicted from the one before it.

    x: (B, 3, 16 + k r, H, W), k + 1 overlapping real clips. The first is recalled; the k others are
    the targets, and the real side of both critics. k is 1 in the thesis. With more (AR2+, a
    roll-out) every later prediction recalls the model's own clip before it. That one counts as
    given, as it is when a video is made: no gradient goes back through it, neither by way of the
    encoder nor of the stitched clip, so a longer roll-out trains no deeper a network. The k
    predictions are one part of a loss, the k stitched clips another, as one of each is.
    """

    def __init__(self, m: Players, x: Tensor, d: Draws, o: Objective):
        self.m, self.d, self.o, self.r = m, d, o, m.preset.hop
        self.reference = o.reference_index(self.r)
        starts = range(0, x.shape[2] - CLIP + 1, self.r)
        real = [x[:, :, s : s + CLIP] for s in starts]
        self.clips, self.real_former = torch.cat(real[1:]), torch.cat(real[:-1])
        with m.autocast():
            former, spaces, made, noise = [real[0]], [], [], [None]
            for i in range(len(real) - 1):
                spaces.append(self._space(former[i], i))
                codes = [draw(spaces[i], d.eps_c[i], d.eps_m[i])]
                codes += [(d.z_c[0], d.z_m[0])] if o.noise and not i else []
                clips, *fresh = _generated(m.generator, codes)
                made.append(clips)
                noise += fresh
                former.append(clips.detach())
            self.x_noise = noise[-1]
        self.former, self.x_hat = torch.cat(former[:-1]), torch.cat(made)
        self.codes = Codes(*(torch.cat(part) for part in zip(*spaces, strict=True)))

    def _space(self, recalled: Tensor, i: int) -> Codes:
        """The latent spaces of a recalled clip; AR2+ lays noise on it and says how much."""
        level = None
        if self.m.preset.recall_noise:
            level = self.d.level[i]
            recalled = recalled + level[:, None, None, None, None] * self.d.grain[i]
        return Codes(*(c.float() for c in self.m.encoder(recalled, self.reference, level)))

    def _stitched(self) -> Tensor:
        return stitch_pair(self.former, self.x_hat, self.r)

    def fakes(self) -> list[Tensor]:
        """Eq. 5.2: the prediction, behind the clip before it, and the clip from noise."""
        groups = [self.x_hat]
        if self.o.recall_critic:
            groups.append(self._stitched())
        return groups + [self.x_noise] * (self.x_noise is not None)

    def frames(self) -> list[Tensor]:
        groups = [self.x_hat] + [self.x_noise] * (self.x_noise is not None)
        return [g[:, :, self.d.frame_fake] for g in groups]

    def reconstruction(self) -> losses.Terms:
        """The first two terms of Eq. 5.1, and our additions where the preset gives them weight."""
        p, o, r = self.m.preset, self.o, self.r
        terms = losses.prediction_terms(self.clips, self.x_hat, self.reference)
        asked = {"reference": o.reference, "reconstruction": o.clip}
        terms = {name: value for name, value in terms.items() if asked[name]}
        if p.w_direction:
            sides = (self.clips, self.real_former), (self.x_hat, self._stitched())
            terms |= losses.direction_term(*map(torch.cat, sides))
        terms |= self._of_clips()
        if p.w_overlap:
            terms |= losses.overlap_term(self.former, self.x_hat, r)
        if p.w_junction:
            terms |= losses.junction_term(self.real_former, self.clips, self.former, self.x_hat, r)
        return terms


def _generated(generator: nn.Module, codes: Sequence[tuple[Tensor, Tensor]]) -> list[Tensor]:
    """Clips of several groups of codes, in one pass. Batch norm keeps one running mean for them
    all; were each group normalised by its own, neither would be generated later as it was trained.
    """
    z_c, z_m = (torch.cat(part) for part in zip(*codes, strict=True))
    return list(generator(z_c, z_m).float().split([len(z) for z, _ in codes]))


def _forward(m: Players, x: Tensor, d: Draws, o: Objective) -> Forward:
    return (Prediction if o.next_clip else Forward)(m, x, d, o)


def _update_critics(m: Players, group: Group, f: Forward) -> dict:
    """Image and video critic, on the detached clips of one forward pass."""
    real_frames = f.clips[:, :, f.d.frame_real]
    return update_video_d(m, group, f.clips, [x.detach() for x in f.fakes()]) | update_image_d(
        m, group, real_frames, [x.detach() for x in f.frames()]
    )


def joint_iteration(m: Players, group: Group, x: Tensor, d: Draws, o: Objective) -> dict:
    """R2 and AR2 (Algorithms 6 and 9): critics, then encoder and generator together, through the
    same forward pass.
    """
    f = _forward(m, x, d, o)
    record = _update_critics(m, group, f)
    with m.frozen("video_d", "image_d"):
        return record | update_joint(m, group, f.reconstruction() | f.kl() | f.fooling())


def separate_iteration(m: Players, group: Group, x: Tensor, d: Draws, o: Objective) -> dict:
    """EncGAN3 (Algorithm 1): critics, then the encoder, then the generator with a fresh forward
    pass.
    """
    record: dict = {}
    with m.frozen("generator"):
        f = _forward(m, x, d, o)
        record |= _update_critics(m, group, f)
        if m.preset.encoder:
            record |= update_encoder(m, group, f.reconstruction() | f.kl())
    own = replace(o, maps=False) if o.maps == "encoder" else o
    with m.frozen("encoder", "video_d", "image_d"):
        f = _forward(m, x, d.fresh, own)
        return record | update_generator(m, group, f.reconstruction() | f.fooling())


def warmup_iteration(m: Players, group: Group, x: Tensor, d: Draws, o: Objective) -> dict:
    """Encoder and generator on single frames (B, 3, 1, H, W), through the content streams alone;
    the error is the one that the kind's reconstruction has.

    Our addition, off in the faithful configuration: a step on 128 frames costs a fraction of one on
    clips, and content is most of what there is to learn.
    """
    frames = x[:, :, 0]
    with m.autocast():
        mu, logvar = (c.float() for c in m.encoder.content_space(frames))
        made = m.generator.still(mu + (0.5 * logvar).exp() * d.eps_still).float()
    error = losses.smooth_error if o.next_clip else losses.mean_absolute_error
    terms = {"reconstruction": error(frames, made)}
    return update_joint(m, group, terms | {"kl_content": losses.kl(mu, logvar)})


def motion_iteration(m: Players, group: Group, x: Tensor, d: Draws, o: Objective) -> dict:
    """Encoder and generator together, on the direction of the motion and the mean frame alone.

    Of a pair only X1: 16 unlike clips teach more than 8 pairs of overlapping ones. AR2 predicts X2
    from it, without a roll-out.
    Our addition, off in the faithful configuration. Under Eq. 4.4 a small model first learns to
    stand still, and from there has next to no gradient towards motion; a cosine does not reward
    standing still, and finds in a few hundred steps what the motion code is for.
    """
    seen = m.preset.pair if o.next_clip else CLIP
    f = _forward(m, x[:, :, :seen], d.first(), replace(o, noise=False))
    terms = losses.direction_term(f.clips, f.x_hat) | losses.still_term(f.clips, f.x_hat)
    return update_joint(m, group, terms | f.kl())


def iteration(m: Players, group: Group, x: Tensor, d: Draws, o: Objective) -> dict:
    """One step of every player; returns the unweighted loss terms by name."""
    if (o.joint or o.next_clip) and not m.preset.encoder:
        raise InputError("joint training and AR2 need the encoder; this preset switches it off")
    d = d if o.sampled else d.means()
    if x.shape[2] == 1:
        return warmup_iteration(m, group, x, d, o)
    if m.finding_motion:
        return motion_iteration(m, group, x, d, o)
    return (joint_iteration if o.joint else separate_iteration)(m, group, x, d, o)
