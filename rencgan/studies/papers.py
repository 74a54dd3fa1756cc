"""The result tables of the papers that this study follows, as data, with their source.

    find(method="R2", metric="FVD", data="Taichi", frames=128, paper="thesis", number="4.5")

gives [Cell(value=145.9, ...)], to be printed beside ours. Every number is as its paper prints it;
what looks like a misprint stays as it is and is named in the table's `note`. Methods, data sets
and metrics have one name each in all papers: REncGAN and REncGAN3 are "R2", Sky-Timelapse is
"Sky", the thesis' FID is "video FID", its Taichi the subset of 31 videos of Table 4.1. Methods go
down the rows, whichever way a paper prints its table. Figures are not here: they name no numbers.
"""

import functools
import re
from dataclasses import dataclass

from rencgan.core.errors import InputError

PAPERS = {
    "thesis": "Jingbo Yang: Long Video Generation using the VAE-GAN method. PhD thesis, "
    "University of York, 2024",
    "ICIP": "Jingbo Yang and Adrian G. Bors: Enabling the Encoder-Empowered GAN-based Video "
    "Generators for Long Video Generation. ICIP 2023",
    "StyleGAN-V": "Ivan Skorokhodov, Sergey Tulyakov and Mohamed Elhoseiny: StyleGAN-V: A "
    "Continuous Video Generator with the Price, Image Quality and Perks of StyleGAN2. CVPR 2022",
    "iVGAN": "Ian Pegg and Matheus Gorski: Video Generation with Generative Adversarial Networks. "
    "University of California San Diego",
    "MotionVideoGAN": "Jingyuan Zhu, Huimin Ma, Jiansheng Chen and Jian Yuan: MotionVideoGAN: A "
    "Novel Video Generator Based on the Motion Space Learned from Image Pairs. IEEE Transactions "
    "on Multimedia, 2023, doi 10.1109/TMM.2023.3251095",
}

# metric -> (which direction is better, what it is)
METRICS = {
    "FVD": ("lower", "Fréchet distance of the features of a video classifier"),
    "FVD ratio": ("higher", "FVD of the first 16 frames over FVD of the first 128"),
    "video FID": ("lower", "Fréchet distance of the features of another video classifier"),
    "FID": ("lower", "Fréchet distance of the features of single frames"),
    "IS": ("higher", "Inception score, C3D tuned on UCF101"),
    "IS ±": ("", "what is printed behind the Inception score's ±"),
    "video IS": ("higher", "Inception score, a classifier trained on the data set itself"),
    "H(y)": ("higher", "entropy of the classes of all generated videos: diversity"),
    "H(y|x)": ("lower", "mean entropy of the classes of one generated video: quality"),
    "generation time": ("lower", "time to make one video"),
    "training time": ("lower", "wall time, on all GPUs side by side"),
    "training time, most": ("lower", "the upper end, where a range is given"),
    "single-GPU time": ("lower", "the same work on one GPU"),
    "training cost": ("lower", "GPUs times days; of the first stage, where there are two"),
    "training cost, stage 2": ("lower", "GPUs times days of the second stage"),
    "training steps": ("", "updates of the critic or of the generator"),
    "kimg": ("", "thousands of images, or of pairs, seen in training"),
    "GPUs": ("", "used side by side"),
    "batch size": ("", "clips, pairs or sequences a GPU; the largest that fits, in Table 3.7"),
    "batches": ("", "batches in an epoch"),
    "parameters": ("", "trainable weights"),
    "added parameters": ("", "more than the network that it is made from"),
    "storage": ("", "of the weights, 4 bytes each"),
    "storage, most": ("", "the upper end, where a range is given"),
    "videos": ("", "in the whole set"),
    "training videos": ("", "the part for training"),
    "test videos": ("", "the part for test"),
    "segments": ("", "cuts of 16 or 24 frames"),
    "training segments": ("", "the part for training"),
    "test segments": ("", "the part for test"),
    "width": ("", "of a frame, in pixels"),
    "height": ("", "of a frame, in pixels"),
    "shortest video": ("", "in frames"),
    "longest video": ("", "in frames"),
    "mean length": ("", "of the videos, in frames"),
    "variance of length": ("", "of the videos, in frames squared"),
    "subjects": ("", "people shown, or groups"),
    "actions": ("", "classes"),
}

# Other names that `find` takes.
ALIASES = {
    "rencgan": "R2",
    "rencgan3": "R2",
    "uva-nemo": "UvA",
    "sky-timelapse": "Sky",
    "skytimelapse": "Sky",
    "ffs": "FaceForensics",
}


@dataclass(frozen=True)
class Column:
    """What one column of a table measures; data and frames where they differ between columns."""

    metric: str
    unit: str = ""
    data: str = ""
    frames: int | None = None


@dataclass(frozen=True)
class Row:
    """One method (and, where needed, data set or setting) with a number for every column."""

    method: str
    setting: str  # which variant, where a table has several
    data: str
    frames: int | None  # of the videos scored, trained on or generated
    resolution: int | None  # side of the frames, pixels
    printed: tuple[str, ...]  # the numbers with the digits of the paper; "-" where there is none

    @property
    def values(self) -> tuple[float | None, ...]:
        """The numbers, None where there is none."""
        return tuple(None if p == "-" else float(p.replace(",", "")) for p in self.printed)


@dataclass(frozen=True)
class Cell:
    """One published number, with everything needed to say what it is."""

    value: float
    metric: str
    unit: str
    method: str
    setting: str
    data: str
    resolution: int | None
    frames: int | None
    paper: str
    number: str  # of the table
    printed: str


@dataclass(frozen=True)
class Table:
    """One table of one paper; `number` is as printed ("5.10"), or names a section of running
    text. METRICS explains the metrics of its columns.
    """

    paper: str
    number: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""

    @property
    def source(self) -> str:
        """The paper and the place in it."""
        place = self.number if self.number.startswith("section") else f"Table {self.number}"
        return f"{PAPERS[self.paper]}, {place}"

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every number that is there, row by row."""
        return tuple(
            self._cell(row, column, value, printed)
            for row in self.rows
            for column, value, printed in zip(self.columns, row.values, row.printed, strict=True)
            if value is not None
        )

    def _cell(self, row: Row, column: Column, value: float, printed: str) -> Cell:
        return Cell(
            value=value,
            metric=column.metric,
            unit=column.unit,
            method=row.method,
            setting=row.setting,
            data=column.data or row.data,
            resolution=row.resolution,
            frames=column.frames or row.frames,
            paper=self.paper,
            number=self.number,
            printed=printed,
        )


def table(paper: str, number: str | int) -> Table:
    """One table. Raises InputError that lists what there is."""
    name = {p.casefold(): p for p in PAPERS}.get(str(paper).casefold())
    if name is None:
        raise InputError(f"there is no paper {paper!r}; choose one of {', '.join(PAPERS)}")
    if isinstance(number, float):
        raise InputError("the number of a table is text, as '5.10': as a number it would be 5.1")
    if (name, str(number)) not in _TABLES:
        there = ", ".join(n for p, n in _TABLES if p == name)
        raise InputError(f"of {name} there is no table {str(number)!r}; choose one of {there}")
    return _TABLES[name, str(number)]


def tables() -> tuple[Table, ...]:
    """All tables, paper by paper."""
    return tuple(_TABLES.values())


def find(
    *,
    metric: str | None = None,
    data: str | None = None,
    method: str | None = None,
    resolution: int | None = None,
    frames: int | None = None,
    setting: str | None = None,
    paper: str | None = None,
    number: str | None = None,
) -> list[Cell]:
    """The published numbers that fit everything that is given; [] where nothing fits it all.

    Case does not matter. A value that no cell has is refused with a list of those that there are.
    """
    given = {"metric": metric, "data": data, "method": method, "resolution": resolution}
    given |= {"frames": frames, "setting": setting, "paper": paper, "number": number}
    wanted = {name: _known(name, value) for name, value in given.items() if value is not None}
    return [c for c in _cells() if all(getattr(c, n) == value for n, value in wanted.items())]


@functools.cache
def _cells() -> tuple[Cell, ...]:
    return tuple(cell for t in tables() for cell in t.cells)


@functools.cache
def _values(name: str) -> tuple:
    """All values that a field of a cell has, numbers in order, texts as they first appear."""
    found = dict.fromkeys(getattr(cell, name) for cell in _cells())
    found.pop(None, None)
    return tuple(sorted(found) if name in ("resolution", "frames") else found)


def _known(name: str, value: str | int) -> str | int:
    """The value as cells have it. Raises InputError that lists the values of the field."""
    there = _values(name)
    if isinstance(value, str):
        folded = ALIASES.get(value.casefold(), value).casefold()
        value = next((v for v in there if isinstance(v, str) and v.casefold() == folded), value)
    if value not in there:
        listed = ", ".join(str(v) for v in there if v != "")
        raise InputError(f"no published number has the {name} {value!r}; choose one of {listed}")
    return value


# ---------------------------------------------------------------------------------- reading tables

_TABLES: dict[tuple[str, str], Table] = {}
_KEYS = ("method", "setting", "data", "frames", "resolution")
_HEAD = re.compile(r"([^\[@:]*?) *(?:\[(.+?)\])? *(?:@(\S+))? *(?::(\d+))?")


def _read(paper: str, text: str) -> None:
    """Adds the tables of a paper, which are separated by empty lines. In each:

    number | title
    for all: what is the same in every row; also the metric of columns that name none
    keys of a row | columns, as `metric [unit] @data :frames`
    rows
    # note
    """
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.splitlines()
        note = " ".join(s[2:] for s in lines if s.startswith("# "))
        lines = [s for s in lines if not s.startswith("# ")]
        number, title = _split(lines.pop(0))
        same = {}
        if lines[0].startswith("for all: "):
            pairs = lines.pop(0).removeprefix("for all: ").split("; ")
            same = dict(pair.split(" ", 1) for pair in pairs)
        head, *body = map(_split, lines)
        keys = [name for name in head if name in _KEYS]
        columns = tuple(_column(name, same.get("metric", "")) for name in head[len(keys) :])
        rows = tuple(_row(keys, line, same) for line in body)
        _TABLES[paper, number] = Table(paper, number, title, columns, rows, note)


def _split(line: str) -> list[str]:
    # With spaces on both sides: "H(y|x)" is one name.
    return [part.strip() for part in re.split(r" \|(?= )", line)]


def _column(name: str, metric: str) -> Column:
    own, unit, data, frames = _HEAD.fullmatch(name).groups()
    return Column(own or metric, unit or "", data or "", int(frames) if frames else None)


def _row(keys: list[str], line: list[str], same: dict[str, str]) -> Row:
    named = same | dict(zip(keys, line, strict=False))
    k = {name: named.get(name, "") for name in _KEYS}
    frames, resolution = (int(k[n]) if k[n] else None for n in ("frames", "resolution"))
    printed = tuple(line[len(keys) :])
    return Row(k["method"], k["setting"], k["data"], frames, resolution, printed)


# --------------------------------------------------------------------------------------- the tables

_read(
    "thesis",
    """
3.1 | Data sets of short video
data     | videos | width | height | shortest video | longest video | subjects | actions
UvA      | 1,240  | 128   | 128    | 100            | 400           | 564      | 1
Weizmann | 93     | 180   | 144    | 20             | 75            | 9        | 10
KTH      | 599    | 160   | 120    | 200            | 1,025         | 25       | 6
UCF101   | 13,320 | 320   | 240    | 26             | 2,060         | 2,525    | 101
# Lengths are in frames and estimated. The text gives Weizmann 90 videos.

3.2 | Video FID of generated clips
for all: metric video FID; resolution 64; frames 16
method     | setting   | @UvA   | @Weizmann | @KTH   | @UCF101
VGAN       |           | 235.01 | 158.04    | -      | 115.06
TGAN       |           | 216.41 | 99.85     | -      | 110.58
MoCoGAN    |           | 197.32 | 92.18     | -      | 104.14
ImaGINator |           | -      | 99.80     | -      | -
G3AN       | retrained | 91.77  | 98.27     | 111.99 | 108.36
G3AN       | its paper | 119.22 | 86.01     | -      | 91.21
EncGAN3    |           | 86.21  | 78.93     | 66.62  | 91.18
# The scores of VGAN, TGAN, MoCoGAN and ImaGINator are quoted. G3AN was trained again; the scores
# of its own paper stand in brackets.

3.3 | Video IS and its two entropies
for all: resolution 64; frames 16
method  | data     | video IS | H(y)  | H(y|x)
G3AN    | UvA      | 85.44    | 6.041 | 1.593
G3AN    | Weizmann | 25.54    | 3.924 | 0.684
G3AN    | KTH      | 24.19    | 4.538 | 1.352
G3AN    | UCF101   | 30.01    | 6.903 | 3.501
EncGAN3 | UvA      | 571.29   | 6.499 | 0.151
EncGAN3 | Weizmann | 42.60    | 3.959 | 0.207
EncGAN3 | KTH      | 50.48    | 4.812 | 0.891
EncGAN3 | UCF101   | 33.87    | 6.699 | 3.177
# Classes are actors for UvA and actions elsewhere. IS cannot exceed the number of classes (UvA
# 564, Weizmann 10, KTH 6, UCF101 101), nor H(y) its logarithm. Here H(y) does in all rows but
# G3AN's UvA, and IS in UvA (EncGAN3), Weizmann and KTH: compare these numbers with each other only.

3.4 | EncGAN3 without some of its parts
for all: method EncGAN3; resolution 64; frames 16
setting        | data     | video FID | video IS
no G_C, no G_T | UvA      | 95.500    | 63.926
no G_C, no G_T | Weizmann | 101.638   | 2.244
no G_C, no G_T | KTH      | 73.220    | 2.867
no G_C         | UvA      | 88.058    | 133.352
no G_C         | Weizmann | 89.004    | 7.020
no G_C         | KTH      | 75.309    | 3.853
no G_T         | UvA      | 90.713    | 537.852
no G_T         | Weizmann | 97.554    | 5.564
no G_T         | KTH      | 74.963    | 4.966
no F-SA        | UvA      | 87.526    | -
no F-SA        | Weizmann | 82.821    | -
no F-SA        | KTH      | 73.792    | -
no encoder     | UvA      | 93.258    | 148.216
no encoder     | Weizmann | 98.564    | 6.303
no encoder     | KTH      | 75.388    | 2.328
full model     | UvA      | 86.210    | 571.29
full model     | Weizmann | 78.935    | 8.906
full model     | KTH      | 66.621    | 5.986
# G_C and G_T are the generator's spatial and temporal streams. Classes are actors in all three
# sets, unlike in Table 3.3; UvA has 564, fewer than the 571.29 printed. Table 3.5 has 82.43 where
# this has 82.821 (no F-SA, Weizmann), and other scores without encoder.

3.5 | Video FID with and without encoder and F-SA
for all: method EncGAN3; metric video FID; resolution 64; frames 16
setting                               | @UvA  | @Weizmann | @KTH
no encoder, no F-SA                   | 95.47 | 89.98     | 79.36
no encoder, F-SA                      | 91.77 | 98.27     | 111.99
encoder in training, no F-SA          | 89.46 | 88.00     | 62.53
encoder in training, F-SA             | 93.65 | 102.36    | 83.51
encoder in training and test, no F-SA | 87.52 | 82.43     | 73.79
encoder in training and test, F-SA    | 86.21 | 78.93     | 66.62
# The second row is G3AN as Table 3.2 has it, the last is EncGAN3.

3.6 | Video FID of two reconstruction terms and two learning rates
for all: method EncGAN3; data UvA; resolution 64; frames 16
setting                    | video FID
baseline, lr 2e-4          | 86.21
L_Enc,v, lr 2e-4           | 90.77
L_Enc,v and L_G,v, lr 2e-4 | 95.02
L_Enc,v and L_G,v, lr 4e-5 | 89.71
baseline, lr 4e-5          | 88.68
# The data set is not named; the first row has the score of UvA in Table 3.2. L_Enc,v and L_G,v
# (Eq 3.9, 3.10) rebuild the first frame and the difference maps.

3.7 | Largest batch of EncGAN3 in 32 GiB
for all: method EncGAN3
frames | resolution | batch size
16     | 64         | 10
16     | 128        | 1
20     | 64         | -
# On a V100; clips of 20 frames run out of memory. The batch norm that the thesis describes after
# the encoder's fully connected layers cannot train on a batch of 1.

section 3.4.2 | Training time of EncGAN3 and G3AN
for all: data UvA; resolution 64
method  | setting     | training time [d] | training time [h] | training time, most [d]
EncGAN3 | 3000 epochs | 3                 | 6.5               | 4.5
EncGAN3 | 5000 epochs | 5.5               | -                 | 6.5
G3AN    | 5000 epochs | 4                 | 19                | -
# Running text; days and hours of a row add up. On one V100, in batches of 10 (EncGAN3) and 25
# (G3AN). EncGAN3 does well after 3000 epochs, G3AN after 5000.

4.1 | The Taichi subset
for all: data Taichi
setting   | videos | shortest video | longest video | segments
subject A | 8      | 217            | 430           | 246
subject B | 7      | 140            | 335           | 158
subject C | 14     | 160            | 560           | 441
subject D | 2      | 272            | 392           | 81
all       | 31     | 140            | 560           | 926
# Lengths are headed seconds, but are frames: 16-frame segments that overlap by half come out right
# for subject D.

4.2 | FVD with one or both parts of the recall mechanism
for all: method R2; metric FVD; data Taichi; resolution 64
setting         | :10     | :16     | :32     | :64     | :96     | :100    | :128    | :136
R_Enc           | 2254.30 | 2452.01 | 3052.51 | 2242.24 | 2505.06 | 2523.67 | 2717.66 | 2967.59
R_3VD           | 322.91  | 359.60  | 340.69  | 312.77  | 288.66  | 289.96  | 326.78  | -
R_Enc and R_3VD | 199.98  | 230.31  | 283.20  | 259.97  | 243.44  | 232.93  | 252.51  | 241.25
# The last row is loss v1 of Table 4.3, so all were made with v1.

4.3 | FVD of five losses
for all: method R2; metric FVD; data Taichi; resolution 64
setting | :10     | :16     | :32     | :64     | :96     | :100    | :128    | :136
loss v1 | 199.98  | 230.31  | 283.20  | 259.97  | 243.44  | 232.93  | 252.51  | 241.25
loss v2 | 104.84  | 111.87  | 131.40  | 114.16  | 116.19  | 118.36  | 149.29  | 138.17
loss v3 | 97.67   | 107.54  | 106.10  | 125.99  | 128.19  | 125.92  | 128.07  | 140.56
loss v4 | 67.81   | 81.68   | 83.54   | 78.91   | 88.42   | 90.73   | 101.26  | 104.04
loss v5 | 2525.70 | 2522.76 | 2737.70 | 3041.56 | 3206.97 | 3224.24 | 3299.62 | 3379.64
# v4 is the final loss. v5 is not described beyond separate training. The text finds v3 better than
# v2, which the lengths 64, 96, 100 and 136 do not bear out.

4.4 | Videos and 16-frame segments for training and test
data       | videos | training videos | test videos \
| segments | training segments | test segments
UvA        | 1,240  | 1,173  | 67  | -       | -      | -
Weizmann   | 93     | 83     | 10  | -       | -      | -
KTH        | 599    | 569    | 30  | -       | -      | -
UCF101     | 13,320 | 12,567 | 753 | -       | -      | -
Tai-Chi-HD | 2,882  | 2,594  | 288 | 68,023  | 61,923 | 6,100
Taichi     | -      | -      | -   | 926     | 626    | 300
Sky        | 2,618  | 2,080  | 232 | 101,340 | 95,215 | 6,125
# Segments are approximate. Tai-Chi-HD is the whole set, of which 2718 videos could be had. Of Sky's
# 2618 videos 306 are in neither part; those shorter than 24 frames were left out.

4.5 | FVD of R2 and other models of long video
for all: metric FVD; resolution 128
method     | @Taichi :16 | @Taichi :128 | @Sky :16 | @Sky :128
MoCoGAN-HD | 144.7       | -            | 183.6    | 635.6
DIGAN      | 128.1       | 748.0        | 114.6    | 228.6
StyleGAN-V | 143.5       | 691.1        | -        | -
TATS       | 94.6        | -            | 132.5    | 435.0
R2         | 113.5       | 145.9        | 360.9    | 587.0
# The scores of the other models are quoted from other papers; R2 is trained on the Taichi subset.
# R2 encodes a real video for every video that it makes, the others none (Table 5.5).

4.6 | Scores of single clips, with and without recall
for all: resolution 64; frames 16
method  | data     | video FID | video IS | H(y)  | H(y|x)
VGAN    | UvA      | 235.01    | -        | -     | -
VGAN    | Weizmann | 158.04    | -        | -     | -
VGAN    | UCF101   | 115.06    | -        | -     | -
TGAN    | UvA      | 216.41    | -        | -     | -
TGAN    | Weizmann | 99.85     | -        | -     | -
TGAN    | UCF101   | 110.58    | -        | -     | -
MoCoGAN | UvA      | 197.32    | -        | -     | -
MoCoGAN | Weizmann | 92.18     | -        | -     | -
MoCoGAN | UCF101   | 104.14    | -        | -     | -
G3AN    | UvA      | 91.77     | -        | -     | -
G3AN    | Weizmann | 98.27     | -        | -     | -
G3AN    | KTH      | 111.99    | -        | -     | -
G3AN    | UCF101   | 108.36    | -        | -     | -
EncGAN3 | UvA      | 86.21     | 571.29   | 6.499 | 0.151
EncGAN3 | Weizmann | 78.93     | 42.60    | 3.959 | 0.207
EncGAN3 | KTH      | 66.62     | 50.48    | 4.812 | 0.891
EncGAN3 | UCF101   | 91.18     | 33.87    | 6.699 | 3.177
R2      | UvA      | 70.14     | 87.007   | 4.656 | 0.190
R2      | Weizmann | 70.85     | 35.329   | 3.804 | 0.239
R2      | KTH      | 66.97     | 11.477   | 4.087 | 1.647
R2      | UCF101   | 95.36     | 57.121   | 5.827 | 1.782
# Parts (a) and (b) in one. G3AN's star says quoted, but its scores are those of the thesis' own
# training (Table 3.2). Classes, and IS and H(y) beyond their bounds, as in Table 3.3; of R2's, IS
# in Weizmann and KTH, H(y) in all but UvA. ICIP's Table 1 has other video FIDs.

4.7 | FVD with one or both parts of the recall mechanism, again
for all: method R2; metric FVD; data Taichi; resolution 64
setting         | :10     | :16     | :32     | :64     | :96     | :100    | :128    | :136
R_Enc           | 2254.30 | 2452.01 | 3052.51 | 2242.24 | 2505.06 | 2523.67 | 2717.66 | 2967.59
R_3VD           | 322.91  | 359.60  | 340.69  | 312.77  | 288.66  | 289.96  | 326.78  | -
R_Enc and R_3VD | 199.98  | 230.31  | 283.20  | 259.97  | 243.44  | 232.93  | 252.51  | 241.25
# Table 4.2 turned on its side. Made with loss v1.

4.8 | FVD when training skips frames
for all: method R2; metric FVD; data Taichi; resolution 64
setting | :10     | :16     | :32     | :64    | :96    | :100   | :128   | :136
step 1  | 199.98  | 230.31  | 283.20  | 259.97 | 243.44 | 232.93 | 252.51 | 241.25
step 4  | 1256.66 | 1923.33 | 2403.67 | -      | -      | -      | -      | -
# The first row is loss v1 of Table 4.3. At step 4 too few real videos are long enough for more than
# 32 frames.

5.1 | Training time of AR2 on one GPU
for all: method AR2; resolution 128
data   | setting | single-GPU time [h] | batch size | batches
Taichi | A40     | 27                  | 10         | 10
Sky    | H100    | 25                  | 55         | 1284
# Up to the best epoch.

section 5.3.5 | Time to make one video with AR2
for all: method AR2; resolution 128
data   | setting  | generation time [min] :1000
Sky    | no VDrej | 0.17
Taichi | VDrej    | 0.6
# Running text. The time with VDrej is 309 min / (8 * 64 videos), but the text says 9 runs, which
# would make it 0.54.

5.2 | Training cost of R3's two stages
for all: method R3; resolution 128
data   | setting         | GPUs | batch size | batches \
| single-GPU time [h] | single-GPU time [d]
Taichi | R2 stage, H100  | 2 | 50 | 12   | 12.6 | -
Sky    | R2 stage, A40   | 3 | 25 | 1883 | -    | 36
Sky    | R2 stage, H100  | 2 | 50 | 1412 | -    | 3.5
Taichi | GPT stage, H100 | 2 | 30 | 1    | 27.8 | -
Sky    | GPT stage, H100 | 2 | 5  | 187  | -    | 21
# A40 with 48 GB, H100 with 80 GB; the thesis joins data sets and GPUs in one cell. For Taichi the
# R2 stage lacks the 136.5 h on one A40 that its first 3000 epochs took by the text, and its 12
# batches are those of that part; the part on H100 has 9.

5.3 | Parameters and storage of R3
for all: resolution 128
method      | setting             | parameters [M] | parameters [B] | storage [GB] \
| storage, most [GB]
Improved R2 | encoder             | 2.06           | -              | 0.008        | -
Improved R2 | generator           | 90.37          | -              | 0.35         | -
Improved R2 | video discriminator | 29.32          | -              | 0.11         | -
Improved R2 | image discriminator | 6.96           | -              | 0.03         | -
Improved R2 | all                 | 128.71         | -              | 0.50         | -
R3          | GPT                 | -              | 1.36           | 5.08         | -
R3          | all                 | -              | 1.49           | 5.84         | 6.03
# VD and ID are spelt out as variational decoder and identity module; they are the video and the
# image discriminator. By its own Eq 5.4 the generator takes 0.34 GB and R2 0.48.

5.4 | 24-frame segments for training and test
data   | segments | training segments | test segments
Taichi | 300      | 230               | 70
Sky    | 47,075   | 42,075            | 4,800
# Approximate; Sky's two parts add up to 46,875. 300 and 47,075 are 12 and 1883 batches of 25, which
# is what one of three GPUs sees of an epoch.

5.5 | FVD of all models of long video
for all: metric FVD; resolution 128
method         | @Taichi :16 | @Taichi :128 | FVD ratio @Taichi \
| @Sky :16 | @Sky :128 | FVD ratio @Sky
MoCoGAN-HD     | 144.7  | -      | -    | 183.6 | 635.6 | 0.28
DIGAN          | 128.1  | 748.0  | 0.17 | 114.6 | 228.6 | 0.50
StyleGAN-V     | 143.5  | 691.1  | 0.2  | -     | -     | -
TATS           | 94.6   | -      | -    | 132.5 | 435.0 | 0.30
Long-Video-GAN | -      | -      | -    | 107.5 | 142.6 | 0.75
VIDM           | 121.9  | 563.6  | 0.21 | -     | -     | -
R2             | 113.5  | 145.9  | 0.77 | 360.9 | 587.0 | 0.61
Improved R2    | 101.1  | 108.9  | 0.93 | 293.9 | 591.5 | 0.49
AR2            | 1258.5 | 1986.3 | 0.63 | 445.8 | 840.4 | 0.52
R3             | 160.4  | 385.1  | 0.41 | 256.9 | 433.8 | 0.59
# The scores down to VIDM are quoted from other papers; the rest is on the Taichi subset. R2 and
# improved R2 encode an entire real video, R3 one real clip, of which 8 frames are shown; the others
# start without any. Ratios are cut, not rounded, in 0.28, 0.21, 0.77, 0.49 and 0.41, and AR2's 0.52
# should be 0.53.

5.6 | FVD of two video streams of the generator
for all: metric FVD; data Taichi; resolution 128
method      | setting | :16   | :128  | FVD ratio
Improved R2 | 3d      | 101.1 | 108.9 | 0.93
R2          | 1p2d    | 113.5 | 145.9 | 0.77
# The second row is the R2 of Table 4.5, which has no VDrej. 0.77 is cut, not rounded.

5.7 | FVD of improved R2 with and without clips from noise in its losses
for all: method Improved R2; metric FVD; data Taichi; resolution 128
setting     | :16   | :128   | FVD ratio
no noise    | 101.1 | 108.9  | 0.93
noise terms | 766.9 | 1004.5 | 0.76
# The text calls the rise of FVD a drop.

5.8 | FVD of AR2 by where its codes come from
for all: method AR2; metric FVD; resolution 128
setting          | @Taichi :16 | @Taichi :128 | @Sky :16 | @Sky :128
mean             | 1353.5      | 2013.1       | 448.6    | 857.4
sample           | 1266.8      | 2087.1       | 455.2    | 930.3
sample and VDrej | 1258.5      | 1986.3       | 445.8    | 840.4
# The last row is AR2 in Table 5.5.

5.9 | FVD of R3 by the form of the GPT's input
for all: method R3; metric FVD; data Taichi; resolution 128
setting          | :16    | :128   | FVD ratio
cont, pad 0      | 160.4  | 385.1  | 0.41
cont, pad zs     | 731.3  | 935.6  | 0.78
disc+cont, pad 0 | 2093.1 | 3929.2 | 0.53
# Eq 5.5, 5.6 and 5.7 in this order; the first row is R3 in Table 5.5. 0.41 is cut, not rounded.

5.10 | FVD of R3 by the width of a token
for all: method R3; metric FVD; data Taichi; resolution 128
setting    | :16    | :128   | FVD ratio
width 1536 | 2093.1 | 3929.2 | 0.53
width 512  | 2125.8 | 3815.1 | 0.55
width 256  | 2003.8 | 3878.1 | 0.51
# On disc+cont: the first row is the last of Table 5.9. The text refers to Table 5.12 instead. 0.55
# and 0.51 are cut, not rounded.

5.11 | FVD and speed of R3's two ways to generate
for all: method R3; metric FVD; data Taichi; resolution 128
setting          | :16   | :128   | FVD ratio | generation time [min] :1000
faster, VDrej    | 291.2 | 1287.7 | 0.22      | 0.06
faster, no VDrej | 301.7 | 1311.5 | 0.22      | 0.5
robust, VDrej    | 160.4 | 385.1  | 0.41      | 0.72
# The first two times are exchanged: by the text it is 0.5 min with VDrej and 0.06 without. The
# ratios should be 0.23, 0.23 and 0.42.

section 5.5.5 | Where the time of R3's faster way goes
for all: method R3; data Taichi; resolution 128
setting           | generation time [min] :1000
faster, GPT       | 0.02
faster, R2, mean  | 0.04
faster, R2, VDrej | 0.48
# Running text: 0.02 + 0.48 and 0.02 + 0.04 are the two times that Table 5.11 exchanges.

5.12 | Training time of TATS, AR2 and R3
for all: resolution 128
method | data   | setting         | training time [h] | training time [d] \
| GPUs | batch size | batches | single-GPU time [h] | single-GPU time [d]
TATS   |        | VQ-GAN, V100    | 57   | -     | 8 | 2  | -    | -    | 19
TATS   |        | GPT, V100       | -    | 10    | 8 | 3  | -    | -    | 80
TATS   |        | all             | -    | 12.37 | - | -  | -    | -    | 99
AR2    | Taichi | A40             | 13.5 | -     | 3 | 10 | 10   | 27   | -
AR2    | Sky    | H100            | 12.5 | -     | 2 | 55 | 1284 | 25   | -
R3     | Taichi | R2 stage, H100  | 6.3  | -     | 2 | 50 | 12   | 12.6 | -
R3     | Sky    | R2 stage, A40   | -    | 12    | 3 | 25 | 1883 | -    | 36
R3     | Sky    | R2 stage, H100  | -    | 1.75  | 2 | 50 | 1412 | -    | 3.5
R3     | Taichi | GPT stage, H100 | 13.9 | -     | 2 | 30 | 1    | 27.8 | -
R3     | Sky    | GPT stage, H100 | -    | 10.5  | 2 | 5  | 187  | -    | 21
R3     | Taichi | all, H100       | 20   | -     | - | -  | -    | 40   | -
R3     | Sky    | all, A40        | -    | 12    | - | -  | -    | -    | 36
R3     | Sky    | all, H100       | -    | 12.25 | - | -  | -    | -    | 24.5
# V100 with 32 GB, A40 with 48, H100 with 80; the thesis joins data sets and GPUs in one cell. AR2's
# 27 h are 9 h on three A40: the 13.5 printed is for two. R3's Taichi lacks a part, as in Table 5.2.

5.13 | Time to make one video of 1024 frames
for all: resolution 128; frames 1024
method            | generation time [min] | generation time [s]
DIGAN             | -                     | 4.2
MoCoGAN-HD        | -                     | 28.5
VideoGPT          | 42                    | -
TATS-Base         | 30                    | -
TATS-Hierarchical | 7.5                   | 23
AR2               | 0.6                   | -
R3                | 0.72                  | -
# Minutes and seconds of a row add up. The TATS models ran on one P6000, AR2 and R3 on one A40 or
# H100. AR2's and R3's are the times of 1000 frames in Section 5.3.5 and Table 5.11. The resolution
# of the others is not given.
""",
)
_read(
    "ICIP",
    """
1 | Video FID of generated clips
for all: metric video FID; resolution 64; frames 16
method  | @UvA   | @Weizmann | @KTH   | @UCF101
VGAN    | 235.01 | 158.04    | -      | 115.06
TGAN    | 216.41 | 99.85     | -      | 110.58
MoCoGAN | 197.32 | 92.18     | -      | 104.14
G3AN    | 91.77  | 98.27     | 111.99 | 108.36
EncGAN3 | 87.63  | 83.35     | 72.59  | 91.18
R2      | 73.14  | 70.91     | 66.97  | 95.87
# The first four are quoted. The thesis' Table 4.6 has other scores for EncGAN3 but in UCF101, and
# for R2 but in KTH. The resolution is not given; in the thesis it is 64.

2 | Video IS and its two entropies
for all: resolution 64; frames 16
method  | data     | video IS | H(y)  | H(y|x)
EncGAN3 | UvA      | 571.29   | 6.499 | 0.151
EncGAN3 | Weizmann | 42.60    | 3.959 | 0.207
EncGAN3 | KTH      | 50.48    | 4.812 | 0.891
EncGAN3 | UCF101   | 33.87    | 6.699 | 3.177
R2      | UvA      | 87.007   | 4.656 | 0.190
R2      | Weizmann | 35.329   | 3.804 | 0.239
R2      | KTH      | 11.477   | 4.087 | 1.647
R2      | UCF101   | 57.121   | 5.827 | 1.782
# The same as in the thesis' Table 4.6, with IS and H(y) beyond their bounds as its Table 3.3 has
# them. The text exchanges what the two entropies measure.
""",
)
_read(
    "StyleGAN-V",
    """
1 | FVD on four data sets, and training cost
for all: metric FVD; resolution 256
method      | @FaceForensics :16 | @FaceForensics :128 | @Sky :16 | @Sky :128 | @UCF101 :16 \
| @UCF101 :128 | @RainbowJelly :16 | @RainbowJelly :128 | training cost [GPU-days] \
| training cost, stage 2 [GPU-days]
MoCoGAN     | 124.7 | 257.3  | 206.6 | 575.9 | 2886.9 | 3679.0 | 1572.9 | 549.7 | 5   | -
MoCoGAN+SG2 | 55.62 | 309.3  | 85.88 | 272.8 | 1821.4 | 2311.3 | 638.5  | 463.0 | 8   | -
MoCoGAN-HD  | 111.8 | 653.0  | 164.1 | 878.1 | 1729.6 | 2606.5 | 579.1  | 628.2 | 7.5 | 9
VideoGPT    | 185.9 | -      | 222.7 | -     | 2880.6 | -      | 136.0  | -     | 16  | 16
DIGAN       | 62.5  | 1824.7 | 83.11 | 196.7 | 1630.2 | 2293.7 | 436.6  | 369.0 | 16  | -
StyleGAN-V  | 47.41 | 89.34  | 79.52 | 197.0 | 1431.0 | 1773.4 | 195.4  | 262.5 | 8   | -
# On V100, VideoGPT on A6000. MoCoGAN-HD's cost is halved, because its code is slower.

2 | FVD of StyleGAN-V with parts replaced
for all: method StyleGAN-V; metric FVD; resolution 256
setting                   | @FaceForensics :16 | @FaceForensics :128 | @Sky :16 | @Sky :128
default                   | 47.41              | 89.34               | 79.52    | 197.0
other G                   | 65.88              | 41.77               | 109.1    | 240.2
other D                   | 154.0              | 139.1               | 236.9    | 258.0
no time conditioning in D | 95.4               | 236.0               | 102.1    | 210.3
LSTM codes, delta 1       | 131.9              | 159.1               | 135.7    | 196.1
LSTM codes, delta 16      | 180.3              | 94.55               | 95.71    | 165.8
# The other G and D are those of MoCoGAN+SG2. The text finds that every change hurts; FVD of 128
# frames is better with the other G on FaceForensics and with LSTM codes on Sky.

3 | FVD of StyleGAN-V by the frames k that training takes from a clip
for all: method StyleGAN-V; metric FVD; resolution 256
setting | @FaceForensics :16 | @FaceForensics :128 | @Sky :16 | @Sky :128
k = 2   | 60.41              | 93.5                | 50.5     | 209.9
k = 3   | 47.41              | 89.34               | 79.52    | 197.0
k = 4   | 51.84              | 114.9               | 65.7     | 194.5
k = 8   | 101.9              | 211.4               | 73.12    | 215.9
k = 16  | 92.52              | 192.8               | 107.6    | 254.3
# The default is k = 3; on Sky it is not the best.

section 4.3 | Image quality and cost beside StyleGAN2, and MEAD
method     | data          | resolution | FID   | FVD :16 | training cost [GPU-days]
StyleGAN-V | FaceForensics | 256        | 9.44  | -       | 8
StyleGAN2  | FaceForensics | 256        | 8.42  | -       | 7.72
StyleGAN-V | MEAD          | 1024       | 24.12 | 156.1   | -
# Running text. FID is that of the frames of 16-frame videos.
""",
)
_read(
    "iVGAN",
    """
1 | FVD of six critics of iVGAN
for all: method iVGAN; resolution 64; frames 32
setting   | FVD @golf | training steps @golf | FVD @beach | training steps @beach
GP        | 2020      | 383,278              | 2076       | 114,783
SN-GP     | 2943      | 53,444               | 2838       | 115,105
SN        | 2345      | 375,576              | 2361       | 403,724
0-GP      | 1938      | 421,432              | 1936       | 61,901
one-sided | 2097      | 147,262              | -          | -
drift     | 2212      | 78,678               | -          | -
# FVD is the mean of 100 measurements on 16 videos each, which makes it large, and trainings differ
# in length: compare within this table only. The text says that SN-GP failed after 100,000 steps; on
# golf it had 53,444.
""",
)
_read(
    "MotionVideoGAN",
    """
1 | FID of single frames: pairs against images
for all: metric FID; resolution 256
method         | @UCF101 | @FaceForensics | @Sky
StyleGAN2      | 45.63   | 10.99          | 10.80
MotionStyleGAN | 37.70   | 9.65           | 10.48
# Averaged over the two frames of a pair. The paper numbers its tables I to VII.

2 | FVD and IS on UCF101
for all: data UCF101; resolution 256; frames 16
method         | FVD    | IS    | IS ±
MoCoGAN        | 2886.9 | 10.09 | 0.30
VideoGPT       | 2880.6 | 12.61 | 0.33
DIGAN          | 1630.2 | 23.16 | 1.13
StyleGAN-V     | 1431.0 | 23.94 | 0.73
MoCoGAN-HD     | 1729.6 | 23.39 | 1.48
MotionVideoGAN | 1031.4 | 25.88 | 0.39
# The others' FVDs are those of StyleGAN-V's Table 1.

3 | FVD on FaceForensics and Sky
for all: metric FVD; resolution 256; frames 16
method         | @FaceForensics | @Sky
MoCoGAN        | 124.7          | 206.6
VideoGPT       | 185.9          | 222.7
DIGAN          | 62.5           | 83.1
StyleGAN-V     | 47.4           | 79.5
MoCoGAN-HD     | 111.8          | 164.1
MotionVideoGAN | 108.8          | 157.9
# The others' FVDs are those of StyleGAN-V's Table 1, to one decimal.

4 | FVD by discriminators
for all: method MotionVideoGAN; data FaceForensics; resolution 256; frames 16
setting         | FVD
D_V             | 143.7
D_R             | 149.4
D_V, D_R and ID | 112.6
D_V and D_R     | 108.8
# D_V sees the video beside its first frame, D_R beside its reverse, ID single frames. 45 epochs
# each; the last row is the model.

5 | FVD by the interval k between the frames of a pair
for all: method MotionVideoGAN; data FaceForensics; resolution 256; frames 16
setting | FVD
k = 2   | 190.5
k = 3   | 134.6
k = 4   | 108.8
k = 5   | 160.3
# The model has k = 4.

6 | FID and images seen in training
for all: resolution 256
method         | data          | FID   | kimg
StyleGAN2      | UCF101        | 45.63 | 6935
StyleGAN2      | FaceForensics | 10.99 | 8765
StyleGAN2      | Sky           | 10.80 | 12633
MotionStyleGAN | UCF101        | 37.70 | 7680
MotionStyleGAN | FaceForensics | 9.65  | 4800
MotionStyleGAN | Sky           | 10.48 | 8600
# kimg counts pairs for MotionStyleGAN. FID as in Table 1.

7 | Lengths of the videos of three data sets
data          | videos | longest video | mean length | variance of length
UCF101        | 13320  | 1776          | 186.50      | 9556.995
FaceForensics | 704    | 1957          | 517.07      | 46867.212
Sky           | 2376   | 266309        | 493.01      | 30794675.650
# In frames. The thesis has up to 2,060 in UCF101 (Table 3.1, estimated) and over 4000 in Sky.

section IV-A | Parameters of the generator of pairs
for all: resolution 256
method         | parameters [M] | added parameters
StyleGAN2      | 58.9           | -
MotionStyleGAN | 58.9           | 9237
# Running text; generator and discriminator together.

section IV-D | FVD with random directions instead of motion codes
for all: method MotionVideoGAN; data UCF101; resolution 256; frames 16
setting           | FVD
random directions | 1578.3
motion codes      | 1031.4
# Running text.

section V | FVD when pairs of shorter intervals are added
for all: method MotionVideoGAN; data FaceForensics; resolution 256; frames 16
setting            | FVD
k = 4, and 2 and 3 | 97.4
# Running text.
""",
)
