from finetooth.report.headline import verdict_of


def test_the_first_sentence_is_the_headline_and_a_figures_point_ends_none():
    found = verdict_of({"verdict": {"text": "Worth it: a beats b by 1.4 points (1.0 to 1.8). One seed shows little."}})
    assert found.headline == "Worth it: a beats b by 1.4 points (1.0 to 1.8)."
    assert found.more == ("One seed shows little.",)


def test_one_sentence_is_headline_alone():
    assert verdict_of({"verdict": {"text": "No verdict: there is no candidate."}}).more == ()
