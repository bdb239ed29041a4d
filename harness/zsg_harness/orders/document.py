"""Where an order came from: the document in its file, written alike for cells and for one's own data."""

from __future__ import annotations

from typing import Any, Final

from zsg_harness.matrix.expand import Choice
from zsg_harness.orders.ordering import Recipe
from zsg_harness.services.embeddings import hash_texts
from zsg_registry import Access, ExampleSet, Need, __version__

_OF_THE_MODEL: Final = frozenset({Need.MODEL, Need.TOKENIZER, Need.LOSSES, Need.GRADIENTS})


def model_needs(recipe: Recipe, embedder: Choice | None) -> frozenset[Need]:
    """What a recipe wants of a base model; nothing, for most."""
    needs = recipe.arrangement.needs if embedder is None else recipe.arrangement.needs | embedder.needs
    counted = {Need.TOKENIZER} if recipe.token_budget is not None else set()
    return (needs | counted) & _OF_THE_MODEL


def order_document(
    recipe: Recipe,
    *,
    embedder: dict[str, Any] | None,
    model: dict[str, Any] | None,
    pool: ExampleSet,
    query: ExampleSet | None,
    oracle: bool,
) -> dict[str, Any]:
    """What stands in an order's file besides its hashes.

    Args:
        recipe: How the order was made.
        embedder: What stands for the embedder, or None where none was used.
        model: What stands for the base model, or None where none was used.
        pool: What was arranged.
        query: Examples of unseen tasks; only what the arrangement saw of them is told of.
        oracle: Whether these are the very examples that are scored.
    """
    choice = recipe.arrangement
    seen = None if query is None or choice.access is Access.NONE else query.restrict(choice.access)
    return {
        "version": __version__,
        "arrangement": str(choice.pipeline),
        "components": list(choice.identity),
        "embedder": embedder,
        "model": model,
        "access": str(choice.access),
        "oracle": oracle and seen is not None,
        "seed": recipe.order_seed if choice.stochastic else None,
        "budget": "all" if recipe.budget is None else recipe.budget,
        "token_budget": recipe.token_budget,
        "epochs": recipe.epochs,
        "pool": _content(pool),
        "query": None if seen is None else _content(seen),
    }


def embedder_document(embedder: Choice) -> dict[str, Any]:
    """What stands for an embedder: its reference, its identity, and that of the vector transforms behind it."""
    own, *transforms = embedder.identity
    return {"reference": str(embedder.pipeline), **own} | ({"transforms": transforms} if transforms else {})


def _content(examples: ExampleSet) -> dict[str, Any]:
    """How many examples, and a hash of their ids, tasks and texts in sequence."""
    texts = examples.texts("both" if "completion" in examples.columns else "prompt")
    tasks = [task or "" for task in examples["task"]]
    return {"examples": len(examples), "content": hash_texts([*examples.ids, *tasks, *texts])}
