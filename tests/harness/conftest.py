"""A real, very small causal language model, small data, tasks of lm-eval, for whole cells; an S3 server."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.models.loading import load_model
from zsg_harness.models.resolve import resolve_model
from zsg_registry import Example, ExampleSet

TASK = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: {kind}
doc_to_text: "{{{{bos}}}}User: {{{{prompt}}}}\\nAssistant:"
"""
CHOICE = """doc_to_choice: "choices"
doc_to_target: "gold"
metric_list: [{metric: acc}, {metric: acc_norm}, {metric: acc_bytes}]
"""
LIKELIHOOD = """doc_to_target: " {{completion}}{{eos}}"
metric_list: [{metric: acc}, {metric: perplexity}]
"""


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialised Llama of 60,000 parameters with zsg-tiny's tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    bundled = resolve_model(ModelEntry(use="zsg-tiny"), Path())
    tokenizer = AutoTokenizer.from_pretrained(bundled.name_or_path)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("small-model")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def lm(small_model: Path) -> CausalLM:
    """The small model, fresh for each test."""
    return load_model(ModelEntry(use=str(small_model)), Path(), torch.device("cpu"))


@pytest.fixture(scope="session")
def examples() -> ExampleSet:
    """Forty examples whose lengths differ widely."""
    words = [
        "the",
        "quick",
        "brown",
        "fox",
        "jumps",
        "over",
        "a",
        "lazy",
        "dog",
        "while",
        "seven",
        "ships",
        "sail",
        "home",
    ]
    return ExampleSet.from_examples(
        Example(
            id=f"e{i}",
            task=f"task-{i % 4}",
            prompt=" ".join(words[j % len(words)] for j in range(i * 3 % 50 + 1)),
            completion=" ".join(words[(i + j) % len(words)] for j in range(i % 7 + 1)),
        )
        for i in range(40)
    )


@pytest.fixture(scope="session")
def choices() -> ExampleSet:
    """Twenty questions with two to four options of unlike lengths, some of them not of ASCII."""
    options = ["yes", "no", "perhaps it is", "été", "a rather long answer to a short question", "東京", "maybe"]
    return ExampleSet.from_examples(
        Example(
            id=f"q{n}",
            task=f"task-{n % 3}",
            prompt=f"Is number {n} {'really ' * (n % 4)}nice?",
            completion=options[(n + n % 2) % 7],
            choices=tuple(options[(n + k) % 7] for k in range(2 + n % 3)),
        )
        for n in range(20)
    )


@pytest.fixture(scope="session")
def lm_eval_tasks(choices: ExampleSet, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tasks `local_choice` and `local_likelihood` over `choices`."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small_model)
    special = {"bos": tokenizer.bos_token, "eos": tokenizer.eos_token}
    folder = tmp_path_factory.mktemp("tasks")
    rows = [
        {
            "prompt": each.prompt,
            "completion": each.completion,
            "choices": each.choices,
            "gold": each.choices.index(each.completion),
            **special,
        }
        for each in choices
        if each.choices is not None
    ]
    data = folder / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for name, kind, rest in (("choice", "multiple_choice", CHOICE), ("likelihood", "loglikelihood", LIKELIHOOD)):
        text = TASK.format(name=f"local_{name}", data=data, kind=kind) + rest
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


class S3Server:
    """moto's S3, which looks whether a file is there and then writes it: here, as in S3, nobody comes between.

    Attributes:
        url: Where it is.
        requests: What it was asked, `METHOD /bucket/key`.
        lose: So many conditional writes are done, but the answer is lost.
    """

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.requests: list[str] = []
        self.lose = 0
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._one_by_one = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        if "HTTP_IF_NONE_MATCH" not in environ:
            return self._moto(environ, start_response)
        with self._one_by_one:
            if not self.lose:
                return self._moto(environ, start_response)
            self.lose -= 1
            list(self._moto(environ, lambda *arguments: None))
        start_response("500 Internal Server Error", [])
        return [b""]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.end()


_buckets = count()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The URL of an empty bucket, which processes find by their environment."""
    import boto3
    from s3fs import S3FileSystem

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    S3FileSystem.clear_instance_cache()
    name = f"bucket-{next(_buckets)}"
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=name)
    s3_server.requests.clear()
    return f"s3://{name}"
