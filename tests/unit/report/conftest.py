"""Reports that several tests read."""

from pathlib import Path

import pytest
from hostile import TEXTS, tamed
from reported import ROWS, build

from finetooth.files import read_json, write_json
from finetooth.report.writing import write_report
from finetooth.runs.layout import RunFolder

COPIES = 10  # of each hostile text, so that every row has some right and some wrong


def filled(path: Path, strings: tuple[str, ...]) -> RunFolder:
    """A report in which each of the strings stands as a text, second text, row, label, column, file, note and model."""
    short = tuple(f"{number}{string[:300]}" for number, string in enumerate(strings))
    count = len(strings) * COPIES
    folder = build(
        path,
        texts=strings * COPIES,
        pairs=(strings[1:] + strings[:1]) * COPIES,
        ids=[f"{short[at % len(short)]}.csv:{at}" for at in range(count)],
        classes=short[:4],
        rows=ROWS,
    )
    data = read_json(folder.data)
    data["files"] = [data["files"][0] | {"file": name} for name in short]
    data["columns"] = {
        name: {"name": string, "how": "declared"} for name, string in zip("abcdefg", short, strict=False)
    }
    data["notes"] = list(short)
    write_json(folder.data, data)
    results = read_json(folder.results)
    results["model"], results["inexact"] = short[0], list(short)
    results["rows"][4]["warnings"] = list(short)
    write_json(folder.results, results)
    write_json(folder.provenance, {"packages": {name: name for name in short}, "processor": short[3]})
    write_report(folder)
    return folder


@pytest.fixture(scope="session")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A report full of hostile texts and names."""
    return filled(tmp_path_factory.mktemp("hostile") / "run", TEXTS)


@pytest.fixture(scope="session")
def tame_report(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The same with texts and names of the same lengths that mean nothing."""
    return filled(tmp_path_factory.mktemp("tame") / "run", tuple(map(tamed, TEXTS)))


@pytest.fixture(scope="session")
def class_reports(tmp_path_factory: pytest.TempPathFactory) -> dict[int, RunFolder]:
    """Reports of 6 and of 77 classes, some of them with long names."""
    names = ("refund", "transfer", "wrong_exchange_rate_for_cash_withdrawal", "getting_spare_card", "pin", "age_limit")
    reports = {}
    for count in (6, 77):
        classes = [name if at < 6 else f"{name}_{at}" for at, name in zip(range(count), names * 13, strict=False)]
        folder = build(tmp_path_factory.mktemp(f"classes-{count}") / "run", texts=["text"] * 770, classes=classes)
        write_report(folder)
        reports[count] = folder
    return reports


@pytest.fixture(scope="session")
def plain_report(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """An everyday report of 240 test rows."""
    texts = [f"A film to remember, slow and bright. Number {number}." * (1 + number % 9) for number in range(240)]
    folder = build(tmp_path_factory.mktemp("plain") / "run", texts=texts)
    write_report(folder)
    return folder
