"""The standard's encoding without any policy: reading, writing, values, character sets."""
