"""libsndfile, as reader and writer use it."""

from __future__ import annotations

import soundfile


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file that is read or written in one go.

    soundfile seeks after every block where it can; that costs FLAC and MP3 five times the decoding, and hides a decoder's error behind
    one about seeking.
    """

    def seekable(self) -> bool:
        return False


def reason_of(error: soundfile.LibsndfileError) -> str:
    text = " ".join(str(error.error_string).split()).removeprefix("Error : ").rstrip(".")
    if "SF_INFO struct incomplete" in text:
        return "its header states no sample rate, no channels or no format"
    return (text[:1].lower() + text[1:]) or "libsndfile gives no reason"
