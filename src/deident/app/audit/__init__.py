"""The second look at finished outputs, for `deident verify`.

Its table, its patterns and its search are its own: nothing here imports from `engine` or
`profiles`, so that a mistake in how outputs are made does not hide from how they are looked at.
"""
