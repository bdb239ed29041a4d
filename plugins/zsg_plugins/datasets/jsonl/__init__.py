"""The data set `jsonl`: examples from local files, with unseen tasks by list, file or fraction."""

from zsg_plugins.datasets.jsonl.dataset import Jsonl

__all__ = ["Jsonl"]
