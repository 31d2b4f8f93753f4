"""``python -m wetlands``: the command line, for where the folder of scripts is not on the path."""

from wetlands._cli.app import main

if __name__ == "__main__":
    main()
