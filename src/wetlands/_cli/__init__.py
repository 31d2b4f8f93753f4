"""The command line: thin commands over the library, each in the file of what it is about."""
