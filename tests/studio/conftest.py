"""One server for all that is asked of one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from studio.serving import Served, served


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that waits for nobody long; at the end it is well, has left nothing behind, and ends by SIGTERM."""
    with served(tmp_path_factory.mktemp("studio"), head_s=1.0, body_s=2.0, rest_s=0.3, connections=12) as found:
        yield found
        assert found.is_healthy()
        assert [path for folder in found.temporary.iterdir() for path in folder.iterdir()] == []
        assert found.stop() == (143, "", "semeq-export: terminated\n")
        assert list(found.temporary.iterdir()) == []
