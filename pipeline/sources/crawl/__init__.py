"""What a crawler leaves: files of captures, their records and HTTP messages, and the way to get them."""
