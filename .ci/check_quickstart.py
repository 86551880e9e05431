"""Hold the JSON that `finetooth quickstart --json` printed against its schema and its laws."""

import json
import sys
from pathlib import Path

import jsonschema

result, schema = (json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:3])
jsonschema.validate(result, schema)

rows = {row["name"]: row for row in result["rows"]}
faults = []
if list(rows) != ["majority", "tfidf", "lora-r8"]:
    faults.append(f"rows are {list(rows)}")
if not result["complete"]:
    faults.append("the run is not complete")
if result["test_openings"] != 1:
    faults.append(f"the test set was opened {result['test_openings']} times")
for name, row in rows.items():
    if row["status"] != "done":
        faults.append(f"{name}: {row['error']}")
    elif row["test"]["examples"] != 200:
        faults.append(f"{name}: scored on {row['test']['examples']} test rows")
    elif row["kind"] == "candidate" and not row["reload"]["verified"]:
        faults.append(f"{name}: its saved adapter is not verified")
if faults:
    sys.exit("quickstart: " + "; ".join(faults))
print(f"quickstart: {len(rows)} rows done, adapters verified, winner {result['winner']['name']}")
