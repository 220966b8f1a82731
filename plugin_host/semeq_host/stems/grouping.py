"""Which stems belong together: by a session's groups, as the two sides of a pair, by folder, or because all of a run do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from semeq_host.stems.session_file import Session

ALL = "all stems"
"""The name of the group of a run whose stems are linked, whatever they are called."""

_SIDE = re.compile(r"(?P<name>.+)[._ ](?P<side>[lr])", re.IGNORECASE | re.DOTALL)


def groups_of(paths: Sequence[Path], session: Session, link: bool | None = None) -> list[str]:
    """Return the name of each stem's group, "" for a stem that is alone.

    A group that the session names comes first. link: True, all others are one group; False, nothing is linked, whatever the session says;
    None, the stems of a folder are one where a session file is used, and else the sides of a pair: `OH.L` and `OH.R`, `OH_L` and `OH_R`,
    `OH L` and `OH R`, of one folder and one suffix.
    """
    if link is False:
        return [""] * len(paths)
    pairs = _pairs(paths)
    names = []
    for path in paths:
        named = session.group_for(path)
        if named is None:
            named = ALL if link else f"{path.parent}/" if session.is_file else pairs.get(path, "")
        names.append(named)
    sizes = Counter(names)
    return [name if sizes[name] > 1 else "" for name in names]


def _pairs(paths: Sequence[Path]) -> dict[Path, str]:
    """Return the name of the pair of each file that is a side of one, both of which are there."""
    sides: dict[tuple[str, str], dict[str, Path]] = {}
    for path in paths:
        match = _SIDE.fullmatch(path.stem)
        if match is not None:
            name = str(path.parent / match["name"])
            between = path.stem[match.end("name") : match.start("side")]
            sides.setdefault((name.casefold(), between + path.suffix.casefold()), {})[match["side"].casefold()] = path
    return {path: str(path.with_name(path.stem[:-2])) for pair in sides.values() if len(pair) == 2 for path in pair.values()}
