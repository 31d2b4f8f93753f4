"""How records are made, who receives them, and the files they end in; `wetlands.logger` is the public side."""
