"""From a matrix to its cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zsg_harness.matrix.catalogue import bundled_names
from zsg_harness.matrix.load import check_matrix, load_matrix
from zsg_harness.plan.build import Plan, build_plan
from zsg_harness.plan.filter import choose
from zsg_registry import Registry, ZsgError


def plan(document: dict[str, Any], base_dir: Path = Path()) -> Plan:
    document = {"matrix": {"metrics": ["loss"], **document.pop("matrix", {})}, **document}
    return build_plan(check_matrix(document, "the test", base_dir), Registry())


def names(plan: Plan) -> list[tuple[str, str | None]]:
    return [(cell.labels.arrangement, cell.labels.embedder) for cell in plan.cells]


def test_an_arrangement_that_needs_no_embedder_is_not_multiplied_by_them() -> None:
    found = plan({"matrix": {"arrangements": ["random", "tma"], "embedders": ["minilm", "tfidf"]}})
    assert names(found) == [("random", None), ("tma", "minilm"), ("tma", "tfidf")]


def test_seeds_that_change_nothing_make_one_cell_that_stands_for_all() -> None:
    found = plan({"matrix": {"arrangements": ["sequential", "random"], "seeds": [0, 1, 2]}})
    assert [(cell.labels.arrangement, cell.user_seeds) for cell in found.cells] == [
        ("sequential", ("0", "1", "2")),
        ("random", ("0",)),
        ("random", ("1",)),
        ("random", ("2",)),
    ]


def test_a_capped_pool_varies_with_the_data_seed() -> None:
    found = plan({"matrix": {"arrangements": ["sequential"], "seeds": [0, 1]}, "data": {"per_seen_task": 3}})
    assert len(found.cells) == 2


def test_seeds_can_be_set_apart() -> None:
    seeds = [{"data": 0, "order": order, "train": 0} for order in range(3)]
    found = plan({"matrix": {"arrangements": ["random"], "seeds": seeds}, "data": {"per_seen_task": 3}})
    assert len({cell.block for cell in found.cells}) == 1
    assert len(found.cells) == 3


def test_a_seed_whose_streams_agree_is_written_as_one_and_its_cell_keeps_its_identity() -> None:
    tables = [{"data": 0, "order": order, "train": 0} for order in range(2)]
    found = plan({"matrix": {"arrangements": ["random"], "seeds": [*tables, 0]}}).cells
    assert [cell.seed_names for cell in found] == [("0",), ("data=0,order=1,train=0",)]
    assert found[0].user_seeds == ("data=0,order=0,train=0", "0")
    plain = plan({"matrix": {"arrangements": ["random"], "seeds": [0]}}).cells
    assert found[0].cell_id == plain[0].cell_id
    assert choose(found, ["seed=0"], []) == [found[0]]


def test_a_block_holds_what_is_comparable() -> None:
    found = plan(
        {
            "matrix": {"arrangements": ["random", "tma"], "embedders": ["minilm"], "seeds": [0, 1]},
            "data": {"per_seen_task": 3},
        }
    )
    blocks = [[cell.block for cell in found.cells if cell.seeds.data == seed] for seed in (0, 1)]
    assert [len(block) for block in blocks] == [2, 2]
    assert [len(set(block)) for block in blocks] == [1, 1]
    assert blocks[0] != blocks[1]


def test_grids_and_controls() -> None:
    entry = {"use": "tma", "grid": {"mode": ["nearest", "farthest"]}, "then": ["reverse"]}
    found = plan({"matrix": {"arrangements": [entry], "controls": ["shuffle"], "embedders": ["tfidf"]}})
    assert [label for label, _ in names(found)] == [
        "tma[mode=nearest] | reverse",
        "tma[mode=farthest] | reverse",
        "tma[mode=nearest] | reverse | shuffle",
        "tma[mode=farthest] | reverse | shuffle",
    ]


def test_a_star_is_everything_that_needs_no_parameters() -> None:
    found = plan({"matrix": {"arrangements": ["*"], "embedders": ["*"]}})
    arrangements = {label for label, _ in names(found)}
    assert {"random", "sequential", "round-robin", "cluster", "nft", "fft", "tma"} <= arrangements
    # Those of a hub are passed over where there is no network.
    assert {embedder for _, embedder in names(found)} == {
        None, "hashed-ngrams", "lm-gradient", "lm-hidden", "loss-trajectory", "minilm", "tfidf"
    }  # fmt: skip


UNSURE = """
from zsg_registry import Arrangement

class Unsure(Arrangement):
    "Does not know whether it can run."

    def unavailable(self):
        raise KeyError("HOME")

    def arrange(self, context):
        raise AssertionError

class Unmade(Arrangement):
    "Cannot be made."

    def __init__(self, params=None, **values):
        raise OSError("no scale")

    def arrange(self, context):
        raise AssertionError
"""


def test_a_star_passes_over_what_cannot_say_whether_it_can_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    information = tmp_path / "zsg_unsure-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: zsg-unsure\nVersion: 1\n")
    names_of = "[zsg_harness.arrangements]\nunsure = zsg_unsure:Unsure\nunmade = zsg_unsure:Unmade\n"
    (information / "entry_points.txt").write_text(names_of)
    (tmp_path / "zsg_unsure.py").write_text(UNSURE)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = plan({"matrix": {"arrangements": ["*"], "embedders": ["tfidf"]}})
    assert {"random", "tma"} <= {label for label, _ in names(found)}
    warned = [line for line in found.warnings if "'uns" in line or "'unm" in line]
    assert warned == [
        "arrangement 'unmade' is passed over: making it raised OSError: no scale",
        "arrangement 'unsure' is passed over: unavailable() raised KeyError: 'HOME'",
    ]


def test_vector_transforms_stand_behind_an_embedder() -> None:
    entry = {"use": "lm-hidden", "grid": {"layer": [-1, -2]}, "then": ["center", "whiten[dimensions=8]"]}
    found = plan({"matrix": {"arrangements": ["tma"], "embedders": ["minilm | whiten", "minilm", entry]}})
    assert [embedder for _, embedder in names(found)] == [
        "minilm | whiten",
        "minilm",
        "lm-hidden[layer=-1] | center | whiten[dimensions=8]",
        "lm-hidden[layer=-2] | center | whiten[dimensions=8]",
    ]
    identities = [cell.spec["arranged"]["embedder"] for cell in found.cells]
    assert [part["name"] for part in identities[0]] == ["minilm", "whiten"]
    assert identities[0][:1] == identities[1]
    assert identities[2][2]["params"] == {"dimensions": 8}
    assert len({cell.cell_id for cell in found.cells}) == 4
    assert len({cell.block for cell in found.cells}) == 1


def test_models_that_are_loaded_unlike_are_told_apart_in_caches() -> None:
    entries = [{"use": "zsg-tiny"}, {"use": "zsg-tiny", "dtype": "bfloat16"}, {"use": "zsg-tiny", "attention": "eager"}]
    found = plan({"matrix": {"models": entries, "arrangements": ["random"]}})
    assert len({cell.model_hash for cell in found.cells}) == 1
    assert len({cell.model_key for cell in found.cells}) == 3
    assert found.cells[0].model_key == found.cells[0].model_hash


def test_overrides_apply_where_their_labels_match() -> None:
    document = {
        "matrix": {"arrangements": ["random", "sequential"]},
        "override": [{"when": {"arrangement": "rand*", "model": "zsg-*"}, "training": {"learning_rate": 0.5}}],
    }
    rates = {cell.labels.arrangement: cell.training.learning_rate for cell in plan(document).cells}
    assert rates == {"random": 0.5, "sequential": 3e-4}


def test_couples_go_together() -> None:
    document = {
        "matrix": {"arrangements": ["tma", "nft"], "embedders": ["minilm", "tfidf"]},
        "couple": [{"arrangement": "nft", "embedder": "tfidf"}],
    }
    assert names(plan(document)) == [("tma", "minilm"), ("nft", "tfidf")]


def test_filters() -> None:
    cells = plan(
        {"matrix": {"arrangements": ["random", "tma[mode=farthest]"], "embedders": ["tfidf"], "seeds": [0, 1]}}
    ).cells
    assert len(choose(cells, ["arrangement=tma*"])) == 2
    assert len(choose(cells, ["arrangement=tma[mode=farthest],seed=1"])) == 1
    assert len(choose(cells, ["embedder=none", "seed=0"])) == 1
    with pytest.raises(ZsgError, match="no cell matches --filter seed=7"):
        choose(cells, ["seed=7"])
    with pytest.raises(ZsgError, match=r"'arangement=x' is not axis=pattern \(did you mean 'arrangement'\?\)"):
        choose(cells, ["arangement=x"])


@pytest.mark.parametrize("name", [name for name in bundled_names() if "/" not in name])
def test_every_bundled_matrix_can_be_planned(name: str) -> None:
    assert build_plan(load_matrix(name), Registry()).cells


@pytest.mark.parametrize("name", [name for name in bundled_names() if name.startswith("paper/")])
def test_every_matrix_of_the_paper_can_be_planned_on_other_data(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("ZSG_P3_DATA", "ZSG_FLAN_MINI_KEYS", "ZSG_NIV2_DATA"):
        monkeypatch.setenv(variable, "/nowhere")
    loaded = load_matrix(name)
    assert loaded.matrix.matrix.name == name
    axes = loaded.matrix.matrix.model_dump(exclude_unset=True)
    assert axes["summary"]
    assert axes["cost"]
    ours = axes | {"models": ["zsg-tiny"], "datasets": ["procedural"], "metrics": ["loss"]}
    assert build_plan(check_matrix({**loaded.document, "matrix": ours}, name, Path.cwd()), Registry()).cells


def test_an_expectation_about_nothing_in_the_matrix() -> None:
    document = {"matrix": {"arrangements": ["random", "cluster"]}, "expect": [{"lower": "cluster", "than": "radnom"}]}
    message = r"'expect' names 'radnom', which is no arrangement of the matrix \(did you mean 'random'\?\)"
    with pytest.raises(ZsgError, match=message):
        plan(document)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"matrix": {"arrangements": ["tmaa"]}}, r"unknown arrangement 'tmaa' \(did you mean 'tma'\?\)"),
        ({"matrix": {"arrangements": ["tma"]}}, "arrangement 'tma' needs an embedder: name one in matrix.embedders"),
        ({"matrix": {"arrangements": ["random[n=3]"]}}, "arrangement 'random': unknown parameter 'n'"),
        (
            {"matrix": {"arrangements": ["tma[mod=nearest]"], "embedders": ["tfidf"]}},
            r"unknown parameter 'mod' \(did you mean 'mode'\?\)",
        ),
        ({"matrix": {"datasets": ["procedural[seed=x]"]}}, "dataset 'procedural': parameter 'seed': .*, got 'x'"),
        ({"matrix": {"arrangements": ["random | head"]}}, "transform 'head': parameter 'n' is required"),
        (
            {"matrix": {"arrangements": ["tma"], "embedders": ["tfidf | whitten"]}},
            r"unknown vector-transform 'whitten' \(did you mean 'whiten'\?\)",
        ),
        ({"matrix": {"metrics": ["loss | center"]}}, "'loss | center': only an arrangement or an embedder can be"),
        ({"matrix": {"arrangements": []}}, "'matrix.arrangements' is empty"),
        ({"matrix": {"seeds": []}}, "'matrix.seeds' is empty"),
        (
            {"matrix": {"arangements": ["random"]}},
            r"unknown field 'matrix.arangements' \(did you mean 'arrangements'\?\)",
        ),
        ({"training": {"learning_rate": "1e-4"}}, "'training.learning_rate': .*valid number, got '1e-4'"),
        ({"training": {"batch_size": 0}}, "'training.batch_size': .*greater than or equal to 1, got 0"),
        ({"matrix": {"models": ["./nowhere"]}}, "no such model folder: ./nowhere"),
        ({"matrix": {"models": ["zsg-tinny"]}}, "model 'zsg-tinny' is not bundled, not a folder"),
        (
            {"matrix": {"metrics": ["rouge", "rouge[stemmer=false]"]}},
            "both yield 'rouge|metric 'rouge': unknown parameter",
        ),
        ({"matrix": {"datasets": ["${ZSG_NOT_SET}"]}}, "the environment variable ZSG_NOT_SET is not set"),
        ({"override": [{"when": {"model": "*"}, "training": {"rate": 1}}]}, "unknown field 'rate'"),
        ({"matrix": {"name": "../up"}}, "'matrix.name'"),
    ],
)
def test_mistakes_are_one_clear_line(document: dict[str, Any], message: str) -> None:
    with pytest.raises(ZsgError, match=message) as caught:
        plan(document)
    assert "\n" not in str(caught.value)


def test_variables_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSG_TEST_SIZE", "procedural[examples_per_seen_task=7]")
    tables = {"datasets": ["${ZSG_TEST_SIZE}"], "models": ["${ZSG_TEST_MODEL:-zsg-tiny}"], "arrangements": ["random"]}
    found = plan({"matrix": tables})
    assert found.cells[0].labels.dataset == "procedural[examples_per_seen_task=7]"
