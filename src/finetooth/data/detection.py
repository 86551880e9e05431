"""Detects the columns of texts and labels by their names or values, and says why the others are not used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time

from finetooth.data.names import folded, name_words, recipe_word

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
# Names of columns with few values that say where a row comes from, not what it is.
_ORIGIN_NAMES = frozenset(
    ("split", "fold", "source", "origin", "dataset", "domain", "lang", "language", "annotator", "author", "user",
     "date", "year", "genre", "file", "filename")
)  # fmt: skip
# Words in column names that say who or what a row belongs to: rows with the same value are alike.
_GROUP_NAMES = frozenset(
    ("speaker", "author", "writer", "reviewer", "user", "username", "movie", "film", "book", "thread", "conversation",
     "dialogue", "dialog", "session", "customer", "client", "patient", "subject", "participant", "student", "document",
     "doc", "article", "episode", "channel", "product")
)  # fmt: skip
_KEY_WORDS = frozenset(("id", "name", "key", "number", "no", "title"))  # may follow such a word: movieName, user_id
_DATE_WORDS = frozenset(
    ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
     "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "monday",
     "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mon", "tue", "tues", "wed", "thu", "thur",
     "thurs", "fri", "sat", "sun", "am", "pm", "utc", "gmt", "t", "z", "st", "nd", "rd", "th", "e")
)  # fmt: skip
_MOST_VALUES_SHARE = 0.5
_FREE_TEXT_WORDS, _SECOND_TEXT_WORDS = 3, 4
_MOST_LABELS, _MOST_NUMBERS = 20, 10  # distinct values of a column that is suggested as the label
_LEAST_GROUPS = 10  # with fewer groups, a tenth of the rows can hardly be carved
_FIGURES_SHARE, _LONGEST_FIGURE = 0.95, 40
_IDS_SHARE = 0.9
_MOST_BLANK_SHARE = 0.05
_SIMILAR_LENGTH = 0.8


@dataclass(frozen=True, slots=True)
class Profile:
    """The values of one column of the sample, in figures.

    position: of the column in the file, from 1. count: values that are not blank; words, characters: their mean length.
    are_figures: whether nearly all values are numbers, dates or times.
    """

    name: str
    position: int
    count: int
    blank_share: float
    distinct: int
    words: float
    characters: float
    is_text: bool
    are_figures: bool

    @property
    def is_free_text(self) -> bool:
        """Whether the values are texts of several words that rarely repeat."""
        differs = self.distinct > _MOST_VALUES_SHARE * self.count
        return self.is_text and not self.are_figures and self.words >= _FREE_TEXT_WORDS and differs

    @property
    def is_second_text(self) -> bool:
        """Whether the column could be a second text."""
        return self.is_free_text and self.words >= _SECOND_TEXT_WORDS

    @property
    def repeats(self) -> bool:
        """Whether the column has two or more distinct values, each in at least two rows on average."""
        return 2 <= self.distinct <= max(2, int(_MOST_VALUES_SHARE * self.count))


def profiles_of(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, Profile]:
    """A profile of each column of the rows, by name, in the order of the file."""
    return {
        name: _profile(name, [row[index] for row in rows], position=index + 1) for index, name in enumerate(columns)
    }


def _profile(name: str, values: Sequence[object], *, position: int) -> Profile:
    present = [value for value in values if value is not None and value != ""]
    texts = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in present]
    strings = [value for value in texts if isinstance(value, str)]
    is_text = 0 < len(strings) == len(texts)
    return Profile(
        name=name,
        position=position,
        count=len(present),
        blank_share=1 - len(present) / len(values) if values else 0.0,
        distinct=len({repr(value) for value in present}),
        words=sum(len(value.split()) for value in strings) / len(strings) if is_text else 0.0,
        characters=sum(map(len, strings)) / len(strings) if is_text else 0.0,
        is_text=is_text,
        are_figures=bool(texts) and sum(map(_is_figure, texts)) >= _FIGURES_SHARE * len(texts),
    )


def _is_figure(value: object) -> bool:
    """Whether a value is a number, a date or a time: it has digits, and all its words are those of dates."""
    if not isinstance(value, str):
        return isinstance(value, int | float | date | time) and not isinstance(value, bool)
    if len(value) > _LONGEST_FIGURE or not any(map(str.isdigit, value)):
        return False
    return _DATE_WORDS.issuperset(name_words(value))


def pair_by_name(columns: Sequence[str]) -> tuple[str, str] | None:
    """The two columns with the names of a pair of texts, or None."""
    lower = {folded(column): column for column in reversed(columns)}
    return next(((lower[one], lower[two]) for one, two in PAIR_NAMES if one in lower and two in lower), None)


def text_column(profiles: Mapping[str, Profile]) -> tuple[str, str] | None:
    """The column of the texts and how it was chosen; None if there is none. profiles: the columns to choose from."""
    lower = {folded(column): column for column in reversed([*profiles])}
    named = [profiles[lower[name]] for name in TEXT_NAMES if name in lower]
    named = [profile for profile in named if profile.is_text or not profile.count]
    texts = [profile for profile in profiles.values() if profile.is_text]
    for profile in [*[profile for profile in named if profile.is_free_text], *named[:1]]:
        # A column with a known name but short or repeated values, such as a title, gives way to longer texts.
        longer = (text for text in texts if text.is_second_text and text.characters > profile.characters)
        if profile.is_free_text or not any(longer):
            return profile.name, "known name"
    if not texts:
        return None
    texts = [profile for profile in texts if profile.is_free_text] or _differing(texts)
    longest = max(profile.characters for profile in texts)
    # If several columns have similar lengths, the first is the text.
    similar = _SIMILAR_LENGTH * longest if texts[0].is_free_text else longest
    return next(profile.name for profile in texts if profile.characters >= similar), "longest free text"


def _differing(texts: list[Profile]) -> list[Profile]:
    """The most likely texts if no column has free text: not numbers, and too many distinct values for classes."""
    texts = [profile for profile in texts if not profile.are_figures] or texts
    most = max(profile.distinct for profile in texts)
    return [profile for profile in texts if 2 * profile.distinct >= most]


def label_column(profiles: Mapping[str, Profile]) -> tuple[str, str] | None:
    """The column of the labels and how it was chosen; None if there is none. profiles: the columns to choose from."""
    lower = {folded(column): column for column in reversed([*profiles])}
    named = [lower[name] for name in LABEL_NAMES if name in lower]
    # The columns that could be the labels, the most likely first.
    ranks = {
        name: (profile.blank_share > _MOST_BLANK_SHARE, folded(name) in _ORIGIN_NAMES, profile.distinct)
        for name, profile in profiles.items()
        if profile.repeats
    }
    if named and (not ranks or not all(profiles[name].is_free_text for name in named)):
        return next((name for name in named if profiles[name].repeats), named[0]), "known name"
    return (min(ranks, key=ranks.__getitem__), "fewest distinct values") if ranks else None


def group_column(profiles: Mapping[str, Profile]) -> str | None:
    """The column whose name says that rows with the same value are alike, such as a speaker or a film; or None."""
    for name, profile in profiles.items():
        words = set(name_words(name)) - _KEY_WORDS
        if words and words <= _GROUP_NAMES and _LEAST_GROUPS <= profile.distinct <= _IDS_SHARE * profile.count:
            return name
    return None


def left_out(profiles: Mapping[str, Profile], *, paired: bool, group: str | None) -> dict[str, str]:
    """For each of these unused columns, a clause that says why it is not used and how to use it.

    paired: whether a second text is used already. group: the column from group_column.
    """
    reasons: dict[str, str] = {}
    for name, profile in profiles.items():
        uses = [_reason(profile, paired=paired)]
        most = _MOST_NUMBERS if profile.are_figures else _MOST_LABELS
        if profile.repeats and profile.distinct <= most and profile.blank_share <= _MOST_BLANK_SHARE:
            uses.append(f"as the label: data.label: {recipe_word(name)}")
        if name == group:
            uses.append(f"to keep the rows of each value in one split: data.group: {recipe_word(name)}")
        reasons[name if name.strip() else f"(unnamed, column {profile.position})"] = "; ".join(uses)
    return reasons


def _reason(profile: Profile, *, paired: bool) -> str:
    if profile.is_second_text:
        use = "data.text" if paired else "data.text_pair"
        return f"free text, {profile.words:.0f} words on average; to use it: {use}: {recipe_word(profile.name)}"
    if not profile.count:
        return "blank in every sampled row"
    if profile.blank_share > _MOST_BLANK_SHARE:
        return f"blank in {100 * profile.blank_share:.0f} % of the sampled rows"
    if profile.distinct == 1:
        return "the same value in every sampled row"
    if profile.repeats:
        return f"{profile.distinct:,} values that repeat"
    if profile.distinct < _IDS_SHARE * profile.count:
        return f"{profile.distinct:,} different values in {profile.count:,} sampled rows"
    if profile.words > 1:
        return "short values, nearly all different"
    return "nearly all values different, as in a column of ids"


def names_by_position(first: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Names for the columns of a file without a header: text and label, detected by their values, and column3 etc.

    first: the first row. rows: those after it.
    """
    positions = [str(position) for position in range(1, len(first) + 1)]
    profiles = profiles_of(positions, [first, *rows])
    roles = {}
    for role, detect in (("text", text_column), ("label", label_column)):
        if choice := detect({name: profile for name, profile in profiles.items() if name not in roles}):
            roles[choice[0]] = role
    return [roles.get(name, f"column{name}") for name in positions]
