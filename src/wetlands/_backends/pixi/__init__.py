"""The pixi backend: manifests, command lines, progress and errors of one program, and the steps of a build."""
