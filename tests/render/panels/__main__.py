"""Pictures of the dashboards, to be looked at: `python -m tests.render.panels FOLDER`."""

import json
import sys
import tempfile
from pathlib import Path

from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.dashboards import dashboards
from tests.fakes.programs import pushgateway
from tests.render.panels.board import answering
from tests.render.panels.draw import draw
from tests.render.panels.lives import END, HEALTHY, START_OF_HISTORY, STEP, TROUBLED, play


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    boards = {uid: json.loads(text) for uid, text in dashboards(Platform()).items()}
    with tempfile.TemporaryDirectory() as folder:
        with pushgateway() as url:
            history = play(Path(folder), url)
        with answering(Path(folder), history, START_OF_HISTORY, END, STEP) as asker:
            draw(boards["modelmedic-fleet"], asker, out / "fleet.png")
            for model in (HEALTHY, TROUBLED):
                draw(boards["modelmedic-model"], asker, out / f"{model}.png", model)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
