"""The recipe: every option once, with its help, unit and default.

The schema, the command line's help, docs/recipe.md and the errors are all made from the fields below.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from finetooth.errors import RecipeError
from finetooth.recipe import strict_yaml
from finetooth.recipe.baseline_rows import OTHER_PREFIX, Baseline, baseline_models
from finetooth.recipe.baseline_rows import OtherProbe as OtherProbe
from finetooth.recipe.baseline_rows import is_probe as is_probe
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
from finetooth.recipe.training_section import Training as Training


class SplitSources(Section):
    """Where each split comes from, when they are named apart."""

    train: str | list[str] = Field(description="Source of the training rows; a list is read one after the other.")
    validation: str | list[str] | None = Field(None, description="Source of the validation rows.")
    test: str | list[str] | None = Field(None, description="Source of the test rows; given, it is never altered.")


class Limit(Section):
    """How many rows to use of each split."""

    train: int | None = Field(None, ge=2, description="Rows of the training split to use; null: all.")
    validation: int | None = Field(
        None, ge=1, description="Rows of a validation split of its own to use; null: all. Carved ones: data.validation."
    )
    test: int | None = Field(None, ge=1, description="Rows of the test split to use; null: all.")


class Data(Section):
    """The labelled text."""

    source: str | SplitSources = Field(
        description="File, folder, wheel:NAME==VERSION/member#sha256=… or Hub id; or {train, validation, test}."
    )
    text: str | None = Field(None, description="Column of the text; detected and shown when omitted.")
    text_pair: str | None = Field(None, description="Column of the second text, for pairs.")
    label: str | None = Field(None, description="Column of the label; detected and shown when omitted.")
    labels: list[Word] | None = Field(
        None, description="The classes, in the order their numbers follow; sorted when omitted."
    )
    keep: dict[str, list[Word]] = Field(
        default_factory=dict, description="Keep only rows whose column holds one of these values."
    )
    group: str | None = Field(None, description="Column whose values never cross splits (film, author, thread).")
    slices: list[str] = Field(
        default_factory=list,
        description="Columns whose values the report tells apart (source, year, language); never used to fit.",
    )
    limit: Limit = Field(
        default_factory=lambda: Limit.model_validate({}),
        description="Rows to use of each split, drawn after shuffling with the data seed.",
    )
    test: float = Field(
        0.2, gt=0, description="Test rows to carve when none are given: a share below 1, or a number of rows."
    )
    validation: float = Field(
        0.1,
        gt=0,
        description="Validation rows to carve from train: a share below 1 of the training rows, or a number of rows.",
    )
    seed: int = Field(0, ge=0, description="Seed of limits and splits; one split serves all seeds.")
    columns: list[str] | None = Field(None, description="Names of the columns, for files without a header.")
    format: Literal["csv", "tsv", "jsonl", "parquet", "folder", "label_text", "parallel"] | None = Field(
        None, description="The files' format; told from the name when omitted."
    )
    delimiter: Delimiter | None = Field(
        None, description="Character between columns, or the word tab; found when omitted."
    )
    quoting: bool = Field(True, description="Whether quote marks enclose fields (CSV, TSV); false reads them as text.")
    encoding: str | None = Field(None, description="Encoding of text files; UTF-8 when omitted.")
    on_bad_row: Literal["stop", "skip"] = Field(
        "stop", description="Malformed rows: stop, or skip, count and write them aside."
    )
    on_leak: Literal["drop", "stop"] = Field(
        "drop", description="Training or validation rows equal to a row of a later split: drop and count them, or stop."
    )


class Abstain(Section):
    """When no answer is given: where the probability of the label is below a threshold, chosen for one of these."""

    coverage: float | None = Field(None, gt=0, lt=1, description="Share of the validation rows to answer.")
    accuracy: float | None = Field(
        None, gt=0, le=1, description="Accuracy, 0 to 1, of the validation rows that are answered, as many as can be."
    )

    @model_validator(mode="after")
    def _one_wish(self) -> "Abstain":
        if (self.coverage is None) == (self.accuracy is None):
            raise ValueError("give either coverage or accuracy, such as {coverage: 0.9}.")
        return self


class Deciding(Section):
    """How logits become answers: fitted on the validation rows and saved in the adapter."""

    temperature: bool = Field(
        True, description="Whether probabilities are calibrated by one temperature (Guo et al. 2017)."
    )
    thresholds: Literal["macro_f1"] | None = Field(
        None, description="Label of the largest probability over its class's threshold; thresholds for macro-F1."
    )
    costs: Costs | None = Field(
        None,
        description="Label of the least expected cost (Elkan 2001): {true label: {label said: cost}} of mistakes; "
        "1 where none is given.",
    )
    abstain: Abstain | None = Field(None, description="Give no answer to texts that the adapter is not sure of.")

    @model_validator(mode="after")
    def _one_rule(self) -> "Deciding":
        if self.thresholds is not None and self.costs is not None:
            raise ValueError("thresholds and costs both decide the label; give one of them.")
        return self


class Candidate(Section):
    """One adapter configuration."""

    name: Name = Field(description="Name of the row and its folder.")
    kind: Literal["lora"] = Field("lora", description="Method: LoRA (Hu et al. 2021).")
    rank: int = Field(8, ge=1, description="Rank r of the update B A.")
    alpha: float | None = Field(None, gt=0, description="Scale: the update is multiplied by alpha / r; null: 2 r.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout of the adapter's input.")
    targets: str | list[str] = Field(
        "all-linear",
        description="Linear layers to adapt: a group (attention, mlp, all-linear) or names such as [query, value].",
    )
    layers: Layers = Field("all", description="Encoder layers to adapt: all, or last-K.")
    then: Layers = Field(
        "all",
        description="Layers that go on training after the first epoch (epochs: auto: after the first that ends at 200 "
        "steps or later): all, or last-K; those below are frozen with what they have learned, and their states are "
        "computed once.",
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
    max_tokens: int = Field(512, ge=4, description="Tokens kept of a text, special tokens included.")
    truncation: Literal["head", "head_tail"] = Field(
        "head",
        description="Kept of a longer text: its head, or a quarter of head and the rest of tail (Sun et al. 2019; "
        "single texts only).",
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        default_factory=lambda: [0], min_length=1, description="Seeds; each candidate is tuned once for each."
    )
    baselines: list[Baseline] = Field(
        default_factory=lambda: list[Baseline](["majority", "original", "tfidf", "probe"]),
        description="Rows beside the candidates, in the table's order. Baselines that they must beat: the most "
        "frequent class; the model as it came; logistic regression on TF-IDF, and on hidden states of the frozen model "
        "(probe), also of another model ({probe: MODEL}). "
        "A yardstick that they need not, where it is named: full, all parameters tuned.",
    )
    original_heads: int = Field(
        5,
        ge=1,
        le=100,
        description="Untrained heads of the baseline original, of the first seed and those after it, where the "
        "checkpoint brings none for these labels.",
    )
    margin: float = Field(
        0.005,
        gt=0,
        lt=1,
        description="Accuracy that a smaller candidate may lack and still count as good enough, a share: 0.005 is half "
        "a point.",
    )
    training: Training = Field(
        default_factory=lambda: Training.model_validate({}), description="How candidates are tuned."
    )
    decision: Deciding = Field(
        default_factory=lambda: Deciding.model_validate({}), description="How a candidate's logits become answers."
    )
    candidates: list[Candidate] = Field(default_factory=list, description="Adapter configurations to compare.")

    @property
    def needs_model(self) -> bool:
        """Whether a row of the recipe is made by its model."""
        return bool(self.candidates) or bool({"original", "probe", "full"} & set(self.baseline_rows))

    @property
    def baseline_rows(self) -> list[str]:
        """The names of the baselines' rows, in the table's order."""
        return list(baseline_models(self.baselines))

    @property
    def other_models(self) -> dict[str, str]:
        """The sources of the models besides `model`, by the names of the probes that read them."""
        return {row: source for row, source in baseline_models(self.baselines).items() if source is not None}

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Recipe":
        other = [item.probe for item in self.baselines if isinstance(item, OtherProbe)]
        own = [item for item in self.baselines if not isinstance(item, OtherProbe)]
        if self.model in other:
            raise ValueError("baselines: {probe: MODEL} names the recipe's own model; its probe is called probe.")
        names = [*own, *other, *(candidate.name for candidate in self.candidates)]
        doubled = sorted(name for name, count in Counter(names).items() if count > 1)
        if doubled:
            raise ValueError(
                f"row name {doubled[0]!r} stands twice; every baseline and candidate needs a name of its own."
            )
        reserved = sorted(
            {candidate.name for candidate in self.candidates} & {"majority", "tfidf", "original", "probe", "full"}
        )
        if reserved:
            raise ValueError(f"candidate name {reserved[0]!r} is the name of a baseline; choose another.")
        like = sorted(candidate.name for candidate in self.candidates if candidate.name.startswith(OTHER_PREFIX))
        if like:
            raise ValueError(f"candidate name {like[0]!r} begins as those of probes of other models; choose another.")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds holds a number twice.")
        if not names:
            raise ValueError("neither baselines nor candidates are given: there is no row to measure.")
        return self


def schema() -> dict[str, Any]:
    """The recipe's JSON Schema."""
    return Recipe.model_json_schema()


def load(source: str | Path | Mapping[str, Any], *, overrides: Sequence[str] = ()) -> Recipe:
    """A validated recipe with the paths in it made absolute.

    source: a YAML file (paths in it are relative to it) or the same as a mapping (paths relative to the working
    directory), which may hold tuples and Paths too. overrides: `a.b=value` texts with YAML values (paths relative to
    the working directory).
    Raises: RecipeError naming file, key and the nearest known key; all faults together.
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
        "abstain": Abstain, "OtherProbe": OtherProbe,
        "source": SplitSources, "SplitSources": SplitSources,
    }  # fmt: skip
    named = [part for part in location if isinstance(part, str) and part in sections]
    return sorted((sections[named[-1]] if named else Recipe).model_fields)
