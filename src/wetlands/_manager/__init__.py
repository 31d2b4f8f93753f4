"""The verbs of a manager, by what they are about."""
