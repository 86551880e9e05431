"""What is missing or wrong is found and described in sentences; an adapter without faults has no findings."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_folders import CONFIG, PREFIX, WEIGHTS, config, modules, tensors, write

from finetooth.doctor import Diagnosis, base_compatibility, examine
from finetooth.doctor.diagnosis import render
from finetooth.errors import SourceError
from finetooth.files import seal, sha256_file
from finetooth.progress import Progress
from finetooth.sources import Source
from finetooth.untrusted import check_manifest

FIRST = "distilbert.transformer.layer.0.attention.q_lin"
PEFTS_OWN = ("classifier", "score")  # what peft adds to modules_to_save of every classifier


def faults(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(finding.about, finding.what) for finding in diagnosis.findings if finding.kind == "fault"]


def notes(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(finding.about, finding.what) for finding in diagnosis.findings if finding.kind == "note"]


@pytest.mark.parametrize("family", ["distilbert", "bert", "llama"])
@pytest.mark.parametrize("bias", ["none", "lora_only", "all"])
def test_a_whole_adapter_has_no_findings(tmp_path: Path, family: str, bias: str) -> None:
    diagnosis = examine(write(tmp_path / "a", tensors(family, bias=bias), family=family, bias=bias))
    assert (diagnosis.passed, diagnosis.findings) == (True, ())
    assert (diagnosis.adapter["layers"], diagnosis.adapter["rank"], diagnosis.adapter["classes"]) == (4, 4, 3)
    assert render(diagnosis).splitlines()[-1] == "Passed: 0 faults, 0 notes."


def test_biases_that_were_trained_and_lost_are_counted(tmp_path: Path) -> None:
    diagnosis = examine(write(tmp_path / "a", bias="lora_only", peft_version="0.20.0"))
    assert faults(diagnosis) == [
        (
            "biases",
            "4 bias tensors (32 values) missing: bias is 'lora_only', so the biases of the adapted layers were "
            f"trained, but {FIRST}, distilbert.transformer.layer.0.attention.v_lin and 2 more have none. peft before "
            "0.21 does not save them (peft#3306). The adapter loads as another model than the one that was trained.",
        )
    ]
    assert notes(diagnosis) == [("version", "peft 0.20.0 does not save biases trained with lora_only (peft#3306).")]


def test_of_bias_all_the_adapted_layers_are_the_least_and_peft_is_not_blamed(tmp_path: Path) -> None:
    ((about, what),) = faults(examine(write(tmp_path / "a", bias="all", peft_version="0.20.0")))
    assert about == "biases"
    assert what.startswith("at least 4 bias tensors (32 values) missing: bias is 'all', so all biases were trained")
    assert "3306" not in what


def test_one_bias_dropped_is_a_fault(tmp_path: Path) -> None:
    arrays = tensors(bias="lora_only")
    del arrays[f"{PREFIX}{FIRST}.base_layer.bias"]
    ((_, what),) = faults(examine(write(tmp_path / "a", arrays, bias="lora_only")))
    assert what.startswith("1 bias tensor (8 values) missing: bias is 'lora_only'")
    assert f"but {FIRST} have none." in what


def test_a_family_that_may_have_no_biases_is_given_the_doubt(tmp_path: Path) -> None:
    diagnosis = examine(write(tmp_path / "a", tensors("llama"), family="llama", bias="lora_only"))
    assert faults(diagnosis) == []
    ((about, what),) = notes(diagnosis)
    assert about == "biases"
    assert what.endswith("4 bias tensors (32 values) of the adapted layers are not in the file; some models have no "
                         "such biases.")  # fmt: skip


def adapted(module: str, *, rank: int = 4) -> dict[str, np.ndarray]:
    """The matrices of one more module."""
    return {
        f"{PREFIX}{module}.lora_A.weight": np.ones((rank, 8), np.float32),
        f"{PREFIX}{module}.lora_B.weight": np.ones((8, rank), np.float32),
    }


@pytest.mark.parametrize(
    ("module", "lost", "unsure"),
    [("bert.pooler.dense", "5 bias tensors (40 values)", 0), ("projection", "4 bias tensors (32 values)", 1)],
)
def test_a_module_adapted_beside_the_layers_hides_no_lost_bias(
    tmp_path: Path, module: str, lost: str, unsure: int
) -> None:
    arrays = tensors("bert") | adapted(module)
    targets = ["query", "value", "dense", "projection"]
    diagnosis = examine(write(tmp_path / "a", arrays, family="bert", bias="lora_only", target_modules=targets))
    ((about, what),) = faults(diagnosis)
    assert (about, diagnosis.adapter["family"], diagnosis.passed) == ("biases", "BERT", False)
    assert what.startswith(f"{lost} missing: bias is 'lora_only'")
    doubted = [what for about, what in notes(diagnosis) if about == "biases"]
    assert [" but 1 bias tensor (8 values) of " in what for what in doubted] == [True] * unsure


def test_layers_of_two_families_are_of_none(tmp_path: Path) -> None:
    arrays = tensors("bert") | adapted("vision.layers.0.self_attn.q_proj")
    diagnosis = examine(write(tmp_path / "a", arrays, family="bert", target_modules=["query", "value", "q_proj"]))
    assert diagnosis.adapter["family"] is None


def deberta(*saved: str) -> dict[str, np.ndarray]:
    """An adapter of a DeBERTa with these tensors saved whole."""
    arrays = adapted("deberta.encoder.layer.0.attention.self.query_proj")
    return arrays | {f"{PREFIX}{name}": np.ones((3, 8) if "weight" in name else 3, np.float32) for name in saved}


def test_the_pooler_of_a_deberta_that_no_base_need_bring_is_noted(tmp_path: Path) -> None:
    changes = {"target_modules": ["query_proj"]}
    head = ["classifier.weight", "classifier.bias"]
    diagnosis = examine(write(tmp_path / "a", deberta(*head), **changes))
    assert (faults(diagnosis), notes(diagnosis)) == (
        [],
        [
            (
                "head",
                "the file has no pooler.dense.weight and pooler.dense.bias, part of a DeBERTa's head. If the base was "
                "not fine-tuned to classify, it does not have it either, and the reloaded model would classify at "
                "random.",
            )
        ],
    )
    changes["modules_to_save"] = ["classifier", "score", "pooler"]
    complete = deberta(*head, "pooler.dense.weight", "pooler.dense.bias")
    assert examine(write(tmp_path / "b", complete, **changes)).findings == ()
    ((about, what),) = faults(examine(write(tmp_path / "c", deberta(*head, "pooler.dense.weight"), **changes)))
    assert (about, what.split(", which")[0]) == ("head", "the head is incomplete: the file has no pooler.dense.bias")


def test_layers_of_an_encoder_without_task_and_head_are_noted(tmp_path: Path) -> None:
    arrays = {name: tensor for name, tensor in tensors("bert").items() if "classifier" not in name}
    unsaid = {"task_type": None, "modules_to_save": None}
    diagnosis = examine(write(tmp_path / "a", arrays, family="bert", **unsaid))
    assert (diagnosis.passed, notes(diagnosis)) == (
        True,
        [
            (
                "head",
                "task_type is null and no head was saved with the layers of a BERT: a classifier would have an "
                "untrained head.",
            )
        ],
    )
    decoder = {name: tensor for name, tensor in tensors("llama").items() if "score" not in name}
    assert examine(write(tmp_path / "b", decoder, family="llama", **unsaid)).findings == ()
    options = unsaid | {"task_type": "FEATURE_EXTRACTION"}
    assert examine(write(tmp_path / "c", arrays, family="bert", **options)).findings == ()


def test_the_head_of_a_classifier_of_tokens_is_one_layer(tmp_path: Path) -> None:
    arrays = {name: tensor for name, tensor in tensors().items() if "pre_classifier" not in name}
    assert faults(examine(write(tmp_path / "a", arrays, task_type="TOKEN_CLS"))) == []


def test_without_a_configuration_nothing_is_held_against_it(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", tensors() | {f"{PREFIX}projection.weight": np.ones((3, 8), np.float32)})
    (folder / CONFIG).unlink()
    diagnosis = examine(folder)
    assert (faults(diagnosis), notes(diagnosis)) == (
        [("files", "adapter_config.json is missing, so this folder holds no adapter.")],
        [],
    )


@pytest.mark.parametrize(
    "name",
    [
        "bert.embeddings.word_embeddings.token_adapter.trainable_tokens_delta",
        "model.embed_tokens.token_adapter.trainable_tokens_delta",
        "bert.embeddings.word_embeddings.weight",
        "bert.embeddings.word_embeddings.base_layer.weight",
        "model.embed_tokens.weight",
        "lm_head.base_layer.weight",
    ],
)
def test_trained_tokens_and_embeddings_that_peft_keeps_have_their_place(tmp_path: Path, name: str) -> None:
    arrays = tensors("bert") | {f"{PREFIX}{name}": np.ones((3, 8), np.float32)}
    assert examine(write(tmp_path / "a", arrays, family="bert")).findings == ()
    strange = tensors("bert") | {f"{PREFIX}bert.other.weight": np.ones((3, 8), np.float32)}
    assert [about for about, _ in notes(examine(write(tmp_path / "b", strange, family="bert")))] == ["weights"]


@pytest.mark.parametrize("module", ["model.layers.0.mlp.experts", "model.layers.0.mlp.experts.base_layer"])
def test_the_rows_of_a_parameter_of_experts_are_no_rank(tmp_path: Path, module: str) -> None:
    arrays = tensors("llama") | adapted(module, rank=16)
    named = {"target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]}
    assert faults(examine(write(tmp_path / "a", arrays, family="llama", **named))) == []
    assert [about for about, _ in faults(examine(write(tmp_path / "b", arrays, family="llama")))] == ["rank", "targets"]
    ((about, _),) = faults(examine(write(tmp_path / "c", tensors("llama"), family="llama", r=8, **named)))
    assert about == "rank"


def test_a_head_that_was_not_saved_is_a_fault(tmp_path: Path) -> None:
    arrays = {name: tensor for name, tensor in tensors().items() if "classifier" not in name}
    assert faults(examine(write(tmp_path / "a", arrays))) == [
        (
            "head",
            "the file has no tensor of a head, but modules_to_save is ['classifier', 'score']: the reloaded model "
            "would classify at random.",
        )
    ]
    ((_, what),) = faults(examine(write(tmp_path / "b", arrays, modules_to_save=None)))
    assert what.startswith("the file has no tensor of a head, but task_type is 'SEQ_CLS'")
    assert faults(examine(write(tmp_path / "c", arrays, modules_to_save=None, task_type="FEATURE_EXTRACTION"))) == []


def whole_beside_head(family: str, *saved: str) -> dict[str, np.ndarray]:
    """An adapter without a head, with these modules saved whole."""
    arrays = {name: tensor for name, tensor in tensors(family).items() if "lora" in name}
    for name in saved:
        arrays[f"{PREFIX}{name}.weight"] = np.ones((8, 8), np.float32)
        arrays[f"{PREFIX}{name}.bias"] = np.ones(8, np.float32)
    return arrays


@pytest.mark.parametrize(
    ("task", "saved", "options"),
    [
        ("SEQ_CLS", "bert.pooler.dense", ["pooler", "classifier", "score"]),
        ("SEQ_CLS", "bert.pooler.dense", ["classifier", "pooler"]),
        ("TOKEN_CLS", "bert.encoder.layer.1.output.dense", ["layer.1.output", "classifier", "score"]),
        ("SEQ_CLS", "bert.embeddings.LayerNorm", ["embeddings", "classifier", "score"]),
    ],
)
def test_another_module_saved_whole_does_not_stand_for_the_head(
    tmp_path: Path, task: str, saved: str, options: list[str]
) -> None:
    changes: dict[str, Any] = {"family": "bert", "task_type": task, "modules_to_save": options}
    assert faults(examine(write(tmp_path / "a", whole_beside_head("bert", saved), **changes))) == [
        (
            "head",
            f"the file has no tensor of a head, but modules_to_save is {options}: the reloaded model would classify at "
            "random.",
        )
    ]


def test_the_pooler_of_a_deberta_does_not_stand_for_its_head(tmp_path: Path) -> None:
    changes = {"target_modules": ["query_proj"], "modules_to_save": ["classifier", "score", "pooler"]}
    diagnosis = examine(write(tmp_path / "a", deberta("pooler.dense.weight", "pooler.dense.bias"), **changes))
    assert [about for about, _ in faults(diagnosis)] == ["head"]


def test_a_head_of_another_name_is_no_fault(tmp_path: Path) -> None:
    options: dict[str, Any] = {"target_modules": ["q_proj"], "modules_to_save": ["classification_head", *PEFTS_OWN]}
    bart = adapted("model.encoder.layers.0.self_attn.q_proj") | adapted("model.decoder.layers.0.self_attn.q_proj")
    bart[f"{PREFIX}classification_head.out_proj.weight"] = np.ones((3, 8), np.float32)
    assert examine(write(tmp_path / "a", bart, **options)).findings == ()
    own = write(tmp_path / "b", whole_beside_head("bert", "fc"), family="bert", modules_to_save=["fc", *PEFTS_OWN])
    assert (faults(examine(own)), notes(examine(own))) == (
        [],
        [
            (
                "head",
                "the head of a BERT is classifier, which the file does not have; it has fc.bias and fc.weight. If that "
                "is not the head, the reloaded model would classify at random.",
            )
        ],
    )


def test_a_head_that_was_asked_for_by_its_name_alone_is_missed_whatever_the_task(tmp_path: Path) -> None:
    options: dict[str, Any] = {"family": "bert", "task_type": None, "modules_to_save": ["classifier", "pooler"]}
    diagnosis = examine(write(tmp_path / "a", whole_beside_head("bert", "bert.pooler.dense"), **options))
    assert faults(diagnosis) == [("head", "modules_to_save names 'classifier', but the file has no such tensor.")]


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("pre_classifier.weight", "pre_classifier.weight"),
        ("pre_classifier.", "pre_classifier.weight and pre_classifier.bias"),
        ("model.classifier.bias", "classifier.bias"),
    ],
)
def test_a_part_of_the_head_lost_is_a_fault(tmp_path: Path, lost: str, named: str) -> None:
    arrays = {name: tensor for name, tensor in tensors().items() if lost not in name}
    assert faults(examine(write(tmp_path / "a", arrays))) == [
        (
            "head",
            f"the head is incomplete: the file has no {named}, which a DistilBERT base does not have.",
        )
    ]


def test_a_module_that_was_to_be_saved_and_was_not_is_a_fault(tmp_path: Path) -> None:
    diagnosis = examine(write(tmp_path / "a", tensors("bert"), family="bert", modules_to_save=["classifier", "pooler"]))
    assert faults(diagnosis) == [("head", "modules_to_save names 'pooler', but the file has no such tensor.")]


def test_a_matrix_without_its_partner_is_a_fault(tmp_path: Path) -> None:
    arrays = tensors()
    del arrays[f"{PREFIX}{FIRST}.lora_B.weight"]
    assert faults(examine(write(tmp_path / "a", arrays))) == [
        ("pairs", f"1 incomplete LoRA pair: {FIRST} has lora_A but no lora_B.")
    ]


def test_ranks_are_held_to_the_configuration_and_to_each_other(tmp_path: Path) -> None:
    assert faults(examine(write(tmp_path / "a", r=8))) == [
        (
            "rank",
            "4 layers of rank 4, but adapter_config.json says r 8: "
            + ", ".join(modules("distilbert")[:3])
            + " and 1 more.",
        )
    ]
    arrays = tensors()
    arrays[f"{PREFIX}{FIRST}.lora_B.weight"] = np.ones((8, 2), np.float32)
    assert faults(examine(write(tmp_path / "b", arrays))) == [
        ("rank", f"1 LoRA pair with two ranks: {FIRST}: lora_A has rank 4, lora_B 2.")
    ]


@pytest.mark.parametrize("pattern", [{"q_lin": 4, "v_lin": 4}, {".*_lin": 4}, {"layer.0.attention.q_lin": 4, "x": 4}])
def test_a_rank_that_a_pattern_can_mean_is_no_fault(tmp_path: Path, pattern: dict[str, int]) -> None:
    assert faults(examine(write(tmp_path / "a", r=8, rank_pattern=pattern))) == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_is_found(tmp_path: Path, dtype: Any, value: float) -> None:
    arrays = {name: tensor.astype(dtype) for name, tensor in tensors().items()}
    name = f"{PREFIX}{FIRST}.lora_A.weight"
    arrays[name][3, 7] = value
    assert faults(examine(write(tmp_path / "a", arrays))) == [("values", f"1 tensor with an infinity or NaN: {name}.")]


def test_matrices_that_add_nothing_are_noted(tmp_path: Path) -> None:
    arrays = {name: tensor * (0.0 if "lora_B" in name else 1.0) for name, tensor in tensors().items()}
    arrays[f"{PREFIX}{FIRST}.lora_B.weight"][0, 0] = -0.0
    diagnosis = examine(write(tmp_path / "a", arrays))
    assert (diagnosis.passed, notes(diagnosis)) == (
        True,
        [("values", "every lora_B is zero, so the matrices add nothing to the base (4 layers).")],
    )


def test_targets_and_matrices_that_disagree_are_told(tmp_path: Path) -> None:
    diagnosis = examine(write(tmp_path / "a", target_modules=["q_lin", "lin1"]))
    strays = [module for module in modules("distilbert") if module.endswith("v_lin")]
    assert faults(diagnosis) == [
        (
            "targets",
            "2 layers with matrices that target_modules does not name, so peft would not load them: "
            f"{' and '.join(strays)}.",
        )
    ]
    assert notes(diagnosis) == [("targets", "target_modules names 'lin1', but the file has no such matrices.")]


def test_target_modules_as_a_pattern_is_noted_with_the_list_to_write(tmp_path: Path) -> None:
    diagnosis = examine(write(tmp_path / "a", target_modules=r".*\.(q|v)_lin"))
    (finding,) = diagnosis.findings
    assert (finding.kind, finding.what) == (
        "note",
        r"target_modules is the text '.*\\.(q|v)_lin', a regular expression; Finetooth reads only lists from "
        "untrusted files.",
    )
    assert finding.fix == "Write the list: 'q_lin' and 'v_lin'."


def test_pickled_weights_are_a_fault_with_the_command_that_converts_them(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    (folder / WEIGHTS).rename(folder / "adapter_model.bin")
    diagnosis = examine(folder)
    (finding,) = diagnosis.findings
    assert (finding.kind, finding.about) == ("fault", "weights")
    assert finding.what == (
        "the weights are only in adapter_model.bin, a pickle, which can run code when it is read; it was not loaded, "
        "so its tensors were not examined."
    )
    assert "weights_only=True" in finding.command
    assert f"                {finding.command}" in render(diagnosis).splitlines()  # in one line, to be copied


def test_labels_are_counted_against_the_heads_rows(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    (folder / "labels.json").write_text('{"labels": ["a", "b"]}')
    assert faults(examine(folder)) == [("labels", "2 labels named, but the head has 3 rows.")]
    (folder / "labels.json").unlink()
    assert notes(examine(folder)) == [
        (
            "labels",
            "no file names the labels (labels.json, or id2label), so the order of the classes is unknown.",
        )
    ]
    (folder / "config.json").write_text('{"id2label": {"0": "a", "1": "b", "2": "c"}}')
    assert examine(folder).findings == ()


@pytest.mark.parametrize(
    ("changes", "about", "what"),
    [
        ({"base_model_name_or_path": "/home/me/m"}, "base",
         "base_model_name_or_path is a path on the machine that saved it ('/home/me/m')."),
        ({"base_model_name_or_path": "./m"}, "base",
         "base_model_name_or_path is a path on the machine that saved it ('./m')."),
        ({"base_model_name_or_path": r"C:\m"}, "base",
         r"base_model_name_or_path is a path on the machine that saved it ('C:\\m')."),
        ({"base_model_name_or_path": None}, "base", "the base model is not named."),
        ({"peft_version": None}, "version",
         "adapter_config.json does not name the version of peft that wrote it, so it is older than 0.18."),
        ({"peft_version": "new"}, "version", "peft_version is 'new', which is not a version number."),
        ({"peft_type": "IA3"}, "config",
         "peft_type is 'IA3'; Finetooth supports only LORA, so only files and values were examined."),
    ],
)  # fmt: skip
def test_what_the_configuration_leaves_open_is_noted(
    tmp_path: Path, changes: dict[str, Any], about: str, what: str
) -> None:
    diagnosis = examine(write(tmp_path / "a", **changes))
    assert (diagnosis.passed, notes(diagnosis)) == (True, [(about, what)])


def test_files_that_do_not_belong_are_noted(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    for name in ("training_args.bin", "optimizer.pt", "adapter_model.bin", "modeling.py"):
        (folder / name).write_bytes(b"never read")
    (folder / "README.md").unlink()
    assert notes(examine(folder)) == [
        (
            "files",
            "3 pickles (adapter_model.bin, optimizer.pt and training_args.bin): training states or copies of the "
            "weights, which can run code when they are read; the adapter does not need them.",
        ),
        ("files", "1 file of code (modeling.py)."),
        ("readme", "there is no README.md."),
    ]


def test_a_folder_that_is_not_what_its_manifest_says_is_a_fault(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    (folder / "spare.txt").write_text("x")
    seal(folder)
    assert examine(folder).findings == ()
    (folder / "labels.json").write_text('{"labels": ["b", "a", "c"]}')
    (folder / "spare.txt").unlink()
    assert faults(examine(folder)) == [
        ("files", "spare.txt is missing."),
        ("files", "labels.json is different from the manifest."),
    ]
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    manifest["files"]["README.md"]["sha256"] = "0"
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))
    (problem,) = check_manifest(manifest)
    assert faults(examine(folder)) == [
        ("files", f"MANIFEST.json: {problem.what}"),
        ("files", "spare.txt is missing."),
        ("files", "labels.json is different from the manifest."),
    ]
    (folder / "MANIFEST.json").write_text('{"files": {}}')
    assert faults(examine(folder)) == [("files", "MANIFEST.json lists no files.")]


def base(base_folder: Path, **values: Any) -> str:
    base_folder.mkdir()
    (base_folder / "config.json").write_text(json.dumps(values))
    return str(base_folder)


DISTILBERT = {"model_type": "distilbert", "dim": 8, "n_layers": 2}


@pytest.mark.parametrize(
    ("changes", "told_of"),
    [
        ({"model_type": "bert"},
         "the adapter's layers are those of a DistilBERT, but the base is a BERT (model_type 'bert'), which has none "
         "of them."),
        ({"dim": 16},
         f"the base is 16 wide, but lora_A of {FIRST} has 8 columns (4 such layers)."),
        ({"n_layers": 1}, "the base has 1 layer, but the adapter changes layer 1 (counted from 0)."),
    ],
)  # fmt: skip
def test_a_base_of_another_family_or_size_is_a_fault(tmp_path: Path, changes: dict[str, Any], told_of: str) -> None:
    folder = write(tmp_path / "a")
    assert examine(folder, base=base(tmp_path / "same", **DISTILBERT)).findings == ()
    other = base(tmp_path / "other", **DISTILBERT | changes)
    assert faults(examine(folder, base=other)) == [("base", told_of)]


def test_of_a_base_of_no_known_family_only_sizes_are_compared(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    strange = base(tmp_path / "strange", model_type="new", hidden_size=8, num_hidden_layers=2)
    ((about, what),) = notes(examine(folder, base=strange))
    assert (about, what) == (
        "base",
        "the model family of the base is not known; only sizes were compared.",
    )
    with pytest.raises(SourceError, match=r"no such folder\. --base takes a folder with"):
        examine(folder, base=str(tmp_path / "gone"))


def test_an_adapter_of_ours_is_held_to_the_config_of_its_base(tmp_path: Path) -> None:
    folder, own = write(tmp_path / "a"), base(tmp_path / "own", **DISTILBERT)
    cased = base(tmp_path / "cased", **DISTILBERT, vocab_size=9)  # of the same family, width and depth
    assert examine(folder, base=cased).findings == ()
    recorded = sha256_file(tmp_path / "own" / "config.json")
    (folder / "finetooth.json").write_text(json.dumps({"base": {"config_sha256": recorded}}))
    assert examine(folder, base=own).findings == ()
    assert faults(examine(folder, base=cased)) == [
        (
            "base",
            f"the adapter was trained on another base: finetooth.json records the SHA-256 {recorded[:16]!r} of its "
            f"config.json, and this base's is {sha256_file(tmp_path / 'cased' / 'config.json')[:16]!r}.",
        )
    ]
    (folder / "finetooth.json").write_text("[]")
    assert faults(examine(folder, base=own)) == [("files", "finetooth.json holds [], not a mapping.")]
    (folder / "finetooth.json").write_text('{"base": {"config_sha256": 7}}')
    assert examine(folder, base=cased).findings == ()  # it says nothing that can be compared


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A base that every Hub id brings."""
    base_folder = Path(base(tmp_path / "hub", **DISTILBERT))

    def bring(source: str, *, progress: Progress) -> Source:
        return Source(source, base_folder, "0" * 64)

    monkeypatch.setattr(base_compatibility, "fetch_model", bring)
    return base_folder


@pytest.mark.parametrize(
    ("named", "arrays"),
    [
        ("owner/name", "owner/name"),
        ("owner/name@0a0a", "owner/name@main"),
        ("bert-base-uncased", "google-bert/bert-base-uncased"),
        ("google-bert/bert-base-uncased", "bert-base-uncased"),
        ("wheel:models==1/bert", "owner/name"),
        ("owner/name", "wheel:models==1/bert"),
    ],
)
def test_two_names_that_may_be_of_one_model_are_not_noted(tmp_path: Path, hub: Path, named: str, arrays: str) -> None:
    assert examine(write(tmp_path / "a", base_model_name_or_path=named), base=arrays).findings == ()


@pytest.mark.parametrize("named", ["bert-base-uncased", "owner/bert-base-cased", "google-bert/bert-base-uncased@0a0a"])
def test_another_id_than_the_adapters_own_is_noted(tmp_path: Path, hub: Path, named: str) -> None:
    folder = write(tmp_path / "a", base_model_name_or_path=named)
    arrays = "google-bert/bert-base-cased"
    assert notes(examine(folder, base=arrays)) == [
        (
            "base",
            f"the adapter names the base {named!r}, and it was compared with {arrays!r}; a config.json cannot "
            "distinguish models of the same family and size.",
        )
    ]
    recorded = sha256_file(hub / "config.json")
    (folder / "finetooth.json").write_text(json.dumps({"base": {"config_sha256": recorded}}))
    assert examine(folder, base=arrays).findings == ()  # by content it is the one


def test_a_base_that_could_not_be_compared_is_noted(tmp_path: Path) -> None:
    arrays = base(tmp_path / "given", **DISTILBERT)
    told_so = ("base", "the base's layers were not compared with the adapter's, because no LoRA matrices were read.")
    pickled = write(tmp_path / "a")
    (pickled / WEIGHTS).rename(pickled / "adapter_model.bin")
    torn = write(tmp_path / "b")
    (torn / WEIGHTS).write_bytes(b"\2")
    for folder in (pickled, torn):
        assert notes(examine(folder)) == [] and notes(examine(folder, base=arrays)) == [told_so]


def test_every_line_fits_80_columns_but_for_commands(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", bias="lora_only", peft_version=None, r=8, base_model_name_or_path="/x" * 20)
    (folder / "README.md").unlink()
    lines = render(examine(folder)).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "Failed: 2 faults, 3 notes."


def test_what_is_given_out_as_json_is_what_is_printed(tmp_path: Path) -> None:
    diagnosis = examine(write(tmp_path / "a", bias="lora_only"))
    report = json.loads(json.dumps(diagnosis.report()))
    assert report.keys() == {"schema", "name", "passed", "adapter", "findings"}
    assert report["adapter"]["values"] == sum(tensor.size for tensor in tensors().values())
    assert report["findings"][0].keys() == {"kind", "about", "what", "fix", "command"}
    assert config()["r"] == report["adapter"]["rank"]
    assert (tmp_path / "a" / CONFIG).is_file()
