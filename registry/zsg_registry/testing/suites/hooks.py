"""The suite of hook plugins."""

from __future__ import annotations

import pytest


class HooksSuite:
    """What a hook plugin promises. A subclass gives the fixture `component`: the plugin, made with its settings."""

    @pytest.fixture
    def component(self) -> object:
        """The plugin, made with its settings: subclasses say how."""
        raise NotImplementedError("a suite's subclass needs the fixture 'component', which returns the plugin")
