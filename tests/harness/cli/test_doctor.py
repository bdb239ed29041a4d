from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zsg_harness.cli import health


def test_it_looks_at_everything(zsg: Callable[..., Any]) -> None:
    result = zsg("doctor", "--json")
    assert result.code == 0
    seen = {finding["what"] for finding in result.json}
    assert {"python", "zsg-harness", "torch", "cpu", "memory", "disk", "hub", "extra offline", "plugins"} <= seen
    assert {finding["state"] for finding in result.json} <= {"ok", "warning"}
    assert "bfloat16" in zsg("doctor").out


def test_what_is_missing_comes_with_the_command_that_mends_it(
    zsg: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ["no-such-package>=1", "no-such-extra>=2; extra == 'offline'", "pytest>=1; extra == 'ray'"]
    monkeypatch.setattr(health, "requires", lambda name: wanted)
    result = zsg("doctor", "--json")
    assert result.code == 1
    found = {finding["what"]: (finding["state"], finding["detail"]) for finding in result.json}
    assert found["no-such-package"][0] == "problem"
    assert found["extra offline"] == ("warning", "no-such-extra not installed: pip install 'zsg-harness[offline]'")
    assert found["extra ray"][0] == "ok"


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
