"""A server of `flowrepro explore` that runs in a thread of the tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from flowrepro.explore import server


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Explorer]:
    """A server that runs; its runs go below a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "PATIENCE", 0.5)
        patch.setattr(server.Handler, "timeout", 0.5)
        with server.Explorer(0, tmp_path_factory.mktemp("explored") / "out") as found:
            threading.Thread(target=found.serve_forever, daemon=True).start()
            yield found
            found.shutdown()
