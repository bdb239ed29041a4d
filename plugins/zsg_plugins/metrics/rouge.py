"""The metric `rouge`: overlap of a generated answer with the acceptable ones."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, Literal

from zsg_plugins.metrics._answers import answers
from zsg_registry import Direction, Metric, MetricBatch, MetricRows, Parameters

Tokenizer = Callable[[str], Sequence[str]]

_ENGLISH: Final = re.compile(r"[a-z0-9]+")
_UNSPACED: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
"""Scripts that set no space between words."""


class Rouge(Metric):
    """ROUGE-1 and ROUGE-L F-measures in percent, the best over all acceptable answers.

    Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004). The values are those of Google's rouge-score
    with its stemmer; the longest common subsequence is found with bits for positions (Hyyrö, "Bit-parallel LCS-length
    computation revisited", 2004).
    """

    class Params(Parameters):
        """What a word is."""

        tokenizer: Literal["rouge-score", "multilingual"] = "rouge-score"
        """`rouge-score` splits at everything but ASCII letters and digits, and cuts endings off by Porter's stemmer: a
        text in another script scores 0. `multilingual` splits at everything but letters, marks and digits of any script
        (after NFKC, in lower case), and takes each character for a word in scripts without spaces between words
        (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan); it has no stemmer.
        """

    outputs: ClassVar[Mapping[str, Direction]] = {"rouge1": "higher", "rougeL": "higher"}
    requires = frozenset({"generations"})
    params: Params
    _tokenize: Tokenizer | None = None

    def open(self) -> None:
        """Load the tokenizer; that of rouge-score needs a stemmer, which takes a second to import."""
        self._tokenize = english_tokenizer() if self.params.tokenizer == "rouge-score" else multilingual_tokenizer()

    def score(self, batch: MetricBatch) -> MetricRows:
        """Both outputs of each example."""
        if self._tokenize is None:
            self.open()
        assert self._tokenize is not None
        found = [_best(self._tokenize, references, answer) for answer, references in answers(batch, "rouge")]
        return MetricRows.per_example(
            batch.examples, rouge1=[one for one, _ in found], rougeL=[longest for _, longest in found]
        )

    def close(self) -> None:
        """Let the tokenizer go, and the stems that it remembers."""
        self._tokenize = None


def english_tokenizer() -> Tokenizer:
    """The tokenizer of rouge-score, with a stemmer that remembers: stemming is most of the work, and words repeat."""
    from nltk.stem.porter import PorterStemmer

    stem = functools.lru_cache(maxsize=100_000)(PorterStemmer().stem)
    return lambda text: [word if len(word) < 4 else stem(word) for word in _ENGLISH.findall(text.lower())]


def multilingual_tokenizer() -> Tokenizer:
    """Words of any script, and characters with their marks where a script does not tell words apart."""
    from unicodedata import normalize

    import regex

    word = regex.compile(rf"[{_UNSPACED}]\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]+", regex.V1)
    return lambda text: word.findall(normalize("NFKC", text).lower())


def _best(tokenize: Tokenizer, references: Sequence[str], answer: str) -> tuple[float, float]:
    """ROUGE-1 and ROUGE-L of an answer, each against the reference that gives the most."""
    own = tokenize(answer)
    counts = Counter(own)
    best_one = best_longest = 0.0
    for reference in references:
        wanted = tokenize(reference)
        common = sum(min(count, counts[word]) for word, count in Counter(wanted).items() if word in counts)
        best_one = max(best_one, _f_measure(common, len(own), len(wanted)))
        if common:
            best_longest = max(best_longest, _f_measure(_longest_common(wanted, own), len(own), len(wanted)))
    return 100 * best_one, 100 * best_longest


def _f_measure(common: int, answered: int, wanted: int) -> float:
    if not common:
        return 0.0
    precision, recall = common / answered, common / wanted
    return 2 * precision * recall / (precision + recall)


def _longest_common(left: Sequence[str], right: Sequence[str]) -> int:
    """The length of the longest common subsequence: each bit of a number is a position of `left`."""
    places: dict[str, int] = {}
    for position, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << position
    everything = (1 << len(left)) - 1
    unmatched = everything
    for word in right:
        met = unmatched & places.get(word, 0)
        unmatched = (unmatched + met | unmatched - met) & everything
    return len(left) - unmatched.bit_count()
