"""What commands print, read again."""

import json

from resbench.records import jsonio
from resbench.records.record import Record


def printed_records(stdout: str) -> list[Record]:
    """The records in the list that a command with --json printed."""
    return [jsonio.loads(json.dumps(plain)) for plain in json.loads(stdout)]
