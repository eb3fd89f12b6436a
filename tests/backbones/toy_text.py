"""Text encoders of the layout of NVIDIA's, a few numbers wide, with tokenizers of a handful of words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    T5Config,
    T5EncoderModel,
)

WORDS = (
    "<pad>",
    "</s>",
    "<unk>",
    *["a", "an", "arm", "puts", "the", "box", "on", "conveyor", "system", "user", "You", "are"],
)
TEMPLATE = "{% for m in messages %}{{ m['role'] }} {{ m['content'][0]['text'] }} {% endfor %}"


def toy_tokenizer(*, ends: bool) -> PreTrainedTokenizerFast:
    """Return a tokenizer by words; one that `ends` closes every text, as T5's does."""
    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    if ends:
        words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", chat_template=TEMPLATE
    )


def store_t5(folder: Path) -> Path:
    """Write text_encoder/ and tokenizer/; the context is 12 wide."""
    torch.manual_seed(0)
    config = T5Config(vocab_size=len(WORDS), d_model=12, d_kv=4, d_ff=16, num_layers=2, num_heads=3)
    return _store(T5EncoderModel(config), toy_tokenizer(ends=True), folder)


def store_reason1(folder: Path) -> Path:
    """Write text_encoder/ and tokenizer/; the context is 2 x 10 wide."""
    torch.manual_seed(0)
    config = Qwen2_5_VLConfig(
        text_config={
            **{"vocab_size": len(WORDS), "hidden_size": 10, "intermediate_size": 12, "num_hidden_layers": 2},
            **{"num_attention_heads": 1, "num_key_value_heads": 1, "max_position_embeddings": 64},
            "rope_scaling": {"type": "mrope", "mrope_section": [2, 2, 1], "rope_type": "default", "rope_theta": 1e4},
        },
        vision_config={"depth": 1, "hidden_size": 8, "intermediate_size": 8, "num_heads": 1, "out_hidden_size": 10},
    )
    return _store(Qwen2_5_VLForConditionalGeneration(config), toy_tokenizer(ends=False), folder)


def _store(encoder: Any, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    encoder.bfloat16().save_pretrained(folder / "text_encoder")
    tokenizer.save_pretrained(folder / "tokenizer")
    return folder
