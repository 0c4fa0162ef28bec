"""Serve the dashboard, warmed up: `python -m dashboard [options of streamlit run]`."""

import sys
import time
from pathlib import Path
from threading import Thread

from streamlit import runtime
from streamlit.web import cli

APP = Path(__file__).resolve().parent.parent / "app.py"


def keep_warm() -> None:
    """Wait until the server is up: its cache is not there before."""
    while not runtime.exists():
        time.sleep(0.2)
    from dashboard import warm

    warm.keep()


if __name__ == "__main__":
    Thread(target=keep_warm, name="warm", daemon=True).start()
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    cli.main(prog_name="streamlit")
