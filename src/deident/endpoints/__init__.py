"""Where instances come from and where they go, one module for each medium."""
