"""The files beside the package agree with it: conda's environment, the citation, the workflows."""

import re
import tomllib

import pytest
import yaml
from source_tree import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


def read(name):
    """A YAML file of the repository."""
    return yaml.safe_load((REPOSITORY / name).read_text(encoding="utf-8"))


def test_conda_gets_what_make_installs():
    *named, brought = read("environment.yml")["dependencies"]
    (python,) = [item for item in named if item.startswith("python")]
    assert python.removeprefix("python=") == PROJECT["requires-python"].removeprefix(">=")
    assert named == [python, "pip"]  # every other pin is that of constraints.txt
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (line,) = [line for line in makefile.splitlines() if "--editable" in line]
    assert brought == {"pip": re.findall(r"--constraint \S+|--editable \S+", line.replace("'", ""))}


def test_the_citation_holds_what_its_schema_requires_and_agrees_with_the_package():
    citation = read("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # required by version 1.2.0
    assert str(citation["cff-version"]) == "1.2.0" and citation["type"] == "software"
    assert all(author.get("name") or author.get("family-names") for author in citation["authors"])
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["abstract"] == PROJECT["description"]
    assert citation["keywords"] == PROJECT["keywords"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_takes_no_more_rights_than_it_needs_and_pins_what_it_runs(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert "NOT RUN YET" in text.partition("\nname:")[0]
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert text.count("write") == text.count("id-token: write")
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
                assert re.search(re.escape(step["uses"]) + r" # v\d+\.\d+\.\d+$", text, re.MULTILINE)
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"] == {"persist-credentials": False}
    assert "secrets." not in text


def test_only_the_job_that_publishes_may_ask_for_a_token_and_it_waits_for_the_tests():
    workflow = read(".github/workflows/release.yml")
    jobs = workflow["jobs"]
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["publish"]
    assert jobs["publish"]["needs"] == ["build", "test"] and jobs["publish"]["environment"] == "release"
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as true
