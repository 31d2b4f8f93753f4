"""Many workers of one environment: who runs what, and what happens when one of them dies."""
