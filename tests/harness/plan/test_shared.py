"""Work that cells share is named once, with what is there of it."""

from __future__ import annotations

from collections.abc import Callable

from zsg_harness.plan.build import Plan
from zsg_harness.plan.compare import compare_with_store
from zsg_harness.plan.past import finished_cells
from zsg_harness.plan.shared import shared_work
from zsg_harness.store.store import Store


def test_what_finished_cells_left_in_the_cache_is_told(
    planned: Callable[..., Plan], store: Store, begin: Callable[..., None]
) -> None:
    """The pool is drawn with the seed: each seed has embeddings and base losses of its own."""
    matrix = {"arrangements": ["random", "tma", "nft | reverse", "sort[by=loss]"], "seeds": [0, 1, 2]}
    data = {"per_seen_task": 2}
    before = planned(matrix=matrix, data=data)
    begin(before, [cell for cell in before.cells if cell.user_seeds == ("0",)])
    begin(before, [cell for cell in before.cells if cell.user_seeds == ("1",)], "failed", reason="no luck")
    plan = planned(matrix=matrix, data=data, training={"learning_rate": 1e-2})

    def told() -> list[tuple[str, str, int, int, int]]:
        cells = compare_with_store(plan.cells, store)
        work = shared_work(plan, cells, finished_cells(cells, store), store.cache)
        return [(each.what, each.of, each.cells, each.parts, each.cached) for each in work]

    empty = [
        ("step-0 evaluation", "mine by zsg-tiny", 12, 1, 0),
        ("embeddings", "mine by tfidf", 6, 3, 0),
        ("base losses", "mine by zsg-tiny", 3, 3, 0),
    ]
    assert told() == empty
    for folder in ("embeddings", "first-losses"):
        store.cache.path(folder).mkdir(parents=True)
        store.cache.path(f"{folder}/some.npy").touch()
    assert told() == [(*empty[0][:-1], 1), (*empty[1][:-1], 1), empty[2]]  # of the seed that is finished
    capped = planned(matrix=matrix, data={"per_seen_task": 3})
    cells = compare_with_store(capped.cells, store)
    assert [work.cached for work in shared_work(capped, cells, finished_cells(cells, store), store.cache)] == [1, 0, 0]
