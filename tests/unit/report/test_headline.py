from finetooth.report.headline import verdict_of


def test_the_first_sentence_is_the_headline_and_a_figures_point_ends_none():
    headline = "Worth it: a beats b by 1.4 points (1.0 to 1.8)."
    found = verdict_of({"verdict": {"headline": headline, "text": f"{headline} One seed shows little."}})
    assert found.headline == "Worth it: a beats b by 1.4 points (1.0 to 1.8)."
    assert found.more == ("One seed shows little.",)


def test_one_sentence_is_headline_alone():
    text = "No verdict: there is no candidate."
    assert verdict_of({"verdict": {"headline": text, "text": text}}).more == ()


def test_a_class_with_a_full_stop_and_marks_that_turn_text_stays_in_the_headline():
    headline = "r8 has not learned yet: it answers 'Dr. X \u202e' for 98 % of the validation rows."
    found = verdict_of({"verdict": {"headline": headline, "text": f"{headline} Train again."}})
    assert found.headline == headline.replace("\u202e", "\ufffd") and found.more == ("Train again.",)
