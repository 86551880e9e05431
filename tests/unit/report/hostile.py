"""Texts and names that try to leave their place on a page, to run, to hide or to break what holds them."""

TEXTS = (
    "<script>document.title='hit'</script>",
    "</script><script>document.title='hit'</script>",
    "</SCRIPT ><img src=x onerror=document.title='hit'>",
    "<!-- <script>",
    "<!--<script></script>-->document.title='hit'",
    "--><svg onload=document.title='hit'>",
    "<img src=x onerror=\"document.title='hit'\">",
    "\" onmouseover=\"document.title='hit'\" x=\"",
    "' onfocus='document.title=1' autofocus='",
    "<a href=\"javascript:document.title='hit'\">click</a>",
    "<iframe srcdoc=\"<script>parent.document.title='hit'</script>\"></iframe>",
    "<style>body{display:none}</style>",
    "</style><style>*{color:transparent}</style>",
    "</title><script>document.title='hit'</script>",
    "</textarea></select></table></div></main><h1>Worth it",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<base href=https://example.org/>",
    "<link rel=stylesheet href=//example.org/a.css>",
    "<form action=https://example.org><button>Send",
    "&lt;script&gt;document.title='hit'&lt;/script&gt;&#60;b&#62;",
    "]]><!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>&a;",
    "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {% raw %}",
    "\"}],\"rows\":[],\"winner\":\"hit\"//\\\"\\",
    "line\u2028separator\u2029document.title='hit'",
    "\u202eesrever\u2066 hidden \u2069\u200f\u061c",
    "bell\x07 escape\x1b[31m delete\x7f nul\x00 c1\x85",
    "👩‍👩‍👧‍👦🏳️‍🌈 \U000e0041 z\u0335\u0321\u0322a\u0334\u0300\u0301l\u0335go",
    "`;document.title='hit';//` $(document.title='hit')",
    "a" * 5_000,
    "__proto__ constructor toString=<x>=HYPERLINK(\"https://example.org\")",
)  # fmt: skip
assert len(TEXTS) == 30


def tamed(text: str) -> str:
    """A text of the same length in which nothing can mean anything."""
    return "".join(mark if mark.isascii() and mark.isalnum() else "x" for mark in text)
