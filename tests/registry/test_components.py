"""Components: parameters and their errors, declarations, identity."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from zsg_registry import (
    Access,
    ArrangeContext,
    Arrangement,
    InputPath,
    Need,
    Parameters,
    ZsgError,
    bind,
    did_you_mean,
    parse_reference,
    required_params,
)


class Sample(Arrangement):
    """Orders nothing.

    More about it.
    """

    class Params(Parameters):
        k: int = Field(3, ge=1)
        mode: Literal["near", "far"] = "near"
        scores: InputPath | None = None
        needed: str

        @model_validator(mode="after")
        def _together(self) -> Sample.Params:
            if self.k == 13 and self.mode == "far":
                raise ValueError("k = 13 is only for near ones")
            return self

    params: Params

    @property
    def stochastic(self) -> bool:
        return self.params.mode == "far"

    def arrange(self, context: ArrangeContext) -> list[int]:
        return []


class Undocumented(Sample):
    stochastic = True  # a plain attribute does where the parameters do not matter
    needs = frozenset({Need.TASKS})
    access = Access.PROMPTS


def bound(text: str, **options: Path | str) -> Sample:
    return bind(Sample, parse_reference(text), **options)  # type: ignore[arg-type]


def test_a_reference_is_typed_by_the_parameters() -> None:
    params = bound("sample[k=5,mode=far,needed=yes]").params
    assert (params.k, params.mode, params.needed) == (5, "far", "yes")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sample[moed=far,needed=x]", "arrangement 'sample': unknown parameter 'moed' (did you mean 'mode'?)"),
        ("sample[zzz=1,needed=x]", "unknown parameter 'zzz' (there are: k, mode, needed, scores)"),
        ("sample", "arrangement 'sample': parameter 'needed' is required"),
        ("sample[k=many,needed=x]", "parameter 'k': should be a valid integer"),
        ("sample[k=0,needed=x]", "parameter 'k': should be greater than or equal to 1, got 0"),
        ("sample[mode=fra,needed=x]", "parameter 'mode': should be 'near' or 'far', got 'fra'"),
        ('sample[k="a\\nb",needed=x]', "parameter 'k': "),
        ("sample[k=13,mode=far,needed=x]", "arrangement 'sample': k = 13 is only for near ones"),
    ],
)
def test_errors_of_parameters_are_one_line_each(text: str, told: str) -> None:
    with pytest.raises(ZsgError) as caught:
        bound(text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_says_where_when_told() -> None:
    with pytest.raises(ZsgError, match=r"^matrix.toml, arrangements\[2\]: parameter 'needed' is required$"):
        bound("sample", where="matrix.toml, arrangements[2]")


def test_required_parameters_are_named() -> None:
    assert required_params(Sample) == ["needed"]


def test_parameters_do_not_change() -> None:
    sample = Sample(needed="x")
    with pytest.raises(ValidationError):
        sample.params.k = 4


def test_the_identity_holds_what_differs_from_the_defaults_and_files_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("a,1")
    sample = bound("sample[needed=x,k=3,mode=far,scores=scores.csv]", base_dir=tmp_path)
    content = hashlib.sha256(b"a,1").hexdigest()
    assert sample.identity_params() == {"needed": "x", "mode": "far", "scores": content}
    (tmp_path / "scores.csv").write_text("a,2")
    assert sample.identity_params()["scores"] != content
    (tmp_path / "scores.csv").unlink()
    with pytest.raises(ZsgError, match=r"scores.csv cannot be read: No such file or directory"):
        sample.identity_params()
    assert sample.params.scores == str(tmp_path / "scores.csv")
    assert bound("sample[needed=x,scores=s3://bucket/s.csv]", base_dir=tmp_path).params.scores == "s3://bucket/s.csv"


def test_declarations_depend_on_the_parameters_or_are_plain_attributes() -> None:
    assert not Sample(needed="x").stochastic
    assert Sample(needed="x", mode="far").stochastic
    assert (Sample(needed="x").needs, Sample(needed="x").access) == (frozenset(), Access.NONE)
    plain = Undocumented(needed="x")
    assert (plain.stochastic, plain.needs, plain.access) == (True, {Need.TASKS}, Access.PROMPTS)


def test_the_summary_is_the_first_line_of_the_classs_own_docstring() -> None:
    assert Sample.summary() == "Orders nothing."
    assert Undocumented.summary() == ""


def test_a_hint_names_what_is_near_or_what_there_is() -> None:
    assert did_you_mean("tna", ["nft", "tma", "fft"]) == " (did you mean 'tma'?)"
    assert did_you_mean("xyz", ["nft", "tma"]) == " (there are: nft, tma)"
    assert did_you_mean("xyz", []) == " (there are none)"
    assert did_you_mean("x", [f"name-{i:02}" for i in range(25)]).endswith("name-19, …)")
