"""Allow-lists for untrusted JSON files: the allowed keys, types and ranges of each file.

A file is checked before any library reads it. The tables are in model_config, adapter_config, tokenizer_files and
saved_files; they are made of the rules in finetooth.rules. Nothing here reads a file or imports a model library:
sources, models and doctor pass in the values.
"""

from finetooth.rules import Problem
from finetooth.untrusted.adapter_config import adapter_settings, check_adapter_config
from finetooth.untrusted.json_files import check_file, parse
from finetooth.untrusted.model_config import model_settings
from finetooth.untrusted.saved_files import check_labels, check_manifest
from finetooth.untrusted.tensor_sizes import check_sizes
from finetooth.untrusted.tokenizer_files import tokenizer_settings

__all__ = [
    "Problem",
    "adapter_settings",
    "check_adapter_config",
    "check_file",
    "check_labels",
    "check_manifest",
    "check_sizes",
    "model_settings",
    "parse",
    "tokenizer_settings",
]
