"""De-identify DICOM."""
