"""From a prefix to a running process: its variables, its command, its connection and its output."""
