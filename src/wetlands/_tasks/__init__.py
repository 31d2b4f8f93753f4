"""The parts of a task: its states and events, who is told of them, and its future."""
