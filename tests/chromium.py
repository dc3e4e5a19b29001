"""The browser in which tests and benchmarks look at pages."""

import os
import shutil
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def launch(playwright: Any) -> Any:
    """Start it in its sandbox, which it does not have for root."""
    return playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=os.getuid() != 0)
