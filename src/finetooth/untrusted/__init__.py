"""What a stranger's JSON may hold: one allow-list a file, with types and ranges, before any library sees a value of it.

The tables stand in model_config, adapter_config, tokenizer_files and saved_files; rules holds the words that they are
written in. Nothing here reads a file or imports a model library: sources, model and doctor hand over what they read.
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
