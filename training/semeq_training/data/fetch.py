"""The originals of both data sets, from where they are kept into a folder that `datasets` reads: the only use of a network."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from semeq_export.errors import DataError, EnvironmentFailure, MissingExtraError, OutputError, environment_failure, printable
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import read_regular
from semeq_training.data.tables import MAX_TABLE_BYTES, DatasetName, read_table

SAFE_URL = "https://web.archive.org/web/20200122215408id_/http://dmtlab.bcu.ac.uk/SAFE/data/SAFEEqualiserUserData.csv"
"""The data's own hosts are gone; the Internet Archive keeps the file."""
SAFE_SHA256 = "cc43858680115070ffdfa41a1158fca1344db2e0096ba73fe68990e90a284af1"
SAFE_FILE = "SAFEEqualiserUserData.csv"
SOCIALFX_REPO = "seungheondoh/socialfx-original"
SOCIALFX_FILE = "data/eq-00000-of-00001.parquet"

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class FetchedTable:
    """A table that is now in the folder; is_new: it was fetched by this call, and not there before."""

    dataset: DatasetName
    path: Path
    rows: int
    is_new: bool


def fetch(
    folder: Path,
    *,
    datasets: Sequence[DatasetName] = get_args(DatasetName),
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
    safe_url: str = SAFE_URL,
    safe_sha256: str = SAFE_SHA256,
    hub_endpoint: str | None = None,
) -> list[FetchedTable]:
    """Fetch SAFE-DB by its hash and SocialFX from the Hugging Face hub into a folder, made if missing; return what it holds then.

    A table that is there already, and sound, stays; a different file of its name is replaced only with `overwrite`. Each file appears
    whole or not at all, after it was read once as the table that it should be. No account and no token is used.
    safe_url, safe_sha256, hub_endpoint: other places for the files, such as a mirror. progress: called with one line before each fetch.
    Raises EnvironmentFailure where a server cannot be reached or the disk fails, DataError where what arrives is not the file, OutputError
    where another file has its name, MissingExtraError without the [train] extra.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{printable(folder)}: is not a folder") from error
    except OSError as error:
        raise environment_failure(folder, error) from error
    results = []
    for dataset in datasets:
        target = folder / (SAFE_FILE if dataset == "safe" else Path(SOCIALFX_FILE).name)
        if target.exists() and not overwrite:
            results.append(_kept(dataset, target, safe_sha256))
            continue
        source = safe_url if dataset == "safe" else f"{SOCIALFX_REPO} on {hub_endpoint or 'the Hugging Face hub'}"
        if progress is not None:
            progress(f"fetching {target.name} from {source}")
        try:
            with tempfile.TemporaryDirectory(prefix=".semeq-fetch-", dir=folder) as place:
                arrived = _from_url(safe_url, safe_sha256, Path(place)) if dataset == "safe" else _from_hub(hub_endpoint, Path(place))
                table = read_table(arrived)
                write_atomic(target, read_regular(arrived, DataError, max_bytes=MAX_TABLE_BYTES), overwrite=overwrite)
        except OSError as error:
            raise error if isinstance(error, EnvironmentFailure) else environment_failure(folder, error) from error
        results.append(FetchedTable(dataset, target, len(table.rows), is_new=True))
    return results


def _kept(dataset: DatasetName, target: Path, safe_sha256: str) -> FetchedTable:
    data = read_regular(target, DataError, max_bytes=MAX_TABLE_BYTES)
    if dataset == "safe" and hashlib.sha256(data).hexdigest() != safe_sha256:
        raise OutputError(f"{printable(target)}: exists with other content; use `overwrite` to replace it")
    return FetchedTable(dataset, target, len(read_table(target).rows), is_new=False)


def _from_url(url: str, sha256: str, place: Path) -> Path:
    """Return the file behind a URL once it has the hash."""
    try:
        import pooch  # an optional extra, as requests, which it uses
        import requests
    except ImportError as error:
        raise MissingExtraError("train", error.name or "pooch") from error
    pooch.get_logger().setLevel(logging.WARNING)  # it announces each download on stderr
    downloader = pooch.HTTPDownloader(timeout=_TIMEOUT_S)
    try:
        return Path(pooch.retrieve(url, f"sha256:{sha256}", fname=SAFE_FILE, path=place, downloader=downloader))
    except requests.HTTPError as error:
        status = "an error"
        if error.response is not None:
            status = str(error.response.status_code)
            error.response.close()  # pooch leaves the connection open
        raise EnvironmentFailure(f"{url}: the server answered {status}; try again later") from error
    except requests.Timeout as error:
        raise EnvironmentFailure(f"{url}: no answer within {_TIMEOUT_S:g} s; try again later") from error
    except requests.RequestException as error:
        raise EnvironmentFailure(f"{url}: cannot be reached or broke off; check the address and the network") from error
    except ValueError as error:  # pooch found another hash
        raise DataError(f"what arrived does not have the SHA-256 {sha256[:16]}...; it is damaged or another file", url) from error


def _from_hub(endpoint: str | None, place: Path) -> Path:
    """Return SocialFX's EQ table, fetched without a token."""
    try:
        import huggingface_hub  # an optional extra
        from huggingface_hub import errors
    except ImportError as error:
        raise MissingExtraError("train", "huggingface_hub") from error
    client_error = getattr(errors, "HTTPError", OSError)  # from version 1 on the client raises httpx errors, before, they are OSErrors
    where = f"{SOCIALFX_REPO} on {endpoint or 'the Hugging Face hub'}"
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it advises on tokens on stderr
    try:
        path = huggingface_hub.hf_hub_download(
            SOCIALFX_REPO, SOCIALFX_FILE, repo_type="dataset", local_dir=place, endpoint=endpoint, token=False, etag_timeout=_TIMEOUT_S
        )
    except (errors.RepositoryNotFoundError, errors.EntryNotFoundError, client_error, OSError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is not None:
            raise EnvironmentFailure(f"{where}: the server answered {status} for {SOCIALFX_FILE}; try again later") from error
        if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
            raise environment_failure(error.filename, error) from error
        raise EnvironmentFailure(f"{where}: cannot be reached or broke off; check the network") from error
    return Path(path)
