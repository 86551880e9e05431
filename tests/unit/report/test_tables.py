import re

from reported import ROWS, build

from finetooth.files import read_json, write_json
from finetooth.report import columns as results_columns
from finetooth.report.material import gather
from finetooth.report.notebook import fragment
from finetooth.report.page import page
from finetooth.report.tables import table_of

NO_BREAK = "\u00a0"
ONCE = "Share trained: of all parameters, each counted once."
TWICE = "The share that peft prints counts the head twice among all parameters."


def spent(folder):
    """The page's table of what rows take: its columns, its cells by row, and the text of the section."""
    text = page(gather(folder)).replace(NO_BREAK, " ")
    table = text[text.index("Parameters, time and memory of every row</caption>") :].partition("</table>")[0]
    columns = re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', table)
    rows = re.findall(r'<th scope="row"><bdi>([^<]*)</bdi>[^<]*</th>(.*?)</tr>', table, flags=re.DOTALL)
    return columns, {name: re.findall(r"<td[^>]*>(.*?)</td>", cells) for name, cells in rows}, text


def test_the_share_trained_stands_beside_what_peft_prints(tmp_path):
    columns, cells, text = spent(build(tmp_path / "run", texts=["text"] * 40, rows=(*ROWS[:2], ROWS[4])))
    assert columns[:6] == ["row", "adapter", "head", "bias", "all parameters", "share trained"]
    assert cells["lora-r8"][:5] == ["331,776", "770", "0", "23,046,532", "1.44 %<small>peft 1.4500 %</small>"]
    assert cells["tfidf"][:5] == [""] * 5
    assert ONCE in text and TWICE in text


def test_what_full_fine_tuning_trains_of_the_base_has_a_column_and_the_parts_add_up(tmp_path):
    folder = build(tmp_path / "run", texts=["text"] * 40, rows=(*ROWS[:2], ROWS[4]))
    results = read_json(folder.results)
    parameters = results["rows"][2]["parameters"] | {"adapter": 0, "base": 22_713_216, "trainable": 22_713_986}
    results["rows"][2]["parameters"] = parameters | {"total": 22_713_986, "peft_percent": None, "plain_percent": 100.0}
    write_json(folder.results, results)
    columns, cells, text = spent(folder)
    assert columns[:7] == ["row", "adapter", "head", "bias", "base", "all parameters", "share trained"]
    assert cells["lora-r8"][:6] == ["0", "770", "0", "22,713,216", "22,713,986", "100.00 %"]
    assert ONCE in text and TWICE not in text


def test_a_column_that_is_empty_for_every_row_is_left_out_and_one_that_a_single_row_fills_stays(tmp_path):
    columns = [results_columns.ACCURACY, results_columns.GAIN, results_columns.P, results_columns.LATENCY]
    baselines = gather(build(tmp_path / "baselines", texts=["text"] * 40, rows=ROWS[:2]))
    table = table_of(baselines.run, columns, "Every row")
    assert table.columns == ["row", "accuracy"] and [len(row) for row in table.rows] == [2, 2]
    for text in (page(baselines), fragment(baselines.run, report=None)):
        assert ">accuracy</th>" in text and ">vs best baseline</th>" not in text
    both = gather(build(tmp_path / "both", texts=["text"] * 40, rows=(*ROWS[:2], ROWS[4])))
    table = table_of(both.run, columns, "Every row")
    assert table.columns == ["row", "accuracy", "vs best baseline", "p"] and {len(row) for row in table.rows} == {4}
    assert [row[2].text for row in table.rows][:2] == ["", ""]
