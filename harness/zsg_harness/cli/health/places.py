"""Where results would go, and where models come from."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from zsg_harness.cli.health.finding import Finding
from zsg_registry import ZsgError

_GIBIBYTE: Final = 2**30
_LITTLE_DISK: Final = 2 * _GIBIBYTE
_PATIENCE: Final = 20.0
"""Seconds to wait for a store that is elsewhere."""

_LOG_IN: Final = {
    "s3": "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… (and AWS_ENDPOINT_URL=… where it is not Amazon's)",
    "gs": "gcloud auth application-default login",
    "gcs": "gcloud auth application-default login",
}
_MAKE: Final = {"s3": "aws s3 mb s3://{}", "gs": "gcloud storage buckets create gs://{}"}


def examine_store(place: str) -> Iterator[Finding]:
    """Whether results can be written."""
    if "://" in place and not place.startswith("file://"):
        from zsg_harness.store.places import user_cache

        yield _remote(place)
        yield _disk(user_cache(), "what is kept of it here", "export XDG_CACHE_HOME=<another folder>")
    else:
        yield _disk(Path(place.removeprefix("file://")), place, "zsg-harness run --store <another folder>")


def _disk(own: Path, what: str, mend: str) -> Finding:
    folder = next(path for path in (own.absolute(), *own.absolute().parents) if path.exists())
    if not os.access(folder, os.W_OK):
        return Finding("disk", "problem", f"{folder} cannot be written", mend)
    free = shutil.disk_usage(folder).free
    detail = f"{free / _GIBIBYTE:.1f} GiB free for {what}"
    return Finding("disk", "ok", detail) if free > _LITTLE_DISK else Finding("disk", "warning", detail, mend)


def _remote(place: str) -> Finding:
    """Write, read and remove a file there, for a bounded time: some clients try again for minutes."""
    found: list[Finding] = []
    thread = threading.Thread(target=lambda: found.append(_tried(place)), daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if found:
        return found[0]
    scheme = place.partition("://")[0]
    return Finding("store", "problem", f"{place} does not answer within {_PATIENCE:g} s", _LOG_IN.get(scheme))


def _tried(place: str) -> Finding:
    from zsg_harness.store.places import open_files

    scheme, _, rest = place.partition("://")
    key, data = f"probes/doctor-{os.getpid()}-{time.monotonic_ns()}", os.urandom(16)
    try:
        files = open_files(place)
        bucket = rest.partition("/")[0]
        if scheme in _MAKE and not _is_there(scheme, bucket):
            detail = f"there is no bucket {bucket!r} that can be seen: `run` would try to make it"
            return Finding("store", "warning", detail, _MAKE[scheme].format(bucket))
        started = time.monotonic()
        files.write(key, data)
        same = files.read(key) == data
        files.remove(key)
    except ZsgError as error:  # its package is not installed, and the message names the extra
        detail, _, mend = str(error).partition(": pip ")
        return Finding("store", "problem", detail, f"pip {mend}" if mend else None)
    except Exception as error:  # of any client's own types
        reason = " ".join(str(error).split())
        detail = f"{place} cannot be written: {type(error).__name__}: {reason}"[:300]
        return Finding("store", "problem", detail, _LOG_IN.get(scheme))
    if not same:
        return Finding("store", "problem", f"{place} gives back something else than was written")
    return Finding("store", "ok", f"{place} answers: written, read and removed in {time.monotonic() - started:.2f} s")


def _is_there(scheme: str, bucket: str) -> bool:
    """Whether a bucket exists. Writing to one that does not would make it, which is not for a look to do."""
    import fsspec

    return bool(fsspec.filesystem(scheme).exists(bucket))


def examine_hub(ask: bool) -> Finding:
    """Whether models can be loaded by name."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return Finding("hub", "ok", "offline (HF_HUB_OFFLINE is set): bundled, local and cached models only")
    if not ask:
        return Finding("hub", "ok", "not asked (doctor --hub does)")
    try:
        get_session().head(constants.ENDPOINT, timeout=10)
    except Exception as error:  # whatever the network or a proxy raises, the hub is out of reach
        reason = " ".join(str(error).split())[:200]
        detail = f"{constants.ENDPOINT} cannot be reached: {type(error).__name__}: {reason}"
        return Finding("hub", "warning", detail, "export HTTPS_PROXY=…, or HF_HUB_OFFLINE=1 for what is cached")
    return Finding("hub", "ok", f"{constants.ENDPOINT} answers")
