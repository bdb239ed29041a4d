"""What the tests of several kinds of plugins need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def make_judge(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A randomly initialised classifier of a few thousand parameters over characters."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForSequenceClassification
    from transformers import PreTrainedTokenizerFast as Fast

    def make(kind: str = "bert", labels: int = 1, chat_template: str | None = None) -> Path:
        characters = ["[PAD]", "[UNK]", *map(chr, range(32, 127)), "\n"]
        vocabulary = {character: number for number, character in enumerate(characters)}
        core = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
        core.pre_tokenizer = pre_tokenizers.Split("", "isolated")
        tokenizer = Fast(tokenizer_object=core, unk_token="[UNK]", pad_token="[PAD]", model_max_length=64)
        tokenizer.chat_template = chat_template
        sizes: dict[str, Any] = {"vocab_size": len(characters), "hidden_size": 8, "num_hidden_layers": 1}
        sizes |= {"num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 64, "num_labels": labels}
        torch.manual_seed(0)
        if kind == "bert":
            model: Any = BertForSequenceClassification(BertConfig(**sizes, pad_token_id=0))
        else:
            model = LlamaForSequenceClassification(LlamaConfig(**sizes, pad_token_id=None))
        folder = tmp_path_factory.mktemp("judge")
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make
