"""Which speaker each channel of a file is for, and how much it counts for loudness: up to 7.1.4, by the file's own mask where it has one.

ITU-R BS.1770-4 (Annex 1, table 3; Annex 3, table 4; the same in BS.1770-5) weighs the power of a channel by where its speaker stands:
1.41 (+1.5 dB) from 60 to 120 degrees to either side and less than 30 degrees up, 1.00 everywhere else; LFE is left out.

    bit of the mask   0 1 2   3    4 5     6 7      8      9 10     11..17
    speaker           L R C   LFE  back    between  back   side     above
    azimuth, degrees  30  0        110-135 15       180    90       elevation 30 and more

Back left and right stand at 110 degrees where there are no side speakers (5.1, quad), and so weigh 1.41, and at 135 where there are (7.1),
and so weigh 1.00. ffmpeg's ebur128 weighs everything behind the listener with 1.41, also the rear of 7.1, back centre and the top back
speakers: it then says up to 1.5 LU more. Mono, stereo and 5.1 come out the same.

A file without a mask, or whose mask is 0, is taken in its container's usual order for so many channels: 1 mono, 2 stereo, 3 L R C, 4 quad,
5 L R C Ls Rs, 6 L R C LFE Ls Rs (5.1), 7 6.1, 8 7.1 (RFC 9639), 12 7.1.4; in Ogg L C R Ls Rs LFE and so on (Vorbis I, 4.3.9, RFC 7845).
Of any other number every channel counts 1.00. A mask of fewer speakers than channels leaves the others at 1.00.

Source of the bits: Microsoft, WAVEFORMATEXTENSIBLE (ksmedia.h).
"""

from __future__ import annotations

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.audio.samples import AudioInfo

SURROUND_WEIGHT = 1.41
_LFE, _BACK_PAIR, _SIDE_PAIR, _BITS = 3, (4, 5), (9, 10), 18
_USUAL_MASKS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F, 12: 0x2D63F}
_OGG_ORDERS = {  # the bits of the speakers
    3: (0, 2, 1),
    5: (0, 2, 1, 4, 5),
    6: (0, 2, 1, 4, 5, 3),
    7: (0, 2, 1, 9, 10, 8, 3),
    8: (0, 2, 1, 9, 10, 4, 5, 3),
}
_NAMES = {3: "L R C", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1", 12: "7.1.4"}


def loudness_weights(info: AudioInfo) -> Float64Array:
    """Return (channels,) what the power of each channel of a file counts for its loudness: 0, 1 or 1.41."""
    speakers = _speakers(info)
    is_surround = set(_SIDE_PAIR if set(_SIDE_PAIR) & set(speakers) else _BACK_PAIR)
    weights = np.ones(info.channels)
    weights[: len(speakers)] = [0.0 if bit == _LFE else SURROUND_WEIGHT if bit in is_surround else 1.0 for bit in speakers]
    return weights


def layout_doubt(info: AudioInfo) -> str:
    """Return how the channels of a file that states no layout are taken, "" where it states one or has one or two channels."""
    if info.channels <= 2 or info.channel_mask:
        return ""
    name = _NAMES.get(info.channels)
    return f"{info.channels} channels without a layout: loudness takes them {f'as {name}' if name else 'all alike'}"


def _speakers(info: AudioInfo) -> tuple[int, ...]:
    """Return the bit of each channel's speaker, fewer than there are channels where the others' are not known."""
    if not info.channel_mask and info.container == "OGG" and info.channels in _OGG_ORDERS:
        return _OGG_ORDERS[info.channels]
    mask = info.channel_mask or _USUAL_MASKS.get(info.channels, 0)
    return tuple(bit for bit in range(_BITS) if mask >> bit & 1)[: info.channels]
