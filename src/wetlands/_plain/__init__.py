"""Values of workers that are not trusted: what may be in them is built, and everything else is refused by its name."""
