import json

from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st

from finetooth.report.disagreements import embedded

STRINGS = st.text(max_size=40) | st.sampled_from(TEXTS)


@given(st.dictionaries(STRINGS, st.lists(STRINGS, max_size=4), max_size=4))
def test_what_is_embedded_reads_back_as_it_was_and_holds_no_mark_of_html(value):
    text = embedded(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")
    text.encode()


def test_halves_of_a_character_are_escaped():
    assert embedded("\ud800") == '"\\ud800"'
