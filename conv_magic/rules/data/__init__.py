"""Rules about data sets, loaders and samples."""
