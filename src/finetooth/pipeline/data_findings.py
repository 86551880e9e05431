"""The findings of preflight on a recipe's data, token lengths included."""

from collections.abc import Mapping

from finetooth import preflight
from finetooth.errors import DataError
from finetooth.models.batching import Tokens
from finetooth.pipeline import preparation
from finetooth.pipeline.preparation import Material
from finetooth.preflight import Finding, Lengths
from finetooth.progress import Progress
from finetooth.recipe import Recipe


def findings(
    recipe: Recipe,
    material: Material,
    tokens: Mapping[str, Tokens],
    *,
    sample: int | None = None,
    mislabelled: bool = False,
    progress: Progress | None = None,
) -> list[Finding]:
    """The problems in the data of a recipe, the worst first.

    sample: the value with which preparation.tokenize_splits made the tokens. mislabelled: also search for wrong labels.
    """
    lengths = {}
    for split, split_tokens in tokens.items():
        examples = preparation.drawn(preparation.split_of(material.dataset, split), sample, seed=recipe.data.seed)
        lengths[split] = Lengths(examples.ids, split_tokens.whole_lengths, split_tokens.lengths)
    return preflight.inspect(material.dataset, lengths=lengths, mislabelled=mislabelled, progress=progress)


def refuse_to_run(problems: list[Finding]) -> None:
    """Check that no finding makes a run pointless.

    Raises: DataError with the findings of severity `stop`.
    """
    stops = [f"{finding.says} {finding.advice}" for finding in problems if finding.severity == "stop"]
    if stops:
        raise DataError("\n".join(stops))
