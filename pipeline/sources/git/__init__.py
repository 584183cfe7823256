"""Git repositories and bundles without git: their objects, branches and files."""
