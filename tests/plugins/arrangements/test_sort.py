"""Sorting by a score: each score's definition, its ends, and files of scores with every fault."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.sort import Sort
from zsg_registry import Access, ArrangeContext, Example, ExampleSet, Need, ZsgError, bind, parse_reference
from zsg_registry.testing import NaiveContext, example_set

NAN, INF = float("nan"), float("inf")


def context_of(component: Sort, n: int, **given: Any) -> ArrangeContext:
    return NaiveContext.of(component, example_set([None] * n), **given)


def ordered(component: Sort, n: int, **given: Any) -> list[int]:
    return component.arrange(context_of(component, n, **given)).indices.tolist()


@given(
    values=st.lists(st.sampled_from([0.5, 1.0, 1.0, 2.0, NAN]), min_size=1, max_size=12),
    direction=st.sampled_from(["ascending", "descending"]),
    budget=st.integers(1, 12),
)
def test_ties_keep_pool_order_and_what_has_no_score_is_last(values: list[float], direction: str, budget: int) -> None:
    sort, n = Sort(by="loss", direction=direction), len(values)
    sign = 1 if direction == "ascending" else -1
    scored = [i for i in range(n) if not np.isnan(values[i])]
    expected = sorted(scored, key=lambda i: (sign * values[i], i)) + [i for i in range(n) if np.isnan(values[i])]
    order = sort.arrange(context_of(sort, n, losses={"pool": values}, budget=min(budget, n)))
    assert order.indices.tolist() == expected[:budget]
    np.testing.assert_array_equal(order.scores, np.float32(values)[order.indices])


def test_by_length_is_ascending_by_default() -> None:
    assert ordered(Sort(), 4, lengths={"pool": [7, 3, 9, 3]}) == [1, 3, 0, 2]
    assert ordered(Sort(direction="descending"), 4, lengths={"pool": [7, 3, 9, 3]}) == [2, 0, 1, 3]


def test_perplexity_is_of_the_whole_text() -> None:
    sort = Sort(by="perplexity")
    order = sort.arrange(context_of(sort, 3, losses={"pool": {"answer": [1, 2, 3], "text": [2.0, 1.0, 0.0]}}))
    assert order.indices.tolist() == [2, 1, 0]
    assert order.scores.tolist() == pytest.approx([1, np.e, np.e**2])


def test_ifd_is_the_ratio_of_losses_greatest_first_and_above_one_behind_the_rest() -> None:
    #          0.5  1.0  0.8  1.5  0 : 0  inf  NaN  0.8
    answer = [1.00, 2.0, 0.8, 3.0, 0.0, 1.0, NAN, 1.6]
    alone = [2.00, 2.0, 1.0, 2.0, 0.0, 0.0, NAN, 2.0]
    sort = Sort(by="ifd")
    order = sort.arrange(context_of(sort, 8, losses={"pool": {"answer": answer, "answer-alone": alone}}))
    assert order.indices.tolist() == [1, 2, 7, 0, 5, 3, 4, 6]
    assert order.stage_names == ("scored", "above 1", "without a score")
    assert order.stages.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert order.scores[:6].tolist() == pytest.approx([1, 0.8, 0.8, 0.5, INF, 1.5])
    rising = Sort(by="ifd", direction="ascending")
    assert ordered(rising, 8, losses={"pool": {"answer": answer, "answer-alone": alone}}) == [0, 2, 7, 1, 3, 5, 4, 6]


def test_where_every_example_has_a_score_there_are_no_stages() -> None:
    sort = Sort(by="loss")
    assert sort.arrange(context_of(sort, 2, losses={"pool": [2.0, 1.5]})).stages is None


@pytest.mark.parametrize(
    ("params", "needs"),
    [
        ({"by": "length"}, {Need.TOKENIZER}),
        ({"by": "loss"}, {Need.LOSSES}),
        ({"by": "perplexity"}, {Need.LOSSES}),
        ({"by": "ifd"}, {Need.LOSSES}),
        ({"by": "file", "file": "scores.csv"}, set()),
    ],
)
def test_only_the_needed_service_is_declared(params: dict[str, str], needs: set[Need]) -> None:
    sort = Sort(**params)
    assert (sort.needs, sort.access, sort.stochastic) == (needs, Access.NONE, False)


@pytest.mark.parametrize("text", ["sort[by=file]", "sort[file=scores.csv]", "sort[by=ifd,file=scores.csv]"])
def test_a_file_and_by_file_go_together(text: str) -> None:
    with pytest.raises(ZsgError, match="arrangement 'sort': scores from a file need both 'by=file' and 'file=…'"):
        bind(Sort, parse_reference(text))


# Files


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]))


def write_tsv(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(["\t".join(rows[0]), *("\t".join(map(str, row.values())) for row in rows)]))


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(json.dumps(row) for row in rows))


def write_jsonl_gz(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pd.DataFrame(rows).to_parquet(path)


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
    "scores.csv": write_csv,
    "scores.tsv": write_tsv,
    "scores.jsonl": write_jsonl,
    "scores.jsonl.gz": write_jsonl_gz,
    "scores.parquet": write_parquet,
}


def from_file(path: Path, n: int = 3, **params: Any) -> list[int]:
    return ordered(Sort(by="file", file=str(path), **params), n)


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_is_read_and_rows_of_others_do_not_matter(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    rows = [("example-2", 0.1), ("stranger", "x" if name.endswith("csv") else None), ("example-0", 0.30000000000000004)]
    rows += [("example-1", 0.3), ("stranger", 5)]
    WRITERS[name](path, [{"id": key, "score": score} for key, score in rows])
    assert from_file(path) == [2, 1, 0]
    assert from_file(path, direction="descending") == [0, 1, 2]


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    write_csv(tmp_path / "s.csv", [{"uid": f"example-{i}", "quality": 3 - i} for i in range(3)])
    assert from_file(tmp_path / "s.csv", id_column="uid", column="quality") == [2, 1, 0]


@pytest.mark.parametrize("name", ["s.csv", "s.jsonl"])
def test_ids_are_text_as_it_is_written(name: str, tmp_path: Path) -> None:
    ids = ["007", "7", "NA", "2024-01-01", "1e3"]
    pool = ExampleSet.from_examples(Example(id=own, prompt="p", completion="c") for own in ids)
    rows = [{"id": own, "score": -i} for i, own in enumerate(ids)]
    (write_csv if name.endswith("csv") else write_jsonl)(tmp_path / name, rows)
    sort = Sort(by="file", file=str(tmp_path / name))
    assert sort.arrange(NaiveContext.of(sort, pool)).indices.tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("example-1", 1)], "has no score for 2 of the pool's examples; the first is 'example-0'"),
        (
            [("example-0", 1), ("example-2", 1), ("example-1", 1), ("example-2", 1), ("example-2", 3)],
            "has more than one score for 1 of the pool's examples; the first is 'example-2'",
        ),
        (
            [("example-0", 1.0), ("example-1", None), ("example-2", None)],
            "has a score that is not a finite number for 2 of the pool's examples; the first is 'example-1'",
        ),
    ],
)
def test_a_file_that_does_not_score_the_pool(
    name: str, rows: list[tuple[str, float | None]], message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    written = [{"id": key, "score": "" if score is None and "sv" in name else score} for key, score in rows]
    WRITERS[name](path, written)
    with pytest.raises(ZsgError) as error:
        from_file(path)
    assert str(error.value) == f"{path} {message}"


@pytest.mark.parametrize("score", ["", "high", "nan", "inf", "-inf"])
def test_a_score_is_a_finite_number(score: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(f"id,score\nexample-0,{score}\n")
    with pytest.raises(ZsgError, match=r"not a finite number for 1 of .* 'example-0'"):
        from_file(tmp_path / "s.csv", 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.csv", b"id,scores\nexample-0,1\n", r"s\.csv has no column 'score' \(did you mean 'scores'\?\)"),
        ("s.csv", b"uid,score\nexample-0,1\n", r"s\.csv has no column 'id' \(did you mean 'uid'\?\)"),
        ("s.csv", b"", r"s\.csv is not a whole \.csv file: No columns"),
        ("s.csv", b"id,score\na,1\nb,2,3\n", r"s\.csv is not a whole \.csv file: .*line 3"),
        ("s.csv", b"\xff\xfe\n", r"s\.csv is not a whole \.csv file: "),
        ("s.jsonl", b'{"id": 1, ', r"s\.jsonl is not a whole \.jsonl file: "),
        ("s.jsonl.gz", b'{"id": "a", "score": 1}', r"s\.jsonl\.gz cannot be read: Not a gzipped file"),
        ("s.parquet", b"PAR1", r"s\.parquet is not a whole \.parquet file: "),
        ("s.txt", b"", r"s\.txt: scores are read from \.csv, \.tsv, \.jsonl, \.parquet, not from '\.txt'"),
    ],
)
def test_a_damaged_file_is_one_clear_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ZsgError, match=message) as error:
        from_file(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("id,score\n")
    with pytest.raises(ZsgError, match=r"no such file: .*score\.csv \(did you mean 'scores\.csv'\?\)"):
        from_file(tmp_path / "score.csv")


def test_the_identity_holds_the_files_content_and_not_its_place(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.csv").write_text("id,score\nx,1\n")
    first, second = (Sort(by="file", file=str(tmp_path / folder / f"{folder}.csv")) for folder in "ab")
    assert first.identity_params() == second.identity_params()
    (tmp_path / "b" / "b.csv").write_text("id,score\nx,2\n")
    assert first.identity_params() != second.identity_params()
