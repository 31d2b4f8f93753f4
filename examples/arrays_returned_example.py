"""Send images to an environment and get images back: ordinary numpy arrays, through shared memory by themselves.

Run it with `uv run examples/arrays_returned_example.py`; it needs numpy in your own environment too.
"""

from pathlib import Path

import numpy as np

from wetlands import EnvironmentManager

MODULE = Path(__file__).parent / "arrays_returned_module.py"


def main():
    image = np.zeros((2000, 1500), dtype=np.float32)
    image[500:700, 300:900] = 1.0

    with EnvironmentManager() as environment_manager:
        env = environment_manager.create("arrays_returned", {"pip": ["numpy==2.2.4"]})
        env.launch(max_workers=2)
        module = env.import_module(MODULE)

        # The array is copied once on its way, and its result once on the way back.
        edges = module.edges(image)
        print(edges.shape, edges.dtype, int(edges.sum()))

        # Arrays may be anywhere inside of arguments and results.
        found = module.describe([image, edges])
        print([one["mean"] for one in found], found[0]["histogram"].tolist())

        # The function below writes into its argument; that is a copy, so the image here stays what it is.
        print(module.clear(image), int(image.sum()))

        # Many arrays at once: each is copied when a worker takes it, not while it waits.
        tiles = [image[row : row + 500] for row in range(0, 2000, 500)]
        print(list(env.map(MODULE, "edge_length", tiles)))

    # Results stay valid after their environment has ended.
    print(edges.max())


if __name__ == "__main__":
    main()
