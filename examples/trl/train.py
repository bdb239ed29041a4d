"""Train TRL's SFTTrainer on what `zsg-harness arrange` wrote, in exactly that order.

python train.py ordered.jsonl --model MODEL --out FOLDER
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer


def trainer_for(data: Path, model: str, out: Path, max_length: int = 1024) -> SFTTrainer:
    """A trainer whose step t consumes step t of the order."""
    order = json.loads(data.with_suffix(".order.json").read_text())
    if order["steps_set"]:
        raise SystemExit("the order has steps of its own sizes, which this trainer cannot make")
    examples = load_dataset("json", data_files=str(data), split="train")
    on_gpu = torch.cuda.is_available()
    config = SFTConfig(
        output_dir=str(out),
        per_device_train_batch_size=order["batch_size"],
        train_sampling_strategy="sequential",  # the default shuffles
        packing=False,  # packing moves examples between steps
        max_length=max_length,
        num_train_epochs=1,
        use_cpu=not on_gpu,
        bf16=on_gpu,
        activation_checkpointing=on_gpu,
        report_to="none",
        save_strategy="no",
    )
    tokenizer = AutoTokenizer.from_pretrained(model)
    loaded = AutoModelForCausalLM.from_pretrained(model)
    trainer = SFTTrainer(loaded, args=config, train_dataset=examples, processing_class=tokenizer)
    if len(trainer.train_dataset) != len(examples):  # what follows a dropped example would move to earlier steps
        raise SystemExit(
            "TRL dropped examples whose answer does not fit max_length: raise it, or leave them out before"
        )
    return trainer


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, default=Path("trained"))
    arguments = parser.parse_args()
    trainer = trainer_for(arguments.data, arguments.model, arguments.out)
    trainer.train()
    trainer.save_model()
