"""SemDeDup: clusters of unit vectors and the near copies within them."""
