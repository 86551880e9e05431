"""The baselines that read words: accuracy on validation rows, and the seconds to fit and choose them.

    .venv/bin/python benchmarks/text_baselines.py RECIPE [--set KEY=VALUE ...] [--test]

Prints tfidf as it was (words alone, C = 10), tfidf and nb_words. --test also scores the test rows, which is counted
nowhere: use it once, at the end.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from finetooth import baselines
from finetooth.baselines.logistic import import_library
from finetooth.baselines.text_regression import TextRegression
from finetooth.data import Examples
from finetooth.pipeline import preparation
from finetooth.progress import Silent
from finetooth.recipe import load
from finetooth.tasks import DEFAULT


def accuracy(fitted: baselines.FittedBaseline, examples: Examples) -> float:
    """The share of right answers, in percent."""
    logits = fitted.logits(examples.texts, examples.pairs)
    return 100 * float(DEFAULT.score(logits, examples.labels)["accuracy"])


def main() -> None:
    """Print a line for each baseline of the recipe's data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--test", action="store_true")
    options = parser.parse_args()
    overrides = [*options.set, "baselines=[majority]", "candidates=[]"]
    dataset = preparation.gather(load(options.recipe, overrides=overrides), rejects=None, progress=Silent()).dataset
    import_library()
    train, validation, classes = dataset.train, dataset.validation, len(dataset.classes)
    print(f"{options.recipe.stem}: {len(train):,} train, {len(validation):,} validation rows, {classes} classes")
    for kind in ("tfidf", "nb_words"):
        wall, processor = time.perf_counter(), time.process_time()
        fitted = baselines.fit(kind, train, validation=validation, classes=classes)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        assert isinstance(fitted, TextRegression)
        for one in fitted.tried:
            if (kind, one.feature, one.inverse_regularisation) == ("tfidf", "words", 10.0):
                print(f"  {'tfidf before':<14}{100 * one.accuracy:6.2f} % of validation rows")
        chosen = fitted.chosen
        line = f"  {kind:<14}{accuracy(fitted, validation):6.2f} % of validation rows"
        line += f", {accuracy(fitted, dataset.test):6.2f} % of test rows" if options.test else ""
        print(
            f"{line}, {chosen.feature}, C = {chosen.inverse_regularisation:g}, {wall:.1f} s ({processor:.1f} s of CPU)"
        )


if __name__ == "__main__":
    main()
