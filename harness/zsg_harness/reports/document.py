"""The leaderboard as one JSON document, in full precision."""

from __future__ import annotations

from typing import Any, Final

from zsg_harness.reports.board import Leaderboard, Section
from zsg_harness.reports.expectations import Finding
from zsg_harness.reports.table import SectionKey, plain, plain_records

SCHEMA_VERSION: Final = 1


def document(board: Leaderboard) -> dict[str, Any]:
    """What `leaderboard.json` holds: the rows, the sections' notes, and all it takes to run it again.

    A figure that cannot be computed is null.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "title": board.title,
        "state": board.state,
        "rows": plain_records(board.rows),
        "sections": [_section(board, section) for section in board.sections],
        "findings": [_finding(finding) for finding in board.findings],
        "open": [
            {
                "cell_id": cell.cell_id,
                **cell.labels.model_dump(),
                "seeds": list(cell.seeds),
                "state": cell.state,
                "reason": cell.reason,
            }
            for cell in board.results.open
        ],
        "directions": dict(board.results.directions),
        "provenance": {name: list(values) for name, values in board.environment.items()},
        "differences": {name: dict(values) for name, values in board.differences.items()},
        "matrices": [
            {"plan": stem, "name": plan.name, "matrix": plan.matrix} for stem, plan in board.results.plans.items()
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    apart = finding.difference
    return {
        "lower": finding.lower,
        "than": finding.than,
        "figure": finding.figure,
        "source": finding.source,
        **(finding.section._asdict() if finding.section else dict.fromkeys(SectionKey._fields)),
        "difference": None if apart is None else {key: plain(value) for key, value in apart.interval._asdict().items()},
        "replicates": None if apart is None else apart.replicates,
        "outcome": finding.outcome,
    }


def _section(board: Leaderboard, section: Section) -> dict[str, Any]:
    apart = [board.decompositions.get(row.key) for row in section.rows]
    return {
        **section.key._asdict(),
        "held_out": section.held_out,
        "headline": section.headline,
        "notes": list(section.notes),
        "contamination": [{"task": each.task, **each.kinds} for each in section.contaminated],
        "null_band_aulc": {name: plain(value) for name, value in section.null_band._asdict().items()},
        "dynamics": [board.dynamics[row.key].document() for row in section.rows],
        "decompositions": [one.document() for one in apart if one is not None],
    }
