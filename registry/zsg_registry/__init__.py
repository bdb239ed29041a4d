"""The public contract of zsg-harness: what a plugin is, and how plugins are found.

A plugin depends on this package alone. It imports neither torch nor transformers nor pandas, and pyarrow only when
data is touched.
"""

from zsg_registry._version import __version__
from zsg_registry.arrangement import Arrangement, OnlineArrangement, Segment, Transform
from zsg_registry.compatibility import API_VERSION, ZsgDeprecationWarning, warn_deprecated
from zsg_registry.components import Component, Kind, Need, Parameters, bind, required_params
from zsg_registry.context import (
    ArrangeContext,
    Block,
    Cursor,
    DatasetContext,
    EmbedContext,
    LogLikelihoods,
    LossOf,
    Measure,
    ModelHandle,
    Neighbours,
    Reduction,
    Role,
    Similarity,
)
from zsg_registry.dataset import Dataset
from zsg_registry.discovery import KINDS, BrokenPlugin, PluginEntry, Registry
from zsg_registry.embedder import Embedder, EncodedBlock, Encoder, FittedTransform, TextEmbedder, VectorTransform
from zsg_registry.errors import ContractError, InvalidReference, ZsgError, did_you_mean
from zsg_registry.examples import VIEWS, Access, Example, ExampleSet, Message, Side, View
from zsg_registry.hooks import hookimpl
from zsg_registry.metric import Averaging, Direction, Metric, MetricBatch, MetricRows, Requirement, Scope
from zsg_registry.order import Order, order_hash, set_hash
from zsg_registry.order_file import OrderFile
from zsg_registry.places import HubIdOrFolder, HubIdOrPath, InputPath
from zsg_registry.reference import Pipeline, Reference, parse_pipeline, parse_reference
from zsg_registry.rows import RowFault, RowReader
from zsg_registry.seeds import Seeds, generator, stream_seed

__all__ = [
    "API_VERSION",
    "KINDS",
    "VIEWS",
    "Access",
    "ArrangeContext",
    "Arrangement",
    "Averaging",
    "Block",
    "BrokenPlugin",
    "Component",
    "ContractError",
    "Cursor",
    "Dataset",
    "DatasetContext",
    "Direction",
    "EmbedContext",
    "Embedder",
    "EncodedBlock",
    "Encoder",
    "Example",
    "ExampleSet",
    "FittedTransform",
    "HubIdOrFolder",
    "HubIdOrPath",
    "InputPath",
    "InvalidReference",
    "Kind",
    "LogLikelihoods",
    "LossOf",
    "Measure",
    "Message",
    "Metric",
    "MetricBatch",
    "MetricRows",
    "ModelHandle",
    "Need",
    "Neighbours",
    "OnlineArrangement",
    "Order",
    "OrderFile",
    "Parameters",
    "Pipeline",
    "PluginEntry",
    "Reduction",
    "Reference",
    "Registry",
    "Requirement",
    "Role",
    "RowFault",
    "RowReader",
    "Scope",
    "Seeds",
    "Segment",
    "Side",
    "Similarity",
    "TextEmbedder",
    "Transform",
    "VectorTransform",
    "View",
    "ZsgDeprecationWarning",
    "ZsgError",
    "__version__",
    "bind",
    "did_you_mean",
    "generator",
    "hookimpl",
    "order_hash",
    "parse_pipeline",
    "parse_reference",
    "required_params",
    "set_hash",
    "stream_seed",
    "warn_deprecated",
]
