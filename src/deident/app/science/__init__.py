"""The use case `compare`: whether the science in the files survived de-identification."""
