"""What the thesis and the ICIP paper claim, and what we ask ourselves: who lies before whom, by
which measure, and the rule that decides it (ledger.py applies them to the result files).

A claim is one statement of the source, in our words; the lengths of a table are one claim. Codes
are drawn by plain sampling, where a claim does not say otherwise (Table 5.5 has VDrej). Of the
lengths of a table 16 and 128 frames decide, one clip and the longest that all models make here.

A claim has one or more comparisons, and each its own verdict over the seeds that both sides have
(fewer than 3 leave it undecided). It held where every one held; did not hold where one did not; is
undecided otherwise. The rule of a comparison:

before  A seed's gain is log(worse / better), or the difference where the measure is a logarithm
        itself. Held where the mean gain exceeds Student's one-sided 95 % margin, did not hold where
        it is below minus that of so many comparisons: equals would be found to hold, and not to
        hold, one time in twenty at most (see verdicts.ordering).
alike   Held where the gain and its margin stay within 10 % on either side, did not hold where both
        lie beyond it on one side (see verdicts.alike).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rencgan.notebook.scoring import PRINTED
from rencgan.studies import papers as published
from rencgan.studies import results, verdicts
from rencgan.studies.catalogue import G3AN, STUDIES, Study
from rencgan.studies.results import FASTER, REGRESSION, ROBUST, S
from rencgan.studies.verdicts import HELD, NOT_HELD, SEEDS, UNDECIDED, Verdict

ORDER = (NOT_HELD, UNDECIDED, HELD)  # of comparisons: the first one found is the claim's
Side = tuple[str, str]  # contestant, way of drawing codes
# Measure -> published metric and frames. Of R3's first 16 frames half are real in print.
PLACES = {f"{n}f{own}": ("FVD", n) for n in (16, 128) for own in ("", ", own")}
PLACES |= {f"{n}f, every 4th": ("FVD", n) for n in (16, 32)}  # Table 4.8
PLACES |= {"ratio": ("FVD ratio", None)}


@dataclass(frozen=True)
class Comparison:
    """better before worse, by one measure of results.MEASURES. of_worse: another for that side."""

    better: Side
    worse: Side
    measure: str
    lower_is_better: bool = True
    of_worse: str = ""

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.better, self.worse

    def gains(self, files: Sequence[dict]) -> dict[int, float]:
        """Seed -> by how much `better` is better, as a logarithm."""
        one = results.values(files, *self.better, self.measure)
        two = results.values(files, *self.worse, self.of_worse or self.measure)
        sign = 1.0 if self.lower_is_better else -1.0
        seeds = set(one) & set(two)
        if self.measure.startswith("log "):
            return {s: sign * (two[s] - one[s]) for s in seeds}
        return {s: sign * float(np.log(two[s] / one[s])) for s in seeds}


def _printed(s: Study, sides: Sequence[Side], measure: str, dataset: str) -> list[float]:
    """What one table of a study prints for the sides; fewer numbers where it lacks some."""
    metric, frames = PLACES.get(measure, ("", None))
    best: list[float] = []
    for paper, number in s.tables if metric else ():
        cells = published.find(paper=paper, number=number, metric=metric)
        here = [c for c in cells if (c.data, c.frames) == (PRINTED.get(dataset), frames)]
        found = []
        for side in sides:
            names = {v.printed for v in s.variants if (v.contestant, v.way) == side}
            found += [c.value for c in here if (c.method, c.setting) in names][:1]
        best = max(best, found, key=len)
    return best


@dataclass(frozen=True)
class Claim:
    """One statement. study: whose runs test it. why_not: for what cannot be tested here."""

    text: str
    source: str
    study: str = ""
    comparisons: tuple[Comparison, ...] = ()
    rule: str = "before"
    why_not: str = ""

    def verdict(self, files: Sequence[dict]) -> Verdict | None:
        """From the files of one data set; None where a comparison has nothing to compare. Its gain
        and margin are those of the comparison that decides it: one that did not hold, or else one
        that lacks seeds, or else the weakest.
        """
        found = [self.verdict_of(c, files, len(self.comparisons)) for c in self.comparisons]
        if None in found:
            return None
        size = (lambda v: -abs(v.gain)) if self.rule == "alike" else (lambda v: v.gain)
        return min(found, key=lambda v: (ORDER.index(v.verdict), v.seeds >= SEEDS, size(v)))

    def verdict_of(self, one: Comparison, files: Sequence[dict], tests: int = 1) -> Verdict | None:
        """Of one of the comparisons alone, or as one of several."""
        gains = one.gains(files)
        if not gains:
            return None
        found = verdicts.ordering(dict.fromkeys(gains, 0.0), gains, tests=tests)
        return verdicts.alike(found, tests=tests) if self.rule == "alike" else found

    def in_print(self, dataset: str, comparisons: Sequence[Comparison] = ()) -> str:
        """Whether the numbers that the thesis prints for that data set order the sides of these
        comparisons (default: all) so: "yes", "no" for one of them that they do not (they need not,
        whatever its text says), "" where it prints none, or the claim is that two are alike.
        """
        if self.rule == "alike" or self.source == "ours":
            return ""
        found = [self._one_in_print(c, dataset) for c in comparisons or self.comparisons]
        return "no" if "no" in found else "yes" if "yes" in found else ""

    def _one_in_print(self, one: Comparison, dataset: str) -> str:
        own = [STUDIES[self.study]] if self.study in STUDIES else []
        for s in (*own, *STUDIES.values()):
            sides = _printed(s, one.sides, one.measure, dataset)
            if len(sides) == 2 and sides[0] != sides[1]:
                return "yes" if (sides[0] < sides[1]) == one.lower_is_better else "no"
        return ""


# ------------------------------------------------------------------------------------- the claims

MEAN, VDREJ = "mean", "VDrej"
FVDS = ("16f", "128f")
OWN = results.OWN_FVDS  # R3's first 8 frames are real


def _before(
    text: str,
    source: str,
    study: str,
    better: Side,
    *worse: Side,
    measures: Sequence[str] = FVDS,
    higher: Sequence[str] = (),
    rule: str = "before",
) -> Claim:
    """better lies before each of `worse`, by measures of which less is better, and by `higher`."""
    found = [Comparison(better, w, m) for w in worse for m in measures]
    found += [Comparison(better, w, m, lower_is_better=False) for w in worse for m in higher]
    return Claim(text, source, study, tuple(found), rule)


def _clips(text: str, source: str, study: str, better: Side, *worse: Side) -> Claim:
    return _before(text, source, study, better, *worse, measures=("16f",))


def _not_here(text: str, source: str, why: str) -> Claim:
    return Claim(text, source, why_not=why)


def _encoded(rest: str = "") -> Side:
    return ("EncGAN3" + (f", {rest}" if rest else ""), "encoded")


def _r2(rest: str = "") -> Side:
    return ("R2" + (f", {rest}" if rest else ""), S)


PLAIN = (G3AN, "noise")
# Without our terms for overlap and junction: what recall does is asked of recall alone.
PUBLISHED_R2 = _r2("loss v4")
IMPROVED, AR2, R3 = ("improved R2", S), ("AR2", S), ("R3, regression", ROBUST)
T34, T35, T36 = (f"thesis 3.4.5, Table 3.{n}" for n in (4, 5, 6))
OTHERS = "the other methods were not rebuilt"
BY_EYE = "judged by eye there, and no number says it; notebook 06 shows the pictures"
IS = "video IS needs classes that differ as people do; it stands in notebook 02, for one seed"
MEMORY = "of GPU memory; rencgan.studies.benchmark measures what this machine has"
UNIFORM = "clips at such a pace have no real video of that length here to be compared with"
MAPS = "L_Enc,v and L_G,v"

_OF_CLIPS = (
    _clips(
        "EncGAN3 lies before G3AN: the encoder helps",
        "thesis 3.4.3, Table 3.2; 3.4.5, Table 3.4",
        "T3.2",
        _encoded(),
        PLAIN,
    ),
    _not_here("EncGAN3 has the higher video IS", "thesis 3.4.3, Table 3.3", IS),
    _clips(
        "EncGAN3 lies before G3AN early in training too",
        "thesis 3.4.3, Figure 3.2",
        "T3.2",
        _encoded("a quarter of the steps"),
        (f"{G3AN}, a quarter of the steps", "noise"),
    ),
    _clips(
        "Both auxiliary streams together help", T34, "T3.4", _encoded(), _encoded("no G_C, no G_T")
    ),
    _clips("The spatial stream G_C helps", T34, "T3.4", _encoded(), _encoded("no G_C")),
    _clips("The temporal stream G_T helps", T34, "T3.4", _encoded(), _encoded("no G_T")),
    _clips("F-SA helps", T34, "T3.4", _encoded(), _encoded("no F-SA")),
    _clips(
        "Without F-SA an encoder in training helps even where clips are then made from noise",
        T35,
        "T3.5",
        ("EncGAN3, no F-SA", "noise"),
        (f"{G3AN}, no F-SA", "noise"),
    ),
    _clips(
        "With the encoder in test too, it is better than from noise",
        T35,
        "T3.5",
        _encoded(),
        ("EncGAN3", "noise"),
    ),
    _clips("Whole frames before L_Enc,v and L_G,v", T36, "T3.6", _encoded(), _encoded(MAPS)),
    _clips("Whole frames before L_Enc,v alone", T36, "T3.6", _encoded(), _encoded("L_Enc,v")),
    _clips(
        "Whole frames before both at the lower rate too",
        T36,
        "T3.6",
        _encoded("lower rate"),
        _encoded(f"{MAPS}, lower rate"),
    ),
    _clips("A lower rate harms whole frames", T36, "T3.6", _encoded(), _encoded("lower rate")),
    _clips(
        "A lower rate helps L_Enc,v and L_G,v",
        T36,
        "T3.6",
        _encoded(f"{MAPS}, lower rate"),
        _encoded(MAPS),
    ),
    _not_here("Other motion codes move the same content", "thesis 3.4.5, Figure 3.10", BY_EYE),
    _not_here("Summed codes combine what both show", "thesis 3.4.5, Figure 3.11", BY_EYE),
    _not_here(
        "On uniformly drawn frames the encoder learns better", "thesis 3.4.5, Figure 3.12", UNIFORM
    ),
    _not_here(
        "Frames at a steady step teach more than uniformly drawn ones",
        "thesis 3.4.5, Figure 3.12",
        UNIFORM,
    ),
    _not_here("EncGAN3 lies before VGAN, TGAN, MoCoGAN", "thesis 3.4.3, Table 3.2", OTHERS),
    _not_here(
        "EncGAN3 converges more smoothly than G3AN",
        "thesis 3.4.3, Figure 3.2",
        "one score at the end of a training, and one at a quarter of it, tell no curve",
    ),
    _not_here("A longer motion code spoils the frames", "thesis 3.5.1, Figure 3.13", BY_EYE),
    _not_here("Memory grows faster with length than with size", "thesis 3.5.1, Table 3.7", MEMORY),
)
_OF_RECALL = (
    _before(
        "LEncGAN: the middle frame is the better target than the first",
        "thesis 4.5.2, Figure 4.4",
        "F4.4",
        ("LEncGAN", S),
        ("LEncGAN, first frame the target", S),
    ),
    _before(
        "LEncGAN: the middle frame as target is better than none",
        "thesis 4.5.2, Figure 4.4",
        "F4.4",
        ("LEncGAN", S),
        ("LEncGAN, no target", S),
    ),
    _before(
        "LEncGAN: handing on the output is better than handing on the cell state",
        "thesis 4.5.2, Figure 4.5",
        "F4.4",
        ("LEncGAN, hands on the output", S),
        ("LEncGAN, hands on the cell state", S),
    ),
    _before(
        "LEncGAN: handing on the output is better than handing on nothing",
        "thesis 4.5.2, Figure 4.5",
        "F4.4",
        ("LEncGAN, hands on the output", S),
        ("LEncGAN, hands on nothing", S),
    ),
    _before(
        "LSTM and fc are as good",
        "thesis 4.5.2, Figure 4.6",
        "F4.4",
        ("LEncGAN, hands on nothing", S),
        ("LEncGAN, fc", S),
        rule="alike",
    ),
    _before(
        "Both parts of recall before R_Enc alone",
        "thesis 4.5.3, Table 4.2",
        "T4.2",
        _r2("loss v1"),
        _r2("loss v1, R_Enc alone"),
    ),
    _before(
        "Both parts of recall before R_3VD alone",
        "thesis 4.5.3, Table 4.2",
        "T4.2",
        _r2("loss v1"),
        _r2("loss v1, R_3VD alone"),
    ),
    _before(
        "No error of the stitched clip: loss v2 before v1",
        "thesis 4.5.3, Table 4.3",
        "T4.3",
        _r2("loss v2"),
        _r2("loss v1"),
    ),
    _before(
        "No error of whole clips either: loss v3 before v2",
        "thesis 4.5.3, Table 4.3",
        "T4.3",
        _r2("loss v3"),
        _r2("loss v2"),
    ),
    _before(
        "Joint training without noise terms, v4, is the best of the five losses",
        "thesis 4.5.3, Table 4.3",
        "T4.3",
        _r2("loss v4"),
        *(_r2(f"loss {v}") for v in ("v1", "v2", "v3", "v5")),
    ),
    _before(
        "Encoder and generator together before one after the other",
        "ICIP, section 4 and Figure 2",
        "T4.3",
        _r2("loss v4"),
        _r2("loss v2"),
    ),
    _before(
        "Training on every frame before every fourth",
        "thesis 4.6.4, Table 4.8",
        "T4.8",
        _r2("loss v1"),
        _r2("loss v1, step 4"),
        measures=("16f, every 4th", "32f, every 4th"),
    ),
    _before(
        "Recall costs short video next to nothing",
        "thesis 4.6.4, Table 4.6",
        "T4.6",
        ("R2, loss v4", "encoded"),
        ("EncGAN3, R2's schedule", "encoded"),
        measures=("16f",),
        rule="alike",
    ),
    _before(
        "Of 16 frames R2 is better than EncGAN3, on three of four sets",
        "ICIP, section 4 and Table 1",
        "T4.6",
        ("R2, loss v4", "encoded"),
        ("EncGAN3, R2's schedule", "encoded"),
        measures=("16f",),
    ),
    _not_here(
        "Without noise terms R2's clips are less diverse than EncGAN3's",
        "thesis 4.6.4, Table 4.6; ICIP, Table 2",
        IS,
    ),
    _before(
        "Of longer video R2 is better than EncGAN3 (here: its clips, joined as R2's are)",
        "thesis 4.7, Figure 4.11",
        "T4.6",
        PUBLISHED_R2,
        ("EncGAN3, R2's schedule", S),
        measures=("128f",),
    ),
    _before(
        "Over hundreds of frames R2 is better than LEncGAN",
        "thesis 4.7, Figure 4.12",
        "F4.4",
        PUBLISHED_R2,
        ("LEncGAN", S),
        measures=("128f", "16f, last 128"),
    ),
    _before(
        "R2's motion goes on more steadily than LEncGAN's, which changes suddenly",
        "thesis 4.6 and 4.7, Figure 4.12",
        "F4.4",
        PUBLISHED_R2,
        ("LEncGAN", S),
        measures=("log jump",),
    ),
    Claim(
        "R2's clips stay as good over 1000 frames",
        "thesis 4.6.3, Figure 4.9; ICIP, Figure 3",
        "T4.5",
        (Comparison(PUBLISHED_R2, PUBLISHED_R2, "16f, last 128", of_worse="16f, first 128"),),
        "alike",
    ),
    _not_here(
        "On a large and varied set R2's clips are clearer than EncGAN3's, by H(y|x) and IS",
        "thesis 4.6.4, Table 4.6",
        IS,
    ),
    _not_here("With length R2 comes near DIGAN and TATS", "thesis 4.6.3, Figure 4.9", OTHERS),
    _not_here("DIGAN blurs; TATS repeats itself and is too fast", "ICIP, section 4", OTHERS),
    _not_here(
        "Exchanged and summed codes keep what is theirs", "thesis 4.6.4, Figure 4.10", BY_EYE
    ),
    _not_here(
        "Of longer video of people R2 is better than DIGAN and TATS",
        "thesis 4.6.3, Figure 4.9",
        OTHERS,
    ),
    _not_here("R2 is behind DIGAN and TATS on skies", "thesis 4.6.3, Table 4.5", OTHERS),
    _not_here("R2 trains in the memory of EncGAN3", "thesis 4.4.5; ICIP, section 4", MEMORY),
)
_OF_R2 = (
    _before(
        "3d video streams before 1p2d (improved R2 before R2)",
        "thesis 5.5.3, Table 5.6",
        "T5.6",
        IMPROVED,
        _r2(),
    ),
    _before(
        "With 3d video streams quality falls less with length (ratio)",
        "thesis 5.5.3, Table 5.6",
        "T5.6",
        IMPROVED,
        _r2(),
        measures=(),
        higher=("ratio",),
    ),
    _before(
        "With recall quality falls less with length: its ratio lies above that of LEncGAN, which "
        "has none",
        "thesis 5.5.2 (the control is ours)",
        "F4.4",
        PUBLISHED_R2,
        ("LEncGAN", S),
        measures=(),
        higher=("ratio",),
    ),
    _before(
        "Noise terms harm improved R2",
        "thesis 5.5.3, Table 5.7",
        "T5.7",
        IMPROVED,
        ("improved R2, noise terms", S),
    ),
    _before(
        "Samples chosen by the critic before the mean, in test",
        "thesis 5.5.3, Figure 5.9",
        "F5.8",
        ("improved R2", VDREJ),
        ("improved R2", MEAN),
    ),
    _before(
        "Trained on means, samples in test are far worse than means",
        "thesis 5.5.3, Figure 5.8",
        "F5.8",
        ("improved R2, trained on means", MEAN),
        ("improved R2, trained on means", VDREJ),
    ),
    _before(
        "Trained and tested on means it comes as far as trained on samples",
        "thesis 5.5.3, Figure 5.8",
        "F5.8",
        ("improved R2", MEAN),
        ("improved R2, trained on means", MEAN),
        rule="alike",
    ),
)
_OF_AR2 = (
    _before("R2 before AR2, which is given nothing", "thesis 5.5.2, Table 5.5", "T5.5", _r2(), AR2),
    _before("Improved R2 before AR2", "thesis 5.5.2, Table 5.5", "T5.5", IMPROVED, AR2),
    _before(
        "VDrej before the mean", "thesis 5.5.4, Table 5.8", "T5.8", ("AR2", VDREJ), ("AR2", MEAN)
    ),
    _before("VDrej before plain sampling", "thesis 5.5.4, Table 5.8", "T5.8", ("AR2", VDREJ), AR2),
    _before(
        "The mean before plain sampling", "thesis 5.5.4, Table 5.8", "T5.8", ("AR2", MEAN), AR2
    ),
    _before(
        "At its junctions AR2 moves more as real video does than improved R2",
        "thesis 5.5.1, Figure 5.5",
        "T5.5",
        AR2,
        IMPROVED,
        measures=("log jump",),
    ),
    _not_here(
        "Until it is good AR2 trains longer than R2 on people",
        "thesis 5.5.6, Table 5.12",
        "all models are trained under one budget here, none until it is good",
    ),
    _not_here(
        "Until it is good AR2 trains shorter than R2 on skies",
        "thesis 5.5.6, Table 5.12",
        "all models are trained under one budget here, none until it is good",
    ),
    _not_here("AR2 and R3 generate faster than TATS", "thesis 5.5.6, Table 5.13", OTHERS),
    _not_here("DIGAN and MoCoGAN-HD generate faster", "thesis 5.5.6, Table 5.13", OTHERS),
    _before(
        "Rejection takes AR2 longer than plain sampling",
        "thesis 5.3.5",
        "T5.8",
        AR2,
        ("AR2", VDREJ),
        measures=("s for 1000",),
    ),
)
_OF_R3 = (
    _before(
        "Improved R2 before R3, which is given one clip",
        "thesis 5.5.2, Table 5.5",
        "T5.5",
        IMPROVED,
        R3,
        measures=OWN,
    ),
    _before(
        "R3 before AR2, which is given nothing",
        "thesis 5.5.2, Table 5.5",
        "T5.5",
        R3,
        AR2,
        measures=OWN,
    ),
    _before(
        "R3 moves more than AR2 over 1000 frames",
        "thesis 5.5.1, Figure 5.6",
        "T5.5",
        R3,
        AR2,
        measures=(),
        higher=("motion",),
    ),
    _before(
        "At its junctions R3 moves more as real video does than improved R2",
        "thesis 5.5.1, Figure 5.5",
        "T5.5",
        R3,
        IMPROVED,
        measures=("log jump",),
    ),
    _before(
        "Zeros behind short sequences before other sequences (pad0 before padzs)",
        "thesis 5.5.5, Table 5.9",
        "T5.9",
        R3,
        ("R3, regression, padzs", ROBUST),
        measures=OWN,
    ),
    _before(
        "Latent spaces alone before classes and lengths among them (pad0 before disc+cont)",
        "thesis 5.5.5, Table 5.9",
        "T5.9",
        R3,
        ("R3, regression, disc+cont", ROBUST),
        measures=OWN,
    ),
    _before(
        "A token of another width is worse",
        "thesis 5.5.5, Figure 5.12",
        "T5.10",
        ("R3, regression, disc+cont", ROBUST),
        ("R3, regression, disc+cont, half the width", ROBUST),
        ("R3, regression, disc+cont, twice the width", ROBUST),
        measures=OWN,
    ),
    _before(
        "Robust before faster",
        "thesis 5.5.5, Table 5.11",
        "T5.11",
        ("R3, regression", "robust VDrej"),
        ("R3, regression", "faster VDrej"),
        measures=OWN,
    ),
    _before(
        "In robust quality falls less with length than in faster (ratio)",
        "thesis 5.5.5, Table 5.11",
        "T5.11",
        ("R3, regression", "robust VDrej"),
        ("R3, regression", "faster VDrej"),
        measures=(),
        higher=("ratio",),
    ),
    _before(
        "In faster too, VDrej before none",
        "thesis 5.5.5, Table 5.11",
        "T5.11",
        ("R3, regression", "faster VDrej"),
        ("R3, regression", FASTER),
        measures=OWN,
    ),
    _before(
        "Over 1000 frames R3 stays better than AR2, which has no view of the whole",
        "thesis 5.6 and 6.2",
        "T5.5",
        R3,
        AR2,
        measures=("16f, last 128",),
    ),
    _before(
        "In faster, at first means before samples",
        "thesis 5.5.5, Figure 5.13",
        "T5.11",
        ("R3, regression", "faster mean"),
        ("R3, regression", FASTER),
        measures=("16f, own",),
    ),
    _before(
        "Robust takes longer than faster",
        "thesis 5.5.5, Table 5.11",
        "T5.11",
        ("R3, regression", "faster VDrej"),
        ("R3, regression", "robust VDrej"),
        measures=("s for 1000",),
    ),
    _before(
        "Rejection takes faster longer",
        "thesis 5.5.5, Table 5.11",
        "T5.11",
        ("R3, regression", FASTER),
        ("R3, regression", "faster VDrej"),
        measures=("s for 1000",),
    ),
)
CLAIMS = (*_OF_CLIPS, *_OF_RECALL, *_OF_R2, *_OF_AR2, *_OF_R3)


# ---------------------------------------------------------------------- our own: not in the ledger

_LONG_RUN = ("128f", "16f, last 128", "log jump")
OURS = (
    _before(
        "Improved R2 before R2 in equal time",
        "ours",
        "T5.6",
        ("improved R2, equal time", S),
        _r2(),
    ),
    _before(
        "Our terms for overlap and junction help R2",
        "ours",
        "F4.4",
        _r2(),
        PUBLISHED_R2,
        measures=(*_LONG_RUN, "16f"),
    ),
    _before(
        "R2 before LEncGAN at equal pairs",
        "ours",
        "F4.4",
        PUBLISHED_R2,
        ("LEncGAN, equal pairs", S),
        measures=(*FVDS, "log jump"),
    ),
    _before(
        "Recall keeps the ratio high in improved R2 too",
        "ours",
        "F4.4",
        IMPROVED,
        ("LEncGAN", S),
        measures=(),
        higher=("ratio",),
    ),
    _before(
        "AR2+ with noise before AR2", "ours", "AR2+", ("AR2+, noise", S), AR2, measures=_LONG_RUN
    ),
    _before(
        "AR2+ with roll-outs before AR2",
        "ours",
        "AR2+",
        ("AR2+, roll-outs", S),
        AR2,
        measures=_LONG_RUN,
    ),
    *(
        _before(
            f"{head} before regression, {way.split()[0]}",
            "ours",
            "heads",
            (f"R3, {head}", way),
            (REGRESSION, way),
            measures=(*OWN, "16f, last 128"),
        )
        for head in ("mixture", "flow")
        for way in (ROBUST, FASTER)
    ),
)


def claims_of(*names: str) -> list[Claim]:
    """What is claimed of these studies, then our own questions of them."""
    return [c for c in (*CLAIMS, *OURS) if c.study in names and c.comparisons]
