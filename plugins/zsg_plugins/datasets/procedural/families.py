"""Task families: a skill with its space of answers, and how close it stands to the unseen tasks.

The planted similarity, and with it the known optimum of an arrangement at ``affinity=1``, has three ranks:

====================  =======  ========================================================================
family                kinship  what it shares with the unseen tasks
====================  =======  ========================================================================
colour, food,         2        its unseen tasks: the same skill and the same words as answers
material, weather
craft, mood, place,   1        the realm: passages of the same kind, an answer of one word out of them
animal
reversal … gap        0        nothing: letters and digits, other formats of answer
====================  =======  ========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .codes import CARRIERS, OPERATIONS, Note, digits_note, letters_note
from .draws import Draws
from .phrasings import CODE_SEEN, STORY_FRAMES, STORY_SEEN, STORY_UNSEEN
from .stories import ATTRIBUTES, DOMAINS, tell


@dataclass(frozen=True)
class Question:
    """A filled-in request with its answer.

    Attributes:
        prompt: The request with its passage.
        instruction: The request without the passage.
        answer: The one right answer.
    """

    prompt: str
    instruction: str
    answer: str


@dataclass(frozen=True)
class Family:
    """A family of tasks that train the same skill.

    Attributes:
        name: Its name, also the ``source`` of its tasks.
        realm: ``stories``, ``letters`` or ``numbers``.
        kinship: 2 if unseen tasks come from this family, 1 if only from its realm, 0 if it is far from them.
        seen_domains: One seen task for each.
        unseen_domains: One unseen task for each.
        seen_phrasings: Wordings for seen tasks.
        unseen_phrasings: Wordings for unseen tasks.
        ask: Fills in one request about a domain, given a wording.
    """

    name: str
    realm: str
    kinship: int
    seen_domains: tuple[str, ...]
    unseen_domains: tuple[str, ...]
    seen_phrasings: tuple[str, ...]
    unseen_phrasings: tuple[str, ...]
    ask: Callable[[Draws, str, str], Question]


def _fill(phrasing: str, passage: str, **slots: str) -> tuple[str, str]:
    instruction = " ".join(phrasing.format(passage="", **slots).split())
    return phrasing.format(passage=passage, **slots), instruction


def _story_asker(attribute: str) -> Callable[[Draws, str, str], Question]:
    def ask(draws: Draws, domain: str, phrasing: str) -> Question:
        passage = tell(draws, domain, attribute)
        prompt, instruction = _fill(phrasing, passage.text, name=passage.name, noun=domain, key=attribute)
        return Question(prompt, instruction, passage.facts[attribute])

    return ask


def _code_asker(operation: str, write: Callable[[Draws, str], Note]) -> Callable[[Draws, str, str], Question]:
    def ask(draws: Draws, carrier: str, phrasing: str) -> Question:
        note = write(draws, carrier)
        prompt, instruction = _fill(phrasing, note.text, noun=carrier)
        return Question(prompt, instruction, OPERATIONS[operation](note.symbols))

    return ask


def _story_family(place: int, attribute: str) -> Family:
    # Every domain occurs on both sides: the unseen three are shifted from family to family.
    unseen_wordings = STORY_UNSEEN.get(attribute, ())
    start = 3 * place
    turned = tuple(DOMAINS[(start + i) % len(DOMAINS)] for i in range(len(DOMAINS)))
    return Family(
        name=attribute,
        realm="stories",
        kinship=2 if unseen_wordings else 1,
        seen_domains=turned[3:] if unseen_wordings else turned[:2],
        unseen_domains=turned[:3] if unseen_wordings else (),
        seen_phrasings=STORY_FRAMES + STORY_SEEN[attribute],
        unseen_phrasings=unseen_wordings,
        ask=_story_asker(attribute),
    )


def _code_family(operation: str) -> Family:
    digits = operation in ("ascending", "total", "gap")
    return Family(
        name=operation,
        realm="numbers" if digits else "letters",
        kinship=0,
        seen_domains=CARRIERS,
        unseen_domains=(),
        seen_phrasings=CODE_SEEN[operation],
        unseen_phrasings=(),
        ask=_code_asker(operation, digits_note if digits else letters_note),
    )


FAMILIES: tuple[Family, ...] = (
    *(_story_family(place, attribute) for place, attribute in enumerate(ATTRIBUTES)),
    *(_code_family(operation) for operation in CODE_SEEN),
)
