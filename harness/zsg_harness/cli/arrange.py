"""`arrange`: order one's own data, for any trainer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from zsg_harness.cli.options import OutputFolder, complete_components, complete_models, json_option, quiet_option
from zsg_harness.cli.output import duration, note, print_json, print_table

if TYPE_CHECKING:
    from zsg_harness.orders.arrange import Arranged
    from zsg_harness.services.embeddings import Embedded

_SUFFIXES: Final = (".jsonl", ".parquet")


class OrderOut(click.ParamType[Path]):
    """A file to write. That it can be written is seen before any work is done."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Take a path with a known suffix in a folder that can be made and written."""
        path = Path(value)
        if path.suffix not in _SUFFIXES:
            self.fail(f"{value!r} must end with {' or '.join(_SUFFIXES)}", param, ctx)
        if path.is_dir():
            self.fail(f"{path} is a folder", param, ctx)
        OutputFolder().convert(path.parent, param, ctx)
        return path


class ExampleBudget(click.ParamType["int | None"]):
    """`3000` examples, or `all`."""

    name = "N|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """A number, or None for all."""
        if value == "all":
            return None
        if not value.isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is not a number of examples, nor 'all'", param, ctx)
        return int(value)


@click.command()
@click.argument("pool", metavar="POOL")
@click.option("--query", metavar="FILE|REF", help="Examples of what the model shall do well.")
@click.option(
    "-a",
    "--arrangement",
    required=True,
    metavar="REF",
    shell_complete=complete_components("arrangement"),
    help="An arrangement, such as tma or 'nft | zigzag' (see 'plugins list').",
)
@click.option(
    "-e",
    "--embedder",
    default="minilm",
    show_default=True,
    metavar="REF",
    shell_complete=complete_components("embedder"),
    help="An embedder, for arrangements that need one.",
)
@click.option(
    "--budget", type=ExampleBudget(), metavar="N|all", default="all", show_default=True, help="How many examples."
)
@click.option(
    "--token-budget", type=click.IntRange(min=1), metavar="N", help="Cut the order at so many tokens of --model."
)
@click.option(
    "-m",
    "--model",
    metavar="MODEL",
    shell_complete=complete_models,
    help="A base model, for what needs one: zsg-tiny, a folder or a hub id.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    metavar="N",
    help="Examples of an optimizer step, where the arrangement does not set the steps.",
)
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="What random arrangements draw from.")
@click.option("--oracle", is_flag=True, help="Put down that the query is the very set that will be scored.")
@click.option(
    "--out",
    "outs",
    type=OrderOut(),
    required=True,
    multiple=True,
    metavar="FILE",
    help="ordered.jsonl: the data, for a trainer (and ordered.order.json: where the order came from)."
    " ordered.parquet: the order by ids, for 'replay' and 'diff'. May be repeated.",
)
@click.option(
    "--cache",
    type=OutputFolder(),
    metavar="DIR",
    help="Where embeddings are kept for the next time [default: ~/.cache/zsg-harness].",
)
@json_option
@quiet_option
def arrange(pool: str, query: str | None, outs: tuple[Path, ...], as_json: bool, quiet: bool, **settings: Any) -> None:
    """Order your own data, for any trainer.

    POOL is a file of examples (.jsonl, .jsonl.gz, .json, .parquet) or a folder of them: objects with 'prompt' and
    'completion', or 'messages'. So is the query; of one that an arrangement reads by its prompts alone, no answers are
    needed. Or POOL is a dataset by reference, such as procedural: then its seen side is ordered, and its unseen side is
    the query if no other is named.
    """
    from zsg_harness.cli.embedding import silence_libraries, watch_embedding
    from zsg_harness.orders.arrange import Arranger, Settings
    from zsg_harness.orders.inputs import Sources, query_of
    from zsg_harness.orders.output import write_arranged
    from zsg_harness.store.places import user_cache
    from zsg_registry import Access, Registry

    silence_libraries()
    registry = Registry()
    arranger = Arranger(Settings(**settings), registry)
    sources = Sources(registry, settings["cache"] or user_cache())
    data = sources.read(pool)
    own = data.unseen
    answers = arranger.access is Access.ANSWERS
    query_set = own if query is None else query_of(sources.read(query, answers=answers))
    with watch_embedding(quiet=quiet) as on_progress:
        arranged = arranger.arrange(data.seen, query_set, on_progress=on_progress)
    files = [file for out in outs for file in write_arranged(arranged, data.seen, out)]
    if query is not None and arranger.access is Access.NONE and not quiet:
        note(f"the query was not used: {settings['arrangement']} looks at none")
    if as_json:
        print_json({"files": files, **_summary(arranged), "order": arranged.file.document})
    else:
        print_table(("", ""), _rows(arranged, files))


def _summary(arranged: Arranged) -> dict[str, Any]:
    stages = arranged.order.stages
    return {
        "stages": None if stages is None else len(set(stages.tolist())),
        "embedded": [asdict(part) for part in arranged.embedded],
        "seconds": arranged.seconds,
    }


def _rows(arranged: Arranged, files: list[Path]) -> list[tuple[str, str]]:
    document, summary = arranged.file.document, _summary(arranged)
    looked_at = document["query"]
    query = "none" if looked_at is None else f"{looked_at['examples']:,} ({document['access']})"
    return [
        ("files", ", ".join(map(str, files))),
        ("arrangement", document["arrangement"]),
        ("examples", f"{document['examples']:,} of {document['pool']['examples']:,}"),
        ("query", query + (", the set that is scored" if document["oracle"] else "")),
        ("steps", f"{document['steps']:,}"),
        ("stages", "–" if summary["stages"] is None else f"{summary['stages']:,}"),
        ("set hash", document["set_hash"]),
        ("order hash", document["order_hash"]),
        *((f"{part.role} texts", _cut(part)) for part in arranged.embedded if part.truncated is not None),
        ("took", duration(summary["seconds"])),
    ]


def _cut(part: Embedded) -> str:
    """How many texts the embedder did not read to the end."""
    assert part.truncated is not None
    return f"{part.truncated:,} of {part.texts:,} cut by the embedder ({part.truncated / part.texts:.1%})"
