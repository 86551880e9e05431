import json
import platform
import subprocess
import sys

from finetooth.files import json_bytes
from finetooth.runs import provenance


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_facts_are_kept_and_what_the_process_knows_is_added(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package"))
    actual = provenance.collect({"threads": 2, "hashes": {"base": "ab"}})
    assert actual["threads"] == 2 and actual["hashes"] == {"base": "ab"}
    assert actual["python"] == platform.python_version()
    assert actual["processor"]
    assert set(actual["packages"]) == {"numpy", "no-such-package"}
    assert actual["packages"]["numpy"] and actual["packages"]["no-such-package"] is None
    assert actual["git"] is None
    assert json.loads(json_bytes(actual)) == actual


def test_versions_are_known_without_importing_the_packages():
    code = (
        "import sys; from finetooth.runs.provenance import collect; "
        "assert collect({})['packages']['torch']; assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_state_of_the_recipes_work_tree(tmp_path, monkeypatch):
    assert provenance.git_state(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert provenance.git_state(tmp_path) is None  # no commit yet
    (tmp_path / "recipe.yaml").write_text("name: a\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "a")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.git_state(tmp_path) == {"commit": commit, "dirty": False}
    (tmp_path / "recipe.yaml").write_text("name: b\n")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as inside a hook of another work tree
    assert provenance.git_state(tmp_path) == {"commit": commit, "dirty": True}


def test_without_git_there_is_no_state(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_state(tmp_path) is None
