"""The reference grammar: parse ∘ format = identity, and errors that show where."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_registry import InvalidReference, Pipeline, Reference, parse_pipeline, parse_reference

names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
odd = st.sampled_from(
    [
        "",
        " ",
        "true",
        "null",
        "NaN",
        "-Infinity",
        "1e400",
        "1e-6",
        "007",
        "1_000",
        "a|b",
        "a]b,c=d",
        '"',
        "\\",
        "\n\t\0",
    ]
)
strings = odd | st.text(max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | strings
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3), max_leaves=6
)
references = st.builds(
    Reference, name=names, params=st.dictionaries(names, values, max_size=3), distribution=st.none() | names
)
pipelines = st.builds(Pipeline, head=references, transforms=st.lists(references, max_size=3).map(tuple))


def same(a: Any, b: Any) -> bool:
    """Equal in value and type, all the way down: 1, 1.0 and True differ."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)


@given(pipelines)
def test_what_is_written_is_read_again(pipeline: Pipeline) -> None:
    read = parse_pipeline(str(pipeline))
    assert read == pipeline
    for ours, theirs in zip((read.head, *read.transforms), (pipeline.head, *pipeline.transforms), strict=True):
        assert same(dict(ours.params), dict(theirs.params))
    assert str(read) == str(pipeline)


@given(st.text(alphabet='ab1.e-+:=,|[]{}" \\n', max_size=20))
def test_any_text_is_read_and_written_to_a_fixed_point_or_is_a_clear_error(text: str) -> None:
    try:
        pipeline = parse_pipeline(text)
    except InvalidReference as error:
        told = str(error)
    else:
        told = "expected nothing else"
        assert parse_pipeline(str(pipeline)) == pipeline
    assert "expected" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tma", Pipeline(Reference("tma"))),
        ("tma[]", Pipeline(Reference("tma"))),
        ("tma[mode=farthest]|zigzag", Pipeline(Reference("tma", {"mode": "farthest"}), (Reference("zigzag"),))),
        (" tma [ mode = farthest , k = 3 ] ", Pipeline(Reference("tma", {"mode": "farthest", "k": 3}))),
        ("dist.a:x", Pipeline(Reference("x", {}, "dist.a"))),
        ("x[a=1e-6,b=-2,c=true,d=null]", Pipeline(Reference("x", {"a": 1e-6, "b": -2, "c": True, "d": None}))),
        ("x[p=../data/p3.jsonl.gz]", Pipeline(Reference("x", {"p": "../data/p3.jsonl.gz"}))),
        ("x[p=org/model@v1:a]", Pipeline(Reference("x", {"p": "org/model@v1:a"}))),
        ('x[p="a ] | b",q=[1, {"k": "v"}]]', Pipeline(Reference("x", {"p": "a ] | b", "q": [1, {"k": "v"}]}))),
        ("x[v=1e400,w=NaN,y=007]", Pipeline(Reference("x", {"v": "1e400", "w": "NaN", "y": "007"}))),
    ],
)
def test_the_grammar(text: str, expected: Pipeline) -> None:
    assert parse_pipeline(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "in '', at character 1: expected a component's name, it ends"),
        ("tma |", "at character 6: expected a component's name, it ends"),
        ("tma[mode=farthest", "at character 18: expected ',' or ']', it ends"),
        ("tma[mode]", "at character 9: expected '=' after 'mode', found ']'"),
        ("tma[mode=]", "at character 10: expected a value (JSON or a bare word), found ']'"),
        ("tma[=1]", "at character 5: expected a parameter's name, found '=1]'"),
        ("tma[a=1,a=2]", "at character 9: expected each parameter once ('a' was given before), found 'a=2]'"),
        ("tma zigzag", "at character 5: expected '|' or the end, found 'zigzag'"),
        ("a:b:c", "at character 4: expected '|' or the end, found ':c'"),
        ("x[v=[1e400]]", "at character 5: expected a value"),
        ("x[v={a:1}]", "at character 5: expected a value"),
    ],
)
def test_errors_show_where_and_what_was_expected(text: str, told: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse_pipeline(text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_single_reference_is_not_a_pipe() -> None:
    with pytest.raises(InvalidReference, match=r"expected '\|' or the end"):
        parse_reference("tma | zigzag")


def test_equal_references_say_the_same_in_any_order_of_parameters() -> None:
    one, other = Reference("x", {"a": 1, "b": [2]}), Reference("x", {"b": [2], "a": 1})
    assert one == other
    assert hash(one) == hash(other)
    assert len({Reference("x", {"a": value}) for value in (1, 1.0, True, "1")}) == 4
    assert Reference("x") != Reference("x", distribution="d")
    assert Reference("x") != "x"


def test_references_travel_between_processes_and_do_not_change() -> None:
    pipeline = parse_pipeline("d:tma[k=[1,2]] | head[n=3]")
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    with pytest.raises(TypeError):
        pipeline.head.params["k"] = 0  # type: ignore[index]
