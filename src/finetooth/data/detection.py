"""Which column holds the texts and which the labels, by known names or by values; and why each other one does not."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetooth.data.rows import Sample

TEXT_NAMES = (
    "text", "sentence", "review", "review_text", "content", "comment", "comment_text", "message", "body", "tweet",
    "utterance", "question", "query", "document", "snippet", "description", "abstract", "sms", "post", "title",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "label_text", "category", "class", "target", "sentiment", "intent", "topic", "polarity", "stars",
    "rating", "tag", "emotion", "coarse_label", "answer", "y",
)  # fmt: skip
PAIR_NAMES = (
    ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("text_a", "text_b"),
    ("text1", "text2"),
)  # fmt: skip
# Names of columns that repeat few values and tell where a row comes from, not what it is.
_ORIGIN_NAMES = frozenset(
    ("split", "fold", "source", "origin", "dataset", "domain", "lang", "language", "annotator", "author", "user",
     "date", "year", "genre", "file", "filename")
)  # fmt: skip
_MOST_VALUES_SHARE = 0.5
_FREE_TEXT_WORDS = 3
_MOST_BLANK_SHARE = 0.05
_SIMILAR_LENGTH = 0.8
_SHOWN_NAMES = 20
_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_YAML_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


@dataclass(frozen=True, slots=True)
class Profile:
    """What the sample shows of one column. count: values that are not blank; characters: their mean length."""

    name: str
    count: int
    blank_share: float
    distinct: int
    words: float
    characters: float
    is_text: bool

    @property
    def is_free_text(self) -> bool:
        """Whether the values are texts of several words that seldom repeat."""
        return self.is_text and self.words >= _FREE_TEXT_WORDS and self.distinct > _MOST_VALUES_SHARE * self.count

    @property
    def repeats(self) -> bool:
        """Whether the column has two values or more, and each stands in two rows on average."""
        return 2 <= self.distinct <= max(2, int(_MOST_VALUES_SHARE * self.count))


def profiles(sample: Sample) -> dict[str, Profile]:
    """A profile of each column of the sample, by name, in the order of the file."""
    return {name: _profile(name, [row[place] for row in sample.rows]) for place, name in enumerate(sample.columns)}


def _profile(name: str, values: Sequence[Any]) -> Profile:
    present = [value for value in values if value is not None and value != ""]
    texts = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in present]
    is_text = bool(texts) and all(isinstance(value, str) for value in texts)
    return Profile(
        name=name,
        count=len(present),
        blank_share=1 - len(present) / len(values) if values else 0.0,
        distinct=len({repr(value) for value in present}),
        words=sum(len(value.split()) for value in texts) / len(texts) if is_text else 0.0,
        characters=sum(map(len, texts)) / len(texts) if is_text else 0.0,
        is_text=is_text,
    )


def pair_by_name(columns: Sequence[str]) -> tuple[str, str] | None:
    """The two columns whose names are those of a pair of texts, or None."""
    lower = {column.strip().casefold(): column for column in reversed(columns)}
    for first, second in PAIR_NAMES:
        if first in lower and second in lower:
            return lower[first], lower[second]
    return None


def text_column(known: Mapping[str, Profile], *, taken: Collection[str]) -> tuple[str, str] | None:
    """The column of the texts and how it was found; None where no column holds texts."""
    lower = {column.strip().casefold(): column for column in reversed([*known])}
    for name in TEXT_NAMES:
        column = lower.get(name)
        if column is not None and column not in taken and (known[column].is_text or not known[column].count):
            return column, "known name"
    texts = [profile for name, profile in known.items() if name not in taken and profile.is_text]
    if not texts:
        return None
    texts = [profile for profile in texts if profile.is_free_text] or texts
    longest = max(profile.characters for profile in texts)
    # Of two texts of like length the first comes first in the reader's mind too.
    similar = _SIMILAR_LENGTH * longest if texts[0].is_free_text else longest
    return next(profile.name for profile in texts if profile.characters >= similar), "longest free text"


def label_column(known: Mapping[str, Profile], *, taken: Collection[str]) -> tuple[str, str] | None:
    """The column of the labels and how it was found; None where no column looks like one."""
    lower = {column.strip().casefold(): column for column in reversed([*known])}
    named = [lower[name] for name in LABEL_NAMES if name in lower and lower[name] not in taken]
    ranked = _label_candidates(known, taken=taken)
    if named and (not ranked or not all(known[name].is_free_text for name in named)):
        return next((name for name in named if known[name].repeats), named[0]), "known name"
    return (ranked[0], "fewest distinct values") if ranked else None


def _label_candidates(known: Mapping[str, Profile], *, taken: Collection[str]) -> list[str]:
    """The columns that could hold labels, the likeliest first."""

    def rank(profile: Profile) -> tuple[bool, bool, int]:
        return (
            profile.blank_share > _MOST_BLANK_SHARE,
            profile.name.strip().casefold() in _ORIGIN_NAMES,
            profile.distinct,
        )

    fitting = [profile for name, profile in known.items() if name not in taken and profile.repeats]
    return [profile.name for profile in sorted(fitting, key=rank)]


def left_out(known: Mapping[str, Profile], *, taken: Collection[str], paired: bool) -> dict[str, str]:
    """Why each column that is not taken is not used, and how it could be: short clauses to follow its name.

    paired: whether a second text is taken already.
    """
    candidates = set(_label_candidates(known, taken=taken))
    reasons: dict[str, str] = {}
    for name, profile in known.items():
        if name in taken:
            continue
        if profile.is_free_text:
            use = "data.text" if paired else "data.text_pair"
            reasons[name] = f"free text, {profile.words:.0f} words on average; to use it: {use}: {recipe_word(name)}"
        elif not profile.count:
            reasons[name] = "blank in every row looked at"
        elif profile.blank_share > _MOST_BLANK_SHARE:
            reasons[name] = f"blank in {100 * profile.blank_share:.0f} % of the rows looked at"
        elif name in candidates:
            reasons[name] = f"{profile.distinct} values that repeat; as the label: data.label: {recipe_word(name)}"
        elif profile.distinct == 1:
            reasons[name] = "one value in all rows looked at"
        else:
            reasons[name] = "nearly every value differs, as in a column of ids"
    return reasons


def names_by_position(sample: Sample) -> list[str]:
    """Names to declare for a file without a header, one for each of its columns.

    sample: read as if the first row were a header. Text and label stand where the values show them.
    """
    whole = Sample(columns=tuple(map(str, range(1, len(sample.columns) + 1))), rows=[sample.columns, *sample.rows])
    known = profiles(whole)
    text = text_column(known, taken=())
    label = label_column(known, taken=() if text is None else (text[0],))
    roles = {found[0]: role for found, role in ((text, "text"), (label, "label")) if found is not None}
    return [roles.get(place, f"column{place}") for place in whole.columns]


def recipe_word(name: str) -> str:
    """A name as it is written in a recipe: in quotes where YAML would read it as something else."""
    plain = _PLAIN_WORD.fullmatch(name) and name.casefold() not in _YAML_WORDS
    return name if plain else json.dumps(name, ensure_ascii=False)


def recipe_list(names: Sequence[str]) -> str:
    """Names as a list in a recipe; of very many, the first."""
    more = ", ..." if len(names) > _SHOWN_NAMES else ""
    return f"[{', '.join(map(recipe_word, names[:_SHOWN_NAMES]))}{more}]"
