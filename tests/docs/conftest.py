"""Where the manual's pages are run: all share a store, and an S3 server if they speak of one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from snippets import Sandbox
from snippets.sandbox import link_store


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all pages share: the store, and the user's cache."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "runs").mkdir()
    return folder


@pytest.fixture(scope="session")
def bucket() -> Iterator[Callable[[pytest.MonkeyPatch], None]]:
    """An S3 server on this machine with the bucket `bucket`, which commands find by their environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def announce(monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    with pytest.MonkeyPatch.context() as patch:
        announce(patch)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")
    yield announce
    server.stop()


@pytest.fixture
def sandbox(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Sandbox]]:
    """`sandbox(page's text)` is a folder to run it in; what a page installed and imported is forgotten after it."""

    def make(text: str) -> Sandbox:
        monkeypatch.setenv("XDG_CACHE_HOME", str(shared / "cache"))
        monkeypatch.setenv("COLUMNS", "120")
        if "s3://" in text:
            request.getfixturevalue("bucket")(monkeypatch)
        folder = tmp_path / "page"
        folder.mkdir()
        link_store(folder, shared / "runs")
        return Sandbox(folder, tmp_path / "site", monkeypatch)

    yield make
    site = str(tmp_path / "site")
    for name in [name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(site)]:
        del sys.modules[name]
