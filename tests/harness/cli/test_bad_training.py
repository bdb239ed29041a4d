"""Settings and models that cannot be trained: exit code 2, one line that says what to mend, and nothing written."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.models.resolve import resolve_model

NO_ANSWER = "{% for m in messages %}{{ m.content }}{% generation %}{% endgeneration %}{% endfor %}"
NO_LABEL = "{% for m in messages if m.role == 'assistant' %}{% generation %}{% endgeneration %}{% endfor %}"
REFUSES = "{{ raise_exception('Conversation roles must alternate\nuser/assistant') }}"


@pytest.fixture
def model(mini: Path) -> Callable[..., None]:
    """`model(eos_token=None)` puts zsg-tiny beside the mini matrix as `base`, with other tokenizer settings."""

    def put(**settings: object) -> None:
        bundled = Path(resolve_model(ModelEntry(use="zsg-tiny"), Path()).name_or_path)
        folder = Path(shutil.copytree(bundled, mini.parent / "base"))
        config = json.loads((folder / "tokenizer_config.json").read_text()) | settings
        (folder / "tokenizer_config.json").write_text(
            json.dumps({name: value for name, value in config.items() if value is not None})
        )
        mini.write_text(mini.read_text().replace("[matrix]", '[matrix]\n        models = ["./base"]'))

    return put


@pytest.fixture
def training(mini: Path) -> Callable[[str], None]:
    """`training("batch_size = 0")` adds a line to the mini matrix's `[training]`."""

    def add(line: str) -> None:
        mini.write_text(mini.read_text().replace("[training]", f"[training]\n        {line}"))

    return add


@pytest.fixture
def refused(zsg: Callable[..., Any], mini: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs the mini matrix, sees that it is refused as it should be, and gives the one line."""

    def run(*options: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        result = zsg("run", "--matrix", mini, "--store", "store", *options)
        assert result.code == 2
        assert result.out == ""
        assert result.err.count("\n") == 1
        assert result.err.startswith("zsg-harness: error: ")
        assert len(result.err) < 500
        assert not Path("store").exists()
        assert sorted(tmp_path.rglob("*")) == before
        return str(result.err)

    return run


def test_a_tokenizer_without_eos(model: Callable[..., None], refused: Callable[..., str]) -> None:
    model(eos_token=None)
    assert "the model's tokenizer has no EOS token: an answer could not end" in refused()


@pytest.mark.parametrize("missing", ["bos_token", "pad_token"])
def test_a_tokenizer_without_bos_or_pad_will_do(
    missing: str, model: Callable[..., None], zsg: Callable[..., Any], mini: Path
) -> None:
    model(**{missing: None})
    result = zsg("run", "--matrix", mini, "--store", "store", "--in-process", "--filter", "budget=4", "--limit", "1")
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (
            NO_LABEL,
            "no training example of mini has a label left to predict (template = 'chat.jinja', max_length = 32)",
        ),
        (REFUSES, "the chat template cannot render a dialogue: Conversation roles must alternate user/assistant"),
        (NO_ANSWER, "the chat template renders 2 answers of 1"),
        ("{% for", "the chat template cannot render a dialogue: "),
    ],
)
def test_a_template_that_leaves_nothing_to_train(
    source: str, complaint: str, mini: Path, training: Callable[[str], None], refused: Callable[..., str]
) -> None:
    (mini.parent / "chat.jinja").write_text(source)
    training('template = "chat.jinja"')
    assert complaint in refused()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('template = "no-such.jinja"', "template 'no-such.jinja': No such file or directory"),
        ('template = "papre"', "a template is 'paper', 'tokenizer' or a Jinja file"),
        ('template = ""', "'training.template'"),
        ('template = "tokenizer"', "the model's tokenizer has no chat template; use 'paper' or a file"),
        ("batch_size = 0", "'training.batch_size': input should be greater than or equal to 1, got 0"),
        ("batch_size = -4", "'training.batch_size': input should be greater than or equal to 1, got -4"),
        ("batch_size = 1.5", "'training.batch_size'"),
        ('learning_rate = "1e-4"', "'training.learning_rate': input should be a valid number, got '1e-4'"),
        ("learning_rate = 0", "'training.learning_rate'"),
        ("learning_rate = nan", "'training.learning_rate'"),
        ("learning_rate = inf", "'training.learning_rate'"),
        ("betas = [0.9]", "'training.betas"),
        ('loss_on = "first"', "'training.loss_on'"),
        ("lora = {rank = 0}", "'training.lora.rank'"),
        ("lora = {rnak = 4}", "'rank'"),
    ],
)
def test_settings_that_cannot_be_trained_with(
    line: str, complaint: str, training: Callable[[str], None], refused: Callable[..., str]
) -> None:
    training(line)
    assert complaint in refused()


def test_an_optimizer_that_is_not_there(
    training: Callable[[str], None], refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)  # not to be found, even where it is installed
    training('optimizer = "adamw-8bit"')
    assert "optimizer 'adamw-8bit' needs bitsandbytes: pip install 'zsg-harness[bits]'" in refused()


def test_a_tracker_that_is_not_there(refused: Callable[..., str]) -> None:
    assert "unknown tracker 'tensorbord' (did you mean 'tensorboard'?)" in refused("--track", "tensorbord")
