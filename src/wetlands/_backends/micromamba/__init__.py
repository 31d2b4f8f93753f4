"""The micromamba backend: command lines, answers, progress and errors of one program, and the steps of a build."""
