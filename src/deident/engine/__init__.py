"""How a profile is carried out on one instance; nothing here opens a file by itself."""
