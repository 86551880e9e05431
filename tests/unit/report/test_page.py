"""The page stays what it is, whatever it shows; and shows what was measured."""

import base64
import dataclasses
import hashlib
import json
import re
from html import unescape

import numpy as np
import pytest
from hostile import TEXTS
from markup_read import read
from reported import ROWS, build

from finetooth.evaluation.decision_file import DECISION, SCHEMA, describe
from finetooth.evaluation.decisions import Decision
from finetooth.files import read_json, write_json
from finetooth.report.card import card
from finetooth.report.disagreements import MOST_CHARACTERS, MOST_ROWS, disagreements
from finetooth.report.material import gather
from finetooth.report.notes import TEMPERED
from finetooth.report.page import page
from finetooth.runs import predictions

NO_BREAK = "\u00a0"


def text_of(folder):
    return folder.report.read_text(encoding="utf-8")


def data_of(folder):
    return json.loads(read(text_of(folder)).one("script", id="rows-data").text)


def test_hostile_texts_and_names_leave_the_page_element_for_element_as_it_was(hostile_report, tame_report):
    hostile, tame = read(text_of(hostile_report)), read(text_of(tame_report))
    assert hostile.shape == tame.shape
    assert hostile.other == tame.other == ["doctype html"]
    for one, other in zip(hostile.elements, tame.elements, strict=True):
        for name in ("id", "class", "href", "for", "type", "role", "http-equiv"):
            assert one.attributes.get(name) == other.attributes.get(name)


def test_every_hostile_text_is_on_the_page_as_it_is(hostile_report):
    rows = data_of(hostile_report)["rows"]
    shown = {row["text"] for row in rows}
    assert shown == {text[:MOST_CHARACTERS] for text in TEXTS}
    assert {row["text_characters"] for row in rows if "text_characters" in row} == {5_000}


def test_nothing_that_could_end_the_data_stands_in_it(hostile_report):
    text = text_of(hostile_report)
    start = text.index('id="rows-data">') + len('id="rows-data">')
    data = text[start : text.index("</script>", start)]
    assert not set(data) & set("<>&\u2028\u2029")


@pytest.mark.parametrize("name", ["hostile_report", "plain_report"])
def test_the_policy_allows_the_one_style_and_the_one_script_by_their_hashes(name, request):
    page = read(text_of(request.getfixturevalue(name)))
    (style,) = page.all("style")
    script, data = page.all("script"), page.one("script", id="rows-data")
    assert len(script) == 2 and data.attributes["type"] == "application/json"
    (code,) = [element for element in script if element is not data]
    assert code.attributes == {}

    def digest(text):
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest(style.text)}'; script-src 'sha256-{digest(code.text)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("name", ["hostile_report", "plain_report"])
def test_no_attribute_acts_or_fetches(name, request):
    for element in read(text_of(request.getfixturevalue(name))).elements:
        for key, value in element.attributes.items():
            assert not key.startswith("on") and key not in ("style", "src", "srcset", "action", "formaction"), element
            if key == "href":
                assert value == "data:," or re.fullmatch(r"#[a-z-]+", value), element
    style = read(text_of(request.getfixturevalue(name))).one("style").text
    assert "url(" not in style and "@import" not in style


def test_every_place_that_is_pointed_at_is_on_the_page_once(plain_report):
    page = read(text_of(plain_report))
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(set(ids)) == len(ids)
    for element in page.elements:
        for key in ("aria-labelledby", "for"):
            assert set((element.attributes.get(key) or "").split()) <= set(ids)
        if element.name == "a":
            assert element.attributes["href"].removeprefix("#") in ids


def test_every_chart_says_in_words_and_figures_what_it_shows(plain_report):
    text = text_of(plain_report)
    page = read(text)
    charts = [element for element in page.all("svg") if element.attributes.get("role") == "img"]
    assert len(charts) == 1 + 2 + 4 + 3 + 2  # ladder, costs, curves, reliability, slices
    for chart in charts:
        name, description = chart.attributes["aria-labelledby"].split()
        assert page.one("title", id=name).text and page.one("desc", id=description).text
    for figure in re.findall(r"<figure>.*?</figure>", text, flags=re.DOTALL):
        # The ladder's figures are those of the table below it.
        assert "<details>" in figure or "<table" in figure or 'id="ladder-description"' in figure


def test_every_field_of_the_browser_has_a_label(plain_report):
    page = read(text_of(plain_report))
    fields = [element.attributes["id"] for element in page.elements if element.name in ("select", "input")]
    assert sorted(fields) == sorted(element.attributes["for"] for element in page.all("label"))


def test_accuracies_intervals_and_confusions_are_those_of_the_predictions(plain_report):
    text = text_of(plain_report)
    comparison = {(row["name"], row["seed"]): row for row in read_json(plain_report.comparison)["rows"]}
    table = text[text.index("Every row, on the same 240 test rows") :]
    for name, _, seed, *_ in ROWS:
        predicted = predictions.read(plain_report.row(name, seed).predictions)["test"]
        right = predicted.logits.argmax(axis=1) == predicted.labels
        title = name if seed is None else f"{name} (seed {seed})"
        line = table[table.index(f"<bdi>{title}</bdi>") :]
        cells = re.findall(r'<td class="n">([^<]*)</td>', line[: line.index("</tr>")])
        low, high = comparison[name, seed]["interval"]
        assert cells[1] == f"{100 * right.mean():.1f}{NO_BREAK}%"
        assert cells[2] == f"{100 * low:.1f} to {100 * high:.1f}".replace(" ", NO_BREAK)
    predicted = predictions.read(plain_report.row("lora-r8", 0).predictions)["test"]
    matrix = text[text.index("Confusion matrix of lora-r8 (seed 0)") :]
    counts = re.findall(r'<td class="n shade[^"]*">([\d,]+)<small>', matrix[: matrix.index("</table>")])
    guesses = predicted.logits.argmax(axis=1)
    expected = [int(((predicted.labels == true) & (guesses == to)).sum()) for true in (0, 1) for to in (0, 1)]
    assert [int(count.replace(",", "")) for count in counts] == expected


def test_the_browser_holds_exactly_the_rows_that_only_one_of_two_has_right(plain_report):
    data = data_of(plain_report)
    right = {}
    for name, seed in (("lora-r8", 0), ("tfidf", None), ("original", 0)):
        predicted = predictions.read(plain_report.row(name, seed).predictions)["test"]
        right[name] = predicted.logits.argmax(axis=1) == predicted.labels
        ids = predicted.ids
    disagree = (right["lora-r8"] != right["tfidf"]) | (right["lora-r8"] != right["original"])
    assert [row["id"] for row in data["rows"]] == [ids[at] for at in np.flatnonzero(disagree)]
    assert data["total"] == len(data["rows"]) == int(disagree.sum())
    assert [(other["name"], other["gained"], other["lost"]) for other in data["others"]] == [
        (
            title,
            int((right["lora-r8"] & ~right[name]).sum()),
            int((right[name] & ~right["lora-r8"]).sum()),
        )
        for title, name in (("tfidf", "tfidf"), ("original (seed 0)", "original"))
    ]


def test_a_test_set_of_25_000_long_texts_gives_a_page_under_5_mb_that_says_what_it_left_out(plain_report):
    small = gather(plain_report)
    times = 25_000 // len(small.test) + 1
    material = dataclasses.replace(
        small,
        test=dataclasses.replace(
            small.test,
            ids=small.test.ids * times,
            texts=("字" * 3_000,) * len(small.test) * times,
            labels=np.tile(small.test.labels, times),
        ),
        units=np.arange(len(small.test) * times),
        answers={
            key: dataclasses.replace(
                answered,
                truth=np.tile(answered.truth, times),
                labels=np.tile(answered.labels, times),
                confidences=np.tile(answered.confidences, times),
                scores=np.tile(answered.scores, times),
            )
            for key, answered in small.answers.items()
        },
    )
    text = page(material)
    assert len(text.encode()) < 5_000_000
    actual = disagreements(material)
    here, total = len(actual["rows"]), actual["total"]
    assert here < MOST_ROWS < total
    assert f"{here:,} of {total:,} such rows are here" in text
    shown = disagreements(dataclasses.replace(material, test=dataclasses.replace(material.test, texts=("a",) * 25_200)))
    kinds = [
        sum(
            (row["answers"][0][0] == row["label"]) == gain and (row["answers"][1][0] == row["label"]) != gain
            for row in shown["rows"]
        )
        for gain in (True, False)
    ]
    assert len(shown["rows"]) <= MOST_ROWS and min(kinds) >= MOST_ROWS // 4


def test_what_is_absent_is_left_out_and_the_rest_stands(tmp_path):
    texts = [f"text {number}" for number in range(40)]
    baselines = build(tmp_path / "baselines", texts=texts, rows=ROWS[:2])
    text = page(gather(baselines))
    assert "No verdict: there is no candidate." in text and "rows-data" not in text and "How training went" not in text
    alone = build(tmp_path / "alone", texts=texts, rows=ROWS[4:5])
    assert "because there is no baseline row" in page(gather(alone))
    for file in (alone.data, alone.provenance):
        file.unlink()
    assert "How it was measured" in page(gather(alone))


def test_the_memory_of_the_run_is_told_where_it_was_measured(tmp_path):
    folder = build(tmp_path / "run", texts=[f"text {number}" for number in range(40)])
    assert "1.34\xa0GB at most, of the command and a row&#39;s process together." in page(gather(folder))
    write_json(folder.costs, read_json(folder.costs) | {"peak_bytes": None})
    assert "a row&#39;s process together" not in page(gather(folder))


def test_the_gpu_of_training_is_named(tmp_path):
    folder = build(tmp_path / "run", texts=[f"text {number}" for number in range(40)])
    assert "Trained on" not in page(gather(folder))
    write_json(folder.provenance, read_json(folder.provenance) | {"device": {"device": "cpu", "gpu": "Example <80GB>"}})
    assert "Example &lt;80GB&gt;; every evaluation on the processor." in page(gather(folder))


def test_many_classes_are_told_by_the_pairs_mixed_up_most(tmp_path):
    classes = [f"class {number}" for number in range(77)]
    folder = build(tmp_path / "run", texts=["text"] * 770, classes=classes)
    text = page(gather(folder))
    assert "mixes up most, of 77 classes" in text
    # The whole matrix stands behind it, its columns headed by the numbers of the classes.
    matrix = text[text.index("All 77 classes</summary>") :]
    matrix = matrix[: matrix.index("</table>")]
    predicted = predictions.read(folder.row("lora-r8", 0).predictions)["test"]
    cells = [re.findall(r"<td[^>]*>([\d,]*)</td>", line) for line in re.findall("<tr>.*?</tr>", matrix)[1:]]
    counts = np.zeros((77, 77), int)
    np.add.at(counts, (predicted.labels, predicted.logits.argmax(axis=1)), 1)
    assert [[int(cell or 0) for cell in line[:-1]] for line in cells] == counts.tolist()
    assert [int(line[-1]) for line in cells] == counts.sum(axis=1).tolist()
    assert f'<th scope="row">77: <bdi>{classes[76]}</bdi></th>' in matrix


def test_thousands_of_classes_and_evaluations_stay_a_page_under_5_mb_that_says_what_it_left_out(tmp_path):
    classes = [f"class {number} of very many" for number in range(1_000)]
    folder = build(tmp_path / "run", texts=["text"] * 1_000, classes=classes, rows=ROWS[3:5])
    results = read_json(folder.results)
    point = results["rows"][1]["curve"][0]
    results["rows"][1]["curve"] = [point | {"epoch": at / 1_000, "train_loss": 9.0 / at} for at in range(1, 10_001)]
    write_json(folder.results, results)
    text = page(gather(folder))
    assert len(text.encode()) < 5_000_000
    assert "Drawn: the 24 of 1,000 that are right least often. Figures: the 200." in text
    assert "Drawn: 122 of 10,000 evaluations." in text
    assert "mixes up most, of 1,000 classes" in text and "All 1,000 classes" not in text


def test_verdict_seeds_heads_and_calibration_are_shown_where_the_run_holds_them(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40)
    comparison = read_json(folder.comparison)
    headline = "Worth it: lora-r8 beats all by 1.5 points."
    comparison["verdict"] = {"headline": headline, "text": f"{headline} One seed shows little."}
    pooled = {"name": "lora-r8", "seeds": 5, "mean": 0.8123, "standard_deviation": 0.0123}
    comparison["pooled"] = [
        pooled | {"difference": 0.051, "interval": [-0.01, 0.112], "p": 0.2},
        pooled | {"name": "lora-r16", "seeds": 2, "difference": None, "interval": None, "p": None},
    ]
    write_json(folder.comparison, comparison)
    results = read_json(folder.results)
    results["rows"][2]["heads"] = {"count": 5, "mean_accuracy": 0.5, "lowest": 0.41, "highest": 0.63}
    write_json(folder.results, results)
    text = page(gather(folder)).replace(NO_BREAK, " ")
    sentence = "original (seed 0) (chance): mean and range of 5 random classification layers."
    assert f"{sentence} Its other figures are those of the first." in text
    assert f"whiskers: 95 % interval. {sentence}" in text
    assert '<td class="n">50.0 %</td><td class="n">41.0 to 63.0</td>' in text
    assert "original (seed 0) 50.0 % (41.0 to 63.0)" in text
    of_card = card(gather(folder))
    assert "| original (seed 0) (chance) | - | 50.0 % | 41.0 to 63.0 |" in of_card and sentence in of_card
    assert "<h1>Worth it: lora-r8 beats all by 1.5 points.</h1>" in text
    assert '<p class="lead">One seed shows little.</p>' in text
    cells = ["5", "81.2 %", "1.2", "+5.1", "\u22121.0 to +11.2", "p = 0.20"]
    assert "".join(f'<td class="n">{cell}</td>' for cell in cells) in text
    assert "Mean accuracy over seeds, with the standard deviation in percentage points" in text
    few = comparison | {"pooled": [pooled | {"seeds": 4, "difference": 0.051, "interval": [-0.01, 0.112], "p": 0.2}]}
    write_json(folder.comparison, few)
    assert "+5.1" not in page(gather(folder))  # too few seeds for an interval over seeds
    error = comparison["rows"][4]["calibration_error"]
    assert 0 < error < 1 and f"Expected calibration error {100 * error:.1f} %" in text
    limit = comparison["rows"][4]["calibration_error_limit"]
    assert 0 < limit < 1 and f"stays below {100 * limit:.1f} % in 95 % of simulated cases." in text
    assert f"up to {100 * limit:.1f} by chance" in text


def test_a_verdict_by_cost_is_told_in_page_and_card_in_the_unit_of_the_cost(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40)
    comparison = read_json(folder.comparison) | {"metric": "cost"}
    for row in comparison["rows"]:
        row |= {"cost": 1.25, "cost_interval": [1.0, 1.5]}
    pooled = {"name": "lora-r8", "seeds": 5, "mean": 0.8123, "standard_deviation": 0.0123}
    comparison["pooled"] = [pooled | {"difference": 0.051, "interval": [-0.01, 0.112], "p": 0.2}]
    write_json(folder.comparison, comparison)
    material = gather(folder)
    text, of_card = page(material).replace(NO_BREAK, " "), card(material)
    assert "Mean cost over seeds, with the standard deviation<" in text
    cells = ["5", "0.812", "0.0123", "+0.051", "\u22120.010 to +0.112", "p = 0.20"]
    assert "".join(f'<td class="n">{cell}</td>' for cell in cells) in text
    assert "1.0000 to 1.5000" in text
    assert "| macro-F1 | cost | vs best baseline |" in of_card and "| 1.2500 |" in of_card
    for one in (text, of_card):
        assert "Best baseline, vs best baseline and p: by cost; above 0 is better." in one


def test_which_untrained_head_candidates_are_compared_with_stands_in_page_and_card(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40)
    results, comparison = read_json(folder.results), read_json(folder.comparison)
    results["rows"][2]["heads"] = {"count": 5, "mean_accuracy": 0.5, "lowest": 0.41, "highest": 0.63}
    write_json(folder.results, results)
    write_json(folder.comparison, comparison | {"best_baseline": {"name": "original", "seed": 0}})
    accuracy = f"{100 * results['rows'][2]['test']['accuracy']:.1f} %"
    sentence = (
        "original (seed 0) (chance): mean and range of 5 random classification layers. Its other figures are those of "
        "the first. "
        f"Candidates are compared with the first of them ({accuracy})."
    )
    assert sentence in page(gather(folder)).replace(NO_BREAK, " ") and sentence in card(gather(folder))


def test_a_temperature_and_the_p_are_told_under_the_table_and_in_the_card(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40)
    assert TEMPERED not in page(gather(folder)) and TEMPERED not in card(gather(folder))
    results = read_json(folder.results)
    results["rows"][4]["decision"] = {"temperature": 1.2, "thresholds": None, "costs": None}
    write_json(folder.results, results)
    for text in (page(gather(folder)), card(gather(folder))):
        assert text.count(TEMPERED) == 1
        assert "Best baseline: " in text


def test_where_the_winner_abstains_the_browser_says_that_predict_gives_no_label(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40)
    assert "Answers and their confidence are as predict gives them.</p>" in page(gather(folder))
    results = read_json(folder.results)
    results["rows"][4]["decision"] = {"temperature": 1.0, "abstain": {"below": 0.8134}}
    write_json(folder.results, results)
    assert (
        "Answers and their confidence are as predict gives them, but if the winner's confidence is below 81.3 %, "
        "predict gives no answer: the one here is the one it would have given.</p>"
    ) in unescape(page(gather(folder))).replace(NO_BREAK, " ")


def test_failed_rows_are_told_with_their_reason(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40)
    results = read_json(folder.results)
    results["rows"][5] |= {"status": "failed", "error": "the loss <b> of step 3 is not finite.", "test": None}
    write_json(folder.results, results)
    text = page(gather(folder))
    assert "lora-r8 (seed 1) failed: the loss &lt;b&gt; of step 3 is not finite." in text


def test_words_and_marks_keep_their_contrast_in_both_schemes():
    from importlib import resources

    style = resources.files("finetooth.report").joinpath("style.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)[:2]
    for block in (light, dark):
        colours = {name: parse(value) for name, value in re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)}
        tints = {
            name: [int(part) for part in value.split()]
            for name, value in re.findall(r"--(deep|warm): ([\d ]+);", block)
        }
        for name in ("ink", "soft", "link", "winner"):
            assert contrast(colours[name], colours["paper"]) >= 4.5, name
        for name in ("winner", "baseline", "other"):
            assert contrast(colours[name], colours["paper"]) >= 3, name
        assert contrast(colours["mark-ink"], colours["mark"]) >= 4.5
        assert len(tints) == 2
        for tint in tints.values():
            shade = [0.45 * part + 0.55 * paper for part, paper in zip(tint, colours["paper"], strict=True)]
            assert contrast(colours["ink"], shade) >= 4.5


def parse(colour):
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def contrast(one, other):
    def light(colour):
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_where_thresholds_decide_labels_the_page_counts_those(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40)
    decision = Decision(temperature=3.0, thresholds=(0.95, 0.05))
    row_folder = folder.row("lora-r8", 0)
    row_folder.adapter.mkdir()
    write_json(row_folder.adapter / DECISION, {"schema": SCHEMA, **describe(decision, gather(folder).run.classes)})
    predicted = predictions.read(row_folder.predictions)["test"]
    actual = gather(folder).answers["lora-r8", 0]
    assert (actual.labels == decision.labels(predicted.logits)).all() and (
        actual.labels != predicted.logits.argmax(1)
    ).any()
    text = unescape(page(gather(folder)))
    for count in np.bincount(predicted.labels * 2 + actual.labels, minlength=4)[[0, 3]]:
        assert f"{count}<small>" in text
