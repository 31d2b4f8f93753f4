"""The one door to the operating system: elsewhere in the host nobody asks which one it is.

Functions take the system as a parameter with the current one as default, so each system is tested on every other.
"""
