"""The wording of the code and documents only gets plainer: places that prose.py counts never become more."""

from pathlib import Path

import pytest
from prose import KINDS, RECORD, Hit, counts, hits, recorded, suggestion

COUNTS = counts()


@pytest.mark.parametrize("group", sorted(COUNTS))
def test_no_package_gets_more_places_to_reword(group: str) -> None:
    present, limit = COUNTS[group], recorded().get(group, dict.fromkeys(KINDS, 0))
    for kind in KINDS:
        assert present[kind] <= limit[kind], (
            f"{group}: {present[kind]} {kind} to reword, at most {limit[kind]}. Reword yours. To see them: "
            "python tests/meta/prose.py PATH"
        )
        assert present[kind] >= limit[kind], (
            f"{group}: only {present[kind]} {kind} to reword, {limit[kind]} in {RECORD.name}. Lower it: "
            "python tests/meta/prose.py --record"
        )


def test_the_record_has_no_other_lines() -> None:
    assert set(recorded()) <= set(COUNTS)


def test_names_comments_and_texts_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        '"""What is told."""\n\ndef f(found):  # but for this\n    _told = "stands in the file"\n    label = found\n',
        encoding="utf-8",
    )
    assert hits(path) == [
        Hit(1, "comments", "is told"),
        Hit(3, "comments", "but for"),
        Hit(3, "names", "found"),
        Hit(4, "names", "_told"),
        Hit(4, "texts", "stands in"),
    ]
    assert suggestion("but for") == "except for"


def test_documents_are_read_by_line(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("Plain words.\n\nThe file, of which one line lies in the cache.\n", encoding="utf-8")
    assert [(hit.line, hit.words) for hit in hits(path)] == [(3, "of which"), (3, "lies in")]
