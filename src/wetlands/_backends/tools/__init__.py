"""The programs pixi and micromamba: found on this machine, or downloaded in a version whose content is known."""
