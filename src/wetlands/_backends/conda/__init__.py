"""The engine of pixi, py-rattler, behind plain functions: settings, solving, linking, and its errors in our words.

It is imported when the first conda environment is built, since it is large: programs without conda never pay for it.
"""
