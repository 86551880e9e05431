"""What `finetooth verify` prints: a row for each row checked, then what differs, or that nothing does."""

from collections.abc import Mapping
from typing import Any

from finetooth.wording import counted, duration, row_title, wrapped

_NAME = 24
_HEADINGS = ("files", "reload check", "logits", "figures")


def render(report: Mapping[str, Any]) -> str:
    """The text of a verification (Verification.report()) in 80 columns: its rows, then its faults."""
    rows, faults = report["rows"], report["faults"]
    names = [row_title(row["name"], row["seed"], several=True)[:_NAME] for row in rows]
    width = max(len(name) for name in [*names, "row"]) if rows else 0
    lines = [f"{report['name']}: {report['kind']} of {counted(len(rows), 'row')}"]
    if report["kind"] == "adapter":
        lines = [f"{report['name']}: adapter"]
    if rows:
        lines += ["", f"{'row':<{width}}" + "".join(f"  {heading:>12}" for heading in _HEADINGS)]
        lines += [f"{name:<{width}}{_cells(row)}" for name, row in zip(names, rows, strict=True)]
    lines.append("")
    if not faults:
        lines.append(wrapped(f"Verified in {duration(report['seconds'])}. {_meaning(report)}", rest=""))
        return "\n".join(lines)
    lines.append(f"Not verified: {counted(len(faults), 'fault')}.")
    for fault in faults:
        location = f"{fault['where']}, {fault['field']}" if fault["where"] else fault["field"]
        lines.append(wrapped(f"{location}: {fault['what']}", first="  ", rest="      "))
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> str:
    if row["status"] != "done":
        return f"  {row['status']} in the run; nothing to verify"
    cells = [row["files"], row["reload_check"], _reference_check(row["reference_outputs"]), row["figures"]]
    return "".join(f"  {'-' if cell is None else cell:>12}" for cell in cells)


def _reference_check(check: Mapping[str, Any] | None) -> str | None:
    if check is None:
        return None
    return "bitwise" if check["allowed"] == 0.0 else f"off {check['off']:.1g}"


def _meaning(report: Mapping[str, Any]) -> str:
    """What the figures above mean, in a sentence or two."""
    parts = ["Files equal their manifests"]
    if report["run_files"]:
        parts.append(f"{report['run_files']} files of the run equal COMPLETE")
    reloaded = [row for row in report["rows"] if row["reference_outputs"]]
    if reloaded:
        bits = all(row["reference_outputs"]["allowed"] == 0.0 for row in reloaded)
        how = "bitwise" if bits else "within 1e-4, on another platform than the one they were recorded on"
        parts.append(f"base, tokenizer and labels by content; logits of the {reloaded[0]['reference_outputs']['rows']} "
                     f"reference inputs {how}")  # fmt: skip
    if any(row["figures"] for row in report["rows"]):
        parts.append("figures computed again from the predictions")
    return "; ".join(parts) + "."
