"""Takes the quickstart off the cluster of KUBECONFIG."""

import sys
import tempfile
from pathlib import Path

from modelmedic.examples.cluster.install import render_tree, settings, uninstall
from modelmedic.examples.cluster.kubectl import NoCluster, find_cluster
from modelmedic.examples.cluster.world import flight_policy


def main() -> int:
    try:
        cluster = find_cluster()
    except NoCluster as reason:
        sys.stderr.write(f"{reason}\n")
        return 78
    platform, images = settings()
    with tempfile.TemporaryDirectory() as place:
        uninstall(cluster, render_tree([flight_policy()], platform, images, Path(place) / "tree"), lambda sentence: print(sentence))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
