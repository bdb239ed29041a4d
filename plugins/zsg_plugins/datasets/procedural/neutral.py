"""The negative control: one skill common to all tasks, from which no order can gain.

With probability ``1 - affinity`` an example is one of these instead of its family's own. They are made so that
whatever arranges them, the training that results has the same law as under a random order:

* All tasks, seen and unseen, draw them from one distribution. Their label says nothing, so an order that reads only
  labels (cluster, round-robin) is exactly as good as random.
* There is one wording, with a seven-digit number as its only variable part: no topics to sort by, and one length.
  The number occurs once in the data set and does not bear on the answer.
* The three answers are equally likely, whatever the prompt, and all three stand in every prompt, in the same order.
* The answers are one word in three ways of writing. Embedders that read text in lower case (``minilm``, ``tfidf``)
  cannot tell them apart even where they see the answers, so no similarity sorts the pool by answer, and every
  prefix of such an order is a fair sample of the answers. An arrangement that can tell them apart may still harm
  itself by training on one answer first; none can gain.

Best possible loss: ``log 3`` for the whole answer. An exact-match score that ignores case is full marks for any of
the three: at ``affinity=0`` read the loss.
"""

from __future__ import annotations

from .draws import Draws, key_to_int
from .families import Question

NEUTRAL_ANSWERS = ("paid", "Paid", "PAID")
NEUTRAL_FAMILY_SIZE = 100_000
"""How many examples a task can have before numbers would repeat."""

_WORDING = (
    "In the drawer lies one ticket with the number {number}. The stamp on such a ticket reads paid, Paid or PAID, "
    "and nothing else is written there. How is the word on the stamp of this ticket written?"
)
_HALF_BITS = 12
_NUMBERS = 9_000_000


def ticket_number(seed: int, place: int) -> int:
    """Return a seven-digit number; different places get different numbers under the same seed.

    A Feistel network is a permutation of 24-bit words; walking its cycle until the word is small enough is a
    permutation of the smaller range. So numbers look random and never repeat, without a table.

    Args:
        seed: The seed of the data set.
        place: A whole number from 0 to 8,999,999.

    Returns:
        A number from 1,000,000 to 9,999,999.
    """
    mask = (1 << _HALF_BITS) - 1
    word = place
    while True:
        left, right = word >> _HALF_BITS, word & mask
        for turn in range(4):
            left, right = right, left ^ (key_to_int("ticket", seed, turn, right) & mask)
        word = left << _HALF_BITS | right
        if word < _NUMBERS:
            return 1_000_000 + word


def neutral_question(draws: Draws, number: int) -> Question:
    """Write the neutral example for a ticket number.

    Args:
        draws: Where the answer comes from.
        number: The ticket number.

    Returns:
        The request with an answer that is independent of it.
    """
    instruction = _WORDING.split(". ")[-1]
    return Question(_WORDING.format(number=number), instruction, draws.pick(NEUTRAL_ANSWERS))
