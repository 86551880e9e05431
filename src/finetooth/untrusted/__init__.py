"""Allow-lists for untrusted JSON files: for each file its keys, types and ranges, checked before any library sees it.

The tables are in model_config, adapter_config, tokenizer_files and saved_files; the rules they use are in rules.
Nothing here reads a file or imports a model library: sources, model and doctor pass in the values.
"""

from finetooth.rules import Problem
from finetooth.untrusted.adapter_config import adapter_settings, check_adapter_config
from finetooth.untrusted.code_keys import refused_key
from finetooth.untrusted.json_files import check_file, parse
from finetooth.untrusted.model_config import check_model_config, model_settings
from finetooth.untrusted.saved_files import check_identity, check_labels, check_manifest
from finetooth.untrusted.tensor_sizes import check_sizes
from finetooth.untrusted.tokenizer_files import check_tokenizer_file, tokenizer_settings
from finetooth.wording import short

__all__ = [
    "Problem",
    "adapter_settings",
    "check_adapter_config",
    "check_file",
    "check_identity",
    "check_labels",
    "check_manifest",
    "check_model_config",
    "check_sizes",
    "check_tokenizer_file",
    "model_settings",
    "parse",
    "refused_key",
    "short",
    "tokenizer_settings",
]
