"""What a project remembers: its key, its settings and the journals of its runs."""
