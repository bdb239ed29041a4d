"""The data set `hf`: whatever the library `datasets` can read."""

from zsg_plugins.datasets.hf.dataset import HuggingFace

__all__ = ["HuggingFace"]
