"""Provide the arrays that functions of an environment write into: nothing is copied, in no direction.

Run it with `uv run examples/arrays_provided_example.py`; it needs numpy in your own environment too.
"""

from pathlib import Path

import numpy as np

from wetlands import EnvironmentManager, NDArray, shared

MODULE = Path(__file__).parent / "arrays_provided_module.py"


def main():
    # Normal arrays, in memory that all processes see. It is freed with the last array on it: there is nothing to close.
    image = shared.zeros((2000, 1500), "float32")
    image[500, 500] = 9
    blurred = shared.empty(image.shape, image.dtype)

    with EnvironmentManager() as environment_manager:
        env = environment_manager.create("arrays_provided", {"pip": ["numpy==2.2.4"]})
        env.launch(max_workers=2)
        module = env.import_module(MODULE)

        module.blur(image, blurred)
        print(blurred[499:502, 501].tolist(), float(blurred.sum()))

        # A view shares its part: the workers write into one image, each into its tile.
        tasks = [env.submit(MODULE, "fill", (image[row : row + 500], row)) for row in range(0, 2000, 500)]
        for task in tasks:
            task.wait_for(60)
        print(image[::500, 0].tolist())

        # What numpy computes from a shared array is an ordinary array, which crosses as a copy.
        copy = image + 0
        module.fill(copy, -1)
        print(shared.is_shared(image), shared.is_shared(copy), float(copy.min()))

        # The same as an object with a handle; leaving the block frees the memory.
        with NDArray(np.arange(4)) as ndarray:
            returned = module.stretch(ndarray)
            print(ndarray.array.tolist(), returned.shm.name == ndarray.shm.name)


if __name__ == "__main__":
    main()
