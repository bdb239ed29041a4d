"""When memory runs out: half as much at once, from the beginning of the step, with the same result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import weakref
from typing import Any

import numpy as np
import pytest
import torch

from zsg_harness.evaluation.losses import example_losses
from zsg_harness.matrix.schema import RunTable, TrainingTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.encoding import encode
from zsg_harness.training.loop import Trainer
from zsg_harness.training.memory import MemoryBudget
from zsg_harness.training.world import World
from zsg_registry import ExampleSet, ZsgError

# What torch raises where it cannot allocate: on a CPU, where a library cannot, on a GPU, and what Python itself does.
CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    " 4398046511104 bytes. Error code 12 (Cannot allocate memory)\nframe #0: c10::ThrowEnforceNotMet"
)
GPU = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nGPU 0 has a total capacity of 15 GiB")
CUBLAS = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
OUT = [CPU, GPU, CUBLAS, RuntimeError("std::bad_alloc"), MemoryError()]


def limited(fits: int, error: Exception) -> tuple[MemoryBudget, list[int], Any]:
    """A budget of 1000 tokens, what was tried, and work that runs out of memory with more tokens than fit."""
    tried: list[int] = []

    def work(tokens: int) -> str:
        tried.append(tokens)
        if tokens > fits:
            raise error
        return f"done with {tokens}"

    return MemoryBudget(1000), tried, work


@pytest.mark.parametrize("error", OUT, ids=["cpu", "gpu", "cublas", "library", "python"])
def test_the_work_is_redone_with_half_until_it_fits(error: Exception) -> None:
    budget, tried, work = limited(300, error)
    assert budget.run(work) == "done with 250"
    assert tried == [1000, 500, 250]
    assert (budget.tokens, budget.halvings) == (250, 2)
    assert budget.run(work) == "done with 250"
    assert tried == [1000, 500, 250, 250]


@pytest.mark.parametrize("error", [CPU, GPU, MemoryError()], ids=["cpu", "gpu", "python"])
def test_the_least_budget_that_is_too_much_is_one_clear_line(error: Exception) -> None:
    budget, tried, work = limited(0, error)
    with pytest.raises(ZsgError, match="out of memory with 64 tokens at a time: ") as caught:
        budget.run(work)
    assert tried == [1000, 500, 250, 125, 64]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1"),
        RuntimeError("CUDA error: device-side assert triggered"),
        ValueError("out of memory"),
        ZsgError("the batch of step 1 has no label"),
    ],
)
def test_other_errors_pass_through_at_once(error: Exception) -> None:
    budget, tried, work = limited(0, error)
    with pytest.raises(type(error)) as caught:
        budget.run(work)
    assert caught.value is error
    assert tried == [1000]
    assert budget.halvings == 0


def test_the_tensors_of_the_failed_attempt_are_gone_when_the_next_begins() -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def work(tokens: int) -> bool:
        if held:
            return held[0]() is None
        activations = torch.zeros(tokens)
        held.append(weakref.ref(activations))
        raise torch.OutOfMemoryError

    assert MemoryBudget(1000).run(work)


@pytest.mark.parametrize("dropout", [False, True])
def test_a_step_that_is_redone_draws_what_it_would_have_drawn(
    dropout: bool, lm: CausalLM, examples: ExampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory runs out in the middle of the backward pass; generators and gradients are as if it never had begun."""
    if dropout:
        for block in lm.model.model.layers:
            block.self_attn.attention_dropout = 0.5
    encoded = encode(examples, lm.tokenizer, 64)
    begin = {name: value.clone() for name, value in lm.model.state_dict().items()}
    usual = lm.answer_losses
    found = []
    for fails_at in (None, 3):
        calls = 0

        def losses(batch: Any, fails_at: int | None = fails_at) -> torch.Tensor:
            nonlocal calls
            calls += 1
            if calls == fails_at:
                raise GPU
            return usual(batch)

        monkeypatch.setattr(CausalLM, "answer_losses", lambda self, batch: losses(batch))
        lm.model.load_state_dict(begin)
        torch.manual_seed(4)
        tokens = 128 if fails_at is None else 256
        trainer = Trainer(lm, encoded, 2, TrainingTable(), RunTable(micro_batch_tokens=tokens), World())
        records = [trainer.step(np.arange(16)), trainer.step(np.arange(16, 32))]
        assert trainer.memory.halvings == (0 if fails_at is None else 1)
        weights = torch.cat([parameter.detach().flatten() for parameter in lm.model.parameters()])
        found.append(([(record.loss, record.gradient_norm) for record in records], weights, torch.get_rng_state()))
        assert sorted(records[0].consumed) == list(range(16))
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])
    assert torch.equal(found[0][2], found[1][2])


def test_losses_are_the_same_in_the_parts_that_fit(
    lm: CausalLM, examples: ExampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = encode(examples, lm.tokenizer, 64)
    expected = example_losses(lm, encoded, 1600)
    usual = lm.answer_losses

    def losses(self: CausalLM, batch: Any) -> torch.Tensor:
        if batch.input_ids.numel() > 200:
            raise CPU
        return usual(batch)

    monkeypatch.setattr(CausalLM, "answer_losses", losses)
    assert example_losses(lm, encoded, 1600) == pytest.approx(expected, abs=1e-5)


# A step of 16 examples of 256 tokens, whose activations take several times what is left of the address space; before
# it, the same step with all the memory of the machine.
REAL = """
import json, resource, sys

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from zsg_harness.matrix.schema import RunTable, TrainingTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.loop import Trainer
from zsg_harness.training.world import World

torch.set_num_threads(1)
torch.manual_seed(1)
config = LlamaConfig(
    vocab_size=128, hidden_size=32, intermediate_size=8192, num_hidden_layers=1, num_attention_heads=2
)
lm = CausalLM(LlamaForCausalLM(config).eval(), None, torch.device("cpu"))
lm.choose_form()
assert lm.form == "packed"
begin = {name: value.clone() for name, value in lm.model.state_dict().items()}
tokens = np.random.default_rng(0).integers(0, 128, 16 * 256).astype(np.int32)
is_label = np.tile(np.arange(256) >= 250, 16)
pool = Encoded.of(tokens, is_label, np.arange(0, 4097, 256))
for left in (None, int(sys.argv[1])):
    lm.model.load_state_dict(begin)
    trainer = Trainer(lm, pool, 9, TrainingTable(), RunTable(micro_batch_tokens=4096), World())
    if left is not None:
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + left, used + left))
    record = trainer.step(np.arange(16))
    weights = torch.cat([value.flatten() for value in lm.model.state_dict().values()])
    print(json.dumps({
        "loss": record.loss,
        "norm": record.gradient_norm,
        "consumed": sorted(record.consumed.tolist()),
        "tokens": trainer.memory.tokens,
        "halvings": trainer.memory.halvings,
        "weights": weights[::1000].tolist(),
    }))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits a process's memory as Linux does")
def test_a_step_that_really_runs_out_of_memory_is_the_step_it_would_have_been() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REAL, str(300 * 2**20)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    unlimited, limited = (json.loads(line) for line in done.stdout.splitlines())
    assert (unlimited["tokens"], unlimited["halvings"]) == (4096, 0)
    assert limited["halvings"] >= 1
    assert limited["tokens"] == 4096 >> limited["halvings"]
    assert limited["consumed"] == unlimited["consumed"] == list(range(16))
    assert limited["loss"] == pytest.approx(unlimited["loss"], rel=1e-5)
    assert limited["norm"] == pytest.approx(unlimited["norm"], rel=1e-5)
    assert limited["weights"] == pytest.approx(unlimited["weights"], abs=1e-6)  # an update is of 3e-4
