"""What the faces share: the use cases, told in terms of folders, files and profiles."""
