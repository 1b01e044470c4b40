// Filled by the files to come.
