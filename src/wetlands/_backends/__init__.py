"""A spec becomes files: the backends that build prefixes, and what can be read from a prefix afterwards."""
