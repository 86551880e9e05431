from pathlib import Path

import pytest

from finetooth.errors import ModelError
from finetooth.files import write_json
from finetooth.models.artifact_files import LABELS, task_of
from finetooth.tasks import DEFAULT


@pytest.mark.parametrize("named", [{}, {"task": "single_label"}])
def test_labels_without_a_task_are_classes_one_for_each_text(tmp_path: Path, named: dict[str, str]) -> None:
    write_json(tmp_path / LABELS, {"schema": 1, **named, "labels": ["bad", "good"]})
    assert task_of(tmp_path) is DEFAULT


def test_a_task_that_is_not_known_is_refused_with_those_that_are(tmp_path: Path) -> None:
    write_json(tmp_path / LABELS, {"schema": 1, "task": "single-label", "labels": ["bad", "good"]})
    with pytest.raises(ModelError) as caught:
        task_of(tmp_path)
    message = str(caught.value)
    assert "labels.json: task 'single-label' is not one that this version knows (single_label)." in message
    assert "Did you mean 'single_label'?" in message
