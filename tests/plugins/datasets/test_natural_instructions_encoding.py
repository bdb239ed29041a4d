"""Tk-Instruct's prompts, string for string: written out by hand from the format of its `DataCollatorForNI`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from zsg_plugins.datasets.natural_instructions.encoding import Demonstration, Instructions, encode
from zsg_plugins.datasets.natural_instructions.lengths import Lengths
from zsg_registry import ZsgError

GREET = Demonstration("Ann", "Hello, Ann!", "It is friendly")
LEAVE = Demonstration("  Bob?\n", "Bye", None)
RUDE = Demonstration("Cy", "Go away", "It is rude!")
ASK = "Now complete the following example -\nInput: Dee.\nOutput: "

GOLDEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "definition alone": (
        {"definition": "Greet the person"},
        "Dee",
        "Definition: Greet the person.\n\n" + ASK,
    ),
    "a definition that ends with a mark keeps it": (
        {"definition": "Whom do we greet?"},
        "Dee",
        "Definition: Whom do we greet?\n\n" + ASK,
    ),
    "white space around a definition goes, that within stays": (
        {"definition": " Greet\n\nthe  person \n"},
        "Dee",
        "Definition: Greet\n\nthe  person.\n\n" + ASK,
    ),
    "nothing but the input": (
        {},
        "Dee",
        "Now complete the following example -\nInput: Dee.\nOutput: ",
    ),
    "an input that ends with any mark of ASCII gets no full stop": (
        {},
        " Dee)\n",
        "Now complete the following example -\nInput: Dee)\nOutput: ",
    ),
    "a mark beyond ASCII is none": (
        {},
        "Dee。",
        "Now complete the following example -\nInput: Dee。.\nOutput: ",
    ),
    "an empty input is a full stop": (
        {},
        "  ",
        "Now complete the following example -\nInput: .\nOutput: ",
    ),
    "two positive examples": (
        {"definition": "Greet", "positive": [GREET, LEAVE]},
        "Dee",
        "Definition: Greet.\n\n"
        " Positive Example 1 -\nInput: Ann.\n Output: Hello, Ann!\n\n"
        " Positive Example 2 -\nInput: Bob?\n Output: Bye.\n\n"
        "Now complete the following example -\nInput: Dee.\nOutput: ",
    ),
    "examples without a definition": (
        {"positive": [LEAVE]},
        "Dee",
        " Positive Example 1 -\nInput: Bob?\n Output: Bye.\n\n"
        "Now complete the following example -\nInput: Dee.\nOutput: ",
    ),
    "an explanation, and an example that has none": (
        {"definition": "Greet", "positive": [GREET, LEAVE], "explanations": True},
        "Dee",
        "Definition: Greet.\n\n"
        " Positive Example 1 -\nInput: Ann.\n Output: Hello, Ann!\n Explanation: It is friendly.\n\n"
        " Positive Example 2 -\nInput: Bob?\n Output: Bye.\n\n" + ASK,
    ),
    "an empty explanation is still one": (
        {"positive": [Demonstration("Ann", "Hi", "")], "explanations": True},
        "Dee",
        " Positive Example 1 -\nInput: Ann.\n Output: Hi.\n Explanation: .\n\n" + ASK,
    ),
    "positive and negative examples are counted apart": (
        {"definition": "Greet", "positive": [GREET], "negative": [RUDE]},
        "Dee",
        "Definition: Greet.\n\n"
        " Positive Example 1 -\nInput: Ann.\n Output: Hello, Ann!\n\n"
        " Negative Example 1 -\nInput: Cy.\n Output: Go away.\n\n" + ASK,
    ),
    "negative examples, explained": (
        {"negative": [RUDE], "explanations": True},
        "Dee",
        " Negative Example 1 -\nInput: Cy.\n Output: Go away.\n Explanation: It is rude!\n\n" + ASK,
    ),
    "the task's name": (
        {"name": "task1_greet", "definition": "Greet"},
        "Dee",
        "task1_greet. Definition: Greet.\n\n" + ASK,
    ),
}


@pytest.mark.parametrize(("told", "text", "expected"), GOLDEN.values(), ids=GOLDEN)
def test_golden(told: dict[str, Any], text: str, expected: str) -> None:
    assert encode(Instructions(**told), text) == expected


# "Definition: Greet." and the question are 2 + 9 words; an example of one-word input and output is 8 words.
WORDS = Instructions(
    definition="Greet",
    positive=[Demonstration("Ann", "Hi"), Demonstration("Bob", "Hey")],
    negative=[Demonstration("Cy", "No")],
)
FIRST = " Positive Example 1 -\nInput: Ann.\n Output: Hi.\n\n"
SECOND = " Positive Example 2 -\nInput: Bob.\n Output: Hey.\n\n"
WRONG = " Negative Example 1 -\nInput: Cy.\n Output: No.\n\n"


@pytest.mark.parametrize(
    ("words", "examples"),
    [
        (35, [FIRST, SECOND, WRONG]),
        (34, [FIRST, SECOND]),
        (27, [FIRST, SECOND]),
        (26, [FIRST]),
        (19, [FIRST]),
        (18, []),
    ],
)
def test_what_does_not_fit_is_left_out_from_the_end(words: int, examples: list[str]) -> None:
    source = encode(WORDS, "Dee", lambda text: len(text.split()) <= words)

    assert source == "Definition: Greet.\n\n" + "".join(examples) + ASK


def test_a_shorter_negative_example_may_fit_where_a_positive_one_did_not() -> None:
    long = Demonstration("a very long name indeed, with many words", "Hi")
    instructions = Instructions(definition="Greet", positive=[long], negative=[RUDE])

    source = encode(instructions, "Dee", lambda text: len(text.split()) <= 24)

    assert "Positive" not in source
    assert " Negative Example 1 -\nInput: Cy.\n Output: Go away.\n\n" in source


@pytest.fixture
def lengths(tmp_path: Path) -> Lengths:
    """Words as tokens; prompts of eleven at most, answers of three."""
    words = {word: number for number, word in enumerate(["[UNK]", *"abcd"])}
    tokenizer = Tokenizer(WordLevel(words, "[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return Lengths(tmp_path / "tokenizer.json", source=11, target=3)


def test_a_tokenizer_decides_what_fits_and_where_texts_are_cut(lengths: Lengths) -> None:
    assert lengths.fits("Definition: Greet.\n\n" + ASK)
    assert not lengths.fits("a Definition: Greet.\n\n" + ASK)
    assert lengths.cut_source("a  b\nc") == "a  b\nc"
    assert lengths.cut_source("a  b\nc d " * 3) == "a b c d a b c d a b c"
    assert lengths.cut_target("a  b\nc") == "a  b\nc"
    assert lengths.cut_target("a  b\nc  d") == "a  b\nc"


def test_a_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ZsgError, match=r"tokenizer.json cannot be read as a tokenizer.json: "):
        Lengths(tmp_path / "tokenizer.json", 1, 1)
