from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zsg_harness.cli.health import devices, packages, places, threads
from zsg_harness.cli.health.finding import Finding


def test_it_looks_at_everything(zsg: Callable[..., Any]) -> None:
    result = zsg("doctor", "--json")
    assert result.code == 0
    seen = {finding["what"] for finding in result.json}
    assert {
        "python",
        "zsg-harness",
        "torch",
        "cpu",
        "memory",
        "attention",
        "threads",
        "disk",
        "hub",
        "extra offline",
        "plugins",
    } <= seen
    assert {finding["state"] for finding in result.json} <= {"ok", "warning"}
    assert "bfloat16" in zsg("doctor").out


def test_what_is_missing_comes_with_the_command_that_mends_it(
    zsg: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ["no-such-package>=1", "no-such-extra>=2; extra == 'offline'", "pytest>=1; extra == 'ray'"]
    monkeypatch.setattr(packages, "requires", lambda name: wanted)
    result = zsg("doctor", "--json")
    assert result.code == 1
    found = {finding["what"]: Finding(**finding) for finding in result.json}
    assert found["no-such-package"].state == "problem"
    mend = "pip install 'zsg-harness[offline]'"
    assert found["extra offline"] == ("extra offline", "warning", "no-such-extra not installed", mend)
    assert found["extra ray"].state == "ok"
    lines = zsg("doctor").out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("extra offline"))
    assert lines[at + 1].strip() == f"→ {mend}"


def test_the_hub_is_asked_only_on_request(zsg: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[str] = []

    class Session:
        def head(self, url: str, timeout: float) -> None:
            asked.append(url)
            raise OSError("no route")

    monkeypatch.setattr(huggingface_hub, "get_session", Session)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    zsg("doctor")
    assert asked == []
    found = {finding["what"]: finding for finding in zsg("doctor", "--hub", "--json").json}
    assert len(asked) == 1
    assert found["hub"]["state"] == "warning"
    assert "no route" in found["hub"]["detail"]


def test_a_store_elsewhere_is_really_written_to(zsg: Callable[..., Any]) -> None:
    found = {finding["what"]: Finding(**finding) for finding in zsg("doctor", "--store", "memory://x", "--json").json}
    assert found["store"].state == "ok"
    assert found["store"].detail.startswith("memory://x answers: written, read and removed in ")
    assert found["disk"].state in ("ok", "warning")  # of what is kept of it here


def test_a_store_that_cannot_be_reached_is_a_problem(zsg: Callable[..., Any]) -> None:
    result = zsg("doctor", "--store", "nosuch://x/y", "--json")
    assert result.code == 1
    (store,) = [Finding(**finding) for finding in result.json if finding["what"] == "store"]
    assert store.state == "problem"
    assert "nosuch" in store.detail


def test_a_bucket_that_is_not_there_and_one_that_does_not_answer(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from s3fs import S3FileSystem

    (absent, _) = places.examine_store("s3://no-such-bucket/runs")
    (still_absent, _) = places.examine_store("s3://no-such-bucket/runs")
    (present, _) = places.examine_store(f"{bucket}/runs")
    assert (absent.state, absent.mend) == ("warning", "aws s3 mb s3://no-such-bucket")
    assert still_absent == absent  # looking makes none
    assert present.state == "ok"
    S3FileSystem.clear_instance_cache()  # or the answering server would still be asked
    monkeypatch.setattr(places, "_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        (silent, _) = places.examine_store("s3://examined/other")
    assert silent.state == "problem"
    assert "AWS_ENDPOINT_URL" in (silent.mend or "")


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places.os, "access", lambda folder, mode: False)  # the tests may be root's
    (disk,) = places.examine_store(str(tmp_path / "runs"))
    assert (disk.state, disk.mend) == ("problem", "zsg-harness run --store <another folder>")


@pytest.mark.parametrize(
    ("variable", "workers", "quota", "states", "mends"),
    [
        (None, None, None, ["ok"], [None]),
        (None, 2, None, ["ok"], [None]),
        (None, 9, None, ["warning"], ["--workers 4"]),
        (None, None, 1.5, ["warning"], ["taskset --cpu-list 0-0 zsg-harness run …"]),
        ("16", None, None, ["ok", "warning"], [None, "unset OMP_NUM_THREADS"]),
        ("many", None, None, ["ok", "warning"], [None, "unset OMP_NUM_THREADS"]),
        ("1", None, None, ["ok", "ok"], [None, None]),
    ],
)
def test_threads_that_do_not_fit_the_cores(
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    workers: int | None,
    quota: float | None,
    states: list[str],
    mends: list[str | None],
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if variable is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    monkeypatch.setattr(threads, "cores", lambda: 4)
    monkeypatch.setattr("zsg_harness.executors.slots.cores", lambda: 4)
    monkeypatch.setattr(threads, "_quota", lambda: quota)
    found = list(threads.examine_threads(workers))
    assert [one.state for one in found] == states
    assert [one.mend for one in found] == mends


def gpu_machine(capability: tuple[int, int], flash: bool) -> Any:
    """As much of torch as is asked on a machine with a GPU."""
    cuda = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 1,
        get_device_capability=lambda number: capability,
        get_device_name=lambda number: "Tesla V100",
    )
    backends = SimpleNamespace(cuda=SimpleNamespace(is_flash_attention_available=lambda: flash))
    return SimpleNamespace(cuda=cuda, backends=backends, __version__="2.13")


@pytest.mark.parametrize(
    ("capability", "flash", "state", "mend"),
    [
        ((9, 0), True, "ok", None),
        ((9, 0), False, "warning", "pip install --force-reinstall torch"),
        ((7, 0), True, "warning", 'dtype = "float32"'),
    ],
)
def test_flash_attention_is_looked_for(capability: tuple[int, int], flash: bool, state: str, mend: str | None) -> None:
    found = devices._attention(gpu_machine(capability, flash))
    assert (found.state, found.mend) == (state, mend)


def test_a_gpu_that_torch_cannot_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    torch = SimpleNamespace(__version__="2.13.0+cpu", version=SimpleNamespace(cuda=None))
    (found,) = devices._unused_gpu(torch)
    assert (found.state, found.mend) == ("warning", "pip install --force-reinstall torch")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (found,) = devices._unused_gpu(torch)
    assert found.mend == "unset CUDA_VISIBLE_DEVICES"
