"""Make the pre-training corpus and the tokenizer of zsg-tiny, or of a larger model without the procedural world.

    python scripts/base_model/corpus.py --p3 p3_t0_train_55k.jsonl.gz --split split.json --work WORK
    … --vocabulary 16384 --world-documents 0

Two kinds of text go in: the *prompts* of P3's seen sources, and generated statements about the procedural world.
No completion goes in, no example of an unseen task, no request or question of the procedural data set, and no text
with the roles of the instruction template; the script stops if it finds one.

``WORK`` receives ``tokenizer/``, and as flat arrays of uint16 token ids with their document offsets: ``train``,
``heldout_p3``, ``heldout_world`` (where there is generated text).
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from zsg_plugins.datasets.procedural.codes import CARRIERS, digits_note, letters_note
from zsg_plugins.datasets.procedural.draws import Draws, key_to_int
from zsg_plugins.datasets.procedural.lexicons import LEXICONS, invented_name
from zsg_plugins.datasets.procedural.phrasings import CODE_SEEN, STORY_FRAMES, STORY_SEEN, STORY_UNSEEN
from zsg_plugins.datasets.procedural.stories import ATTRIBUTES, DOMAINS, PREDICATES, tell, with_article

BOS, EOS, PAD = "<bos>", "<eos>", "<pad>"
WORLD_SEED = "zsg-tiny-pretraining"
"""Not a number, so no seed of the data set can draw the same passages."""
HELD_OUT_SHARE = 50
"""One document in so many is held out."""
TEMPLATE_ROLES = ("User:", "Assistant:")


def p3_prompts(path: Path, split: Path) -> Iterator[str]:
    """Yield the distinct prompts of P3's seen tasks, without their completions.

    Args:
        path: The sample of P3, one JSON object a line with ``task``, ``source``, ``prompt``.
        split: A JSON file with ``seen_tasks``, ``unseen_tasks`` and ``unseen_sources``.

    Yields:
        One prompt after the other.
    """
    sides = json.loads(split.read_text())
    seen, held_out = set(sides["seen_tasks"]), set(sides["unseen_tasks"])
    known: set[str] = set()
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["task"] not in seen or row["source"] in sides["unseen_sources"]:
                continue
            assert row["task"] not in held_out, row["task"]
            prompt = row["prompt"].strip()
            if prompt and prompt not in known:
                known.add(prompt)
                yield prompt


def p3_is_held_out(prompt: str) -> bool:
    """Decide by the longest sentence, so that one passage under two templates mostly stays on one side.

    Passages that templates cut differently slip through; describe.py finds them and leaves them out of its figure.
    """
    longest = max(re.split(r"[.?!\n\"]", prompt), key=len).strip()
    return key_to_int("held-out", longest) % HELD_OUT_SHARE == 0


def _recollection(draws: Draws) -> str:
    """A subject with several facts, some of them told once more."""
    name, domain = invented_name(draws), draws.pick(DOMAINS)
    kinds = draws.sample(ATTRIBUTES, 3 + draws.below(4))
    facts = [PREDICATES[domain][kind].format(x=draws.pick(LEXICONS[kind])) for kind in kinds]
    lines = [f"{draws.pick((name, 'The ' + domain))} {fact}." for fact in facts]
    again = " and ".join(draws.sample(facts, 2))
    return f"{name} is {with_article(domain)}. {' '.join(lines)} Years later people still said that {name} {again}."


def _meeting(draws: Draws) -> str:
    """Two subjects of one domain, told in turn and then recalled."""
    domain = draws.pick(DOMAINS)
    names = [invented_name(draws), invented_name(draws)]
    facts = [
        [PREDICATES[domain][kind].format(x=draws.pick(LEXICONS[kind])) for kind in draws.sample(ATTRIBUTES, 2)]
        for _ in names
    ]
    told = [f"{name} {first} and {second}." for name, (first, second) in zip(names, facts, strict=True)]
    last = draws.below(2)
    return (
        f"There are two of them, {names[0]} and {names[1]}. {' '.join(told)} "
        f"So {names[last]} {facts[last][1]}, while {names[1 - last]} {facts[1 - last][0]}."
    )


def _kinds_of_words(draws: Draws) -> str:
    """What kind of thing some words name."""
    kind = draws.pick(ATTRIBUTES)
    words = draws.sample(LEXICONS[kind], 4)
    other = draws.pick([k for k in ATTRIBUTES if k != kind])
    return (
        f"In this land {words[0]}, {words[1]} and {words[2]} each count as {with_article(kind)}, "
        f"just as {draws.pick(LEXICONS[other])} counts as {with_article(other)}. So does {words[3]}."
    )


def _passages(draws: Draws) -> str:
    """One to three passages of the kind that the story tasks ask about."""
    count = 1 + draws.below(3)
    return "\n".join(tell(draws, draws.pick(DOMAINS), draws.pick(ATTRIBUTES)).text for _ in range(count))


def _notes(draws: Draws) -> str:
    """Notes that give letters or digits, of the kind that the code tasks ask about."""
    writers = [draws.pick((letters_note, digits_note)) for _ in range(1 + draws.below(3))]
    return "\n".join(write(draws, draws.pick(CARRIERS)).text for write in writers)


def world_document(index: int) -> str:
    """Write a document of statements about the procedural world.

    Args:
        index: Which one; the same index gives the same text.

    Returns:
        Its text.
    """
    draws = Draws(WORLD_SEED, index)
    shapes = (_recollection, _recollection, _meeting, _meeting, _passages, _passages, _kinds_of_words, _notes)
    return draws.pick(shapes)(draws)


def requests_of_the_data_set() -> set[str]:
    """Return the longest literal piece of every wording in the procedural data set."""
    tables = (STORY_SEEN, STORY_UNSEEN, CODE_SEEN)
    wordings = [*STORY_FRAMES, *(w for table in tables for group in table.values() for w in group)]
    return {max(re.split(r"\{\w+\}", wording), key=len).strip() for wording in wordings}


def check_wall(documents: Sequence[str], forbidden: Sequence[str]) -> None:
    """Stop if a document contains something that the model must not have seen.

    Args:
        documents: The documents.
        forbidden: Literal pieces of text.

    Raises:
        ValueError: One of them occurs.
    """
    pattern = re.compile("|".join(map(re.escape, forbidden)))
    for document in documents:
        if found := pattern.search(document):
            raise ValueError(f"{found.group()!r} must not occur in the corpus: {document[:200]!r}")


def train_tokenizer(documents: Sequence[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer. Digits stay single, so numbers of one length have one token count.

    Args:
        documents: The text to train on.
        vocabulary: How many tokens it has.

    Returns:
        The tokenizer. It adds no special tokens by itself.
    """
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(documents, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        padding_side="left",
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )


def write_tokens(documents: Sequence[str], tokenizer: PreTrainedTokenizerFast, stem: Path) -> int:
    """Encode documents, each between its own begin and end token, and save them flat.

    Args:
        documents: The documents.
        tokenizer: The tokenizer.
        stem: Where to; ``.tokens.npy`` and ``.offsets.npy`` are added.

    Returns:
        The number of tokens.
    """
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    parts: list[np.ndarray[Any, np.dtype[np.uint16]]] = []
    for start in range(0, len(documents), 1000):
        batch = tokenizer(list(documents[start : start + 1000]), add_special_tokens=False)["input_ids"]
        parts += [np.array([bos, *ids, eos], dtype=np.uint16) for ids in batch]
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    np.save(stem.with_suffix(".tokens.npy"), np.concatenate(parts))
    np.save(stem.with_suffix(".offsets.npy"), offsets)
    return int(offsets[-1])


def main() -> None:
    """Build everything and print the sizes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--p3", type=Path, required=True, help="the P3 sample (.jsonl.gz)")
    parser.add_argument("--split", type=Path, required=True, help="its split into seen and unseen tasks (.json)")
    parser.add_argument("--work", type=Path, required=True, help="folder for the results")
    parser.add_argument("--world-documents", type=int, default=80_000, help="how many generated documents")
    parser.add_argument("--vocabulary", type=int, default=4096, help="how many tokens the tokenizer has")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)

    prompts = list(p3_prompts(arguments.p3, arguments.split))
    world = [world_document(index) for index in range(arguments.world_documents)]
    check_wall(prompts + world, TEMPLATE_ROLES)
    check_wall(world, sorted(requests_of_the_data_set()))
    held_out = HELD_OUT_SHARE
    sets = {
        "heldout_p3": [prompt for prompt in prompts if p3_is_held_out(prompt)],
        "heldout_world": world[::held_out],
        "train": [prompt for prompt in prompts if not p3_is_held_out(prompt)]
        + [document for index, document in enumerate(world) if index % held_out],
    }
    tokenizer = train_tokenizer(sets["train"], arguments.vocabulary)
    tokenizer.save_pretrained(arguments.work / "tokenizer")
    for name, documents in sets.items():
        if not documents:
            continue
        count = write_tokens(documents, tokenizer, arguments.work / name)
        print(f"{name}: {len(documents)} documents, {count} tokens")


if __name__ == "__main__":
    main()
