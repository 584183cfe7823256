"""What a file of source code is: language, licence, kind, place among its neighbours."""
