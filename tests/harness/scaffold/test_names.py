"""What a new plugin may be called."""

from __future__ import annotations

import re

import pytest

from zsg_harness.scaffold.names import PLUGIN_KINDS, checked_kind, names
from zsg_registry import ZsgError


def test_one_name_gives_all_others() -> None:
    found = names("arrangement", "dull-last")
    assert (found.distribution, found.package, found.class_name) == ("zsg-dull-last", "zsg_dull_last", "DullLast")


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("order", "OrderArrangement"),  # the module imports an Order
        ("none", "NoneArrangement"),
        ("path", "PathArrangement"),
        ("value-error", "ValueErrorArrangement"),
        ("orders", "Orders"),
        ("a1-b2", "A1B2"),
    ],
)
def test_a_class_hides_no_name_that_its_module_uses(name: str, class_name: str) -> None:
    assert names("arrangement", name).class_name == class_name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Easy First", "such as 'easy-first'"),
        ("easy_first", "such as 'easy-first'"),
        ("3-shot", "such as 'shot'"),
        ("../../etc/passwd", "such as 'etc-passwd'"),
        ("-x", "such as 'x'"),
        ("x-", "such as 'x'"),
        ("x" * 41, f"such as '{'x' * 40}'"),
        ("naïve", "such as 'na-ve'"),
        ("x\n", "such as 'x'"),
        ("…", "at most 40 characters"),
        ("", "at most 40 characters"),
    ],
)
def test_what_cannot_be_a_name_is_refused(name: str, hint: str) -> None:
    with pytest.raises(ZsgError, match="cannot be the name of a plugin") as error:
        names("arrangement", name)
    assert hint in str(error.value)


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("arrangement", "tma", "the arrangement 'tma' is there already: zsg-harness 0.1.0 has it"),
        ("metric", "harness", "a distribution 'zsg-harness' is installed already"),
        ("metric", "registry", "a package 'zsg_registry' can be imported already"),
    ],
)
def test_a_taken_name_is_refused(kind: str, name: str, reason: str) -> None:
    with pytest.raises(ZsgError, match=re.escape(reason)):
        names(checked_kind(kind), name)


def test_two_kinds_may_have_one_name() -> None:
    assert names("metric", "tma").class_name == "Tma"


def test_an_unknown_kind_brings_the_nearest() -> None:
    with pytest.raises(ZsgError, match=r"'arangement' .did you mean 'arrangement'"):
        checked_kind("arangement")
    assert {"arrangement", "transform", "dataset", "embedder", "metric", "hooks"} <= set(PLUGIN_KINDS)
