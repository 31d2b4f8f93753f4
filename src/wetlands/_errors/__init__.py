"""Parts of `wetlands.exceptions`, which has them all."""
