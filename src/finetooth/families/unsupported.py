"""Layer names of families that are not supported, so that the doctor can examine adapters of them.

Source: the module names of transformers 5 (modeling_*.py). Saved tensors have these names, so they do not change.
"""

from finetooth.families import bert_layers
from finetooth.families.family import LayerNames

UNSUPPORTED = (
    # Saved from an encoder without a classifier, whose names do not include the family.
    LayerNames(
        "BERT-like", bert_layers.LINEAR, ("bert", "roberta", "xlm-roberta", "camembert", "electra", "mpnet"), True,
        bert_layers.ATTENTION,
    ),
    LayerNames(
        "DeBERTa",
        r"(deberta\.)?encoder\.layer\.\d+\.(attention\.self\.(query_proj|key_proj|value_proj|in_proj)|attention\.output"
        r"\.dense|intermediate\.dense|output\.dense)", ("deberta", "deberta-v2"), None,
        r".*\.attention\.self\.\w+_proj", ("classifier",), ("pooler.dense",),  # peft's modules_to_save lacks the pooler
    ),
    LayerNames(
        "MPNet", r"(mpnet\.)?encoder\.layer\.\d+\.(attention\.attn\.[qkvo]|intermediate\.dense|output\.dense)",
        ("mpnet",), True, r".*\.attention\.attn\.[qkvo]", ("classifier.dense", "classifier.out_proj"),
    ),
    LayerNames(
        "ALBERT", r"(albert\.)?encoder\.albert_layer_groups\..*", ("albert",), True,
        r".*\.attention\.(query|key|value|dense)", ("classifier",),
    ),
    LayerNames(
        "ModernBERT", r"(model\.)?layers\.\d+\.(attn\.(Wqkv|Wo)|mlp\.(Wi|Wo))", ("modernbert",), None,
        r".*\.attn\.(Wqkv|Wo)",
    ),
    LayerNames(
        "OPT", r"(model\.)?decoder\.layers\.\d+\..*", ("opt",), True, r".*\.self_attn\.(q|k|v|out)_proj",
        encoder=False,
    ),
    LayerNames(
        "GPT-2", r"(transformer\.)?h\.\d+\.(attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)", ("gpt2",), True,
        r".*\.attn\.c_\w+", encoder=False,
    ),
    LayerNames(
        "T5", r"((transformer|encoder|decoder)\.)*block\.\d+\.layer\.\d+\.\w+\.\w+", ("t5", "mt5", "umt5"), False,
        r".*\.\w*Attention\.[qkv]", encoder=False,
    ),
    LayerNames(
        "decoder of the Llama kind", r"(model\.)?layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)",
        ("llama", "mistral", "mixtral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "smollm3", "olmo", "olmo2",
         "granite", "cohere", "starcoder2", "stablelm"),
        None, r".*\.self_attn\.[qkv]_proj", encoder=False,
    ),
)  # fmt: skip
