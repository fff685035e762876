"""Invented studies: people in many scripts, objects of many modalities, a study set to try on.

Everything here is made up, and the same on every machine. `people` says who, `modules` and
`objects` build the data sets, `study` writes a folder of them. They import pydicom, so nothing that
a run needs may import them.
"""
