import numpy as np
import pytest

from finetooth import baselines
from finetooth.data import Examples
from finetooth.errors import RunError, VerificationError
from finetooth.tasks import DEFAULT


def examples(labels):
    names = tuple(f"train.csv:{number}" for number in range(len(labels)))
    return Examples(ids=names, texts=names, pairs=None, labels=np.array(labels, np.int64))


def fit(train, classes):
    return baselines.fit("majority", train, validation=train, classes=classes)


def test_it_says_the_smoothed_shares_of_train():
    logits = fit(examples([0, 2, 2, 2]), 3).logits(["a", "b"])
    assert logits.shape == (2, 3) and logits.dtype == np.float32
    assert np.exp(logits) == pytest.approx(np.array([[2 / 7, 1 / 7, 4 / 7]] * 2))


def test_of_equal_shares_the_lowest_class_wins():
    assert DEFAULT.answers(fit(examples([2, 1, 2, 1]), 4).logits(["a"])).tolist() == [1]


def test_saved_and_loaded_it_says_the_same(tmp_path):
    fitted = fit(examples([0, 1, 1]), 2)
    fitted.save(tmp_path / "baseline")
    assert baselines.load(tmp_path / "baseline").logits(["x"]).tobytes() == fitted.logits(["x"]).tobytes()
    with pytest.raises(RunError):
        fitted.save(tmp_path / "baseline")


def test_a_damaged_or_foreign_folder_is_refused(tmp_path):
    def message(folder):
        with pytest.raises(VerificationError) as error:
            baselines.load(folder)
        return str(error.value)

    again = "Delete the folder and run the same command again."
    assert message(tmp_path) == f"{tmp_path}: MANIFEST.json is missing. {again}"
    folder = tmp_path / "baseline"
    fit(examples([0, 1, 1]), 2).save(folder)
    data = bytearray((folder / "baseline.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "baseline.safetensors").write_bytes(data)
    assert message(folder) == f"{folder}: baseline.safetensors differs from its manifest. {again}"
