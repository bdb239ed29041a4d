"""The data set `natural-instructions`: Super-NaturalInstructions, as Tk-Instruct encodes it."""

from zsg_plugins.datasets.natural_instructions.dataset import NaturalInstructions

__all__ = ["NaturalInstructions"]
