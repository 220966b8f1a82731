"""What the page may ask of the server, as plain data in and out. Everything is done by the application layer; nothing here names a path.

    phrase    {text, guess}                                -> {mix, says, estimated}
    formats   {}                                           -> [{id, title, host, verified, checked_in, suffixes, can_install, import}]
    preset    {format, name, eq | mix, intensity, guess, lossy}   -> {files: [{name, base64}], notes}
    install   {format, name, eq | mix, intensity, guess, replace} -> {installed: [names], notes}
    process   {name, base64, eq | mix, intensity, guess, options} -> {name, base64, notes, lufs_before, lufs_after}
    session   {name, intensity, guess, stems: [{name, base64, mix}]} -> {name, base64, notes}

Files of a preset that is a folder are named FOLDER/file. intensity is 1, what is true or false is false where it is left out.
replace: the same preset of the same plug-in, nothing else.
options: match_loudness, delta, dither, salvage (true or false), subtype (text).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from semeq_export.app import conversion, presets, rendering
from semeq_export.app.phrases import PhraseOptions, understand_phrase
from semeq_export.app.session_rendering import SessionRenderOptions, StemData, render_session
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import EnvironmentFailure, SemeqError
from semeq_export.files import strict_json
from semeq_export.words.target import SemanticTarget
from semeq_host.streams.process_options import ProcessOptions

MAX_SMALL_BYTES, MAX_AUDIO_BYTES = 100_000, 100_000_000
MAX_NAME_CHARS, MAX_NAME_BYTES = 120, 200
MAX_LINE_CHARS = 2_000
MAX_STEMS = 100
MAX_WORK_S = 600.0

_FOLDERS = re.compile(r"(?<![\w.~:/])(?:[A-Za-z]:)?[/\\](?:[^\s:/\\]+[/\\])+")


class BadRequestError(SemeqError, ValueError):
    """A request that is not what the API takes."""

    code = "bad-request"


@dataclass(frozen=True, slots=True)
class Context:
    """What all calls share.

    bundle: default, the factory's. keep_on: called often in long work; what it raises ends that work. wording: puts messages that name
    parameters into the words of the face that started the server.
    """

    scratch: rendering.Scratch
    bundle: str | os.PathLike[str] | None = None
    keep_on: Callable[[], None] = lambda: None
    wording: Callable[[str], str] = str

    def line(self, said: object) -> str:
        """Return a note or an error for the page: one printable line, without folders."""
        flat = " ".join(self.wording(str(said)).split())
        printable = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in flat)
        return _FOLDERS.sub("", printable.replace(str(Path.home()), "~"))[:MAX_LINE_CHARS]

    def lines(self, *said: object) -> list[str]:
        """Return notes for the page."""
        return [self.line(one) for one in said]


class _Phrase(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    text: str
    guess: bool = False


class _Formats(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    pass


class _Wanted(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An EQ, or words with amounts."""

    eq: dict[str, object] | None = None
    mix: dict[str, float] | None = None
    intensity: float = 1.0
    guess: bool = False

    @property
    def target(self) -> SemanticTarget | EqSettings:
        """What is wanted; raises BadRequestError, InvalidEqError and InvalidTargetError."""
        if (self.eq is None) == (self.mix is None):
            raise BadRequestError("give either eq or mix")
        if self.eq is not None:
            if self.intensity != 1.0:
                raise BadRequestError("an intensity is of a mix; an eq is taken as it is")
            return EqSettings.from_dict(self.eq)
        return SemanticTarget(self.mix or {}, self.intensity)


class _Preset(_Wanted, forbid_unknown_fields=True, frozen=True, kw_only=True):
    format: str
    name: str
    lossy: bool = False


class _Install(_Wanted, forbid_unknown_fields=True, frozen=True, kw_only=True):
    format: str
    name: str
    replace: bool = False


class _How(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    match_loudness: bool = False
    delta: bool = False
    dither: bool = False
    salvage: bool = False
    subtype: str | None = None


class _Process(_Wanted, forbid_unknown_fields=True, frozen=True, kw_only=True):
    name: str
    base64: str
    options: _How = _How()


class _Stem(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    base64: str
    mix: dict[str, float] | None = None

    @property
    def data(self) -> StemData:
        """The stem; raises BadRequestError and InvalidTargetError."""
        target = None if self.mix is None else SemanticTarget(self.mix)
        return StemData(name=file_name(self.name), data=_decoded(self.base64), target=target)


class _Session(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    stems: Annotated[list[_Stem], msgspec.Meta(min_length=1, max_length=MAX_STEMS)]
    intensity: float = 1.0
    guess: bool = False


def phrase(asked: _Phrase, context: Context) -> dict[str, object]:
    """Return what a text asks for."""
    found = understand_phrase(PhraseOptions(text=asked.text, guess=asked.guess, bundle=context.bundle))
    return {"mix": dict(found.mix), "says": context.lines(*found.says), "estimated": found.estimated}


def formats(_asked: _Formats, _context: Context) -> list[dict[str, object]]:
    """Return all preset formats, the verified ones first."""
    infos = sorted(conversion.list_formats(), key=lambda info: (info.verified is None, info.title.lower()))
    return [
        {
            "id": info.id,
            "title": info.title,
            "host": info.host,
            "verified": "nominal" if info.verified is None else "verified",
            "checked_in": info.verified,
            "suffixes": list(info.suffixes),
            "can_install": sys.platform in info.places,
            "import": info.how_to_import,
        }
        for info in infos
    ]


def preset(asked: _Preset, context: Context) -> dict[str, object]:
    """Return the files of a preset, with what the format could not hold."""
    made = presets.encode_preset(_preset_options(asked, context, lossy=asked.lossy))
    files = [{"name": name, "base64": _encoded(data)} for name, data in made.files.items()]
    return {"files": files, "notes": context.lines(*made.doubts, *made.notes)}


def install(asked: _Install, context: Context) -> dict[str, object]:
    """Install a preset where its host looks, never over what is not the same preset."""
    done = presets.write_presets(_preset_options(asked, context, install=True, overwrite=asked.replace))
    names = [file.path.name for file in done.files if file.path is not None]
    return {"installed": names, "notes": context.lines(*done.doubts, *done.notes, *(note for file in done.files for note in file.notes))}


def process(asked: _Process, context: Context) -> dict[str, object]:
    """Return a file through the EQ, as the command line's process makes it."""
    how = ProcessOptions(**msgspec.structs.asdict(asked.options))
    options = rendering.RenderOptions(
        name=file_name(asked.name), data=_decoded(asked.base64), eq=asked.target, how=how, guess=asked.guess, bundle=context.bundle
    )
    done = rendering.render_audio(options, context.scratch, _in_time(context.keep_on))
    return {
        "name": done.name,
        "base64": _encoded(done.data),
        "notes": context.lines(*done.notes),
        "lufs_before": done.lufs_before,
        "lufs_after": done.lufs_after,
    }


def session(asked: _Session, context: Context) -> dict[str, object]:
    """Return stems as one session for a DAW."""
    options = SessionRenderOptions(
        name=file_name(asked.name),
        stems=[stem.data for stem in asked.stems],
        intensity=asked.intensity,
        guess=asked.guess,
        bundle=context.bundle,
    )
    done = render_session(options, context.scratch)
    return {"name": done.name, "base64": _encoded(done.data), "notes": context.lines(*done.notes)}


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that the page may ask for. max_bytes: of its request. is_long: it keeps a core busy, so few are done at once."""

    takes: type[msgspec.Struct]
    does: Callable[..., object]
    max_bytes: int = MAX_SMALL_BYTES
    is_long: bool = False

    def __call__(self, body: bytes, context: Context) -> bytes:
        """Return the answer to a body, both JSON; raises SemeqError."""
        try:
            document = strict_json.loads(body, max_bytes=self.max_bytes)
            asked = msgspec.convert(document, self.takes, strict=True)
        except ValueError as error:  # msgspec.ValidationError is one
            raise BadRequestError(str(error).replace("`", "'")) from error
        return strict_json.dumps(self.does(asked, context))


CALLS: Mapping[str, Call] = {
    "/api/phrase": Call(_Phrase, phrase),
    "/api/formats": Call(_Formats, formats),
    "/api/preset": Call(_Preset, preset),
    "/api/install": Call(_Install, install),
    "/api/process": Call(_Process, process, MAX_AUDIO_BYTES, is_long=True),
    "/api/session": Call(_Session, session, MAX_AUDIO_BYTES, is_long=True),
}


def file_name(text: str) -> str:
    """Return the name of a file as a page gives it; raises BadRequestError for what is more or less than a name."""
    if not text.isprintable() or re.search(r"[/\\]", text) or text.strip(" .") == "":
        raise BadRequestError(f"{text[:40]!r} is no name of a file")
    if len(text) > MAX_NAME_CHARS or len(text.encode("utf-8")) > MAX_NAME_BYTES:
        raise BadRequestError(f"a name of {len(text)} characters is over the limit of {MAX_NAME_CHARS}")
    return text


def status(error: SemeqError) -> int:
    """Return the HTTP status of an error: the request's fault, or the machine's."""
    return 500 if isinstance(error, EnvironmentFailure) else 400


def _preset_options(
    asked: _Preset | _Install, context: Context, *, lossy: bool = False, install: bool = False, overwrite: bool = False
) -> presets.PresetOptions:
    return presets.PresetOptions(
        target=asked.target,
        formats=[asked.format],
        name=_shown_name(asked.name),
        install=install,
        overwrite=overwrite,
        lossy=lossy,
        guess=asked.guess,
        bundle=context.bundle,
    )


def _in_time(keep_on: Callable[[], None]) -> Callable[[], None]:
    """Return what also ends work that takes too long."""
    end = time.monotonic() + MAX_WORK_S

    def keep_on_in_time() -> None:
        keep_on()
        if time.monotonic() > end:
            raise BadRequestError(f"took longer than {MAX_WORK_S:g} s; semeq-export process has no limit")

    return keep_on_in_time


def _shown_name(text: str) -> str:
    """Return a name that hosts show; raises BadRequestError."""
    if not text.strip() or not text.isprintable() or len(text) > MAX_NAME_CHARS:
        raise BadRequestError(f"{text[:40]!r} is no name for a preset of 1..{MAX_NAME_CHARS} printable characters")
    return text.strip()


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequestError("the file is not in base64") from error
