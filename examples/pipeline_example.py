"""Three environments work on one large array, one after the other, and it is never copied.

Run it with `uv run examples/pipeline_example.py`. Your own environment needs no numpy: nothing is read here.
"""

from pathlib import Path

from wetlands import EnvironmentManager

MODULE = Path(__file__).parent / "pipeline_module.py"


def main():
    with EnvironmentManager() as environment_manager:
        # Say these were an importer, a segmentation and a statistics package that do not get along in one environment.
        importer = environment_manager.create("importer", {"pip": ["numpy==2.2.4"]})
        segmenter = environment_manager.create("segmenter", {"pip": ["numpy==1.26.4"], "python": "<3.13"})
        statistics = environment_manager.create("statistics", {"pip": ["numpy==2.1.3"]})
        for env in (importer, segmenter, statistics):
            env.launch()

        # keep=True: the image stays in the memory of the worker that made it, and a Ref to it comes.
        with importer.execute(MODULE, "load", args=(4000, 3000), keep=True) as image:
            print(f"{image.nbytes:,} bytes kept")

            # Another environment maps the same memory. What it writes there, whoever has the image sees.
            print(segmenter.execute(MODULE, "clip", args=(image, 0.25)), "values clipped")

            # Tasks take references like any other argument, alone or inside of others.
            task = statistics.submit(MODULE, "summary", args=({"clipped": image},))
            print(task.wait_for(60).result)
        # Here the memory is free again.
        print(image.released)


if __name__ == "__main__":
    main()
