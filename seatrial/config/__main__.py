"""`python -m seatrial.config FOLDER` writes the engagement's JSON Schema and reference page into the folder."""

import sys
from pathlib import Path

from seatrial.config.reference import write

for path in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference")):
    sys.stdout.write(f"{path}\n")
