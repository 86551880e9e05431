"""report.html and README.md of a run folder."""

from finetooth.files import write_file
from finetooth.report.card import card
from finetooth.report.material import gather
from finetooth.report.page import page
from finetooth.runs.layout import RunFolder


def write_report(folder: RunFolder) -> None:
    """Write the report and the model card of a run whose results are written and whose texts are not yet deleted.

    Raises: RunError when a file of the run is missing or broken.
    """
    material = gather(folder)
    write_file(folder.report, page(material).encode())
    write_file(folder.card, card(material).encode())
